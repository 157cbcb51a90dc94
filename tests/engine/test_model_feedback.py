"""A model of chances on real servers: judged by group, watched for drift, trained when it is due."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from lakehouse.cli import main
from ml import catalog, features, versions
from ml.features import names
from ml.outcomes import look
from ml.train import train, train_if_due
from tests.conftest import NO_TESTS
from tests.made import event, order

pytestmark = pytest.mark.engine

MODEL = "purchase_probability"
MONTHS, CUSTOMERS = 6, 300
KEYS = "'shop' as source, string(id) as customer_id, add_months(date'2024-01-31', int(month)) as as_of_date"
HASH = "pmod(xxhash64(id, month, '{}'), 1000)"

LABELS = """select source, customer_id, as_of_date, pmod(xxhash64(customer_id, as_of_date), 100)
    > recency_days / 2 + if(orders_30d < 500, 50, 0) as has_order_next_7_days from {shop}.features"""


def customers(first: int, months: int, away: int = 0) -> str:
    """Features of so many month ends; recency runs from `away` on for a hundred days."""
    others = ", ".join(
        f"double({HASH.format(name)}) as {name}" for name in names(MODEL) if name != "recency_days"
    )
    recency = f"double({HASH.format('recency')} / 10 + {away}) as recency_days"
    return f"""select {KEYS}, {recency}, {others}
        from range({CUSTOMERS}) cross join (select id + {first} as month from range({months}))"""


@pytest.fixture
def shop(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Customers of whom the recent and the frequent ones buy again; women and men alike."""
    before = catalog.champions(stack.settings)
    schema = "feedback_test"
    stack.query(f"create schema {schema}")
    for table in ("features", "labels", "groups"):
        monkeypatch.setattr(features, f"CUSTOMER_{table.upper()}", f"{schema}.{table}")
    try:
        stack.query(f"create table {schema}.features using delta as {customers(0, MONTHS)}")
        stack.query(f"create table {schema}.labels using delta as {LABELS.format(shop=schema)}")
        stack.query(f"""create table {schema}.groups using delta as
            select 'shop' as source, string(id) as customer_id, if(id % 3 = 0, 'F', 'M') as gender,
                string(null) as age_band, string(null) as income_band, 'DE' as country
            from range({CUSTOMERS - 50})""")
        yield schema
    finally:
        stack.query(f"alter view ml.champion as {catalog.values(before)}")
        stack.query(f"drop schema {schema} cascade")


def test_groups_come_from_profiles_and_the_latest_order_before_any_model(stack: Any) -> None:
    def of(customer: str, day: int) -> dict[str, str]:
        return {
            "customer_id": customer,
            "source": "groups_test",
            "occurred_at": f"2025-01-{day:02}T08:00:00Z",
        }

    def ordered(number: int, customer: str, day: int, country: str) -> dict[str, Any]:
        made_order = order(f"groups-{number}", **of(customer, day))
        return {**made_order, "properties": {**made_order["properties"], "country": country}}

    profiles = {"a": {"gender": "f", "age_band": "25-34"}, "b": {"country": "US", "income_band": "50-74K"}}
    known = [event(f"groups-{who}", "customer_updated", told, **of(who, 1)) for who, told in profiles.items()]
    orders = [ordered(1, "a", 3, "FR"), ordered(2, "a", 2, "DE"), ordered(3, "b", 2, "FR")]
    stack.publish([*known, *orders, ordered(4, "c", 2, "DE")])
    stack.wait_landed()
    try:
        # Without tests: some look at marts that are not built here, and others' rows may be in them.
        built = stack.dbt("build", *NO_TESTS, "--select", "+dim_customer_groups").stdout
        assert "fct_customer_segments" not in built
        assert stack.query("""select customer_id, country, gender, age_band, income_band
            from ci_marts.dim_customer_groups where source = 'groups_test' order by customer_id""") == [
            {"customer_id": "a", "country": "FR", "gender": "f", "age_band": "25-34", "income_band": None},
            {"customer_id": "b", "country": "US", "gender": None, "age_band": None, "income_band": "50-74K"},
            {"customer_id": "c", "country": "DE", "gender": None, "age_band": None, "income_band": None},
        ]
    finally:
        stack.set_aside("source = 'groups_test'")


@pytest.mark.usefixtures("shop")
def test_a_model_is_judged_by_group(stack: Any) -> None:
    made = train(MODEL, stack.settings)
    row = stack.query(f"""select metrics['gender=F: rows'] as women, metrics['gender=M: rows'] as men,
        metrics['gender=F: roc_auc'] as auc, metrics['fairness: gaps beyond tolerance'] as gaps
        from ml.model_versions where name = '{MODEL}' and version = '{made.version}'""")[0]
    assert (row["women"], row["men"]) == (84, 166)
    assert row["auc"] > 0.6
    assert row["gaps"] == 0
    shown = stack.run("lakehouse", "models", "show", MODEL, made.version).stdout
    assert "gender F" in shown
    assert "country DE" not in shown  # one group alone
    assert "No gap between groups of people beyond the tolerance of 0.1." in shown


def test_what_came_after_the_training_is_held_against_the_scores(stack: Any, shop: str) -> None:
    made = train(MODEL, stack.settings)
    assert look(MODEL, stack.settings) == []  # it has seen every date so far
    stack.query(f"insert into {shop}.features {customers(MONTHS, 1)}")
    stack.query(f"insert into {shop}.labels {LABELS.format(shop=shop)} where as_of_date = '2024-07-31'")
    [found] = look(MODEL, stack.settings)
    assert (found.version, found.source, str(found.as_of_date)) == (made.version, "shop", "2024-07-31")
    assert found.row_count == CUSTOMERS
    kept = stack.query(f"""select metrics['base_rate'] as base_rate, metrics['mean_chance'] as chance,
        metrics['lift_at_10'] as lift from ml.model_outcomes where version = '{made.version}'""")[0]
    truth = stack.query(f"""select avg(int(has_order_next_7_days)) as rate from {shop}.labels
        where as_of_date = '2024-07-31'""")[0]["rate"]
    assert kept["base_rate"] == pytest.approx(truth)
    assert kept["chance"] == pytest.approx(truth, abs=0.1)
    assert kept["lift"] > 1.2


def test_drift_makes_a_model_due_and_a_worse_challenger_does_not_serve(stack: Any, shop: str) -> None:
    settings = stack.settings
    made = train(MODEL, settings)
    calm = train_if_due(MODEL, settings)
    assert (calm.version, calm.is_promoted) == (made.version, True)
    assert "not due: " in calm.decision
    assert "scores are stable" in calm.decision

    # A month whose customers were last seen long ago, and earlier labels that teach the contrary now.
    stack.query(f"insert into {shop}.features {customers(MONTHS, 1, away=80)}")
    stack.query(f"""update {shop}.labels set has_order_next_7_days = not has_order_next_7_days
        where as_of_date < '2024-06-30'""")
    shown = CliRunner().invoke(main, ["models", "drift", MODEL, "--json"], catch_exceptions=False)
    told = {row["column_name"]: row["judged"] for row in json.loads(shown.stdout)}
    assert told["recency_days"] == told["score"] == "drifted"
    assert told["revenue_90d"] == "stable"
    kept = stack.query(f"""select expected_as_of['shop'] as seen, as_of['shop'] as now, psi,
        aggregate(actual, 0L, (a, b) -> a + b) as customers from ml.model_drift
        where version = '{made.version}' and column_name = 'score' order by measured_at desc limit 1""")[0]
    assert (kept["seen"], kept["now"], kept["customers"]) == ("2024-06-30", "2024-07-31", CUSTOMERS)
    assert kept["psi"] > settings.drift_limit

    refused = train_if_due(MODEL, settings)
    assert (refused.champion, refused.is_promoted) == (made.version, False)
    assert refused.decision.startswith("due, its scores are drifted")
    assert "the champion has" in refused.decision
    assert catalog.champions(settings)[MODEL] == made.version
    assert train_if_due(MODEL, settings).decision.endswith("nothing new to learn")
    decided = [(row["action"], row["version"]) for row in versions.decisions(MODEL, settings)]
    first, second = made.version, refused.version
    assert decided[-4:] == [("promoted", first), ("kept", first), ("refused", second), ("kept", first)]
