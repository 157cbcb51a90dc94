"""What each model may know: its features, their order, and how they are read from the marts."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from lakehouse.errors import UserError

CUSTOMER_FEATURES = "marts.fct_customer_features_daily"
FEEDBACK = "marts.fct_feedback"
CUSTOMER_LABELS = "marts.fct_customer_labels"
CART_FEATURES = "marts.fct_cart_features"
CUSTOMER_GROUPS = "marts.dim_customer_groups"
GROUPS = ("gender", "age_band", "income_band", "country")  # to judge by, never features
MAX_TEXTS = 50_000
RECENT_DAYS = 28  # that count as now, where rows are events and not customers of a date
MAX_ROWS = 200_000  # enough for any of our estimators; the driver never holds every customer


@dataclass(frozen=True)
class Feature:
    """One input of a model, which is also one argument of its SQL function."""

    name: str
    type: str
    comment: str
    optional: bool = False  # whether it may be missing: NULL then is a value, too


@dataclass(frozen=True)
class FeatureRows:
    """Features as pandas, and where they came from."""

    frame: Any
    as_of: dict[str, str]
    row_count: int
    table_versions: dict[str, int]
    labels: Any = None  # of models that learn what came after: 0 or 1 a row
    dates: Any = None  # its as-of date, YYYY-MM-DD
    sources: Any = None
    usual: Any = None  # the trivial forecast of each label, where there is one
    customers: Any = None  # whose row it is, where rows of one shall be kept together
    groups: Any = None  # a frame of GROUPS, where they are known: of whom a row tells


@dataclass(frozen=True)
class Label:
    """What a model foresees: a column of `marts.fct_customer_labels`, and the days it looks ahead.

    `usual` is a column of the features that foresees it in a trivial way: to be judged beside, not fed.
    """

    column: str
    days: int
    type: str = "int"
    usual: str = "null"


BUYING = (
    Feature("recency_days", "DOUBLE", "Days since the last order"),
    Feature("tenure_days", "DOUBLE", "Days since the first order"),
    Feature("order_count", "DOUBLE", "Orders so far"),
    Feature("average_order_value", "DOUBLE", "Mean money of an order"),
    Feature(
        "days_between_orders", "DOUBLE", "Mean days from one order to the next; NULL with a single one", True
    ),
    Feature("orders_30d", "DOUBLE", "Orders in the last 30 days"),
    Feature("revenue_30d", "DOUBLE", "Money spent in the last 30 days"),
    Feature("orders_90d", "DOUBLE", "Orders in the last 90 days"),
    Feature("revenue_90d", "DOUBLE", "Money spent in the last 90 days"),
)
FEATURES: dict[str, tuple[Feature, ...]] = {
    "customer_segment": (
        Feature("recency_days", "DOUBLE", "Days since the last order"),
        Feature("order_count", "DOUBLE", "Orders so far"),
        Feature("revenue", "DOUBLE", "Money spent so far; below 0 counts as 0"),
    ),
    "purchase_probability": BUYING,
    "churn_probability": BUYING,
    "cart_conversion_probability": (
        Feature("age_minutes", "DOUBLE", "Minutes since the cart was opened"),
        Feature("idle_minutes", "DOUBLE", "Minutes since it was last touched"),
        Feature("added_count", "DOUBLE", "Times that something was put in"),
        Feature("removed_count", "DOUBLE", "Times that something was taken out"),
        Feature("checkout_count", "DOUBLE", "Times that a checkout was begun"),
        Feature("session_count", "DOUBLE", "Sessions in which it was touched"),
        Feature("cart_value", "DOUBLE", "Money of what is in it; NULL where no price is told", True),
        Feature("earlier_cart_count", "DOUBLE", "Carts that the visitor had before"),
        Feature("earlier_purchase_count", "DOUBLE", "Carts that the visitor bought before"),
    ),
    "lifetime_value": (
        Feature("recency_days", "DOUBLE", "Days since the last order"),
        Feature("tenure_days", "DOUBLE", "Days since the first order"),
        Feature("order_day_count", "DOUBLE", "Days with an order so far; below 1 counts as 1"),
        Feature("revenue", "DOUBLE", "Money spent so far; below 0 counts as 0"),
    ),
    "sentiment": (Feature("text", "STRING", "What somebody wrote, in English"),),
}

LABELS = {
    "purchase_probability": Label("has_order_next_7_days", 7),
    "churn_probability": Label("is_churned_next_90_days", 90),
    "lifetime_value": Label("revenue_next_90_days", 90, "double", "revenue_90d"),
}


def names(model: str) -> tuple[str, ...]:
    """Feature names of a model, in the order that its artefact and its SQL function use."""
    return tuple(feature.name for feature in FEATURES[model])


def needed(model: str) -> list[str]:
    """Conditions of SQL: no feature that must be there is missing."""
    return [f"{feature.name} is not null" for feature in FEATURES[model] if not feature.optional]


def teaching(sources: list[str]) -> list[str]:
    """The sources to learn from: made customers teach nothing where there are real ones."""
    from lakehouse.tables import SIMULATED  # here: workers import this module and need no settings

    return [source for source in sources if source != SIMULATED] or sources


def read_customers(spark: Any, model: str, as_of: date | None = None) -> FeatureRows:
    """Read one row per customer, at each source's latest as-of date that is not after `as_of`.

    One Delta version is read throughout, so that the manifest can name it. Beyond `MAX_ROWS`
    customers a sample by hash is taken: the same customers each time.
    """
    version = delta_versions(spark, CUSTOMER_FEATURES)[CUSTOMER_FEATURES]
    table = f"{CUSTOMER_FEATURES} version as of {version}"
    columns = names(model)
    complete = " and ".join(needed(model))
    until = f"where as_of_date <= date'{as_of.isoformat()}'" if as_of else ""
    latest = f"select source, max(as_of_date) as as_of_date from {table} {until} group by source"
    dates = spark.sql(
        f"""
        select source, string(as_of_date) as as_of, count(*) as customers
        from {table} inner join ({latest}) using (source, as_of_date)
        where {complete} group by source, as_of_date order by source
        """
    ).collect()
    sources = teaching([row["source"] for row in dates])
    dates = [row for row in dates if row["source"] in sources]
    rows = sum(row["customers"] for row in dates)
    if rows == 0:
        when = f" up to {as_of}" if as_of else ""
        raise UserError(f"{CUSTOMER_FEATURES} has no rows{when}: replay orders, then run `dbt build` first.")
    frame = spark.sql(
        f"""
        select {", ".join(f"double({name}) as {name}" for name in columns)}
        from {table} inner join ({latest}) using (source, as_of_date)
        where {complete} and source in ({", ".join(f"'{source}'" for source in sources)})
        order by xxhash64(customer_id, source), source, customer_id limit {MAX_ROWS}
        """
    ).toPandas()
    as_of_dates = {row["source"]: row["as_of"] for row in dates}
    return FeatureRows(frame, as_of_dates, rows, {CUSTOMER_FEATURES: version})


def read_labelled(spark: Any, model: str, as_of: date | None = None) -> FeatureRows:
    """Read features of every as-of date whose label is known, up to `as_of`, with label and date."""
    label = LABELS[model]
    versions = delta_versions(spark, CUSTOMER_FEATURES, CUSTOMER_LABELS)
    joined = " inner join ".join(f"{table} version as of {version}" for table, version in versions.items())
    known = " and ".join([f"{label.column} is not null", *needed(model)])
    if as_of:
        known += f" and date_add(as_of_date, {label.days}) <= date'{as_of.isoformat()}'"
    rows = f"from {joined} using (source, customer_id, as_of_date)"
    groups: tuple[str, ...] = ()
    if spark.catalog.tableExists(CUSTOMER_GROUPS):
        groups = GROUPS
        rows += f" left join {CUSTOMER_GROUPS} using (source, customer_id)"
    found = read_sampled(
        spark,
        model,
        f"{rows} where {known}",
        "customer_id",
        "as_of_date",
        label=f"{label.type}({label.column})",
        moment="string(as_of_date)",
        person="customer_id",
        usual=f"double({label.usual})",
        **{group: group for group in groups},
    )
    if found.row_count == 0:
        raise UserError(
            f"{CUSTOMER_LABELS} knows no {label.column} yet: its {label.days} days must have passed."
        )
    frame = found.frame
    return replace(
        found,
        frame=frame[list(names(model))],
        table_versions=versions,
        usual=frame["usual"].to_numpy(),
        groups=frame[list(groups)],
    )


def read_sampled(
    spark: Any,
    model: str,
    rows: str,
    key: str,
    day: str,
    *,
    label: str,
    moment: str,
    person: str,
    **others: str,
) -> FeatureRows:
    """Read rows (`from ... where ...`) of the sources to learn from: features, label, moment, whose row it
    is, and `others`, which are SQL expressions by name and stay in the frame.

    Beyond `MAX_ROWS` rows a sample by hash of the key is taken, each with all its moments.
    """
    counted = spark.sql(
        f"select source, string(max({day})) as as_of, count(*) as rows {rows} group by source"
    ).collect()
    sources = teaching([row["source"] for row in counted])
    counted = sorted((row for row in counted if row["source"] in sources), key=lambda row: row["source"])
    total = sum(row["rows"] for row in counted)
    share = max(-(-total // MAX_ROWS), 1)
    columns = {name: f"double({name})" for name in names(model)}
    columns |= {"label": label, "moment": moment, "person": person, **others}
    frame = spark.sql(
        f"""
        select {", ".join(f"{sql} as {name}" for name, sql in columns.items())}, source
        {rows} and source in ({", ".join(f"'{source}'" for source in sources) or "null"})
            and pmod(xxhash64({key}, source), {share}) = 0
        order by moment, source, {key}
        """
    ).toPandas()
    return FeatureRows(
        frame=frame[[*names(model), *others]],
        as_of={row["source"]: row["as_of"] for row in counted},
        row_count=total,
        table_versions={},
        labels=frame["label"].to_numpy(),
        dates=frame["moment"].to_numpy(),
        sources=frame["source"].to_numpy(),
        customers=frame["person"].to_numpy(),
    )


def delta_versions(spark: Any, *tables: str) -> dict[str, int]:
    """The Delta version that each table has now; UserError for one that is not built."""
    found = {}
    for table in tables:
        if not spark.catalog.tableExists(table):
            raise UserError(f"{table} does not exist yet: run `dbt build` first.")
        found[table] = int(spark.sql(f"describe history {table} limit 1").first()["version"])
    return found


def read_rated(spark: Any, as_of: date | None = None, days: int | None = None) -> FeatureRows:
    """Read feedback that has text and one to five stars: title and text, stars, and the day; with
    `days` only each source's latest.

    Exact duplicates are left out. Beyond `MAX_TEXTS` texts a sample by hash is taken.
    """
    version = delta_versions(spark, FEEDBACK)[FEEDBACK]
    until = f"and created_date <= date'{as_of.isoformat()}'" if as_of else ""
    until += f" and created_date > date_sub(last_date, {days})" if days else ""
    frame = spark.sql(
        f"""
        select concat_ws('. ', title, text) as text, rating, string(created_date) as day, source
        from (
            select *, max(created_date) over (partition by source) as last_date
            from {FEEDBACK} version as of {version}
        )
        where rating between 1 and 5 and length(text) > 0 and not is_exact_duplicate {until}
        order by xxhash64(feedback_id, source), source, feedback_id
        """
    ).toPandas()
    frame = frame[frame["source"].isin(teaching(sorted(frame["source"].unique())))]
    if frame.empty:
        raise UserError(f"{FEEDBACK} has no rated texts: replay reviews, then run `dbt build` first.")
    kept = frame.head(MAX_TEXTS).reset_index(drop=True)
    return FeatureRows(
        frame=kept[["text"]],
        as_of=frame.groupby("source")["day"].max().to_dict(),
        row_count=len(frame),
        table_versions={FEEDBACK: version},
        labels=kept["rating"].to_numpy(),
        dates=kept["day"].to_numpy(),
        sources=kept["source"].to_numpy(),
    )
