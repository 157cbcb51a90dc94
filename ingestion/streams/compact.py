"""Keeps tables readable for months of small commits: compaction, vacuum, a short log, beside the stream."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lakehouse.settings import Settings

# Files of this size are left alone; else every compaction would write the whole day again.
FILE_BYTES = 128 * 1024 * 1024
SLOTS = 1
CONF = {
    "spark.databricks.delta.optimize.maxThreads": str(SLOTS),
    "spark.databricks.delta.optimize.minFileSize": str(FILE_BYTES),
    "spark.databricks.delta.optimize.maxFileSize": str(FILE_BYTES),
    # Vacuum lists folders in so many tasks, by default 10,000 for however few folders.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
VACUUM_EVERY_SECONDS = 24 * 3600
# Yesterday too: its last batches may have landed after the last compaction of the day.
DAYS = 1


def compact(spark: SparkSession, location: str, *, today: datetime) -> None:
    """Merge the small files of the last days. Appends go on meanwhile: they do not conflict."""
    since = (today - timedelta(days=DAYS)).date()
    spark.sql(f"optimize delta.`{location}` where landed_date >= date'{since}'")


def vacuum(spark: SparkSession, location: str) -> None:
    """Delete files that no version within the table's own retention needs."""
    spark.sql(f"vacuum delta.`{location}`")


def forget_log(spark: SparkSession, location: str) -> None:
    """Delete the log of commits that are older than the table's own retention.

    Delta does so by whole days: at a commit a second that leaves some 200,000 files, which every reader would
    list. What it calls for that is not public.
    """
    jvm: Any = spark._jvm
    delta = jvm.org.apache.spark.sql.delta
    log = delta.DeltaLog.forTable(spark._jsparkSession, location)
    nothing = jvm.scala.Option.empty()
    log.cleanUpExpiredLogs(
        log.unsafeVolatileSnapshot(), nothing, nothing, delta.TruncationGranularity.MINUTE()
    )


def run(spark: SparkSession, location: str, settings: Settings, stopping: threading.Event) -> None:
    """Until told to stop: compact at every interval, vacuum first and then daily. Failures wait."""
    vacuumed: float | None = None
    while not stopping.wait(settings.compaction_interval_seconds):
        try:
            compact(spark, location, today=datetime.now(UTC))
            forget_log(spark, location)
            if vacuumed is None or time.monotonic() - vacuumed > VACUUM_EVERY_SECONDS:
                vacuum(spark, location)
                vacuumed = time.monotonic()
        except (PySparkException, Py4JError) as error:
            print(f"compaction failed and will be tried again: {error}", flush=True)
