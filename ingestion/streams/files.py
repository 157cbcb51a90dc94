"""Rows of raw.events -> Parquet files on HDFS, with what their commit says of them.

Runs in Spark's tasks: the driver hears of files, and never sees a row.
"""

import io
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.streams.raw import STATISTICS
from ingestion.streams.rows import PARTITION, Batch, raw_rows
from lakehouse.store import WebHdfsStore

# What a task holds in memory before it writes a file.
MOST_BYTES = 64 * 1024 * 1024
# As long as Delta's own statistics of text; the greatest text gets a character behind it that is greater.
MOST_CHARACTERS = 32
GREATEST = "\U0010ffff"
FILE_SCHEMA = "path string, size bigint, records bigint, modified_at bigint, statistics string, newest string"


def land_files(
    parts: Iterable[pa.RecordBatch], batch: Batch, webhdfs: str, location: str, ahead: timedelta
) -> Iterator[pa.RecordBatch]:
    """Write a task's records below `location`; a row of FILE_SCHEMA a file."""
    held: list[pa.RecordBatch] = []
    for part in parts:
        held.append(part)
        if sum(each.nbytes for each in held) > MOST_BYTES:
            yield land_file(held, batch, store(webhdfs, location), ahead)
            held = []
    if any(map(len, held)):
        yield land_file(held, batch, store(webhdfs, location), ahead)


def land_file(
    records: list[pa.RecordBatch], batch: Batch, target: WebHdfsStore, ahead: timedelta
) -> pa.RecordBatch:
    """Write one file, under a name of its own: what a failed batch leaves behind goes with a vacuum."""
    rows = raw_rows(pa.Table.from_batches(records), batch)
    content = parquet(rows)
    path = f"{PARTITION}={batch.landed_at:%Y-%m-%d}/part-{uuid.uuid4()}.snappy.parquet"
    target.write(path, content)
    told = {
        "path": path,
        "size": len(content),
        "records": len(rows),
        "modified_at": int(time.time() * 1000),
        "statistics": json.dumps(statistics(rows)),
        "newest": json.dumps(newest(rows, ahead)),
    }
    return pa.RecordBatch.from_pylist([told])


@cache
def store(webhdfs: str, location: str) -> WebHdfsStore:
    """Of a worker."""
    return WebHdfsStore(webhdfs, location)


def parquet(rows: pa.Table) -> bytes:
    """A file's content. The footer of a hundred columns outweighs a small batch: it says what readers use."""
    out = io.BytesIO()
    pq.write_table(rows, out, compression="snappy", store_schema=False, write_statistics=list(STATISTICS))
    return out.getvalue()


def statistics(rows: pa.Table) -> dict[str, Any]:
    """Delta's own of a file: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics."""
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    for name in STATISTICS:
        ends = pc.min_max(rows[name]).as_py()
        if ends["min"] is not None:
            least[name] = told(ends["min"], is_greatest=False)
            most[name] = told(ends["max"], is_greatest=True)
    nulls = {name: rows[name].null_count for name in STATISTICS}
    return {"numRecords": len(rows), "minValues": least, "maxValues": most, "nullCount": nulls}


def told(value: Any, *, is_greatest: bool) -> Any:
    """A least or greatest value. Readers know that times are cut to milliseconds."""
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return value[:MOST_CHARACTERS] + GREATEST * is_greatest
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def newest(rows: pa.Table, ahead: timedelta) -> dict[str, str]:
    """Of each source the newest event time that may move its watermark: a clock that runs ahead must not."""
    latest = pc.add(rows["kafka_at"], pa.scalar(ahead, pa.duration("us")))
    is_usable = pc.and_(rows["is_accepted"], pc.less_equal(rows["occurred_at"], latest))
    found = rows.select(["source", "occurred_at"]).filter(is_usable)
    found = found.group_by("source").aggregate([("occurred_at", "max")]).to_pylist()
    return {row["source"]: row["occurred_at_max"].replace(tzinfo=None).isoformat() for row in found}
