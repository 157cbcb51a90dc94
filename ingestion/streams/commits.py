"""What landing commits to raw.events: written, and read from the table's log as it grows.

Asking Spark every two seconds for what is new would let it generate and compile code for each question,
since the time asked for is part of that code.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction
from py4j.protocol import Py4JJavaError
from pyspark.sql import Row, SparkSession

from ingestion.streams.rows import PARTITION, Batch

STREAM = "land"


@dataclass(frozen=True)
class Commit:
    """The files of one micro-batch."""

    landed_at: datetime
    record_count: int
    files: tuple[str, ...]


def note(batch_id: int, landed_at: datetime, record_count: int) -> str:
    """What a batch's commit says of itself in the table's history."""
    at = landed_at.isoformat(timespec="microseconds")
    return json.dumps({"stream": STREAM, "batch_id": batch_id, "landed_at": at, "records": record_count})


def is_committed(table: DeltaTable, query_id: str, batch_id: int) -> bool:
    """Whether this batch of this query, or a later one, is in the table as it was last read."""
    last = table.transaction_version(query_id)
    return last is not None and last >= batch_id


def append(table: DeltaTable, files: Sequence[Row], batch: Batch, query_id: str) -> None:
    """Commit a batch's files as one version. CommitFailedError where somebody else commits for this query.

    Compaction commits meanwhile: then the next version is taken.
    """
    added: list[AddAction | RemoveAction] = [
        AddAction(
            file.path,
            file.size,
            {PARTITION: f"{batch.landed_at:%Y-%m-%d}"},
            file.modified_at,
            data_change=True,
            stats=file.statistics,
        )
        for file in files
    ]
    said = note(batch.batch_id, batch.landed_at, sum(file.records for file in files))
    table.create_write_transaction(
        added,
        mode="append",
        schema=table.schema(),
        partition_by=[PARTITION],
        commit_properties=CommitProperties(
            custom_metadata={"userMetadata": said},
            app_transactions=[Transaction(query_id, batch.batch_id, int(time.time() * 1000))],
        ),
    )
    table.update_incremental()


class Tail:
    """The commits after the newest there was when it was made."""

    def __init__(self, spark: SparkSession, location: str) -> None:
        self.jvm: Any = spark._jvm
        self.location = location
        self.conf = spark._jsparkSession.sessionState().newHadoopConf()
        self.version = self.newest()

    def newest(self) -> int:
        """The newest version of the table."""
        path = self.path("_delta_log")
        files = path.getFileSystem(self.conf).listStatus(path)
        names = [file.getPath().getName() for file in files]
        return max(int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit())

    def follow(self) -> list[Commit]:
        """Landing's commits since the last call. LookupError when the log does not reach back so far."""
        found = []
        while (text := self.read(f"_delta_log/{self.version + 1:020}.json")) is not None:
            self.version += 1
            found += parsed(text.decode())
        if not found and self.newest() > self.version:
            raise LookupError(f"version {self.version + 1} of {self.location} is not in its log any more")
        return found

    def read(self, name: str) -> bytes | None:
        """A file of the table; None when there is none."""
        path = self.path(name)
        try:
            stream = path.getFileSystem(self.conf).open(path)
        except Py4JJavaError as error:
            if "FileNotFoundException" in str(error.java_exception.getClass().getName()):
                return None
            raise
        try:
            return bytes(self.jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def path(self, name: str) -> Any:
        """Of a file, whose name the log gives as part of an address."""
        return self.jvm.org.apache.hadoop.fs.Path(self.jvm.java.net.URI(f"{self.location}/{name}"))


def parsed(text: str) -> list[Commit]:
    """The commit of one version, if landing made it."""
    actions = [json.loads(line) for line in text.splitlines()]
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    try:
        said = json.loads(info.get("userMetadata") or "{}")
    except ValueError:  # somebody else's words
        return []
    if not isinstance(said, dict) or said.get("stream") != STREAM:
        return []
    added = [action["add"] for action in actions if "add" in action]
    count = sum(json.loads(add.get("stats") or "{}").get("numRecords", 0) for add in added)
    landed_at = datetime.fromisoformat(said["landed_at"]).replace(tzinfo=UTC)
    return [Commit(landed_at, count, tuple(add["path"] for add in added))]
