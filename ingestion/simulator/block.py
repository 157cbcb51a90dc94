"""A block of events in the order in which they are sent, with its faults and its truth."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from ingestion.simulator import faults
from ingestion.simulator.events import TYPE_OF, Writer
from ingestion.simulator.people import PRODUCTS, Flags, Ints
from ingestion.simulator.plan import Plan, Slot
from ingestion.simulator.properties import Columns, Event
from ingestion.simulator.visits import CATALOGUE, Drawn, Kind, draw

NETWORK_MS = 900  # from an event to its sending, at most


class Office(NamedTuple):
    """Events of nobody's visit, a list each: when, which kind, about what, about whom."""

    at_ms: list[int]
    kind: list[int]
    subject: list[int]
    person: list[int]

    def add(self, at_ms: int, kind: Kind, subject: int, person: int = 0) -> None:
        for column, value in zip(self, (at_ms, kind, subject, person), strict=True):
            column.append(value)


class Block:
    """One slot's events. `event` and `due_ms` say which are sent when; `columns` what each of them is."""

    def __init__(self, plan: Plan, slot: Slot) -> None:
        chance = np.random.default_rng([plan.options.seed, 4, slot.number])
        office = _office(plan, slot)
        self.drawn = _visits(plan, slot, chance, len(office.kind))
        made = len(self.drawn.kind)
        filling = int(made * CATALOGUE) if slot.quota is None else slot.quota - len(office.kind) - made
        for product in chance.integers(0, PRODUCTS, filling).tolist():
            office.add(int(chance.integers(slot.start_ms, slot.end_ms)), Kind.PRODUCT, product)

        visits = self.drawn.visits
        nobody = np.full(len(office.kind), -1)
        at = np.concatenate([self.drawn.at_ms, np.array(office.at_ms, dtype=np.int64)])
        kind = np.concatenate([self.drawn.kind, np.array(office.kind, dtype=np.int64)])
        row = np.concatenate([self.drawn.row, nobody])
        visit = np.concatenate([self.drawn.rows.visit[self.drawn.row], nobody])
        late = np.where(visit >= 0, visits.late_ms[visit], 0)
        clock = np.where(visit >= 0, visits.clock_ms[visit], 0)
        delay = chance.integers(0, NETWORK_MS, len(kind))
        fault, twice, resent = plan.options.knobs.of_events(chance, len(kind))
        subject, person = (
            np.concatenate([np.zeros(made, dtype=np.int64), np.array(column, dtype=np.int64)])
            for column in (office.subject, office.person)
        )
        luck = chance.integers(0, 2**31, len(kind))
        # A sender with a wrong clock is wrong about both times.
        occurred, sent = at - late + clock, at + delay + clock
        self.columns = Columns(kind, row, visit, fault, occurred, sent, subject, person, luck)

        event = np.concatenate([np.arange(len(kind)), twice])
        due = np.concatenate([at + delay, at[twice] + delay[twice] + resent])
        order = np.lexsort((event, due))
        if plan.options.rate:
            # A live run begins in the midst of visits and ends there.
            ends = np.inf if plan.end_ms is None else plan.end_ms
            order = order[(due[order] >= plan.start_ms) & (due[order] < ends)]
        self.event, self.due_ms = event[order], due[order]
        self.writer = Writer(plan, f"{plan.run}-{slot.number}", self.drawn, self.columns)
        self._next = 0

    @property
    def is_done(self) -> bool:
        """Whether all of it has been taken."""
        return self._next == len(self.event)

    def take(self, until_ms: float) -> tuple[Ints, list[Event]]:
        """What is due before then and was not taken yet: times and events."""
        first, self._next = self._next, int(np.searchsorted(self.due_ms, until_ms))
        events = [self.writer.event(number) for number in self.event[first : self._next].tolist()]
        return self.due_ms[first : self._next], events

    def taken(self) -> Flags:
        """Which events have been taken at least once."""
        found = np.zeros(len(self.columns.kind), dtype=bool)
        found[self.event[: self._next]] = True
        return found

    def counts(self) -> Counter[str]:
        """What was taken, for the summary."""
        kind, _, visit, fault, *_ = self.columns
        visits, taken = self.drawn.visits, self.taken()
        good, rejected = taken & (fault == 0), int((taken & (fault > 0)).sum())
        of_visits = good & (visit >= 0)
        found = Counter(
            sent=self._next,
            accepted=self._next - rejected,
            rejected=rejected,
            duplicates=self._next - int(taken.sum()),
            late=int((of_visits & (visits.late_ms[visit] != 0)).sum()),
            clock_errors=int((of_visits & (visits.clock_ms[visit] != 0)).sum()),
            bots=int((of_visits & visits.is_bot[visit]).sum()),
        )
        for number, name in enumerate(faults.FAULTS, 1):
            found[f"malformed {name}"] = int((taken & (fault == number)).sum())
        for number, events in enumerate(np.bincount(kind[good], minlength=len(Kind)).tolist()):
            found[f"type {TYPE_OF[number]}"] += events
        return found


def _office(plan: Plan, slot: Slot) -> Office:
    """Mailings that are due, and campaigns where the run begins; no more than the slot has room for."""
    office = Office([], [], [], [])
    if slot.is_first:
        for kind in (Kind.CAMPAIGN, Kind.COUPON_ISSUED):
            for campaign in range(len(plan.people.mailed)):
                office.add(slot.start_ms, kind, campaign)
    for at_ms, campaign, person in plan.people.mailings(slot.start_ms, slot.end_ms):
        office.add(at_ms, Kind.MAILING, campaign, person)
    return Office(*(column[: slot.quota] for column in office))


def _visits(plan: Plan, slot: Slot, chance: np.random.Generator, taken: int) -> Drawn:
    """As many whole visits as there is room for; those drawn in vain have no events."""

    def drawn(count: int) -> Drawn:
        times = plan.times(slot, np.sort(chance.random(count)))
        return draw(chance, plan.people, plan.shop, plan.options.knobs, times)

    if slot.quota is None:
        return drawn(max(1, int(chance.poisson(slot.visits))))
    room = int((slot.quota - taken) * (1 - CATALOGUE))
    count = int(room / plan.events_a_visit * 1.2) + 20
    while True:
        found = drawn(count)
        ends = np.cumsum(np.bincount(found.rows.visit[found.row], minlength=count))
        if ends[-1] >= room:
            kept = int(np.searchsorted(ends, room, side="right"))
            events = int(ends[kept - 1]) if kept else 0
            return Drawn(found.visits, found.rows, *(column[:events] for column in found[2:]))
        count *= 2
