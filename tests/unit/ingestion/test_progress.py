from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

from ingestion.streams import progress
from ingestion.streams.progress import GROUP, Offsets, committed
from lakehouse.errors import UserError
from lakehouse.settings import Settings

BEHIND, CAUGHT_UP = Offsets(0, 10, 4), Offsets(0, 25, 10)


class StartingKafka:
    """Answers like a Kafka that is still loading its groups: each error once, then the offsets."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, dict[str, int]]:
        assert list(groups) == [GROUP]
        if self.errors:
            raise self.errors.pop(0)
        return {GROUP: {"orders-0": 7}}


def offsets(patience_seconds: float, *errors: Exception) -> dict[Any, Any]:
    return committed(StartingKafka(*errors), patience_seconds)


def test_a_kafka_that_still_loads_its_groups_is_asked_again() -> None:
    assert offsets(60, NotCoordinatorError(), NotCoordinatorError()) == {"orders-0": 7}


def test_a_kafka_without_any_group_has_landed_nothing() -> None:
    assert offsets(60, CoordinatorNotAvailableError()) == {}


def test_patience_ends() -> None:
    with pytest.raises(NotCoordinatorError):
        offsets(0, NotCoordinatorError(), NotCoordinatorError())


def test_what_comes_while_it_waits_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([BEHIND, BEHIND, CAUGHT_UP])
    monkeypatch.setattr(progress, "offsets", lambda settings, topics: {("orders", 0): next(found)})
    told: list[tuple[int, int | None]] = []
    progress.wait_landed(Settings(), ["orders"], lambda done, total: told.append((done, total)))
    assert told == [(0, 6), (0, 6), (6, 6)]


def test_a_landing_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "offsets", lambda settings, topics: {("orders", 0): BEHIND})
    with pytest.raises(UserError, match="stands still 6 records behind"):
        progress.wait_landed(Settings(), ["orders"], patience_seconds=0)
