"""Marts hold what pandas computes straight from the published files, row by row: tests/independent."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Stack
from tests.engine.conftest import FILES, build
from tests.independent import marts, online_retail
from tests.independent.attribution import attribution
from tests.independent.cohorts import cohorts
from tests.independent.events import rees46_actions, taobao_actions
from tests.independent.funnels import funnels
from tests.independent.rfm import rfm
from tests.independent.sessions import cut, summed

pytestmark = pytest.mark.engine

READERS = {"taobao": taobao_actions, "rees46": rees46_actions}
NO_ORDERS = pd.DataFrame({"source": [], "is_sale": [], "has_future_date": []}).astype(
    {"is_sale": bool, "has_future_date": bool}
)


@pytest.fixture(scope="module")
def sales(files: Path) -> pd.DataFrame:
    return online_retail.sales(files / "online_retail/online_retail.parquet")


def frame(stack: Stack, table: str, columns: list[str], keys: list[str], where: str) -> pd.DataFrame:
    """Rows of Online Retail in a table, indexed and ordered by their keys."""
    selected = ", ".join([*keys, *columns])
    rows = pd.DataFrame(
        stack.query(f"select {selected} from {table} where source = 'online_retail' and {where}")
    )
    days = {key: pd.to_datetime(rows[key]).dt.date for key in keys if key.endswith("_date")}
    return rows.assign(**days).set_index(keys).sort_index()


def assert_equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows and values; amounts to a hundredth of a penny."""
    assert list(found.index) == list(expected.index)
    numbers = found.astype(float).sub(expected[found.columns].astype(float)).abs()
    assert numbers.max().max() < 0.0001


def test_rfm_of_every_customer_on_every_date_is_what_pandas_gives(stack: Stack, sales: pd.DataFrame) -> None:
    scores = [f"rfm_{part}_score" for part in ("recency", "frequency", "monetary")]
    columns = ["recency_days", "order_count", "revenue", *scores]
    keys = ["as_of_date", "customer_id"]
    found = frame(stack, "ci_intermediate.int_customers_scored_rfm", columns, keys, "true")
    dates = sorted(set(found.index.get_level_values("as_of_date")))
    assert (len(dates), dates[-1]) == (13, date(2011, 12, 9))
    for day in dates:
        assert_equal(found.loc[day], rfm(sales, day).sort_index())


@pytest.mark.parametrize("period", ["month", "week"])
def test_every_cohort_is_what_pandas_gives(stack: Stack, sales: pd.DataFrame, period: str) -> None:
    columns, keys = ["active_customers", "revenue"], ["cohort_start_date", "period_number"]
    wanted = f"cohort_period = '{period}' and active_customers > 0"
    found = frame(stack, "ci_marts.fct_cohort_retention", columns, keys, wanted)
    assert_equal(found, cohorts(sales, period).sort_index())


@dataclass(frozen=True)
class Behaviour:
    """What people did in one file, and the sessions that it makes."""

    source: str
    browsing: pd.DataFrame
    sessions: pd.DataFrame


@pytest.fixture(scope="module", params=sorted(READERS))
def behaviour(request: pytest.FixtureRequest, behaviour_marts: Path) -> Behaviour:
    events = READERS[request.param](behaviour_marts / FILES[request.param][0])
    browsing = cut(events)
    return Behaviour(request.param, browsing, summed(events, browsing, datetime.now(UTC).date()))


@pytest.fixture(scope="module")
def behaviour_marts(stack: Stack, files: Path) -> Path:
    build(stack, "run", "+fct_funnel_steps", "+fct_attribution")
    return files


def test_every_session_is_what_pandas_gives(stack: Stack, behaviour: Behaviour) -> None:
    found = marts.sessions(stack.query, [behaviour.source])
    assert len(found) > 4_000
    assert marts.session_differences(found, behaviour.sessions) == []


def test_every_funnel_step_is_what_pandas_gives(stack: Stack, behaviour: Behaviour) -> None:
    expected = funnels(behaviour.browsing, behaviour.sessions)
    assert expected["reached_count"].max() > 500
    assert marts.funnel_differences(stack.query, [behaviour.source], expected) == []


def test_every_share_of_a_conversion_is_what_pandas_gives(stack: Stack, behaviour: Behaviour) -> None:
    expected = attribution(behaviour.browsing, behaviour.sessions, NO_ORDERS)
    assert len(expected) > 1_000
    found = marts.sessions(stack.query, [behaviour.source])
    assert marts.share_differences(stack.query, found, behaviour.sessions, expected) == []
