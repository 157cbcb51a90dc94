"""A shop's PostgreSQL captured into raw.events: snapshot, changes, and crashes at any moment."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingestion.sources.database import capture
from tests.shop_database import ADA, FILL, Shop

pytestmark = pytest.mark.engine

# Kills itself, as kill -9 does, when it comes to a method for the n-th time.
DYING = """
import os, sys
from ingestion.sources.database import capture, log
room, method, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
owner = getattr({"log": log, "capture": capture}[room], room.title())
before = getattr(owner, method)
def die(*arguments):
    global times
    times -= 1
    if not times:
        os.kill(os.getpid(), 9)
    return before(*arguments)
setattr(owner, method, die)
from lakehouse.settings import get_settings
capture.once(get_settings(), print)
"""


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_rows_and_their_changes_land_as_events(shop: Shop) -> None:
    shop.run(*FILL)
    assert shop.capture() == capture.CaptureResult(snapshot=4, changes=0, rejected=0)
    assert shop.capture() == capture.CaptureResult(snapshot=0, changes=0, rejected=0)
    for statement in (
        "update payments set status = 'paid', updated_at = clock_timestamp()",
        "insert into order_lines values (7, 3, 'p1', 1, 4)",
        "delete from order_lines where line = 1",
        "update orders set status = 'cancelled'",
        "delete from payments",
        "delete from customers",
        "delete from orders",
    ):
        shop.run(statement)
        assert shop.capture() == capture.CaptureResult(snapshot=0, changes=1, rejected=0)
    assert shop.landed("count(*) as n, count(distinct event_id) as ids", "is_accepted") == [
        {"n": 11, "ids": 11}
    ]
    orders = shop.landed(
        "properties.order_status, size(properties.lines) as lines,"
        " aggregate(properties.lines, 0d, (s, l) -> s + double(l.line_total)) as total,"
        " string(occurred_at) as at",
        "event_type = 'order_placed' order by properties.revision",
    )
    assert told(orders[:4], "order_status", "lines", "total", "at") == [
        ("placed", 2, 16.0, "2025-01-02 10:00:00"),
        ("placed", 3, 20.0, "2025-01-02 10:00:00"),
        ("placed", 2, 9.0, "2025-01-02 10:00:00"),
        ("cancelled", 2, 9.0, "2025-01-02 10:00:00"),
    ]
    assert told(orders[4:], "order_status", "lines") == [("cancelled", 0)]
    payments = shop.landed(
        "properties.payment_status, double(properties.amount) as amount",
        "event_type = 'payment' order by occurred_at",
    )
    assert told(payments, "payment_status", "amount") == [("pending", 16), ("paid", 16), ("cancelled", 16)]
    customers = shop.landed("properties.is_deleted", "event_type = 'customer_updated' order by occurred_at")
    assert told(customers, "is_deleted") == [(False,), (True,)]
    # Nobody behind the door can tell whose orders these are.
    everything = str(shop.landed("to_json(struct(*)) as row"))
    assert str(ADA) not in everything
    assert "ada@" not in everything
    people = shop.landed("collect_set(customer_id) as ids", "customer_id is not null")
    assert len(people[0]["ids"].strip("[]").split(",")) == 1
    assert "p1_" in people[0]["ids"]


def test_killed_at_any_moment_it_loses_no_change_and_repeats_ids_only(shop: Shop, tmp_path: Path) -> None:
    def killed(*moment: str) -> None:
        command = [sys.executable, "-c", DYING, *moment]
        done = subprocess.run(
            command, env=shop.stack.environment | shop.variables, capture_output=True, timeout=120
        )
        assert done.returncode == -9, done.stderr.decode()

    def order(number: int) -> str:
        return (
            f"with placed as (insert into orders values ({number}, 1, 'new', 'EUR', 'Germany') returning id)"
            f" insert into order_lines select id, 1, 'p1', {number}, 2 from placed"
        )

    shop.run(*map(order, range(100)))
    killed("log", "snapshot_taken", "1")
    shop.run(
        *map(order, range(100, 200)),
        *[f"update orders set country = '{n}' where id = {n}" for n in range(50)],
    )
    killed("capture", "_publish", "60")  # in the middle of the second snapshot
    killed("log", "advance", "1")  # after the third one, with changes that Kafka has and the slot has not
    killed("capture", "_publish", "70")  # in the middle of the changes
    result = shop.capture()
    assert (result.snapshot, result.changes) == (0, 150)
    counts = shop.landed(
        "count(*) > count(distinct event_id) as is_repeated, count(distinct event_id) as ids,"
        " count(distinct properties.order_id) as orders, count_if(not is_accepted) as rejected"
    )
    # 200 rows in the snapshot, and since the slot was made 100 orders and 50 changes of older ones.
    assert counts == [{"is_repeated": True, "ids": 350, "orders": 200, "rejected": 0}]
    newest = shop.landed(
        "properties.order_id, max_by(properties.country, properties.revision) as country", "true group by 1"
    )
    assert {row["order_id"]: row["country"] for row in newest} == {
        str(n): str(n) if n < 50 else "Germany" for n in range(200)
    }


def test_a_truncated_table_is_said(shop: Shop) -> None:
    shop.run(*FILL)
    shop.capture()
    shop.run("truncate payments")
    said: list[str] = []
    capture.once(shop.settings, said.append)
    assert any(line.startswith("public.payments was emptied by TRUNCATE") for line in said)


def test_a_transaction_too_large_to_hold_comes_in_parts_and_whole(shop: Shop) -> None:
    shop.capture()
    shop.run(
        "begin;"
        "insert into products select 'p' || n, 'first', 'pots', 'acme', n from generate_series(1, 2500) n;"
        "delete from products where price <= 1500;"
        "insert into products select 'p' || n, 'second', 'pots', 'acme', n from generate_series(1, 500) n;"
        "commit"
    )
    assert shop.capture().rejected == 0
    products = shop.landed(
        "properties.name, count(distinct properties.product_id) as products, count(distinct event_id) as ids",
        "true group by 1 order by 1",
    )
    assert told(products, "name", "products", "ids") == [("first", 1000, 1000), ("second", 500, 500)]


def test_consent_and_contracts_hold_for_a_database_too(shop: Shop, tmp_path: Path) -> None:
    shop.run(*FILL, "update orders set currency = 'euro'")
    assert shop.capture().rejected == 1
    (refused,) = shop.landed(
        "string(rejection_reasons) as why, string(payload) as payload", "not is_accepted"
    )
    assert "properties.currency" in refused["why"]
    assert str(ADA) not in refused["payload"]
    shop.run("insert into payments values (4, 7, 'paid', 'card', 1, 'EUR')")
    shop.capture(server_consent=False)
    counted = shop.landed("properties.counted_event_type as kind", "event_type = 'event_counted'")
    assert told(counted, "kind") == [("payment",)]


def test_the_program_goes_on_by_itself_when_the_database_was_away(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "capture.log"
    environment = shop.stack.environment | shop.variables
    with log.open("w") as out:
        command = [sys.executable, "-m", "ingestion.sources.database"]
        program = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        shop.stack.wait_until(lambda: "capture runs" in log.read_text(), 60, "captured")
        shop.run(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'lakehouse' and datname = current_database()",
            *FILL,
        )
        shop.stack.wait_until(lambda: log.read_text().count("capture runs") == 2, 60, "captured again")
        assert "The database broke off: terminating connection" in log.read_text()
        # A row each, and the order once more when its lines came.
        ids = "count(distinct event_id) as ids"
        shop.stack.wait_until(lambda: shop.landed(ids) == [{"ids": 5}], 60, "captured whole")
    finally:
        program.terminate()
        assert program.wait(60) == 0
    done = shop.stack.run("lakehouse", "capture", "--once", **shop.variables)
    assert "rejected" in done.stdout
    done = shop.stack.run("lakehouse", "capture", "--drop", **shop.variables)
    assert done.stdout == f"Removed: lakehouse_{shop.name}, publication lakehouse_{shop.name}.\n"
