"""A model of carts on real servers, from training to the scores of open carts."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from lakehouse.settings import ROOT
from ml import carts, catalog, versions
from ml.train import train
from ml.tuning import METHOD
from tests.conftest import NO_TESTS
from tests.leaks import leaks

pytestmark = pytest.mark.engine

MODEL = "cart_conversion_probability"
GOLDEN = ROOT / "tests" / "golden" / "behaviour"
# Carts of 20 days, one a few minutes; who has begun a checkout mostly buys.
MADE = """
select string(id) as cart_id, concat('c:', id % 300) as person_id, 'shop' as source,
    double(10 + id % 50) as age_minutes, double(id % 10) as idle_minutes,
    1 + id % 3 as added_count, 0L as removed_count,
    bigint(pmod(xxhash64(id), 2)) as checkout_count, 1L as session_count,
    cast(id % 90 as decimal(28, 4)) as cart_value, 0L as earlier_cart_count,
    0L as earlier_purchase_count, pmod(xxhash64(id, 1), 10) < 1 + 6 * pmod(xxhash64(id), 2)
        as is_bought_next_day,
    date(timestamp'2024-01-01' + make_dt_interval(0, 0, 7 * id)) as moment_date,
    timestamp'2024-01-01' + make_dt_interval(0, 0, 7 * id) as moment_at
from range(4000)
"""


@pytest.fixture(scope="module")
def built(stack: Any) -> Iterator[None]:
    """The carts of the golden events; what serves afterwards is what served before."""
    before = catalog.champions(stack.settings)
    sent = [json.loads(line) for name in ("first", "second") for line in (GOLDEN / f"{name}.jsonl").open()]
    stack.publish(sent)
    stack.wait_landed()
    stack.dbt("build", *NO_TESTS, "--select", "+fct_cart_features", "+fct_cart_scores", target="local")
    yield
    stack.query(f"alter view ml.champion as {catalog.values(before)}")


@pytest.mark.usefixtures("built")
def test_training_makes_scores_of_open_carts(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.query("create schema if not exists carts_test")
    monkeypatch.setattr(carts, "CART_FEATURES", "carts_test.features")
    try:
        stack.query(f"create table carts_test.features using delta as {MADE}")
        made = train(MODEL, stack.settings)
        assert (made.is_promoted, made.row_count) == (True, 4000)
        assert made.metrics["average_precision"] > made.metrics["base_rate"] + 0.1
        assert catalog.champions(stack.settings)[MODEL] == made.version
        assert train(MODEL, stack.settings).decision == "nothing new to learn"
        low, high = stack.query(
            f"select checkout, ml.{MODEL}(20, 5, 2, 0, checkout, 1, 30, 0, 0) as chance"
            " from values (0), (1) as carts (checkout) order by checkout"
        )
        assert 0 < low["chance"] < high["chance"] < 1
        tuned = train(MODEL, stack.settings, trials=6)
        told = versions.card(MODEL, tuned.version, stack.settings)["training"]["parameters"]
        assert (told["trials"], told["search"], told["folds"]) == (6, METHOD, 4)
        recorded = f"select parameters['trials'] as trials from ml.model_versions where name = '{MODEL}'"
        rows = stack.query(f"{recorded} and version = '{tuned.version}'")
        assert [row["trials"] for row in rows] == ["6"]
        catalog.promote(MODEL, made.version, stack.settings)
    finally:
        stack.query("drop schema carts_test cascade")
    stack.dbt("run", "--select", "stg_ml__champions", "fct_cart_scores", target="local")
    scored = stack.query("select * from marts.fct_cart_scores where source = 'golden_behaviour'")
    assert [(row["person_id"], row["model_version"]) for row in scored] == [("c:G", made.version)]
    assert 0 < scored[0]["score"] < 1


@pytest.mark.usefixtures("built")
def test_what_is_known_of_a_cart_is_the_same_when_events_end_soon_after(stack: Any) -> None:
    """Later purchases, sessions and logins are in the lake, and must not show."""
    day, schema = "2024-03-03", "cut_carts"
    carts = ("build", "--full-refresh", *NO_TESTS, "--select", "+fct_cart_features")
    stack.dbt(*carts, "--vars", f"{{events_until: {day}}}", schema=schema)
    # of the looks at fixed ages; the label is what came after, and the last look is at the end of the data
    rows = f"""select * except (is_bought_next_day, is_latest) from {{}}.fct_cart_features
        where source = 'golden_behaviour' and not is_latest and moment_at < (
            select browsed_until from {schema}_intermediate.int_sources_browsed
            where source = 'golden_behaviour'
        )"""
    found, rebuilt = (pd.DataFrame(stack.query(rows.format(s))) for s in ("marts", f"{schema}_marts"))
    assert len(found) >= 3
    assert leaks(found, rebuilt, ["source", "cart_id", "moment_at"]) == []
