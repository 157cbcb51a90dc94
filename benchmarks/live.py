"""CPU-seconds of one update of live.minutes, by delta-rs and by Spark: `python -m benchmarks.live`.

HDFS of its own; both replace the same hour of the same table, one after the other.
"""

import argparse
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from benchmarks import machine
from benchmarks.servers import HDFS, servers
from ingestion.streams import compact, live
from ingestion.streams.minutes import COLUMNS, live_minutes, moment
from lakehouse import printing
from lakehouse.session import engine_session
from lakehouse.settings import HADOOP_USER, Settings

HOUR = datetime(2025, 1, 31, 8, tzinfo=UTC)
SOURCES, RANKED = 2, 100


def made_hour(schema: pa.Schema) -> pa.Table:
    """An hour of two busy sources: each minute ranks a hundred products and pages."""
    products = [{"product_id": f"p{number}", "views": number} for number in range(RANKED)]
    pages = [{"page": f"https://shop.example/{number}", "views": number} for number in range(RANKED)]
    rows = [
        {"source": f"s{source}", "minute_at": HOUR + timedelta(minutes=minute), "hour_at": HOUR}
        | {"products": products, "pages": pages}
        for source in range(SOURCES)
        for minute in range(60)
    ]
    return pa.Table.from_pylist(rows, schema)


def by_spark(spark: SparkSession, location: str, rows: pa.Table) -> None:
    """What delta-rs does in `live.replace`."""
    where = f"hour_at = {moment(HOUR)}"
    frame = spark.createDataFrame(rows)
    frame.write.format("delta").mode("overwrite").option("replaceWhere", where).save(location)


def compare(settings: Settings, warm_up: int, updates: int) -> list[dict[str, Any]]:
    """Both, each after a warm-up."""
    table = live_minutes()
    location = table.location(settings)
    spark = engine_session(settings, "benchmark", 2, settings.landing_memory, compact.CONF)
    try:
        listed = ", ".join(f"'{name}' = '{value}'" for name, value in table.properties.items())
        spark.sql(
            f"create table delta.`{location}` ({table.columns}) using delta"
            f" partitioned by ({table.partition_by}) tblproperties ({listed})"
        )
        rows = made_hour(spark.read.format("delta").load(location).select(*COLUMNS).toArrow().schema)
        minutes = DeltaTable(location)
        ways: dict[str, Callable[[], None]] = {
            "delta-rs": lambda: live.replace(minutes, rows, HOUR),
            "Spark": lambda: by_spark(spark, location, rows),
        }
        found = []
        for name, update in ways.items():
            machine.measured(update, warm_up)
            found.append({"way": name, **machine.measured(update, updates)})
        assert spark.read.format("delta").load(location).count() == rows.num_rows
        return found
    finally:
        spark.stop()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--updates", type=int, default=30, help="updates that are timed (default: 30)")
    updates = parser.parse_args().updates
    os.environ["HADOOP_USER_NAME"] = HADOOP_USER
    with servers(HDFS) as (settings, _):
        about = machine.facts(settings)
        rows = compare(settings, warm_up=updates, updates=updates)
    machine.keep("live", {"machine": about, "updates": updates, "live": rows})
    printing.show_table(rows, count=False)


if __name__ == "__main__":
    main()
