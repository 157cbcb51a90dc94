"""Published figures of real files come out of plain SQL on the marts, through Kafka like everything else.

The documented query of each figure is in docs/data.md and docs/metrics.md.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.engine

LINES = "from ci_marts.fct_order_lines where source = 'online_retail'"
CLEAN = f"{LINES} and not is_anonymous and not is_cancelled and quantity > 0 and unit_price > 0"
FIGURES = (
    "select count(*) as line_count, count(distinct customer_id) as customers,"
    " count(distinct order_id) as orders, round(sum(line_total), 2) as revenue"
)
ONLINE_RETAIL = {
    CLEAN: {"line_count": 397_884, "customers": 4_338, "orders": 18_532, "revenue": Decimal("8911407.90")},
    f"{CLEAN} and not is_exact_duplicate": {"line_count": 392_692, "revenue": Decimal("8887208.89")},
    f"{LINES} and is_anonymous": {"line_count": 135_080},
    LINES: {"line_count": 541_909},
}


def build(stack: Stack) -> None:
    stack.wait_landed(900)
    # Cautious: without the tests that also read models which are not built here.
    stack.dbt("build", "--select", "+fct_order_lines", "+fct_events", "--indirect-selection", "cautious")


def check_online_retail(stack: Stack) -> None:
    for rows, expected in ONLINE_RETAIL.items():
        found = stack.query(f"{FIGURES} {rows}")[0]
        assert {name: found[name] for name in expected} == expected, rows


@pytest.fixture(scope="module")
def files(stack: Stack, shared_data: Path) -> Path:
    """Both files replayed, landed and built."""
    stack.run(
        "lakehouse", "replay", "online_retail", str(shared_data / "online_retail/online_retail.parquet")
    )
    stack.run(
        "lakehouse", "replay", "rees46", str(shared_data / "rees46_events/2019-Oct_first_170min.csv.gz")
    )
    build(stack)
    return shared_data


def test_every_record_of_online_retail_lands(stack: Stack, files: Path) -> None:
    found = stack.query("select count(*) as landed from raw.events where source = 'online_retail'")
    assert found == [{"landed": 541_909}]


def test_online_retail_gives_its_published_figures(stack: Stack, files: Path) -> None:
    check_online_retail(stack)


def test_rees46_keeps_its_shares(stack: Stack, files: Path) -> None:
    found = stack.query(
        "select event_type, count(*) as events from ci_marts.fct_events where source = 'rees46' group by 1"
    )
    assert {row["event_type"]: row["events"] for row in found} == {
        "product_view": 17_055,
        "purchase": 214,
        "cart": 165,
    }


def test_an_overlapping_file_changes_no_figure(stack: Stack, files: Path) -> None:
    """One week of the same data in the other format: every record lands again, no mart moves."""
    stack.run("lakehouse", "replay", "online_retail", str(files / "online_retail/week_2011-11-28.csv.gz"))
    build(stack)
    landed = stack.query("select count(*) as landed from raw.events where source = 'online_retail'")
    assert landed == [{"landed": 541_909 + 18_916}]
    check_online_retail(stack)
