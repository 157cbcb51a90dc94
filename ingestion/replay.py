"""A source's records published as events, at a pace, from where an interrupted replay stopped."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.bookmarks import Bookmark
from ingestion.collector.publish import KafkaAwayError, Publisher
from ingestion.protect import protected
from ingestion.sources import Source, source_named
from ingestion.sources.records import to_events
from lakehouse.errors import UserError
from lakehouse.privacy import pseudonym
from lakehouse.settings import Settings

SAVE_SECONDS = 3.0
PACES_A_SECOND = 20

Event = dict[str, Any]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class ReplayResult:
    """What a replay did: records read, published, rejected by their contract, and skipped.

    Skipped are those outside --from/--to and those that an earlier, interrupted run published.
    """

    read: int
    published: int
    rejected: int
    skipped: int
    seconds: float
    cpu_seconds: float


def replay(
    source: str,
    path: Path | None,
    settings: Settings,
    *,
    rate: float | None = None,
    limit: int | None = None,
    from_: str | None = None,
    to: str | None = None,
    resume: bool = True,
    progress: Progress = lambda done, total: None,
    publisher: Publisher | None = None,
) -> ReplayResult:
    """Publishes the source's records of the days `from_` (in) to `to` (out), at most `limit` of them.

    Ids derive from content, so what is sent twice changes no mart.
    """
    adapter = source_named(source)
    chosen = adapter.path(path)
    days = Days.parse(from_, to)
    bookmark = Bookmark.of(settings, source, adapter.inputs(chosen), (from_, to, limit))
    publisher = publisher or Publisher(settings)
    if not publisher.reachable():
        raise UserError(f"Kafka does not answer at {settings.kafka_bootstrap}; start it with 'lakehouse up'.")
    total = adapter.total(chosen)
    if total is not None and limit is not None and (from_, to) == (None, None):
        total = min(total, limit)
    run = _Run(
        bookmark,
        publisher,
        already=bookmark.read() if resume else 0,
        pace=Pace(rate),
        protect=_protection(adapter, settings),
        report=lambda done: progress(done, total),
    )
    started, started_cpu = time.monotonic(), time.process_time()
    with _going_on(run), without_collection():
        for batch in to_events(source, adapter.records(chosen)):
            if not run.take(batch, days, limit):
                break
        run.acknowledge()
    bookmark.remove()
    return ReplayResult(
        run.read,
        publisher.accepted,
        publisher.rejected,
        run.skipped,
        round(time.monotonic() - started, 2),
        round(time.process_time() - started_cpu, 2),
    )


@dataclass(frozen=True)
class Days:
    """From one day, included, to another, excluded; days as text compare like days."""

    from_: str | None
    to: str | None

    @classmethod
    def parse(cls, from_: str | None, to: str | None) -> "Days":
        """UserError where one is no day."""
        for option, day in (("--from", from_), ("--to", to)):
            if day is not None and not _is_day(day):
                raise UserError(f"{option} {day} is no day; write it as 2011-11-28.")
        return cls(from_, to)

    def hold(self, occurred_at: str | None) -> bool:
        """What has no readable time is held: its contract rejects it with a reason."""
        if (self.from_ is None and self.to is None) or not occurred_at or not _is_day(occurred_at[:10]):
            return True
        return (self.from_ or "") <= occurred_at and (self.to is None or occurred_at < self.to)


class Pace:
    """Holds a replay to `rate` events a second."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._start, self._done = rate, time.monotonic(), 0
        self._every = max(1, int((rate or 0) / PACES_A_SECOND))

    def step(self) -> None:
        """Called after each event."""
        self._done += 1
        if self._rate and self._done % self._every == 0:
            ahead = self._done / self._rate - (time.monotonic() - self._start)
            if ahead > 0:
                time.sleep(ahead)


class _Run:
    """One replay under way."""

    def __init__(
        self,
        bookmark: Bookmark,
        publisher: Publisher,
        *,
        already: int,
        pace: Pace,
        protect: Callable[[Event], Event],
        report: Callable[[int], None],
    ) -> None:
        self._bookmark, self._publisher, self._pace, self._report = bookmark, publisher, pace, report
        self._protect = protect
        self._already, self._held = already, 0
        self.read = self.skipped = 0
        self.acknowledged = already
        self._save_at = time.monotonic() + SAVE_SECONDS

    def take(self, batch: list[Event], days: Days, limit: int | None) -> bool:
        """Publishes what is chosen of the batch; False once the limit is reached."""
        for event in batch:
            held = days.hold(event["occurred_at"])
            if held and self._held == limit:
                return False
            if held and self.read >= self._already:
                self._publisher.publish(self._protect(event))
                self._pace.step()
            else:
                self.skipped += 1
            self._held += held
            self.read += 1
            if time.monotonic() >= self._save_at:
                self.acknowledge()
        self._report(self.read)
        return True

    def acknowledge(self) -> None:
        """Waits for Kafka and sets the bookmark there."""
        self._publisher.flush()
        if self.read >= self.acknowledged:
            self.acknowledged = self.read
            self._bookmark.save(self.read)
        self._report(self.read)
        self._save_at = time.monotonic() + SAVE_SECONDS


def _protection(adapter: Source, settings: Settings) -> Callable[[Event], Event]:
    """Published ids stay, unless the settings say otherwise or the source's records lead to people."""
    if not (adapter.names_people or settings.pseudonymise_replays):
        return lambda event: event
    pseudonyms = pseudonym.load(settings)
    if not adapter.names_people:
        return lambda event: protected(event, pseudonyms)

    def hidden(event: Event) -> Event:
        # Its id is a digest of the record: whoever guesses an address could find it again. The oldest
        # key makes it, so that after a rotation the same file still gives the same ids.
        event_id = pseudonyms.all_of(adapter.name, "event_id", event["event_id"])[-1]
        return protected({**event, "event_id": event_id}, pseudonyms)

    return hidden


@contextmanager
def _going_on(run: _Run) -> Iterator[None]:
    """Says of a fault or an interruption how far the replay came and how to go on."""
    try:
        yield
    except KafkaAwayError as error:
        raise UserError(
            f"{error} The same command goes on after the {run.acknowledged:,} records that arrived."
        ) from error
    except UserError as error:
        if not run.read:
            raise
        run.acknowledge()
        raise UserError(
            f"{error} The {run.read:,} records before are published; give the same command again "
            "afterwards: what is published already is recognised by its id."
        ) from error
    except KeyboardInterrupt:
        run.acknowledge()
        raise UserError(
            f"The replay was interrupted after {run.acknowledged:,} records; "
            "the same command goes on from there."
        ) from None


@contextmanager
def without_collection() -> Iterator[None]:
    """Records are many and hold no cycles: collecting them would cost a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
