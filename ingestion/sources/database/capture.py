"""The shop's database as events: a snapshot of its tables, then every change, each sent before it is let go.

The log is asked for changes, Kafka acknowledges their events, and only then the database may forget them.
What is sent twice after a crash has the same ids.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingestion.collector.enrich import Sender
from ingestion.collector.intake import Intake
from ingestion.collector.metrics import Metrics
from ingestion.collector.publish import KafkaAwayError, Publisher
from ingestion.sources.database import mapping, tables
from ingestion.sources.database.changes import collect, truncated
from ingestion.sources.database.events import Event, Place
from ingestion.sources.database.log import DatabaseAwayError, Log, connected
from ingestion.sources.database.pgoutput import Transaction
from ingestion.sources.database.rows import Reader
from ingestion.sources.database.tables import Connection
from lakehouse.privacy import pseudonym
from lakehouse.settings import Settings

CHANGES_AT_ONCE = 1_000
RETRY_SECONDS = 5.0
PROGRESS_ROWS = 100_000
SHOP = Sender(is_server=True)

Report = Callable[[str], None]


@dataclass(frozen=True)
class CaptureResult:
    """What one run sent: rows of the snapshot, events of changes; how many of both broke their contract."""

    snapshot: int
    changes: int
    rejected: int


class Capture:
    """One connection's work on the shop's database."""

    def __init__(
        self, connection: Connection, settings: Settings, publisher: Publisher, report: Report
    ) -> None:
        path = settings.database_tables
        self._connection, self._publisher, self._report = connection, publisher, report
        self._tables = tables.describe(connection, mapping.read(path), path)
        source = settings.database_source
        self._readers = {one.found.name: Reader(connection, source, one) for one in self._tables}
        names = {found.name for one in self._tables for found in (one.found, one.lines) if found}
        self._log = Log(connection, source, names)
        pseudonyms = pseudonym.load(settings)
        self._intake = Intake(publisher, pseudonyms, Metrics(), server_consent=settings.server_consent)
        self.snapshot_rows = self.changes = 0

    @property
    def rejected(self) -> int:
        """Events that broke their contract."""
        return self._publisher.rejected

    def start(self) -> None:
        """Takes the snapshot where there is none yet; from then on `step` goes on."""
        self._log.lock()
        for warning in tables.warnings(self._tables):
            self._report(warning)
        if self._log.prepare():
            self._snapshot()

    def step(self) -> bool:
        """Sends what has changed, a batch at most; True where more waits."""
        batch: list[Transaction] = []
        for transaction in self._log.transactions(CHANGES_AT_ONCE):
            batch.append(transaction)
            if sum(len(one.changes) for one in batch) >= CHANGES_AT_ONCE:
                self._send(batch)
                batch = []
        self._send(batch)
        self._publisher.flush()
        self._log.advance()
        return self._log.has_more

    def _send(self, batch: list[Transaction]) -> None:
        rejected = self._publisher.rejected
        for table in truncated(batch):
            self._report(
                f"{'.'.join(table)} was emptied by TRUNCATE, which does not tell its rows: here they stay as"
                " they were; empty a captured table by DELETE"
            )
        self._log.wait_visible({transaction.xid for transaction in batch})
        for name, told in collect(batch, self._tables).items():
            for event in self._readers[name].events(told):
                self._publish(event)
                self.changes += 1
        if more := self._publisher.rejected - rejected:
            self._report(f"{more:,} events broke their contract: 'An event was rejected' in docs/operate.md")

    def _publish(self, event: Event) -> None:
        self._intake.publish(event, SHOP)

    def _snapshot(self) -> None:
        with self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read, read only")
            place = Place(self._log.snapshot_position(), self._log.now())
            for name, reader in self._readers.items():
                before = self.snapshot_rows
                for event in reader.snapshot(place):
                    self._publish(event)
                    self.snapshot_rows += 1
                    if (self.snapshot_rows - before) % PROGRESS_ROWS == 0:
                        self._report(f"snapshot of {name[1]}: {self.snapshot_rows - before:,} rows so far")
                self._report(f"snapshot of {name[1]}: {self.snapshot_rows - before:,} rows")
            self._publisher.flush()
        self._log.snapshot_taken()


@contextmanager
def opened(settings: Settings, report: Report) -> Iterator[Capture]:
    """A capture that has its snapshot; UserError with what is missing."""
    with connected(settings) as connection:
        publisher = Publisher(settings)
        capture = Capture(connection, settings, publisher, report)
        if not publisher.reachable():
            raise KafkaAwayError(
                f"Kafka does not answer at {settings.kafka_bootstrap}; start it with 'lakehouse up'."
            )
        capture.start()
        yield capture


def once(settings: Settings, report: Report) -> CaptureResult:
    """The snapshot where there is none yet, and all changes until now."""
    with opened(settings, report) as capture:
        while capture.step():
            pass
        return CaptureResult(capture.snapshot_rows, capture.changes, capture.rejected)


def follow(settings: Settings, report: Report, stopping: threading.Event) -> None:
    """Goes on until it is stopped, and by itself once the database or Kafka is back."""
    while not stopping.is_set():
        try:
            with opened(settings, report) as capture:
                report("capture runs")
                while not stopping.is_set():
                    if not capture.step():
                        stopping.wait(settings.database_poll_seconds)
        except (DatabaseAwayError, KafkaAwayError) as error:
            report(f"{error} Trying again in {RETRY_SECONDS:.0f} s.")
            stopping.wait(RETRY_SECONDS)


def drop(settings: Settings) -> list[str]:
    """Takes from the database what capture made there; the next start takes a new snapshot."""
    with connected(settings) as connection:
        log = Log(connection, settings.database_source, set())
        log.lock()
        return log.drop()


def follow_until_signal(settings: Settings) -> None:
    """`follow` as a program."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    follow(settings, lambda line: print(line, flush=True), stopping)
