from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError, NotCoordinatorError

from ingestion.streams.progress import GROUP, committed


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
