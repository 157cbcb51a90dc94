"""What sells together, and what each customer may want next: mined from the marts' orders, kept as tables.

Both are versions like any model: `ml.champion` says which one `fct_association_rules`, `fct_recommendations`
and `ml.recommend` show, and a rollback brings the former one back without mining again.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.warehouse import quoted
from ml.catalog import OFFERS
from ml.estimators.baskets import baskets_of, frequent_itemsets, rules
from ml.estimators.recommend import (
    Interactions,
    ItemNeighbours,
    Popularity,
    Recommender,
    interactions,
    ranks_of,
    recommend,
)
from ml.evaluate import ranking_metrics
from ml.registry import Manifest, Training, digest

LINES = "marts.fct_order_lines"
# Lines that say what somebody wanted: sold, of a product, and not from a clock that runs ahead.
WANTED = "is_sale and is_product and not has_future_date"
# Rules of more items than this say little that shorter ones do not.
LONGEST = 3
MOST_RULES = 2_000
LEAST_BASKETS = 20
# Of each source the products that most customers bought; the others are too rare to be recommended.
MOST_ITEMS = 2_000
MOST_CUSTOMERS = 100_000
LEAST_CUSTOMERS = 100
OFFERED = 10
TEST_DAYS = 30
KEPT_VERSIONS = 5
MODELS: dict[str, Callable[[], Recommender]] = {"popularity": Popularity, "item neighbours": ItemNeighbours}

Found = tuple[pd.DataFrame, dict[str, float], dict[str, str]]


@dataclass(frozen=True)
class Source:
    """A source, how many orders or customers it has, its last day, and SQL: its lines that count."""

    name: str
    size: int
    day: date
    wanted: str


@dataclass(frozen=True)
class Mined:
    """Rows of a version that is not written yet, and what it was made from."""

    name: str
    rows: pd.DataFrame
    training: Training
    sha256: str

    def write(self, spark: Any) -> Manifest:
        """Append it as the next version."""
        table = OFFERS[self.name]
        version = f"v{max(versions(spark, self.name), default=0) + 1}"
        typed = [
            f"cast({field.name} as {field.dataType.simpleString()}) as {field.name}"
            for field in spark.table(table.name).schema
        ]
        made = spark.createDataFrame(self.rows.assign(version=version))
        made.selectExpr(*typed).writeTo(table.name).append()
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        return Manifest(self.name, version, created_at, (), self.training, self.sha256)


def mine(name: str, spark: Any, settings: Settings, as_of: date | None) -> Mined:
    """Mine the marts' orders. UserError where they give nothing."""
    if not spark.catalog.tableExists(LINES):
        raise UserError(f"{LINES} does not exist yet: run `dbt build` first.")
    read = spark.sql(f"describe history {LINES} limit 1").first()["version"]
    rows, metrics, days = find(name, spark, settings, f"{LINES} version as of {read}", as_of)
    if rows.empty:
        raise UserError(f"{LINES} gives no {name.replace('_', ' ')}: too few orders of known products.")
    sha256 = digest({"rows": rows.to_json(orient="split", double_precision=15)})
    return Mined(name, rows, Training(days, len(rows), {LINES: read}, metrics), sha256)


def versions(spark: Any, name: str) -> list[int]:
    """Numbers of the versions whose rows are kept, the oldest first."""
    found = spark.sql(f"select distinct version from {OFFERS[name].name}").collect()
    return sorted(int(row["version"][1:]) for row in found)


def forget(name: str, spark: Any, serving: str) -> None:
    """Delete the rows of versions that neither serve nor are among the last."""
    found = versions(spark, name)
    kept = {f"v{number}" for number in found[-KEPT_VERSIONS:]} | {serving}
    old = [f"'v{number}'" for number in found if f"v{number}" not in kept]
    if old:
        spark.sql(f"delete from {OFFERS[name].name} where version in ({', '.join(old)})")


def find(name: str, spark: Any, settings: Settings, lines: str, as_of: date | None) -> Found:
    """Rows of every source that gives any, with metrics and the last day that each source was read to."""
    unit, of_source = FINDERS[name]
    until = f" and occurred_date <= date'{as_of}'" if as_of else ""
    wanted = f"from {lines} where {WANTED} and {unit} is not null{until}"
    counted = (
        f"select source, count(distinct {unit}) as size, max(occurred_date) as day {wanted} group by source"
    )
    parts: list[pd.DataFrame] = []
    metrics: dict[str, float] = {}
    days: dict[str, str] = {}
    for row in spark.sql(counted).collect():
        source = Source(
            row["source"], row["size"], row["day"], f"{wanted} and source = {quoted(row['source'])}"
        )
        rows, measured = of_source(spark, settings, source)
        if not rows.empty:
            parts.append(rows.assign(source=source.name))
            metrics |= {f"{metric}: {source.name}": value for metric, value in measured.items()}
            days[source.name] = str(source.day)
    return pd.concat(parts) if parts else pd.DataFrame(), metrics, days


def rules_of(spark: Any, settings: Settings, source: Source) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rules above the settings' support and confidence, those of the highest lift first."""
    least = max(settings.rules_support * source.size, LEAST_BASKETS)
    pairs = spark.sql(
        f"""
        select distinct order_id, product_id {source.wanted}
        and product_id in (
            select product_id {source.wanted}
            group by product_id having count(distinct order_id) >= {least}
        )
        """
    ).toPandas()
    # Baskets without a frequent product are baskets, too.
    baskets = replace(baskets_of(pairs["order_id"], pairs["product_id"]), basket_count=source.size)
    itemsets = frequent_itemsets(baskets, least / source.size, LONGEST)
    found = rules(baskets, itemsets, settings.rules_confidence)[:MOST_RULES]
    metrics = {"rules": float(len(found)), "baskets": float(source.size)}
    return pd.DataFrame([asdict(rule) for rule in found]), metrics


def recommendations_of(
    spark: Any, settings: Settings, source: Source
) -> tuple[pd.DataFrame, dict[str, float]]:
    """The best products for every customer, by the model that does best on later purchases."""
    share = -(-source.size // MOST_CUSTOMERS)
    pairs = spark.sql(
        f"""
        select customer_id, product_id, min(occurred_date) as first_date
        {source.wanted} and pmod(xxhash64(customer_id), {share}) = 0
        and product_id in (
            select product_id {source.wanted} group by product_id
            order by count(distinct customer_id) desc, product_id limit {MOST_ITEMS}
        )
        group by customer_id, product_id order by customer_id, product_id
        """
    ).toPandas()
    if pairs["customer_id"].nunique() < LEAST_CUSTOMERS:
        return pd.DataFrame(), {}
    judged = judge(pairs, source.day - timedelta(days=TEST_DAYS))
    # Without later purchases to be judged by, the baseline.
    best = max(judged, key=lambda model: judged[model]["ndcg_at_10"], default="popularity")
    metrics = {f"{key}, {model}": value for model, found in judged.items() for key, value in found.items()}
    seen = interactions(pairs["customer_id"], pairs["product_id"])
    return pd.DataFrame(offers(MODELS[best]().fit(seen), seen)), metrics


def judge(pairs: pd.DataFrame, until: date) -> dict[str, dict[str, float]]:
    """How each model, learned until that day, ranks the first product that a customer bought after it.

    Empty where too few bought a product that was new to them.
    """
    earlier = pairs[pairs["first_date"] <= until]
    later = pairs[pairs["first_date"] > until].sort_values(["first_date", "product_id"])
    seen = interactions(earlier["customer_id"], earlier["product_id"])
    customers = {name: place for place, name in enumerate(seen.customers)}
    items = {name: place for place, name in enumerate(seen.items)}
    cases = later[later["customer_id"].isin(customers) & later["product_id"].isin(items)]
    cases = cases.drop_duplicates("customer_id")
    if len(cases) < LEAST_CUSTOMERS:
        return {}
    rows = seen.matrix[[customers[name] for name in cases["customer_id"]]]
    wanted = np.array([items[name] for name in cases["product_id"]])
    return {name: ranking_metrics(ranks_of(make().fit(seen), rows, wanted)) for name, make in MODELS.items()}


def offers(model: Recommender, seen: Interactions) -> Iterator[dict[str, Any]]:
    """The best products of every customer, with reasons."""
    for place, customer in enumerate(seen.customers):
        for rank, found in enumerate(recommend(model, seen.matrix[[place]], OFFERED), start=1):
            yield {
                "customer_id": customer,
                "rank": rank,
                "product_id": found.item,
                "score": found.score,
                "reason": found.reason,
            }


# What is counted of a source, and what is mined of it.
FINDERS: dict[str, tuple[str, Callable[..., tuple[pd.DataFrame, dict[str, float]]]]] = {
    "association_rules": ("order_id", rules_of),
    "recommendations": ("customer_id", recommendations_of),
}
