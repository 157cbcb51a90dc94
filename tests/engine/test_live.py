"""live.minutes holds what raw.events holds, whatever comes late, twice or around a kill."""

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from ingestion.streams import live
from ingestion.streams.minutes import live_minutes
from lakehouse.servers import stack as servers
from lakehouse.settings import HADOOP_USER
from lakehouse.store import WebHdfsStore
from tests.made import at, order, recent

pytestmark = pytest.mark.engine

SOURCE, FLOW = "z_live", "z_live_flow"


def expected(source: str) -> dict[str, str]:
    """Columns of live.minutes, and the same in plain SQL over raw.events."""
    raw = f"select * from raw.events where source = '{source}'"
    placed = f"""
        select *, date_trunc('minute', occurred_at) as minute_at from ({raw})
        where is_accepted and occurred_at >= landed_at - interval 24 hours
        and occurred_at <= landed_at + interval 10 minutes
        qualify row_number() over (partition by event_id order by landed_at, kafka_offset) = 1"""
    orders = f"select *, explode(properties.lines) as line from ({placed}) where event_type = 'order_placed'"
    lines = f"""
        select source, minute_at, properties.order_id, line.* from ({orders})
        where properties.order_status = 'placed' and line.quantity > 0 and line.line_total > 0"""
    return {
        "events, visitors, sessions": f"""
            select source, minute_at, count(*), count(distinct visitor_id), count(distinct session_id)
            from ({placed}) group by all""",
        "orders, revenue": f"""
            select source, minute_at, count(distinct order_id), cast(sum(line_total) as decimal(28, 4))
            from ({lines}) group by all""",
        "inline(event_types)": f"""
            select source, minute_at, event_type, count(*) from ({placed}) group by all""",
        "inline(pages)": f"""
            select source, minute_at, split(context.page_url, '[?]')[0], count(*)
            from ({placed}) where event_type = 'page_view' group by all""",
        "inline(products)": f"""
            select source, minute_at, product_id, sum(views), sum(carts), sum(order_lines), sum(revenue)
            from (
                select source, minute_at, properties.product_id, int(event_type = 'product_view') as views,
                    int(event_type = 'cart') as carts, 0 as order_lines, 0.0 as revenue
                from ({placed}) where event_type in ('product_view', 'cart')
                union all select source, minute_at, product_id, 0, 0, 1, line_total from ({lines})
            ) group by all""",
        "records_landed, records_rejected, events_late": f"""
            select source, date_trunc('minute', landed_at), count(*), count_if(not is_accepted),
                count_if(is_accepted and is_late)
            from ({raw}) group by all""",
    }


def assert_counted(stack: Any, source: str) -> None:
    """Every measure of every minute is that of raw.events."""
    for measures, there in expected(source).items():
        first = measures.split(",")[0]
        some = "true" if first.startswith("inline") else f"{first} > 0"
        here = f"select source, minute_at, {measures} from live.minutes where source = '{source}' and {some}"
        assert stack.query(there), measures
        assert stack.query(f"({here} except {there}) union all ({there} except {here})") == [], measures


@pytest.fixture(scope="module")
def counted(stack: Any) -> Any:
    """A set with known answers: late, out of order, twice, rejected, too old, too early."""
    first = [recent(number, SOURCE, minutes=number % 3) for number in range(24)]
    cancelled = order("z-cancelled", source=SOURCE, occurred_at=at())
    cancelled["properties"]["order_status"] = "cancelled"
    then = [
        *first[:6],
        recent(24, SOURCE, minutes=75),
        recent(25, SOURCE, minutes=75),
        recent(27, SOURCE, minutes=12),
        recent(28, SOURCE, hours=30),
        recent(29, SOURCE, hours=-5),
        cancelled,
        recent(31, SOURCE) | {"contract_version": 9},
    ]
    for events in (first, then):
        stack.publish(events)
        stack.wait_counted()
    return stack


def total(stack: Any, *measures: str, where: str = "true") -> list[int]:
    sums = ", ".join(f"sum({measure}) as {measure}" for measure in measures)
    return list(
        stack.query(f"select {sums} from live.minutes where source = '{SOURCE}' and {where}")[0].values()
    )


def test_every_measure_is_that_of_raw_events(counted: Any) -> None:
    assert_counted(counted, SOURCE)


def test_known_answers(counted: Any) -> None:
    assert total(counted, "events", "events_repeated", "orders", "orders_cancelled") == [28, 6, 7, 1]
    landed = ("records_landed", "records_rejected", "events_late", "events_too_old", "events_ahead")
    assert total(counted, *landed) == [37, 1, 3, 1, 1]
    recent = "minute_at > now() - interval 30 minutes"
    assert total(counted, "visitors_last_seen", "sessions_last_seen", where=recent) == [7, 11]
    assert total(counted, "events", where="minute_at < now() - interval 70 minutes") == [2]


def test_where_nothing_lands_nothing_is_committed(counted: Any) -> None:
    def version() -> int:
        table = live_minutes().location(counted.settings)
        return int(counted.query(f"describe history delta.`{table}` limit 1")[0]["version"])

    before = version()
    threading.Event().wait(3 * counted.settings.live_interval_seconds)
    assert version() == before


@pytest.fixture
def flow(stack: Any) -> Iterator[Callable[[], None]]:
    """Events that keep coming, some of them twice or late; yields what ends it."""
    stopping = threading.Event()

    def run() -> None:
        number = 0
        while not stopping.wait(0.5):
            events = [recent(number + n, FLOW, minutes=(number + n) % 5) for n in range(40)]
            events.append(recent(10**6 + number, FLOW, minutes=number % 900))
            stack.publish(events + events[::3])
            number += 40

    thread = threading.Thread(target=run)

    def end() -> None:
        stopping.set()
        thread.join()

    thread.start()
    yield end
    end()


def test_killed_in_mid_flow_it_counts_nothing_twice_and_forgets_nothing(
    stack: Any, flow: Callable[[], None]
) -> None:
    def pid() -> int | None:
        return next(p for p in servers.processes(stack.settings) if p["name"] == "landing")["pid"]

    def events() -> int:
        found = stack.query(f"select sum(events) as n from live.minutes where source = '{FLOW}'")
        return int(found[0]["n"] or 0)

    stack.wait_until(lambda: events() > 0, 300, "counting")
    before = pid()
    os.kill(before, signal.SIGKILL)
    stack.wait_until(lambda: pid() not in (None, before), 300, "landing started again")
    seen = events()
    stack.wait_until(lambda: events() > seen, 300, "counting again")
    flow()
    stack.wait_counted()
    assert_counted(stack, FLOW)


def test_past_commits_and_replaced_files_are_deleted(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table like it, with a checkpoint every other commit."""
    monkeypatch.setenv("HADOOP_USER_NAME", HADOOP_USER)
    properties = live_minutes().properties | {"delta.checkpointInterval": "2"}
    table = dataclasses.replace(live_minutes(), name="live.z_tidy", properties=properties)
    stack.query(table.create_sql(stack.settings))
    path = table.location(stack.settings).removeprefix(stack.settings.hdfs)
    store = WebHdfsStore(stack.settings.webhdfs, path)
    minutes = DeltaTable(table.location(stack.settings))
    hour = datetime(2025, 1, 31, 8, tzinfo=UTC)

    def replaced(number: int, hour: datetime, expired: datetime) -> None:
        row = {"source": SOURCE, "events": number, "minute_at": hour, "hour_at": hour}
        schema = pa.schema(minutes.schema().to_arrow())
        live.replace(minutes, pa.Table.from_pylist([row], schema), expired)

    for number in range(6):
        replaced(number, hour, hour)
    # Each a moment later than the one before, as commits are.
    for age, name in enumerate(sorted(store.names("_delta_log"))):
        at = int((time.time() - 9999 + age) * 1000)
        aged = {"op": "SETTIMES", "user.name": HADOOP_USER, "modificationtime": at}
        httpx.put(f"{stack.settings.webhdfs}{path}/_delta_log/{name}", params=aged).raise_for_status()
    replaced(6, hour, hour)
    replaced(7, hour + timedelta(hours=1), hour)
    replaced(8, hour + timedelta(hours=2), hour + timedelta(hours=1))
    replaced(9, hour + timedelta(hours=2), hour + timedelta(hours=1))
    commits = [int(name[:20]) for name in store.names("_delta_log") if name.endswith(".json")]
    assert 10 in commits
    assert min(commits) >= 4
    held = stack.query("select events, hour_at from live.z_tidy order by hour_at")
    assert [(row["events"], row["hour_at"].hour) for row in held] == [(7, 9), (9, 10)]
    stack.query("drop table live.z_tidy")
