"""live.minutes_in_memory: the rows of live.minutes, held by the gateway for boards that ask each refresh.

To answer from the table costs Spark several times what the question itself does: it has a new version every
two seconds, whose log must be read and whose files be chosen before a few of them are opened. While anybody
asks, a thread here reads each new file once instead; LiveRows.java gives the rows to Spark, and lets
questions wait until it has those of the last second.
"""

import threading
import time
import traceback
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from ingestion.streams.commits import Log, actions_of
from ingestion.streams.minutes import COLUMNS, live_minutes
from lakehouse.java_source import compiled
from lakehouse.settings import Settings

NAME = "live.minutes_in_memory"
SOURCE = Path(__file__).with_name("LiveRows.java")
CLASS = "lakehouse.LiveRows"
LOOK_EVERY_SECONDS = 0.25  # while somebody asks
# After a longer pause the table is read anew: there may be hundreds of versions to go through.
LONGEST_PAUSE_SECONDS = 60
PAUSE_AFTER_FAILURE_SECONDS = 2
FILE = "file"


def classes(settings: Settings) -> Path:
    """A folder on the gateway's class path: Spark looks for a data source's class there, in every session."""
    return settings.state / "gateway" / "classes"


def compile_source(spark: SparkSession, settings: Settings) -> None:
    """Put the class where Spark looks for it."""
    for name, code in dict(compiled(spark, SOURCE).getBytecodes()).items():
        file = classes(settings) / f"{name.replace('.', '/')}.class"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(code)


def make_table(spark: SparkSession) -> None:
    """Under its name, with the columns of live.minutes."""
    comment = "The rows of live.minutes, held in memory by the gateway: a second behind at most"
    spark.sql(f"drop table if exists {NAME}")
    spark.sql(f"create table {NAME} ({live_minutes().columns}) using {CLASS} comment '{comment}'")


class Follower:
    """Tells LiveRows.java what the table holds."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        table = live_minutes()
        jvm: Any = spark._jvm
        self.spark, self.location = spark, table.location(settings)
        self.held = jvm.lakehouse.LiveRows
        self.names = jvm.java.util.ArrayList
        self.log = Log(spark, self.location)
        self.schema = cast(StructType, StructType.fromDDL(f"{table.columns}, {FILE} string"))
        self.empty = to_arrow_schema(self.schema, timezone="UTC").empty_table()
        self.version: int | None = None
        self.looked = 0.0

    def look(self) -> None:
        """Hold what the table says now."""
        now = time.time()
        if self.version is None or now - self.looked > LONGEST_PAUSE_SECONDS:
            self.read_all()
        else:
            self.read_new(self.version)
        self.looked = now
        self.held.looked(int(now * 1000))

    def read_all(self) -> None:
        """The table's newest version, by Spark."""
        newest = DeltaTable.forPath(self.spark, self.location).history(1).collect()[0]["version"]
        table = self.spark.read.format("delta").option("versionAsOf", newest).load(self.location)
        rows = table.selectExpr(*COLUMNS, f"_metadata.file_name as {FILE}").toArrow()
        self.change(None, [rows])
        self.version = newest

    def read_new(self, version: int) -> None:
        """The files of each version since, without Spark."""
        gone: set[str] = set()
        come: set[str] = set()
        for text in self.log.after(version):
            version += 1
            for action in actions_of(text):
                if "remove" in action:
                    gone.add(action["remove"]["path"])
                if "add" in action:
                    come.add(action["add"]["path"])
                    if action["add"].get("deletionVector"):
                        return self.read_all()  # some rows of the file count no more
        if version != self.version:
            come -= gone
            files = {path: self.log.read(path) for path in come}
            if None in files.values():
                return self.read_all()  # replaced and deleted meanwhile
            self.change(gone, [of_file(Path(path).name, content or b"") for path, content in files.items()])
            self.version = version
        return None

    def change(self, gone: Iterable[str] | None, come: list[pa.Table]) -> None:
        """Let go of files, or of all, and hold others, in one step. The log has them with the folder of
        their hour; here they go by their names."""
        names = None
        if gone is not None:
            names = self.names()
            for path in gone:
                names.add(Path(path).name)
        rows = pa.concat_tables([self.empty, *come], promote_options="default")
        rows = rows.select(self.empty.column_names).cast(self.empty.schema)
        spark: Any = self.spark  # its stubs know no Arrow
        self.held.change(names, spark.createDataFrame(rows, self.schema)._jdf)


def of_file(name: str, content: bytes) -> pa.Table:
    """Rows of a file, with the partition's column, which files do not hold, and with its name."""
    rows = pq.read_table(BytesIO(content))
    rows = rows.append_column("hour_at", pc.floor_temporal(rows["minute_at"], unit="hour"))
    return rows.append_column(FILE, pa.array([name] * rows.num_rows))


def follow(follower: Follower, stopping: threading.Event) -> None:
    """Until told to stop, while anybody asks. What fails is tried again, and questions wait for it."""
    while not stopping.wait(LOOK_EVERY_SECONDS):
        try:
            if not follower.held.isWanted():
                continue
            follower.look()
        except Exception:
            if stopping.is_set():
                return
            print(f"live.minutes could not be read and is tried again: {traceback.format_exc()}", flush=True)
            follower.version = None
            stopping.wait(PAUSE_AFTER_FAILURE_SECONDS)


def hold(spark: SparkSession, settings: Settings, stopping: threading.Event) -> None:
    """Make the table, read it, and follow live.minutes from then on."""
    compile_source(spark, settings)
    make_table(spark)
    follower = Follower(spark, settings)
    follower.look()
    threading.Thread(target=follow, args=(follower, stopping), name="live rows", daemon=True).start()
