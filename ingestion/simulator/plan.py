"""What is asked for, and how it is cut into blocks of time that any process can make by itself."""

import hashlib
import math
import re
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ingestion.simulator import shape
from ingestion.simulator.faults import Knobs
from ingestion.simulator.people import DAY_MS, Floats, Ints, People, Shop
from ingestion.simulator.visits import draw
from lakehouse.errors import UserError

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
BLOCK_EVENTS = 8_000
LIVE_BLOCK_EVENTS, LIVE_BLOCK_MS = 4_000, 1_000
WARM_UP_MS = 30 * 60_000  # visits that began before a live run does
EVENTS_EACH = 50  # events for each customer, where nobody says how many there are
SAMPLE_VISITS = 2_000
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Options:
    """Either `events` within `days`, as fast as it goes, or `rate` a second, for `seconds` or for ever.

    `start` is when event time begins: else 2025-01-01, and now where there is a rate.
    """

    events: int | None = None
    rate: float | None = None
    seconds: float | None = None
    seed: int = 1
    start: datetime | None = None
    days: float = 30
    customers: int | None = None
    knobs: Knobs = field(default_factory=Knobs)

    def anchored(self, now: datetime) -> "Options":
        """The same with its start; UserError where the options contradict one another."""
        if (self.events is None) == (self.rate is None):
            raise UserError("Give --events N for a fixed number of events, or --rate R for a live run.")
        if self.seconds is not None and self.rate is None:
            raise UserError("--for goes with --rate; with --events the run ends by itself.")
        start = self.start or (now if self.rate else FIRST_DAY)
        return replace(self, start=start if start.tzinfo else start.replace(tzinfo=UTC))

    @property
    def expected(self) -> float:
        """Events of the whole run, or of its first `days`."""
        return self.events or (self.rate or 0) * (self.seconds or self.days * DAY_SECONDS)

    @property
    def people(self) -> int:
        """How many customers there are; for a live run without end as many as its first day needs."""
        events = self.events or (self.rate or 0) * (self.seconds or DAY_SECONDS)
        return self.customers or max(50, min(1_000_000, int(events / EVENTS_EACH)))

    @property
    def run(self) -> str:
        """Name of the run: the same options give the same one, and with it the same event ids."""
        return hashlib.blake2b(repr(self).encode(), digest_size=5).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """For the summary."""
        return {**asdict(self), "start": self.start and self.start.isoformat(), "customers": self.people}


def options(**asked: Any) -> Options:
    """Options from words of a command line; what is None there has its default."""
    given = {name: value for name, value in asked.items() if value is not None}
    if "seconds" in given:
        given["seconds"] = seconds_of(given["seconds"])
    knobs = {knob.name: given.pop(knob.name) for knob in fields(Knobs) if knob.name in given}
    return Options(**given, knobs=Knobs(**knobs))


def seconds_of(text: str) -> float:
    """90s, 10m, 2h or 1d in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not match or not float(match[1]):
        raise UserError(f"--for {text} is no duration; write it as 90s, 10m, 2h or 1d.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": DAY_SECONDS}[match[2]]


class Slot(NamedTuple):
    """One block's part of the run; without a quota there are `visits` visits, whatever they come to."""

    number: int
    is_first: bool
    start_ms: int
    end_ms: int
    quota: int | None
    visits: float


class Plan:
    """A world and its slots. With a rate event time passes as by the clock, else by the hours of the day."""

    def __init__(self, options: Options) -> None:
        assert options.start is not None
        self.options, self.run = options, options.run
        self.start_ms = int(options.start.timestamp() * 1000)
        live_for = options.seconds and options.seconds * 1000
        self.span_ms = int(live_for or options.days * DAY_MS)
        self.end_ms = self.start_ms + self.span_ms if live_for or options.events else None
        self.shop = Shop(options.seed)
        self.people = People(options.seed, options.people, self.start_ms, self.span_ms, options.expected)
        if options.rate:
            self.width_ms = max(LIVE_BLOCK_MS, int(1000 * LIVE_BLOCK_EVENTS / options.rate))
            self.warm_up = math.ceil(WARM_UP_MS / self.width_ms)
            whole = None if self.end_ms is None else math.ceil(self.span_ms / self.width_ms)
            self.blocks = None if whole is None else whole + self.warm_up
        else:
            assert options.events is not None
            self.blocks = max(1, round(options.events / BLOCK_EVENTS))

    def day_of(self, share: float) -> str:
        """The day at that share of the span."""
        assert self.options.start is not None
        return (self.options.start + timedelta(milliseconds=share * self.span_ms)).date().isoformat()

    def slot(self, number: int) -> Slot:
        """The block of this number."""
        if self.options.events is not None:
            assert self.blocks is not None
            edges = [self.options.events * n // self.blocks for n in (number, number + 1)]
            start, end = self._by_hours(np.array([number, number + 1]) / self.blocks)
            return Slot(number, number == 0, int(start), int(end), edges[1] - edges[0], 0)
        assert self.options.rate is not None
        start = self.start_ms + (number - self.warm_up) * self.width_ms
        visits = self.options.rate * self.width_ms / 1000 / self.events_a_visit
        return Slot(number, number == self.warm_up, start, start + self.width_ms, None, visits)

    def times(self, slot: Slot, share: Floats) -> Ints:
        """When visits of a slot begin, by their share of it."""
        if slot.quota is None:
            return (slot.start_ms + share * (slot.end_ms - slot.start_ms)).astype(np.int64)
        assert self.blocks is not None
        return self._by_hours((slot.number + share) / self.blocks)

    @cached_property
    def events_a_visit(self) -> float:
        """Mean over a sample, so that a live run keeps its rate whatever the knobs are."""
        chance = np.random.default_rng([self.options.seed, 3])
        start = np.full(SAMPLE_VISITS, self.start_ms)
        drawn = draw(chance, self.people, self.shop, self.options.knobs, start)
        return len(drawn.kind) / SAMPLE_VISITS

    def _by_hours(self, share: Floats) -> Ints:
        edges, passed = self._hours
        times: Ints = (self.start_ms + np.interp(share, passed, edges)).astype(np.int64)
        return times

    @cached_property
    def _hours(self) -> tuple[Any, Any]:
        """Edges of the span's hours, and which share of all visits has begun by then."""
        assert self.options.start is not None
        begins = self.options.start - timedelta(hours=self.options.start.hour)
        offset = (begins.replace(minute=0, second=0, microsecond=0) - self.options.start).total_seconds()
        hours = np.arange(math.ceil(self.span_ms / 3_600_000) + 25)
        edges = (hours * 3600 + offset) * 1000.0
        passed = np.concatenate([[0], np.cumsum(shape.HOURS[hours[:-1] % 24])])
        whole = np.array([0.0, self.span_ms])
        first, last = np.interp(whole, edges, passed)
        inside = (edges > 0) & (edges < self.span_ms)
        edges = np.concatenate([whole[:1], edges[inside], whole[1:]])
        passed = np.concatenate([[first], passed[inside], [last]])
        return edges, (passed - first) / (last - first)
