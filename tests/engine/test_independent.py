"""Marts hold what pandas computes straight from the published files, row by row: tests/independent."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Stack
from tests.independent import online_retail
from tests.independent.cohorts import cohorts
from tests.independent.rfm import rfm

pytestmark = pytest.mark.engine


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
