"""Kafka -> raw.events on HDFS: every record once, accepted and rejected in one commit per batch."""

import json
import signal
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka.errors import KafkaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from ingestion.contract import catalogue
from ingestion.streams import commits, compact, live, progress, rows
from ingestion.streams.raw import raw_events
from ingestion.topics import create_topics, topic_names
from lakehouse.errors import UserError
from lakehouse.session import engine_session
from lakehouse.settings import Settings, get_settings

CHECKPOINT = "/lakehouse/checkpoints/land"
# A source beyond these keeps no watermark of its own: none of its events counts as late.
MOST_WATERMARKS = 200
# How long records are checked here after one came that the collector had not checked.
CAREFUL_SECONDS = 60
# How the Kafka source wants "from the first record"; it refuses offsets that leave a partition out.
EARLIEST = -2


@dataclass
class Landing:
    """What one batch tells the next. All of it can be read back from the table."""

    spark: SparkSession
    settings: Settings
    location: str
    last_landed_at: datetime | None = None
    newest: dict[str, datetime] = field(default_factory=dict)
    is_fresh: bool = True
    careful_until: float = 0.0

    def restore(self) -> None:
        """Newest event time of each source and the last landing time, from the table itself."""
        table = self.spark.read.format("delta").load(self.location)
        found = (
            table.groupBy("source")
            .agg(F.max("landed_at").alias("landed_at"), F.max(self.in_time()).alias("newest"))
            .collect()
        )
        self.last_landed_at = max((row.landed_at for row in found), default=None)
        self.newest = {row.source: row.newest for row in found if row.source and row.newest}

    def in_time(self) -> Any:
        """Event time where it may move the watermark: a clock that runs ahead must not."""
        ahead = F.expr(f"interval {self.settings.future_after_minutes} minutes")
        usable = F.col("is_accepted") & (F.col("occurred_at") <= F.col("kafka_at") + ahead)
        return F.when(usable, F.col("occurred_at"))

    def next_landed_at(self) -> datetime:
        """Now, but always later than the batch before: an exact cursor for incremental models."""
        now = datetime.now(UTC).replace(tzinfo=None)
        if self.last_landed_at is not None:
            now = max(now, self.last_landed_at + timedelta(milliseconds=1))
        return now

    def watermarks(self) -> dict[str, datetime]:
        """Events older than this are late: the newest seen of their source, less the delay."""
        delay = timedelta(minutes=self.settings.late_after_minutes)
        return {source: newest - delay for source, newest in list(self.newest.items())[:MOST_WATERMARKS]}

    def land(self, records: DataFrame, batch_id: int, query_id: str) -> None:
        """Append one micro-batch. Delta skips it where the same query has committed it before."""
        landed_at = self.next_landed_at()
        batch = {"batch_id": batch_id, "landed_at": landed_at, "watermarks": self.watermarks()}
        try:
            self.append(records, batch, query_id, all_checked=time.monotonic() >= self.careful_until)
        except PySparkException as error:
            if rows.UNCHECKED not in str(error):
                raise
            # Nothing was committed. Such records seldom come alone: the next batches are not tried in vain.
            print(
                f"landing checks records by itself for {CAREFUL_SECONDS} s: not all were checked", flush=True
            )
            self.careful_until = time.monotonic() + CAREFUL_SECONDS
            self.append(records, batch, query_id, all_checked=False)
        self.last_landed_at = max(landed_at, self.last_landed_at or landed_at)

    def append(self, records: DataFrame, batch: dict[str, Any], query_id: str, *, all_checked: bool) -> None:
        """One commit of all the batch's records; UNCHECKED and no commit where not all were."""
        columns = [column.name for column in catalogue().raw_columns()]
        typed = rows.raw_rows(records, catalogue(), all_checked=all_checked)
        seen = Observation()
        written = rows.with_batch(typed, batch, columns).coalesce(self.settings.landing_slots)
        if not self.is_fresh:
            written = written.observe(seen, *self.measures())
        (
            written.write.format("delta")
            .mode("append")
            # A new checkpoint is a new query: with the old name Delta would skip its batches.
            .option("txnAppId", query_id)
            .option("txnVersion", batch["batch_id"])
            .option("mergeSchema", "true")
            .option("userMetadata", commits.note(batch["batch_id"], batch["landed_at"]))
            .save(self.location)
        )
        if self.is_fresh:
            # The first batch may be one that was committed before a crash: then nothing is observed.
            self.restore()
            self.is_fresh = False
        else:
            self.remember(seen.get)

    def measures(self) -> list[Any]:
        """Newest time of each known source, and of the unknown ones with their names."""
        known = list(self.newest)[:MOST_WATERMARKS]
        source, time = F.col("source"), self.in_time()
        measures = [F.max(F.when(source == name, time)).alias(f"s{i}") for i, name in enumerate(known)]
        new = ~source.isin(known) if known else F.lit(True)
        return [
            *measures,
            F.max(F.when(new, time)).alias("new_time"),
            F.collect_set(F.when(new & time.isNotNull(), source)).alias("new_sources"),
        ]

    def remember(self, observed: dict[str, Any]) -> None:
        """Move the watermarks on; a late batch never moves one back."""
        for number, source in enumerate(list(self.newest)[:MOST_WATERMARKS]):
            if (time := observed[f"s{number}"]) is not None:
                self.newest[source] = max(self.newest[source], time)
        if observed["new_sources"]:
            # Several sources in their first batch share one maximum: read the true ones back.
            if len(observed["new_sources"]) == 1:
                self.newest[observed["new_sources"][0]] = observed["new_time"]
            else:
                self.restore()


def first_offsets(spark: SparkSession, location: str, admin: Any) -> str:
    """Where a query without a checkpoint begins: after what the table holds, else at the beginning."""
    offsets = {
        topic["name"]: {str(part["partition_index"]): EARLIEST for part in topic["partitions"]}
        for topic in admin.describe_topics(topic_names())
    }
    held = spark.read.format("delta").load(location).groupBy("kafka_topic", "kafka_partition")
    for row in held.agg((F.max("kafka_offset") + 1).alias("next")).collect():
        offsets.setdefault(row.kafka_topic, {})[str(row.kafka_partition)] = row.next
    return json.dumps(offsets)


def is_made(spark: SparkSession, location: str) -> bool:
    """Whether the table has a first version; asked anew each time.

    `DeltaTable.isDeltaTable` is not: called between the making of the log's folder and the first
    commit, it would say no for as long as Delta's cache lasts.
    """
    try:
        return bool(spark.read.format("delta").load(location).columns)
    except AnalysisException:
        return False


def wait_for_table(spark: SparkSession, location: str) -> None:
    """Until the gateway, which owns the catalogue, has made raw.events."""
    told = False
    while not is_made(spark, location):
        if not told:
            print(f"landing waits for the gateway to make {location}", flush=True)
            told = True
        time.sleep(1)


def start(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """Start the query; it goes on from its checkpoint."""
    location = raw_events().location(settings)
    wait_for_table(spark, location)
    create_topics(settings)
    landing = Landing(spark, settings, location)
    landing.restore()
    with closing(progress.admin(settings)) as admin:
        starting = first_offsets(spark, landing.location, admin)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap)
        .option("subscribe", ",".join(topic_names()))
        .option("startingOffsets", starting)
        .option("maxOffsetsPerTrigger", settings.landing_max_events)
        .option("includeHeaders", "true")
        .option("kafka.max.poll.records", "10000")
        .option("kafka.max.partition.fetch.bytes", str(8 * 1024 * 1024))
        .load()
    )
    query: list[StreamingQuery] = []
    started = threading.Event()

    def land(batch: DataFrame, batch_id: int) -> None:
        started.wait()
        landing.land(batch, batch_id, str(query[0].id))

    query.append(
        records.writeStream.foreachBatch(land)
        .option("checkpointLocation", f"{settings.hdfs}{CHECKPOINT}")
        .trigger(processingTime=f"{settings.landing_interval_seconds} seconds")
        .start()
    )
    started.set()
    return query[0]


def reached(query: StreamingQuery) -> str | None:
    """Kafka offsets after the last batch that was committed."""
    last = query.lastProgress
    return last.sources[0].endOffset if last is not None else None


def publish_progress(query: StreamingQuery, settings: Settings) -> None:
    """Tell Kafka how far the query is, once a second, where it moved."""
    client: Any = None
    told: str | None = None
    while query.isActive:
        last = query.lastProgress
        if last is not None and (reached := last.sources[0].endOffset) and reached != told:
            ends = json.loads(reached)
            offsets = {(t, int(p)): o for t, parts in ends.items() for p, o in parts.items()}
            took = timedelta(milliseconds=last.durationMs.get("triggerExecution", 0))
            try:
                client = client or progress.admin(settings)
                progress.record(client, offsets, last.batchId, datetime.fromisoformat(last.timestamp) + took)
                told = reached
            except (KafkaError, UserError) as error:
                # Only the display of the lag suffers; the next turn tries again with a new client.
                print(f"lag was not told to Kafka: {error!r}", flush=True)
                client = None
        time.sleep(1)


def main() -> None:
    """Land until a signal comes; any failure ends the process, and the supervisor starts it anew."""
    settings = get_settings()
    conf = {"spark.sql.streaming.metricsEnabled": "false", "spark.python.use.daemon": "true"}
    # More slots than a batch has tasks, so that compaction and live never keep a batch waiting.
    slots = settings.landing_slots + compact.SLOTS + live.SLOTS
    spark = engine_session(settings, "landing", slots, settings.landing_memory, conf | compact.CONF)
    query = start(spark, settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=publish_progress, args=(query, settings), daemon=True).start()
    threading.Thread(
        target=compact.run, args=(spark, raw_events().location(settings), settings, stopping), daemon=True
    ).start()
    threading.Thread(
        target=live.run, args=(spark, settings, lambda: reached(query), stopping), daemon=True
    ).start()
    print("landing runs", flush=True)
    while query.isActive and not stopping.wait(1):
        pass
    try:
        if not query.isActive:
            failure = query.exception()
            print(f"landing ended: {failure}", file=sys.stderr, flush=True)
            sys.exit(1)
        query.stop()
    except PySparkException as error:
        print(f"landing did not stop cleanly, it will go on from its checkpoint: {error}", file=sys.stderr)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
