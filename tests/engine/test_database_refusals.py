"""What may be wrong with a shop's PostgreSQL is a sentence, and leaves nothing behind."""

from typing import Any

import pytest
from pydantic import SecretStr

from ingestion.sources.database import capture
from ingestion.sources.database.log import DatabaseAwayError
from lakehouse.errors import UserError
from tests.conftest import free_port
from tests.postgres import running
from tests.shop_database import FILL, Shop

pytestmark = pytest.mark.engine


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
