"""marts.fct_customer_scores asks a model for what has changed, and for nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from ml import catalog
from ml.estimators.value_lifetime import LifetimeValue
from ml.features import FEATURES, names
from ml.registry import Training, hdfs_registry
from tests.conftest import NO_TESTS, Stack

pytestmark = pytest.mark.engine

MODEL = "lifetime_value"
SCORES = "marts.fct_customer_scores"
OURS = f"{SCORES} where model_name = '{MODEL}'"
ASKED = f"select * from intermediate.int_scores_asked where model_name = '{MODEL}'"
MARK = "untouched"


def build(stack: Stack) -> None:
    models = ("stg_ml__champions", "int_scores_asked", "fct_customer_scores")
    stack.dbt("build", *NO_TESTS, "--select", *models, target="local")


def by_customer(stack: Stack) -> dict[str, dict[str, Any]]:
    rows = stack.query(f"select * from {OURS} and source = 'shop'")
    found = {row["customer_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def mark(stack: Stack) -> None:
    """What is scored once more loses it."""
    stack.query(f"update {SCORES} set band = '{MARK}' where model_name = '{MODEL}'")


@pytest.fixture(scope="module")
def promote(marts: Stack) -> Iterator[Callable[[int], str]]:
    """Learns from the first so many customers and serves; the former champions serve again afterwards."""
    before = catalog.champions(marts.settings)
    typed = tuple((feature.name, feature.type) for feature in FEATURES[MODEL])
    columns = ", ".join(f"double({name}) as {name}" for name in names(MODEL))
    features = "marts.fct_customer_features_daily where source = 'shop'"
    latest = f"as_of_date = (select max(as_of_date) from {features})"
    known = marts.query(f"select {columns} from {features} and {latest} order by customer_id")

    def serve(customers: int) -> str:
        fitted = LifetimeValue().fit(pd.DataFrame(known).head(customers))
        registry = hdfs_registry(marts.settings.webhdfs)
        saved = registry.save(MODEL, fitted.to_artefact(), typed, Training({}, customers, {}, {}))
        catalog.promote(MODEL, saved.version, marts.settings)
        return saved.version

    yield serve
    marts.query(f"alter view ml.champion as {catalog.values(before)}")
    build(marts)
    assert bool(by_customer(marts)) == (before.get(MODEL) is not None)


@pytest.fixture
def scored(marts: Stack, promote: Callable[[int], str]) -> Stack:
    """All customers scored, and marked."""
    promote(50)
    build(marts)
    mark(marts)
    return marts


def test_where_nothing_changed_nothing_is_scored(scored: Stack) -> None:
    before = by_customer(scored)
    build(scored)
    assert by_customer(scored) == before
    assert len(before) == len(scored.query(f"{ASKED} and source = 'shop'")) > 50


def test_who_changed_is_scored_and_who_is_gone_is_not_kept(scored: Stack) -> None:
    changed, gone, *_ = sorted(by_customer(scored))
    scored.query(
        f"update {OURS.replace(' where', ' set expected_value = -1, asked_hash = 1 where')}"
        f" and customer_id = '{changed}'"
    )
    scored.query(f"update {OURS.replace(' where', ' set customer_id = 1 where')} and customer_id = '{gone}'")
    build(scored)
    after = by_customer(scored)
    assert {customer for customer, row in after.items() if row["band"] != MARK} == {changed, gone}
    assert after[changed]["expected_value"] >= 0
    assert "1" not in after


def test_another_version_scores_all(scored: Stack, promote: Callable[[int], str]) -> None:
    version = promote(40)
    build(scored)
    rows = by_customer(scored).values()
    assert {row["model_version"] for row in rows} == {version}
    assert not any(row["band"] == MARK for row in rows)


def test_a_table_without_hashes_is_scored_once_more(scored: Stack) -> None:
    older = f"select * except (asked_hash) from {SCORES}"
    scored.query(f"create or replace table {SCORES} using delta as {older}")
    build(scored)
    rows = by_customer(scored).values()
    assert not any(row["band"] == MARK or row["asked_hash"] is None for row in rows)
