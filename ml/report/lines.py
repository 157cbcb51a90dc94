"""What a report says of a model on a data set: one line a metric, the same columns for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LOWER_IS_BETTER = ("relative MAE",)


@dataclass(frozen=True)
class Cost:
    """Processor seconds of the training, bytes of the artefact, rows that one core scores in a second."""

    seconds: float
    size: int | None = None
    speed: float | None = None


@dataclass(frozen=True)
class Line:
    """A metric of a model on rows that it has not seen; `baseline` is that of the trivial answer."""

    data: str
    model: str
    metric: str
    value: float
    interval: Sequence[float] | None = None
    baseline: float | None = None
    base_rate: float | None = None
    published: float | None = None
    cost: Cost | None = None

    @property
    def short_by(self) -> float | None:
        """How far it falls short of what is published; None where it does not."""
        if self.published is None:
            return None
        # a count of rules is right or wrong; of the others more or less is better
        gap = self.published - self.value
        missed = abs(gap) if self.metric == "rules" else -gap if self.metric in LOWER_IS_BETTER else gap
        return missed if missed > 0 else None

    def row(self) -> dict[str, str]:
        """As people read it."""
        cost = self.cost
        return {
            "data": self.data,
            "model": self.model,
            "metric": self.metric,
            "value": self._number(self.value),
            "95 % interval": " to ".join(map(self._number, self.interval or ())),
            "baseline": self._number(self.baseline),
            "base rate": "" if self.base_rate is None else f"{self.base_rate:.3f}",
            "published": self._number(self.published),
            "short by": self._number(self.short_by),
            "training, s": "" if cost is None else f"{cost.seconds:.2f}",
            "artefact, kB": "" if cost is None or cost.size is None else f"{cost.size / 1000:,.0f}",
            "rows/s": "" if cost is None or cost.speed is None else f"{cost.speed:,.0f}",
        }

    def _number(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:,.0f}" if self.metric == "rules" else f"{value:.4f}".removeprefix("0")


def markdown(lines: Sequence[Line]) -> str:
    """The lines as a table of Markdown."""
    rows = [line.row() for line in lines]
    head = list(rows[0]) if rows else []
    table = [head, ["---"] * len(head), *[list(row.values()) for row in rows]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


@contextmanager
def spent() -> Iterator[Callable[[], float]]:
    """Processor seconds of this process from here to the end: what else the machine does is left out."""
    began, ended = time.process_time(), [0.0]
    yield lambda: ended[0]
    ended[0] = time.process_time() - began


def speed(score: Callable[[], Any], rows: int, least: float = 0.3) -> float:
    """Rows a second of one core, over calls that take `least` seconds together."""
    began, calls = time.process_time(), 0
    while time.process_time() - began < least:
        score()
        calls += 1
    return rows * calls / (time.process_time() - began)
