"""Made customers in a table of a gateway's own, and models of them that serve: to measure functions on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lakehouse.session import remote_session
from lakehouse.settings import Settings
from lakehouse.warehouse import execute
from ml import catalog
from ml.estimators.purchase import MODELS, Propensity
from ml.estimators.segments import ValueClusters
from ml.estimators.sentiment import Sentiment
from ml.estimators.value_lifetime import LifetimeValue
from ml.features import FEATURES, names
from ml.registry import Training, hdfs_registry

TAUGHT = 20_000  # rows that models learn from
TEXT_ROWS = 10  # one row has a text where so many have numbers
# What a customer is like: a day from 0 to 400, orders, money; of each id the same ones.
FEATURES_SQL = """
select
    id, cast(id as string) as customer_id, 'made' as source, date'2026-01-31' as as_of_date,
    cast(tenure * pmod(xxhash64(id, 'recency'), 1000) / 1000 as int) as recency_days,
    cast(tenure as int) as tenure_days,
    cast(orders as bigint) as order_count,
    cast(orders as int) as order_day_count,
    cast(orders * value as decimal(28, 4)) as revenue,
    cast(value as decimal(28, 4)) as average_order_value,
    if(orders > 1, tenure / (orders - 1), null) as days_between_orders,
    cast(orders / 12 as bigint) as orders_30d,
    cast(orders * value / 12 as decimal(28, 4)) as revenue_30d,
    cast(orders / 4 as bigint) as orders_90d,
    cast(orders * value / 4 as decimal(28, 4)) as revenue_90d
from (
    select
        id,
        pmod(xxhash64(id, 'tenure'), 400) + 1 as tenure,
        1 + cast(-8 * ln((1 + pmod(xxhash64(id, 'orders'), 1000)) / 1001) as int) as orders,
        5 + pmod(xxhash64(id, 'value'), 20000) / 100 as value
    from range({rows})
)"""
WORDS = {
    "negative": "bad poor awful return cheap thin scratchy shrunk torn sad",
    "neutral": "okay fine average some size usual fair plain half maybe",
    "positive": "love great perfect soft lovely fits flattering warm best happy",
    "": "the dress shirt color fabric i it was with and this very for a bought wear",
}


@dataclass(frozen=True)
class Served:
    """A function of a champion, and the same answers by the estimator itself."""

    name: str
    model: str
    fitted: Any
    direct: Callable[[Any], Any]

    def promote(self, settings: Settings) -> None:
        """Let it serve."""
        typed = tuple((feature.name, feature.type) for feature in FEATURES[self.model])
        registry = hdfs_registry(settings.webhdfs)
        saved = registry.save(self.model, self.fitted.to_artefact(), typed, Training({}, TAUGHT, {}, {}))
        catalog.promote(self.model, saved.version, settings)

    def columns(self) -> list[str]:
        """What the function is given."""
        return list(names(self.model))


def make_tables(settings: Settings, rows: int) -> None:
    """`bench.customers`, all numbers as the functions take them, and a tenth as many `bench.texts`."""
    execute("create schema if not exists bench", settings)
    doubles = sorted(
        {name for served in ("purchase_probability", "lifetime_value") for name in names(served)}
    )
    given = ", ".join(f"double({name}) as {name}" for name in doubles)
    made = FEATURES_SQL.format(rows=rows)
    execute(f"create table bench.customers using delta as select id, {given} from ({made})", settings)
    kinds = [f"split('{words}', ' ')" for words in WORDS.values()]
    word = "element_at({0}, int(1 + pmod(xxhash64(id, n), size({0}))))"
    own, common = (
        word.format(f"element_at(array({', '.join(kinds[:3])}), int(1 + id % 3))"),
        word.format(kinds[3]),
    )
    text = f"concat_ws(' ', transform(sequence(1, 40), n -> if(n % 5 = 0, {own}, {common})))"
    execute(
        f"create table bench.texts using delta as select id, {text} as text from range({rows // TEXT_ROWS})",
        settings,
    )


def read(settings: Settings, sql: str) -> pd.DataFrame:
    """Rows as pandas."""
    spark = remote_session(settings)
    try:
        frame: pd.DataFrame = spark.sql(sql).toPandas()
        return frame
    finally:
        spark.stop()


def chances(customers: pd.DataFrame, kind: str, model: str = "purchase_probability") -> Served:
    """A chance by one kind of model: who came lately and often comes again, but for chance."""
    learned = customers[list(names(model))]
    likely = learned["orders_90d"] / (2 + learned["recency_days"] / 30)
    comes = np.random.default_rng(0).random(len(learned)) < likely / (1 + likely)
    fitted = Propensity(kind).fit(learned, comes.astype(int))
    return Served(f"{model}, {kind}", model, fitted, fitted.predict_proba)


def of_customers(customers: pd.DataFrame) -> list[Served]:
    """Every model of numbers, fitted on the first rows."""
    taught = customers.head(TAUGHT)
    segments = ValueClusters().fit(taught[list(names("customer_segment"))])
    value = LifetimeValue().fit(taught[list(names("lifetime_value"))])
    return [
        Served("customer_segment", "customer_segment", segments, segments.predict),
        *(chances(taught, kind) for kind in MODELS),
        Served("lifetime_value", "lifetime_value", value, value.predict),
    ]


def of_texts(texts: pd.DataFrame) -> Served:
    """The sentiment of made texts; every third is of the same class."""
    taught = texts.head(TAUGHT // TEXT_ROWS)
    fitted = Sentiment().fit(taught[["text"]], (taught["id"] % 3).to_numpy())
    return Served("sentiment", "sentiment", fitted, fitted.predict_proba)
