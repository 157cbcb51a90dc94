"""What SQL knows about models: table ml.model_versions and view ml.champion.

A view over constants is seen by every open session on its next query, and one query sees one
version.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from lakehouse.settings import Settings
from lakehouse.tables import Table
from lakehouse.warehouse import execute, query, quoted
from ml.registry import NAME, VERSION, Manifest, Training, checked

CHAMPION = "ml.champion"

MODEL_VERSIONS = Table(
    name="ml.model_versions",
    columns="""
    name string not null comment 'Model, which is also the name of its SQL function',
    version string not null comment 'v1, v2, ...: a folder of /lakehouse/ml/models on HDFS',
    created_at timestamp not null comment 'End of the training, UTC',
    as_of map<string, string> comment 'As-of date of the features, by source',
    row_count bigint comment 'Customers that had all features',
    table_versions map<string, bigint> comment 'Delta versions of the tables that were read',
    features array<struct<name: string, type: string>> comment 'Inputs, in order',
    metrics map<string, double> comment 'Made by ml/evaluate.py',
    sha256 string comment 'Hash of model.json',
    is_promoted boolean comment 'Whether it became the champion when it was trained',
    decision string comment 'Why it became the champion, or why not',
    parameters map<string, string> comment 'Of the estimator, and trials of the search for them, if any'
    """,
    comment="One row per trained model version; ml.champion names those that serve",
)

DECISIONS = Table(
    name="ml.model_decisions",
    columns="""
    name string not null comment 'Model',
    version string not null comment 'Version that serves since; of refused, the one that does not',
    former_version string comment 'Version that served until then; NULL where none did',
    action string not null comment 'promoted, rolled back, refused (a challenger), or kept: nothing to do',
    why string comment 'The comparison at training, or what somebody said',
    decided_by string not null comment 'training, or the user of the machine',
    decided_at timestamp not null comment 'UTC'
    """,
    comment="One row per decision on the version that serves, by training or by hand",
)

MODEL_DRIFT = Table(
    name="ml.model_drift",
    columns="""
    name string not null comment 'Model',
    version string not null comment 'Version that served when it was measured',
    column_name string not null comment 'A feature, or score: what the version says of the features',
    psi double comment 'Population stability index of actual against expected',
    noise double comment 'Index that so few rows exceed once in twenty times without any drift',
    judged string comment 'stable, shifted, drifted, or too few rows',
    edges array<double> comment 'Upper edges of the bins; one more is above them, the last is missing',
    expected array<bigint> comment 'Rows by bin that the version learned from',
    actual array<bigint> comment 'Rows by bin now',
    expected_as_of map<string, string> comment 'Last date that the version has seen, by source',
    as_of map<string, string> comment 'Date of the rows of now, by source',
    measured_at timestamp not null comment 'UTC'
    """,
    comment="One row per look at a model that serves and column of it",
)

MODEL_OUTCOMES = Table(
    name="ml.model_outcomes",
    columns="""
    name string not null comment 'Model',
    version string not null comment 'Version that served when it was measured',
    source string not null comment 'Shop or feed',
    as_of_date date not null comment 'Date of the features, later than any that the version has seen',
    row_count bigint comment 'Customers or carts of that date whose label is known',
    metrics map<string, double> comment 'Made by ml/evaluate.py: lift, calibration, or errors of money',
    measured_at timestamp not null comment 'UTC'
    """,
    comment="One row per look, model that serves, source and date after its training whose label is known",
)

ASSOCIATION_RULES = Table(
    name="ml.association_rules",
    columns="""
    version string not null comment 'Version of model association_rules that found it',
    source string not null comment 'Shop or feed',
    antecedent array<string> not null comment 'Products that are in the basket, by id',
    consequent array<string> not null comment 'Products that then are in it, too',
    support double comment 'Share of all baskets with all of these products',
    confidence double comment 'Share of the baskets with the antecedent that have the consequent',
    lift double comment 'Confidence by the share of all baskets with the consequent',
    leverage double comment 'Support less what chance alone would give',
    conviction double comment 'NULL where confidence is 1',
    basket_count bigint comment 'Baskets with all of these products'
    """,
    comment="One row per version and association rule",
)
RECOMMENDATIONS = Table(
    name="ml.recommendations",
    columns="""
    version string not null comment 'Version of model recommendations that made it',
    source string not null comment 'Shop or feed',
    customer_id string not null comment 'Customer',
    rank int not null comment '1 is the best',
    product_id string not null comment 'A product that the customer has not bought',
    score double comment 'Only the order within a customer means something',
    reason string comment 'Why this product'
    """,
    comment="One row per version, customer and rank",
)
OFFERS = {"association_rules": ASSOCIATION_RULES, "recommendations": RECOMMENDATIONS}
TABLES = (MODEL_VERSIONS, DECISIONS, MODEL_DRIFT, MODEL_OUTCOMES, *OFFERS.values())


@dataclass(frozen=True)
class Decision:
    """A row of it, but for the time."""

    name: str
    version: str
    former_version: str | None
    action: str
    why: str
    decided_by: str


def champions(settings: Settings) -> dict[str, str]:
    """Version that serves, by model."""
    return {row["name"]: row["version"] for row in query(f"select * from {CHAMPION}", settings)}


def switch(decision: Decision, settings: Settings) -> None:
    """Let a version serve, once that is on record: what dies in between has changed nothing, and its
    record is passed over by whoever asks what served before."""
    decide(decision, settings)
    promote(decision.name, decision.version, settings)


def promote(name: str, version: str, settings: Settings) -> None:
    """Let a version serve, off the record: use `switch`. Rolling back is promoting an older one."""
    checked(NAME, name)
    checked(VERSION, version)
    with alone(settings):
        # altered, not created or replaced: that drops the view first, and queries would fail meanwhile
        execute(f"alter view {CHAMPION} as {values({**champions(settings), name: version})}", settings)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Nobody else changes the view meanwhile: it is read and written as a whole, with every model's version.

    All who may are on this machine; who dies gives the lock back.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "champion.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def values(versions: Mapping[str, str]) -> str:
    """The view's query. Without a champion it has columns but no rows."""
    if not versions:
        return "select string(null) as name, string(null) as version where false"
    rows = ", ".join(f"('{name}', '{version}')" for name, version in sorted(versions.items()))
    return f"select * from values {rows} as champion (name, version)"


def create_champion() -> str:
    """The statement that makes the view, and leaves it where it is."""
    return f"""
create view if not exists {CHAMPION}
comment 'The version of each model that its SQL function serves'
as {values({})}"""


def record(spark: Any, manifest: Manifest, is_promoted: bool, decision: str) -> None:
    """Add a version's row to ml.model_versions."""
    training = manifest.training
    row = {
        "name": manifest.name,
        "version": manifest.version,
        "created_at": datetime.fromisoformat(manifest.created_at),
        "as_of": dict(training.as_of),
        "row_count": training.row_count,
        "table_versions": dict(training.table_versions),
        "features": list(manifest.features),
        "metrics": dict(training.metrics),
        "sha256": manifest.sha256,
        "is_promoted": is_promoted,
        "decision": decision,
        "parameters": {name: str(value) for name, value in training.parameters.items()},
    }
    schema = spark.table(MODEL_VERSIONS.name).schema
    # by name: in a table that is older than a column it is the last one
    cells = tuple(row[column] for column in schema.names)
    spark.createDataFrame([cells], schema).writeTo(MODEL_VERSIONS.name).append()


def recorded(spark: Any, name: str) -> list[Manifest]:
    """The versions of a model as they were recorded, the oldest first."""
    rows = spark.table(MODEL_VERSIONS.name).where(f"name = {quoted(name)}").collect()
    found = [
        Manifest(
            name=row.name,
            version=row.version,
            created_at=row.created_at.isoformat(),
            features=tuple((feature.name, feature.type) for feature in row.features),
            training=Training(row.as_of, row.row_count, row.table_versions, row.metrics),
            sha256=row.sha256,
        )
        for row in rows
    ]
    return sorted(found, key=lambda manifest: int(manifest.version[1:]))


def decide(decision: Decision, settings: Settings) -> None:
    """Put a change of the champion on record."""
    said = ", ".join("null" if text is None else quoted(text) for text in astuple(decision))
    execute(f"insert into {DECISIONS.name} values ({said}, current_timestamp())", settings)
