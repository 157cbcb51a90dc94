"""What each model may know: its features, their order, and how they are read from the marts."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.errors import UserError

CUSTOMER_FEATURES = "marts.fct_customer_features_daily"
MAX_ROWS = 200_000  # enough for any of our estimators; the driver never holds every customer


@dataclass(frozen=True)
class Feature:
    """One input of a model, which is also one argument of its SQL function."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class FeatureRows:
    """Features as pandas, and where they came from."""

    frame: Any
    as_of: dict[str, str]
    row_count: int
    table_versions: dict[str, int]


FEATURES: dict[str, tuple[Feature, ...]] = {
    "customer_segment": (
        Feature("recency_days", "DOUBLE", "Days since the last order"),
        Feature("order_count", "DOUBLE", "Orders so far"),
        Feature("revenue", "DOUBLE", "Money spent so far; below 0 counts as 0"),
    ),
}


def names(model: str) -> tuple[str, ...]:
    """Feature names of a model, in the order that its artefact and its SQL function use."""
    return tuple(feature.name for feature in FEATURES[model])


def teaching(sources: list[str]) -> list[str]:
    """The sources to learn from: made customers teach nothing where there are real ones."""
    from lakehouse.tables import SIMULATED  # here: workers import this module and need no settings

    return [source for source in sources if source != SIMULATED] or sources


def read_customers(spark: Any, model: str, as_of: date | None = None) -> FeatureRows:
    """Read one row per customer, at each source's latest as-of date that is not after `as_of`.

    One Delta version is read throughout, so that the manifest can name it. Beyond `MAX_ROWS`
    customers a sample by hash is taken: the same customers each time.
    """
    if not spark.catalog.tableExists(CUSTOMER_FEATURES):
        raise UserError(f"{CUSTOMER_FEATURES} does not exist yet: run `dbt build` first.")
    version = spark.sql(f"describe history {CUSTOMER_FEATURES} limit 1").first()["version"]
    table = f"{CUSTOMER_FEATURES} version as of {version}"
    columns = names(model)
    complete = " and ".join(f"{name} is not null" for name in columns)
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
