"""live.minutes_in_memory holds what live.minutes holds, and Spark asks it for no more than is wanted."""

import time
from typing import Any

import pytest

from ingestion.streams.minutes import COLUMNS
from lakehouse.live_rows import NAME
from tests.made import recent

pytestmark = pytest.mark.engine

SOURCE, OTHER = "z_held", "z_held_too"
BEHIND_SECONDS = 1.5  # a second at most, and what a question takes to be put
MINUTE = "date_trunc('minute', now())"
ASKED = {
    "all": "true",
    "one source": f"source = '{SOURCE}'",
    "two sources": f"source in ('{SOURCE}', '{OTHER}')",
    "not a source": f"source <> '{SOURCE}'",
    "since": f"source = '{SOURCE}' and minute_at > {MINUTE} - interval 30 minutes",
    "from": f"source = '{SOURCE}' and minute_at >= {MINUTE} - interval 30 minutes",
    "between": f"minute_at < {MINUTE} - interval 2 minutes and minute_at > {MINUTE} - interval 80 minutes",
    "either": f"source = '{OTHER}' or minute_at > {MINUTE} - interval 2 minutes",
    "by a measure": "events > 1 and source like 'z_held%'",
}


def differing(stack: Any, where: str) -> list[dict[str, Any]]:
    """Rows of these that one table has and the other has not."""
    one, other = (
        f"select {', '.join(COLUMNS)} from {table} where source like 'z_held%' and ({where})"
        for table in ("live.minutes", NAME)
    )
    return stack.query(f"({one} except all {other}) union all ({other} except all {one})")


@pytest.fixture(scope="module")
def held(stack: Any) -> Any:
    """Two sources in several hours, some of it counted in a second version."""
    for source in (SOURCE, OTHER):
        stack.publish([recent(number, source, minutes=number * 7 % 150) for number in range(40)])
    stack.wait_counted()
    stack.publish([recent(number, SOURCE, minutes=number) for number in range(40, 60)])
    stack.wait_counted()
    time.sleep(BEHIND_SECONDS)
    return stack


@pytest.mark.parametrize("where", ASKED.values(), ids=ASKED)
def test_it_answers_as_the_table_does(held: Any, where: str) -> None:
    assert held.query(f"select count(*) as n from {NAME} where source like 'z_held%' and ({where})")[0]["n"]
    assert differing(held, where) == []


def test_what_spark_deletes_is_gone(held: Any) -> None:
    odd = f"source = '{OTHER}' and events % 2 = 1"
    assert held.query(f"select * from {NAME} where {odd}")
    held.query(f"delete from live.minutes where {odd}")
    time.sleep(BEHIND_SECONDS)
    assert differing(held, "true") == []
    assert held.query(f"select * from {NAME} where {odd}") == []


def test_spark_makes_no_code_for_a_time(held: Any) -> None:
    """It would be compiled anew for each question."""
    where = f"source = '{SOURCE}' and minute_at > now() - interval 5 minutes"
    plan = held.query(f"explain select sum(events) as n from {NAME} where {where}")[0]["plan"]
    assert "Filter" not in plan.replace("PushedFilters", "")
    assert "orders" not in plan


def test_columns_are_those_of_the_table(held: Any) -> None:
    assert held.query(f"describe {NAME}") == [
        row for row in held.query("describe live.minutes")[: len(COLUMNS)] if row["col_name"]
    ]
