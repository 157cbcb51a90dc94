"""The ledger of the running lakehouse balances, whatever comes; and tells where it does not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from tests.made import CONSENT, order

pytestmark = pytest.mark.engine

SOURCE = "z_ledger"
BOOKED = """
    select source, reason, sum(record_count) as records, sum(late_count) as late,
        sum(future_count) as future, sum(bot_count) as bots, sum(no_consent_count) as without_consent
    from ops.ledger where landed_at > timestamp'{}' and source in ('', '{}') group by source, reason
"""


def at(minutes_ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=minutes_ago):%Y-%m-%dT%H:%M:%SZ}"


def made(event_id: str, **envelope: Any) -> dict[str, Any]:
    return order(event_id, **{"source": SOURCE, "occurred_at": at(0)} | envelope)


def build(stack: Any) -> None:
    stack.dbt("run", "--select", "+ledger_batches", target="local")


@pytest.fixture(scope="module")
def booked(stack: Any) -> dict[tuple[str, str], list[int]]:
    """Every kind of record landed and booked; (source, reason) -> records, late, future, bots, counts."""
    stack.publish([made("first")])
    stack.wait_landed()
    before = stack.query("select string(max(landed_at)) as at from raw.events")[0]["at"]
    late = stack.settings.late_after_minutes + 5
    stack.publish([made("on-time"), made("first"), made("late", occurred_at=at(late))])
    stack.publish([made("future", occurred_at=at(-3 * 24 * 60)), made("bad", contract_version=2)])
    stack.wait_landed()
    build(stack)  # what comes now is booked by a second, incremental build
    stack.publish([made("on-time"), made("late", occurred_at=at(late))])
    with_colour = made("colour") | {"colour": "red"}
    applause = made("applause") | {"event_type": "applause"}
    stack.send("orders", *map(orjson.dumps, (made("raw"), with_colour, applause)), b"{", partition=1)
    settings = stack.settings
    with httpx.Client(base_url=f"http://{settings.host}:{settings.collector_port}", timeout=60) as door:
        bot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
        assert door.post("/track-event", json=made("silent")).status_code == 202
        assert door.post("/track-event", json=made("bot", consent=CONSENT), headers=bot).status_code == 202
    stack.wait_landed()
    build(stack)
    rows = stack.query(BOOKED.format(before, SOURCE))
    return {(row["source"], row["reason"]): list(row.values())[2:] for row in rows}


def test_every_record_is_booked_once_under_its_reason(booked: dict[tuple[str, str], list[int]]) -> None:
    assert booked == {
        # on-time, late, future, raw, the count of the silent one, bot
        (SOURCE, "accepted"): [6, 1, 1, 1, 1],
        # first, on-time, late
        (SOURCE, "duplicate"): [3, 1, 0, 0, 0],
        (SOURCE, "unknown_version"): [1, 0, 0, 0, 0],
        (SOURCE, "unknown_type"): [1, 0, 0, 0, 0],
        (SOURCE, "breaks_contract"): [1, 0, 0, 0, 0],
        ("", "malformed"): [1, 0, 0, 0, 0],
    }


@pytest.mark.usefixtures("booked")
def test_the_whole_ledger_balances_batch_by_batch_and_against_kafka(stack: Any) -> None:
    shown = json.loads(stack.run("lakehouse", "ledger", "--json", "--last", "2").stdout)
    assert (shown["problems"], shown["balances"]) == ([], True)
    assert shown["read"] == shown["booked"] == sum(row["records"] for row in shown["reasons"])
    landed = stack.query("select count(*) as n from raw.events")[0]["n"]
    assert (shown["booked"], shown["waiting_to_land"], shown["waiting_to_be_booked"]) == (landed, 0, 0)
    assert [batch["balanced"] for batch in shown["last_batches"]] == [True, True]
    assert shown["reasons"][0]["reason"] == "accepted"


@pytest.mark.usefixtures("booked")
def test_what_has_landed_since_the_build_waits_to_be_booked(stack: Any) -> None:
    stack.publish([made("after")])
    stack.wait_landed()
    done = stack.run("lakehouse", "ledger")
    assert "0 more wait in Kafka to land, 1 have landed and wait for `dbt build`." in done.stdout


@pytest.mark.usefixtures("booked")
def test_a_record_that_is_not_in_the_table_is_told(stack: Any) -> None:
    where = f"source = '{SOURCE}' and event_id = 'first' and is_accepted"
    version = stack.query("describe history raw.events limit 1")[0]["version"]
    stack.query(f"delete from raw.events where {where}")
    try:
        done = stack.run("lakehouse", "ledger", check=False)
    finally:
        stack.query(f"insert into raw.events select * from raw.events version as of {version} where {where}")
    assert done.returncode == 1
    assert "Error: The ledger does not balance: orders-" in done.stderr
    assert "did not land" in done.stderr
    assert stack.run("lakehouse", "ledger").returncode == 0
