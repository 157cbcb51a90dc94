"""What landing commits to raw.events: the table's log, written and read as it grows.

Asking Spark every two seconds for what is new would let it generate and compile code for each question,
since the time asked for is part of that code.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

STREAM = "land"


@dataclass(frozen=True)
class Commit:
    """The files of one micro-batch."""

    landed_at: datetime
    record_count: int
    files: tuple[str, ...]


def note(batch_id: int, landed_at: datetime) -> str:
    """What a batch's commit says of itself in the table's history."""
    at = landed_at.isoformat(timespec="microseconds")
    return json.dumps({"stream": STREAM, "batch_id": batch_id, "landed_at": at})


class Log:
    """The log of a Delta table, by Hadoop's own client and Delta's own store for HDFS."""

    def __init__(self, spark: SparkSession, location: str) -> None:
        self.jvm: Any = spark._jvm
        self.location = location
        self.conf = spark._jsparkSession.sessionState().newHadoopConf()
        jvm: Any = self.jvm
        self.store = jvm.io.delta.storage.HDFSLogStore(self.conf)
        # Looked up once: each step of such a name is a question to the JVM.
        self.to_path, self.to_uri = jvm.org.apache.hadoop.fs.Path, jvm.java.net.URI
        self.to_bytes = jvm.org.apache.commons.io.IOUtils.toByteArray
        self.files = self.path("_delta_log").getFileSystem(self.conf)

    def newest(self) -> int:
        """The newest version of the table."""
        files = self.files.listStatus(self.path("_delta_log"))
        names = [file.getPath().getName() for file in files]
        return max(int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit())

    def read(self, name: str) -> bytes | None:
        """A file of the table; None when there is none."""
        path = self.path(name)
        # Asked first, since that there is none is what is heard most often, and an error costs much more.
        if not self.files.exists(path):
            return None
        try:
            stream = self.files.open(path)
        except Py4JJavaError as error:
            if "FileNotFoundException" in str(error.java_exception.getClass().getName()):
                return None
            raise
        try:
            return bytes(self.to_bytes(stream))
        finally:
            stream.close()

    def after(self, version: int) -> Iterator[str]:
        """What each later version says, as far as there is one."""
        while (text := self.read(named(version + 1))) is not None:
            version += 1
            yield text.decode()

    def commit(self, version: int, actions: Iterable[dict[str, Any]]) -> bool:
        """Write a version in one step; False where it is there already."""
        lines = self.jvm.java.util.ArrayList()
        for action in actions:
            lines.add(json.dumps(action))
        try:
            self.store.write(self.path(named(version)), lines.iterator(), False, self.conf)
        except Py4JJavaError as error:
            if "FileAlreadyExistsException" in str(error.java_exception.getClass().getName()):
                return False
            raise
        return True

    def path(self, name: str) -> Any:
        """Of a file, whose name the log gives as part of an address."""
        return self.to_path(self.to_uri(f"{self.location}/{name}"))


def named(version: int) -> str:
    """A version's file."""
    return f"_delta_log/{version:020}.json"


class Tail:
    """The commits after the newest there was when it was made."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.version = log.newest()

    def follow(self) -> list[Commit]:
        """Landing's commits since the last call. LookupError when the log does not reach back so far."""
        found = []
        for text in self.log.after(self.version):
            self.version += 1
            found += parsed(text)
        # Read once more: it may have come between the two looks.
        if not found and self.log.newest() > self.version and self.log.read(named(self.version + 1)) is None:
            raise LookupError(f"{self.log.location} has no version {self.version + 1} in its log any more")
        return found


def actions_of(text: str) -> list[dict[str, Any]]:
    """What a version's file says, one action a line."""
    return [json.loads(line) for line in text.splitlines()]


def parsed(text: str) -> list[Commit]:
    """The commit of one version, if landing made it."""
    actions = actions_of(text)
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
