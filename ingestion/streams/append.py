"""Appends micro-batches to raw.events: Delta's protocol for a writer that only adds files.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md. Spark's own writer plans a query and rebuilds the
table's state for each commit; delta-rs waits half a second whenever it closes a file on HDFS.
"""

import time
from collections.abc import Sequence
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import Row

from ingestion.streams.commits import Log, actions_of, named, note
from ingestion.streams.rows import PARTITION, Batch

# How long the newest version stays known without another look: far less than the log keeps a version, since
# one that others committed and the log forgot would be free to be written again, and nobody would read it.
KNOWN_SECONDS = 60
# The protocol's version up to which adding files asks nothing more of a writer than what is done here.
WRITER_VERSION = 2


class Appender:
    """Commits to one table for one writer at a time; whoever else commits is compaction."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.open()

    def open(self) -> None:
        """Look at the table anew."""
        self.seen = time.monotonic()
        self.table = DeltaTable(self.log.location)
        needed = self.table.protocol().min_writer_version
        if needed > WRITER_VERSION:
            raise RuntimeError(
                f"{self.log.location} needs a writer of version {needed}, this is {WRITER_VERSION}"
            )
        self.version = self.table.version()

    def has(self, query_id: str, batch_id: int) -> bool:
        """Whether this batch of this query, or a later one, was in the table when it was looked at."""
        last = self.table.transaction_version(query_id)
        return last is not None and last >= batch_id

    def append(self, files: Sequence[Row], batch: Batch, query_id: str) -> int:
        """Commit a batch's files as one version, and tell which.

        RuntimeError where somebody else committed for this query, or changed the table's own metadata.
        """
        if time.monotonic() - self.seen > KNOWN_SECONDS:
            self.open()
            if self.has(query_id, batch.batch_id):
                raise RuntimeError(f"another landing stream committed batch {batch.batch_id}")
        seen, now = time.monotonic(), int(time.time() * 1000)
        actions = [
            {"commitInfo": info(files, batch, now)},
            {"txn": {"appId": query_id, "version": batch.batch_id, "lastUpdated": now}},
            *({"add": added(file, batch)} for file in files),
        ]
        while not self.log.commit(self.version + 1, actions):
            self.version += 1
            self.allow(self.version, query_id)
        self.version, self.seen = self.version + 1, seen
        return self.version

    def allow(self, version: int, query_id: str) -> None:
        """Go on behind a version that others have committed meanwhile, if it may be."""
        text = self.log.read(named(version)) or b""
        for action in actions_of(text.decode()):
            if action.get("txn", {}).get("appId") == query_id:
                raise RuntimeError(f"another landing stream committed version {version}")
            if "protocol" in action or "metaData" in action:
                raise RuntimeError(f"version {version} changed the table: landing begins anew")


def info(files: Sequence[Row], batch: Batch, now: int) -> dict[str, Any]:
    """What the history says of the commit."""
    metrics = {
        "numFiles": len(files),
        "numOutputRows": sum(file.records for file in files),
        "numOutputBytes": sum(file.size for file in files),
    }
    return {
        "timestamp": now,
        "operation": "WRITE",
        "operationParameters": {"mode": "Append", "partitionBy": f'["{PARTITION}"]'},
        "isBlindAppend": True,
        "operationMetrics": {name: str(value) for name, value in metrics.items()},
        "userMetadata": note(batch.batch_id, batch.landed_at),
        "engineInfo": "Customer-Lakehouse",
    }


def added(file: Row, batch: Batch) -> dict[str, Any]:
    """A file as the log names it; its path needs no escapes."""
    return {
        "path": file.path,
        "partitionValues": {PARTITION: f"{batch.landed_at:%Y-%m-%d}"},
        "size": file.size,
        "modificationTime": file.modified_at,
        "dataChange": True,
        "stats": file.statistics,
    }
