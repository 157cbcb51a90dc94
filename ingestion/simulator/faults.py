"""The knobs: what goes wrong on the way, each thing with a known share."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ingestion.simulator import shape
from lakehouse.errors import UserError

HOUR_MS = 3_600_000
LATE_MS = (2 * HOUR_MS, 48 * HOUR_MS)
CLOCK_MS = (HOUR_MS // 12, 72 * HOUR_MS)
RESENT_MS = (500, 30_000)

Event = dict[str, Any]


@dataclass(frozen=True)
class Knobs:
    """Shares from 0 to 1: of visits bots, late, clock_errors; of events duplicates, malformed."""

    bots: float = shape.BOTS
    duplicates: float = shape.DUPLICATES
    late: float = shape.LATE
    clock_errors: float = shape.CLOCK_ERRORS
    malformed: float = shape.MALFORMED

    def __post_init__(self) -> None:
        for knob in fields(self):
            if not 0 <= getattr(self, knob.name) <= 1:
                raise UserError(f"--{knob.name.replace('_', '-')} is a share: give a number from 0 to 1.")

    def of_visits(self, chance: np.random.Generator, count: int) -> tuple[Any, Any]:
        """Milliseconds by which each visit is sent late, and by which its clock is ahead; mostly 0."""
        late = np.where(chance.random(count) < self.late, chance.uniform(*LATE_MS, count), 0)
        size = np.exp(chance.uniform(np.log(CLOCK_MS[0]), np.log(CLOCK_MS[1]), count)) * chance.choice(
            [-1, 1], count
        )
        clock = np.where(chance.random(count) < self.clock_errors, size, 0)
        return late.astype(np.int64), clock.astype(np.int64)

    def of_events(self, chance: np.random.Generator, count: int) -> tuple[Any, Any, Any]:
        """Each event's fault (0 none, else from 1 on one of FAULTS), which are sent again, and when."""
        luck = chance.random(count)
        fault = np.where(luck < self.malformed, chance.integers(1, len(FAULTS) + 1, count), 0)
        twice = np.flatnonzero((luck >= self.malformed) & (chance.random(count) < self.duplicates))
        return fault, twice, chance.uniform(*RESENT_MS, len(twice)).astype(np.int64)


def _without_properties(event: Event) -> None:
    del event["properties"]


# What no contract lets pass, whatever the event's type.
FAULTS: dict[str, Callable[[Event], None]] = {
    "unknown_field": lambda event: event.update(colour="red"),
    "unknown_type": lambda event: event.update(event_type="applause"),
    "unknown_version": lambda event: event.update(contract_version=99),
    "bad_time": lambda event: event.update(occurred_at="yesterday"),
    "no_properties": _without_properties,
}
BREAK = tuple(FAULTS.values())
