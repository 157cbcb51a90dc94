"""A shop's PostgreSQL captured into raw.events: snapshot, changes, crashes, and what may be wrong with it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ingestion.sources.database import capture
from ingestion.sources.database.log import DatabaseAwayError
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from tests.conftest import free_port
from tests.postgres import Postgres, running

pytestmark = pytest.mark.engine

ADA = 4711001
FILL = (
    f"insert into customers values ({ADA}, 'ada@example.org', 'Germany', 'Bonn', 'f', '2025-01-01T10:00Z')",
    "insert into products values ('p1', 'Pan', 'kitchen', 'acme', 5.5, '2025-01-01T10:00Z')",
    f"insert into orders values (7, {ADA}, 'new', 'EUR', 'Germany', '2025-01-02T10:00Z')",
    "insert into order_lines values (7, 1, 'p1', 2, 5.5), (7, 2, 'p1', 1, 5)",
    "insert into payments values (3, 7, 'pending', 'card', 16, 'EUR')",
)
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


@dataclass(frozen=True)
class Shop:
    """A shop's database and its source in the lakehouse."""

    stack: Any
    postgres: Postgres
    name: str
    settings: Settings

    @property
    def variables(self) -> dict[str, str]:
        """What a program of its own is given."""
        return {
            "LAKEHOUSE_DATABASE": self.postgres.address(self.name),
            "LAKEHOUSE_DATABASE_SOURCE": self.name,
        }

    def run(self, *statements: str, user: str = "owner") -> list[Any]:
        return self.postgres.run(*statements, database=self.name, user=user)

    def capture(self, **changes: Any) -> capture.CaptureResult:
        return capture.once(self.settings.replace(**changes), lambda line: None)

    def as_user(self, user: str) -> SecretStr:
        return SecretStr(self.postgres.address(self.name, user))

    def landed(self, columns: str, where: str = "true") -> list[dict[str, Any]]:
        self.stack.wait_landed()
        return self.stack.query(
            f"select {columns} from raw.events where source = '{self.settings.database_source}' and {where}"
        )


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running(free_port()) as server:
        yield server


@pytest.fixture
def shop(stack: Any, postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Shop]:
    name = f"z_{abs(hash(request.node.name)) % 10**8}"
    with postgres.shop(name):
        settings = stack.settings.replace(database=SecretStr(postgres.address(name)), database_source=name)
        yield Shop(stack, postgres, name, settings)


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


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table payments drop constraint payments_pkey", "payments: has no primary key"),
        ("alter table orders drop currency", 'orders, properties.currency: column "currency" does not exist'),
        ("alter table order_lines drop unit_price", "orders, lines.unit_price: column"),
        ("drop table payments", "payments: the database has no such table"),
    ],
)
def test_what_the_database_lacks_is_a_sentence(shop: Shop, statement: str, said: str) -> None:
    shop.run(statement)
    with pytest.raises(UserError, match=said):
        shop.capture()
    assert shop.run("select * from pg_replication_slots where database = current_database()") == []


def test_who_cannot_come_in_is_told_why_and_no_password(shop: Shop) -> None:
    wrong = SecretStr(shop.postgres.address(shop.name).replace("s3cret", "guessed"))
    with pytest.raises(UserError, match=r"does not let us in: .*password authentication failed") as refused:
        shop.capture(database=wrong)
    assert "guessed" not in str(refused.value)
    with pytest.raises(UserError, match="is no connection string") as refused:
        shop.capture(database=SecretStr("hunter2"))
    assert "hunter2" not in str(refused.value)
    with pytest.raises(DatabaseAwayError, match=r"does not answer"):
        shop.capture(database=SecretStr(f"postgresql://owner:s3cret@127.0.0.1:{free_port()}/shop"))
    with pytest.raises(UserError, match="LAKEHOUSE_DATABASE is not set"):
        shop.capture(database=None)


def test_a_user_who_owns_nothing_needs_three_grants(shop: Shop) -> None:
    user = f"reader_{shop.name}"
    shop.run(*FILL, f"create role {user} login password 's3cret'")
    reader = shop.as_user(user)
    try:
        with pytest.raises(UserError, match="GRANT SELECT ON public"):
            shop.capture(database=reader)
        shop.run(f"grant select on all tables in schema public to {user}")
        with pytest.raises(UserError, match="may not publish the tables") as refused:
            shop.capture(database=reader)
        shop.run(str(refused.value).split("let their owner do it: ")[1])
        with pytest.raises(UserError, match=r"refuses: .*replication"):
            shop.capture(database=reader)
        shop.run(f"alter role {user} replication")
        assert shop.capture(database=reader).snapshot == 4
        # The publication is its owner's.
        assert capture.drop(shop.settings.replace(database=reader)) == [f"lakehouse_{shop.name}"]
    finally:
        shop.run(f"drop owned by {user}", f"drop role {user}")


def test_one_captures_at_a_time_and_a_slot_that_is_gone_means_a_new_snapshot(shop: Shop) -> None:
    shop.run(*FILL)

    def lose_the_slot() -> None:
        with capture.opened(shop.settings, lambda line: None) as first:
            with pytest.raises(UserError, match="Another capture"):
                shop.capture()
            shop.run(f"select pg_drop_replication_slot('lakehouse_{shop.name}')")
            first.step()

    with pytest.raises(UserError, match="a new start takes a new snapshot"):
        lose_the_slot()
    assert shop.capture().snapshot == 4
    shop.run("create table extra (id int primary key)")
    removed = capture.drop(shop.settings)
    assert removed == [f"lakehouse_{shop.name}", f"publication lakehouse_{shop.name}"]
    assert capture.drop(shop.settings) == []


def test_a_log_that_keeps_too_little_is_said(stack: Any) -> None:
    with running(free_port(), wal_level="replica") as postgres, postgres.shop("bare"):
        settings = stack.settings.replace(database=SecretStr(postgres.address("bare")))
        with pytest.raises(UserError, match=r"wal_level is replica.*set `wal_level = logical`"):
            capture.once(settings, lambda line: None)
