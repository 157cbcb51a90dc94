"""raw.events -> live.minutes, every two seconds: a thread of the landing stream's driver.

A commit replaces the files of the hours that changed, and the newest `landed_at` of the table says how far
it counts: a crash at any point loses nothing and repeats nothing. Where nothing landed, nothing is read
and nothing written. What fails here is tried again and never stops landing.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import DataFrame, SparkSession

from ingestion.streams import records
from ingestion.streams.checks import literal
from ingestion.streams.commits import Commit, Log, Tail
from ingestion.streams.history import History
from ingestion.streams.minutes import COLUMNS, live_minutes, moment
from ingestion.streams.raw import raw_events
from ingestion.streams.tally import Key
from lakehouse.settings import Settings

# Tasks of its own, so that it never keeps a batch of landing waiting.
SLOTS = 1
# Records that are read into memory at once, where more are to be counted.
MOST_RECORDS = 200_000
TIDY_EVERY_SECONDS = 1800
PAUSE_AFTER_FAILURE_SECONDS = 10


class Live:
    """The two tables, and the history between them."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self.spark, self.settings = spark, settings
        # Followed from before the table is read: what is in both is told apart by when it landed.
        self.log = Log(spark, raw_events().location(settings))
        self.tail = Tail(self.log)
        location = live_minutes().location(settings)
        self.minutes = DeltaTable(location)
        rows = self.table(location).select(*COLUMNS).toArrow()
        kept = timedelta(hours=settings.live_history_hours)
        earliest = datetime.now(UTC) - kept
        cursor = max(pc.max(rows["landed_at"]).as_py() or earliest, earliest)
        self.history = History(rows, cursor, kept)
        self.is_behind = True

    def table(self, location: str) -> DataFrame:
        """A Delta table by its place, since only the gateway has the catalogue."""
        return self.spark.read.format("delta").load(location)

    def count(self) -> None:
        """Count all that has landed since, and commit."""
        if self.is_behind:
            self.catch_up()
        new = [commit for commit in self.tail.follow() if commit.landed_at > self.history.cursor]
        for portion in parted(new, lambda commit: commit.record_count):
            files = [content for commit in portion for content in self.contents(commit)]
            self.add(partial(of_files, files))

    def catch_up(self) -> None:
        """Count what landed before the log is followed; it may be much."""
        new = self.table(raw_events().location(self.settings)).where(landed_after(self.history.cursor))
        batches = new.groupBy("landed_at").count().orderBy("landed_at").toArrow().to_pylist()
        for portion in parted(batches, lambda batch: int(batch["count"])):
            until = f"landed_at <= {moment(portion[-1]['landed_at'])}"
            between = (landed_after(self.history.cursor), until)
            self.add(partial(self.records, *between))
        self.is_behind = False

    def add(self, read: Callable[..., pa.Table]) -> None:
        """Count records and commit. A replay of old files lands thousands a second, and none of them
        counts in a minute: they are read without their content first."""
        landed = records.landed(read(with_content=False), self.settings)
        is_any_placed = pc.any(pc.equal(landed["fate"], "placed")).as_py()
        placed = records.placed(read(with_content=True), self.settings) if is_any_placed else None
        if landed.num_rows:
            rows = self.history.count(landed, placed, self.recall)
            replace(self.minutes, rows, self.history.expired)

    def contents(self, commit: Commit) -> Iterator[bytes]:
        """The files of a commit. LookupError when they were compacted and deleted meanwhile."""
        for file in commit.files:
            content = self.log.read(file)
            if content is None:
                raise LookupError(f"{file} of {self.log.location} is there no more")
            yield content

    def records(self, *conditions: str, with_content: bool = True) -> pa.Table:
        """Records of raw.events, narrowed to what counting needs."""
        found = self.table(raw_events().location(self.settings)).where(" and ".join(conditions))
        return found.selectExpr(*records.columns(with_content=with_content)).toArrow()

    def recall(self, minutes: dict[Key, int], until: datetime) -> Iterator[pa.Table]:
        """What has been counted in these minutes before, read again from raw.events."""
        ahead = timedelta(minutes=self.settings.future_after_minutes)
        for portion in parted(sorted(minutes.items(), key=lambda item: item[0][1]), lambda item: item[1]):
            wanted = sorted({minute for (_, minute), _ in portion})
            sources = sorted({source for (source, _), _ in portion})
            found = records.placed(
                self.records(
                    landed_after(wanted[0] - ahead),
                    f"landed_at <= {moment(until)}",
                    f"{records.MINUTE} in ({', '.join(map(moment, wanted))})",
                    f"source in ({', '.join(map(literal, sources))})",
                    "is_accepted",
                ),
                self.settings,
            )
            yield found


def replace(minutes: DeltaTable, rows: pa.Table, expired: datetime) -> None:
    """Replace the hours that the rows are of, and let go of those before `expired`."""
    hours = ", ".join(constant(hour) for hour in sorted(rows["hour_at"].unique().to_pylist()))
    where = f"hour_at in ({hours}) or hour_at < {constant(expired)}"
    write_deltalake(minutes, rows, mode="overwrite", predicate=where)


def tidy(minutes: DeltaTable) -> None:
    """Delete replaced files. The log of past commits goes by itself, whenever a checkpoint is written."""
    minutes.vacuum(dry_run=False, full=True)


def constant(at: datetime) -> str:
    """A time as delta-rs compares it with a column of times."""
    return f"'{at:%Y-%m-%dT%H:%M:%SZ}'"


def of_files(files: list[bytes], *, with_content: bool) -> pa.Table:
    """Records of all of them."""
    return pa.concat_tables([records.of_file(content, with_content=with_content) for content in files])


def landed_after(at: datetime) -> str:
    """SQL over raw.events."""
    return f"landed_at > {moment(at)} and landed_date >= date'{at:%Y-%m-%d}'"


def parted(items: Iterable[Any], size: Callable[[Any], int]) -> Iterator[list[Any]]:
    """In portions of MOST_RECORDS, each of one item at least."""
    portion: list[Any] = []
    total = 0
    for item in items:
        if portion and total + size(item) > MOST_RECORDS:
            yield portion
            portion, total = [], 0
        portion.append(item)
        total += size(item)
    if portion:
        yield portion


def run(
    spark: SparkSession, settings: Settings, reached: Callable[[], Any], stopping: threading.Event
) -> None:
    """Until told to stop: count whenever `reached`, which tells how far landing is, has changed."""
    spark = spark.newSession()
    live: Live | None = None
    counted: Any = None
    due = tidied = time.monotonic()
    while not stopping.wait(max(0, due - time.monotonic())):
        due = time.monotonic() + settings.live_interval_seconds
        now = reached()
        if live is not None and now == counted:
            continue
        try:
            live = live or Live(spark, settings)
            live.count()
            counted = now
            if time.monotonic() - tidied > TIDY_EVERY_SECONDS:
                tidied = time.monotonic()
                tidy(live.minutes)
        except Exception:
            if stopping.is_set():
                return
            # Whatever it was: the table says how far it got, and a later turn goes on from there.
            print(f"live failed and will be tried again: {traceback.format_exc()}", flush=True)
            live, due = None, time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
