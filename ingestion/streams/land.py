"""Kafka -> raw.events on HDFS: every record once, accepted and rejected in one commit per batch."""

import json
import signal
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kafka.errors import KafkaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from ingestion.contract import catalogue
from ingestion.streams import compact, files, live, progress, rows
from ingestion.streams.append import Appender
from ingestion.streams.commits import Log
from ingestion.streams.raw import CHECKPOINT_EVERY, raw_events
from ingestion.streams.rows import Batch
from ingestion.topics import create_topics, topic_names
from lakehouse.errors import UserError
from lakehouse.session import engine_session
from lakehouse.settings import Settings, get_settings

CHECKPOINT = "/lakehouse/checkpoints/land"
# A source beyond these keeps no watermark of its own: none of its events counts as late.
MOST_WATERMARKS = 200
# A batch of no more records than this is one task and one file.
SMALL_BATCH = 5_000
# How the Kafka source wants "from the first record"; it refuses offsets that leave a partition out.
EARLIEST = -2


class Landing:
    """What one batch tells the next. All of it can be read back from the table."""

    def __init__(self, spark: SparkSession, settings: Settings, location: str) -> None:
        self.spark, self.settings, self.location = spark, settings, location
        self.ahead = timedelta(minutes=settings.future_after_minutes)
        self.appender = Appender(Log(spark, location))
        self.last_count = 0
        self.checkpointing = threading.Thread()
        found = (
            spark.read.format("delta")
            .load(location)
            .groupBy("source")
            .agg(F.max("landed_at").alias("landed_at"), F.max(self.in_time()).alias("newest"))
            .collect()
        )
        self.last_landed_at: datetime | None = max((row.landed_at for row in found), default=None)
        self.newest = {row.source: row.newest for row in found if row.source and row.newest}

    def in_time(self) -> Any:
        """Event time where it may move the watermark: a clock that runs ahead must not."""
        usable = F.col("is_accepted") & (F.col("occurred_at") <= F.col("kafka_at") + F.lit(self.ahead))
        return F.when(usable, F.col("occurred_at"))

    def next_landed_at(self) -> datetime:
        """Now, but two milliseconds or more after the batch before: an exact cursor for incremental models,
        and by which Delta, whose statistics are rounded up to the next one, skips what they have read."""
        now = datetime.now(UTC).replace(tzinfo=None)
        if self.last_landed_at is not None:
            now = max(now, self.last_landed_at + timedelta(milliseconds=2))
        return now

    def watermarks(self) -> dict[str, datetime]:
        """Events older than this are late: the newest seen of their source, less the delay."""
        delay = timedelta(minutes=self.settings.late_after_minutes)
        return {source: newest - delay for source, newest in list(self.newest.items())[:MOST_WATERMARKS]}

    def land(self, records: DataFrame, batch_id: int, query_id: str) -> None:
        """Append one micro-batch in one commit; nothing where it was committed before a crash."""
        if self.appender.has(query_id, batch_id):
            return
        batch = Batch(batch_id, self.next_landed_at(), self.watermarks())
        written = self.write(records, batch)
        version = self.appender.append(written, batch, query_id)
        self.last_landed_at = batch.landed_at
        self.last_count = sum(file.records for file in written)
        for file in written:
            self.remember(json.loads(file.newest))
        if version % CHECKPOINT_EVERY == 0 and not self.checkpointing.is_alive():
            self.checkpointing = threading.Thread(target=checkpoint, args=(self.location,), daemon=True)
            self.checkpointing.start()

    def write(self, records: DataFrame, batch: Batch) -> list[Row]:
        """Type the records and write them to files, which belong to the table once they are committed."""
        tasks = 1 if self.last_count <= SMALL_BATCH else self.settings.landing_slots
        folder = self.location.removeprefix(self.settings.hdfs)
        land_files = partial(
            files.land_files,
            batch=batch,
            webhdfs=self.settings.webhdfs,
            location=folder,
            ahead=self.ahead,
        )
        wanted = records.selectExpr(*rows.kafka_columns(catalogue())).coalesce(tasks)
        return wanted.mapInArrow(land_files, files.FILE_SCHEMA).collect()

    def remember(self, newest: dict[str, str]) -> None:
        """Move the watermarks on; a late batch never moves one back."""
        for source, said in newest.items():
            at = datetime.fromisoformat(said)
            self.newest[source] = max(self.newest.get(source, at), at)


def checkpoint(location: str) -> None:
    """Sum up the log for its readers. It can wait: without, they read more commits."""
    try:
        DeltaTable(location).create_checkpoint()
    except (DeltaError, OSError) as error:
        print(f"the log of {location} was not summed up: {error}", flush=True)


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
        # Once it has its records, Spark's consumer asks for the first and the last offset. The answer comes
        # after that to the fetch which the client has sent ahead, and by default the broker keeps an empty
        # fetch for half a second, each partition's. Spark asks for what is there.
        .option("kafka.fetch.max.wait.ms", "5")
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
    conf = {
        "spark.sql.streaming.metricsEnabled": "false",
        "spark.python.daemon.module": "ingestion.streams.daemon",
        # Whole batches: Arrow's costs are by the batch.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    }
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
