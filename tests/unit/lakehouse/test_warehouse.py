from typing import Any

import pytest
from pyhive import hive

from lakehouse import warehouse
from lakehouse.errors import UserError
from lakehouse.settings import Settings


class Server:
    """A Thrift connection and cursor in one, of a server that fails when a session ends."""

    description = (("marts.answer", "INT"),)

    def cursor(self) -> "Server":
        return self

    def execute(self, sql: str) -> None:
        if sql != "select 42":
            raise hive.OperationalError("no such thing")

    def fetchall(self) -> list[tuple[int]]:
        return [(42,)]

    def close(self) -> None:
        raise hive.OperationalError("NoClassDefFoundError")


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**where: Any) -> Server:
        return Server()

    monkeypatch.setattr(hive, "connect", connect)


def test_rows_are_kept_where_the_session_ends_badly() -> None:
    assert warehouse.query("select 42", Settings()) == [{"answer": 42}]


def test_an_error_of_the_statement_is_told_before_one_of_the_end() -> None:
    with pytest.raises(UserError, match="SQL error: no such thing"):
        warehouse.query("select nothing", Settings())
