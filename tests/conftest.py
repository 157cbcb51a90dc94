"""One lakehouse for the whole run: real Kafka, HDFS, Spark (and Superset for e2e), on free ports."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec

from ingestion.collector.publish import Publisher
from ingestion.contract import catalogue
from ingestion.streams import progress
from ingestion.topics import CHECKED, topic_names
from lakehouse import warehouse
from lakehouse.demo import CALLERS
from lakehouse.servers import stack as servers
from lakehouse.settings import ROOT, Settings, get_settings
from ml.train import train
from tests import made

# Tests of dbt run with the golden events and, those of data, on the real files.
NO_TESTS = ("--exclude-resource-types", "test", "unit_test")
SHARED = ROOT.parent / "shared" / "data"
PORTS = (
    "kafka",
    "kafka_controller",
    "namenode",
    "namenode_http",
    "thrift",
    "connect",
    "collector",
    "superset",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick ones first, so that what is simply wrong shows before any server starts.

    Golden events are built again and again: before the real files land, while rows are few.
    """
    rooms = ("unit", "test_", "golden", "engine", "e2e")
    items.sort(key=lambda item: next((n for n, r in enumerate(rooms) if f"tests/{r}" in str(item.path)), 1))
    config.stash[WANTS_DASHBOARDS] = any(item.get_closest_marker("e2e") for item in items)


WANTS_DASHBOARDS = pytest.StashKey[bool]()


def free_port(count: int = 1) -> int:
    """The first of so many free ports in a row; below those that outgoing connections are given, since
    one of these could take a port before its server has started."""
    while True:
        first = random.randrange(16_000, 32_000)
        if not any(servers.answers("127.0.0.1", first + n) for n in range(count)):
            return first


@dataclass(frozen=True)
class Stack:
    """A running lakehouse and what tests do with it."""

    settings: Settings
    environment: dict[str, str]

    def publish(self, events: list[dict[str, Any]]) -> Publisher:
        """Send events by the collector's own publisher, and wait for Kafka's word."""
        with Publisher(self.settings) as publisher:
            for event in events:
                publisher.publish(event)
        return publisher

    def send(
        self, topic: str, *records: bytes | None, partition: int = 0, checked: bool = False
    ) -> list[int]:
        """Write records straight to Kafka, past the collector; their offsets. `checked` adds its stamp."""
        offsets: list[int] = []
        producer = confluent_kafka.Producer({"bootstrap.servers": self.settings.kafka_bootstrap})
        headers = [(CHECKED, bytes.fromhex(catalogue().digest))] if checked else None
        for record in records:
            producer.produce(
                topic,
                value=record,
                partition=partition,
                headers=headers,
                on_delivery=lambda error, message: offsets.append(message.offset()),
            )
        assert producer.flush(60) == 0
        return offsets

    def wait_landed(self, seconds: float = 300) -> None:
        """Until Kafka holds nothing that is not in raw.events."""
        self.wait_until(lambda: progress.read(self.settings, topic_names()).lag == 0, seconds, "landed")

    def wait_counted(self) -> None:
        """Until all that landed is in live.minutes."""
        self.wait_landed()
        counted = "(select max(landed_at) from live.minutes) >= (select max(landed_at) from raw.events)"
        self.wait_until(lambda: self.query(f"select {counted} as is_done")[0]["is_done"], 300, "counted")

    def wait_until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Poll a condition; fail when it does not come true."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} within {seconds:.0f} s; logs are in {self.settings.logs}")
            time.sleep(0.3)

    def assert_landed_once(self) -> None:
        """Every record that Kafka holds lands and is in raw.events once, from the first to the last."""
        self.wait_landed()
        rows = self.query(
            "select kafka_topic, kafka_partition, count(*) as records,"
            " count(distinct kafka_offset) as offsets, max(kafka_offset) + 1 as until"
            " from raw.events group by kafka_topic, kafka_partition"
        )
        found = {
            (row["kafka_topic"], row["kafka_partition"]): (row["records"], row["offsets"], row["until"])
            for row in rows
        }
        assert found == {part: (end, end, end) for part, end in self.ends().items() if end}

    def ends(self) -> dict[tuple[str, int], int]:
        """How many records each partition of each topic has got, as Kafka itself says."""
        with closing(progress.admin(self.settings)) as admin:
            parts = [
                TopicPartition(topic["name"], part["partition_index"])
                for topic in admin.describe_topics(topic_names())
                for part in topic["partitions"]
            ]
            found = admin.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.LATEST))
        return {(part.topic, part.partition): end.offset for part, end in found.items()}

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows over Thrift."""
        return warehouse.query(sql, self.settings)

    def set_aside(self, where: str) -> None:
        """Take rows of raw.events out of all models; deleted ones would be a hole in the ledger."""
        reasons = "rejection_reasons = array('test: set aside')"
        self.query(f"update raw.events set is_accepted = false, {reasons} where {where}")

    def run(self, *command: str, check: bool = True, **changed: str) -> subprocess.CompletedProcess[str]:
        """A command of the project's environment at the repository's root, as a user runs it."""
        program = str(Path(sys.executable).with_name(command[0]))
        environment = self.environment | changed
        done = subprocess.run(
            [program, *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
        )
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} exited {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
            )
        return done

    def dbt(
        self, *arguments: str, target: str = "ci", schema: str = "ci", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """dbt; target `ci` has schemas whose names begin so, `local` those of the dashboards."""
        own = {"LAKEHOUSE_DBT_TARGET": target, "LAKEHOUSE_DBT_SCHEMA": schema}
        own["DBT_TARGET_PATH"] = str(self.dbt_files(target, schema))
        return self.run("dbt", "--no-use-colors", *arguments, check=check, **own)

    def dbt_files(self, target: str = "ci", schema: str = "ci") -> Path:
        """Where dbt keeps its manifest; in one folder it would parse all anew when the target changes."""
        return self.settings.state / "dbt" / f"{target}_{schema}"


def own_settings(folder: Path) -> dict[str, str]:
    """What keeps a lakehouse apart from every other: its folder and free ports, as a process is told."""
    chosen = {f"LAKEHOUSE_{name.upper()}_PORT": str(free_port()) for name in PORTS}
    chosen["LAKEHOUSE_DATANODE_PORT"] = str(free_port(9))
    chosen["LAKEHOUSE_DASHBOARDS_EMBED_ORIGINS"] = f"http://127.0.0.1:{free_port()}"
    return chosen | {"LAKEHOUSE_STATE": str(folder)}


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Started once, stopped at the end, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-test-"))
    before = dict(os.environ)
    os.environ |= own_settings(folder)
    get_settings.cache_clear()
    settings = get_settings()
    try:
        servers.up(settings, dashboards=request.config.stash[WANTS_DASHBOARDS])
        yield Stack(settings, dict(os.environ))
    finally:
        servers.down(settings)
        os.environ.clear()
        os.environ |= before
        get_settings.cache_clear()
        if request.session.testsfailed:
            print(f"\nlogs of the failed run: {settings.logs}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def marts(stack: Stack) -> Stack:
    """The same stack with a small made shop landed, its marts built and its model trained."""
    stack.publish(made.shop())
    stack.wait_landed()
    stack.dbt("build", *NO_TESTS, "--exclude", *CALLERS, target="local")
    train("customer_segment", stack.settings)
    stack.dbt("build", *NO_TESTS, "--select", *CALLERS, target="local")
    return stack


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files; tests that need it are skipped by name where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is not at {SHARED}")
    return SHARED
