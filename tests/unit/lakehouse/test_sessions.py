"""Superset's queries share sessions at the gateway, and none finds what another left behind."""

import importlib.util
from typing import Any

import pytest

from lakehouse.settings import ROOT

SPEC = importlib.util.spec_from_file_location("sessions", ROOT / "superset" / "lakehouse_sessions.py")
assert SPEC is not None
assert SPEC.loader is not None
sessions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sessions)


class Door:
    """What a pool opens: connections that write down what became of them."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.said: list[str] = []
        self.is_dead = False

    def cursor(self) -> "Door":
        return self

    def execute(self, sql: str) -> None:
        if self.is_dead:
            raise OSError("the gateway is away")
        self.said.append(sql)

    def close(self) -> None:
        self.said.append("close")


@pytest.fixture
def pool() -> Any:
    return sessions.Pool(Door)


def test_a_closed_session_serves_again_in_its_own_schema(pool: Any) -> None:
    first = pool.take(database="marts")
    first.cursor().execute("use reports")
    first.close()
    again = pool.take(database="marts")
    assert again is first
    assert again.connection.said == ["use reports", "close", "use `marts`", "close"]


def test_two_at_once_and_other_schemas_or_users_have_sessions_of_their_own(pool: Any) -> None:
    taken = [pool.take(database="marts", username="superset") for _ in range(2)]
    taken += [pool.take(database="reports", username="superset"), pool.take(database="marts", username="eva")]
    assert len({id(each.connection) for each in taken}) == len(taken)
    for each in taken:
        each.close()
    assert pool.take(database="reports", username="superset") is taken[2]


def test_a_session_whose_gateway_went_is_replaced(pool: Any) -> None:
    first = pool.take(database="marts")
    first.close()
    first.connection.is_dead = True
    assert pool.take(database="marts") is not first


def test_old_sessions_and_too_many_are_ended(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [pool.take() for _ in range(sessions.MOST_IDLE + 1)]
    for each in taken:
        each.close()
    assert [each.connection.said for each in taken] == [[]] * sessions.MOST_IDLE + [["close"]]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: taken[0].opened + sessions.LONGEST_SECONDS + 1)
    assert pool.take() not in taken
    assert all(each.connection.said == ["close"] for each in taken)
