"""Published figures of real files come out of plain SQL on the marts, through Kafka like everything else.

The documented query of each figure is in docs/data.md and docs/metrics.md.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.engine.conftest import EVENT_MARTS, FILES, GA_LOOKS, build

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
COHORT_2010_12 = [885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235]
EVENTS = {
    "rees46": {"product_view": 17_055, "purchase": 214, "cart": 165},
    "taobao": {"product_view": 75_872, "cart": 4_497, "favourite": 2_356, "purchase": 1_750},
    "access_log": {"page_view": 9_999},
    "reviews": {"review": 17_545},
    "ga_store": {
        "page_view": 14_783 + GA_LOOKS,
        "product_updated": 1_092,
        "click": 154,
        "product_view": 137,
        "cart": 37,
        "checkout_start": 13,
        "purchase": 9,
        "remove_from_cart": 1,
    },
}


def check_online_retail(stack: Stack) -> None:
    for rows, expected in ONLINE_RETAIL.items():
        found = stack.query(f"{FIGURES} {rows}")[0]
        assert {name: found[name] for name in expected} == expected, rows


def test_every_record_of_online_retail_lands(stack: Stack, files: Path) -> None:
    found = stack.query("select count(*) as landed from raw.events where source = 'online_retail'")
    assert found == [{"landed": 541_909}]


def test_online_retail_gives_its_published_figures(stack: Stack, files: Path) -> None:
    check_online_retail(stack)


@pytest.mark.usefixtures("files")
def test_the_first_cohort_of_online_retail_comes_back_as_published(stack: Stack) -> None:
    found = stack.query(
        "select active_customers from ci_marts.fct_cohort_retention where source = 'online_retail'"
        " and cohort_period = 'month' and cohort_start_date = date'2010-12-01' order by period_number"
    )
    assert [row["active_customers"] for row in found] == COHORT_2010_12


@pytest.mark.usefixtures("files")
def test_half_an_hour_cuts_taobao_into_its_published_sessions(stack: Stack) -> None:
    """Of the publisher's nine days: what wrong clocks date elsewhere makes 25 sessions more."""
    nine_days = "ended_at >= '2017-11-24 16:00:00' and started_at <= '2017-12-03 15:59:59'"
    found = stack.query(
        "select count(*) as sessions, round(100 * avg(int(is_conversion)), 2) as buying,"
        " round(100 * avg(int(event_count = 1)), 1) as of_one_event, count_if(is_bot) as bots"
        f" from ci_marts.fct_sessions where source = 'taobao' and {nine_days}"
    )
    assert found == [{"sessions": 14_097, "buying": 9.54, "of_one_event": 31.0, "bots": 0}]


@pytest.mark.usefixtures("files")
def test_whole_orders_and_reviews_make_no_sessions(stack: Stack) -> None:
    found = stack.query("select distinct source from ci_marts.fct_sessions where landed_at is not null")
    of_files = {row["source"] for row in found} & set(FILES)
    assert of_files == {"rees46", "taobao", "access_log", "ga_store"}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("source", EVENTS)
def test_every_event_of_a_file_is_in_the_mart_once(stack: Stack, source: str) -> None:
    found = stack.query(
        "select event_type, count(*) as events, count(distinct event_id) as ids"
        f" from ci_marts.fct_events where source = '{source}' group by 1"
    )
    assert {row["event_type"]: row["events"] for row in found} == EVENTS[source]
    assert all(row["events"] == row["ids"] for row in found)


@pytest.mark.usefixtures("files")
def test_wrong_clocks_of_taobao_keep_their_times_and_are_late(stack: Stack) -> None:
    """Of a source's first batch nothing is late, as nothing came before it."""
    nine_days = "occurred_at between '2017-11-24T16:00:00Z' and '2017-12-03T15:59:59Z'"
    found = stack.query(
        "select count(*) as strays, count_if(not is_late and batch_id > first_batch) as in_time,"
        " min(occurred_at) as earliest from (select *, min(batch_id) over () as first_batch"
        f" from raw.events where source = 'taobao') where not {nine_days}"
    )
    assert found == [{"strays": 35, "in_time": 0, "earliest": datetime(2017, 9, 11, 8, 16, 39)}]


@pytest.mark.usefixtures("files")
def test_of_the_access_log_crawlers_are_flagged_and_one_line_is_rejected(stack: Stack) -> None:
    """Beside 1,955 known crawlers (19.6 %): 23 that only ua-parser knows, no agent at all, HTTP clients."""
    found = stack.query(
        "select count(distinct visitor_id) as visitors,"
        " count_if(startswith(visitor_id, 'p1_')) as pseudonyms, count_if(context.is_bot) as bots,"
        " count_if(array_contains(context.bot_reasons, 'known_crawler')) as crawlers"
        " from raw.events where source = 'access_log' and is_accepted"
    )
    assert found == [{"visitors": 1_861, "pseudonyms": 9_999, "bots": 2_184, "crawlers": 1_978}]
    rejected = stack.query(
        "select explode(rejection_reasons) as reason from raw.events"
        " where source = 'access_log' and not is_accepted"
    )
    assert "properties.malformed_line_8899: is not in the contract" in [row["reason"] for row in rejected]


@pytest.mark.usefixtures("files")
def test_exact_duplicates_of_the_google_store_are_kept_and_numbered(stack: Stack) -> None:
    found = stack.query(
        "select count_if(occurrence > 1) as repeated, max(occurrence) > 2 as are_many"
        " from raw.events where source = 'ga_store'"
    )
    assert found == [{"repeated": 21_849, "are_many": True}]


def test_an_overlapping_file_changes_no_figure(stack: Stack, files: Path) -> None:
    """One week of the same data in the other format: every record lands again, no mart moves."""
    stack.run("lakehouse", "replay", "online_retail", str(files / "online_retail/week_2011-11-28.csv.gz"))
    build(stack, "run", *EVENT_MARTS)
    landed = stack.query("select count(*) as landed from raw.events where source = 'online_retail'")
    assert landed == [{"landed": 541_909 + 18_916}]
    check_online_retail(stack)
