"""What a figure was measured on, and what processes cost."""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from lakehouse.settings import Settings

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("pyspark", "delta-spark", "confluent-kafka")
JARS = {"Kafka": "kafka/kafka_2.13", "Hadoop": "hdfs/hadoop-client-api"}


def facts(settings: Settings) -> dict[str, Any]:
    """Cores, memory, load and versions."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        **{name: jar_version(settings, path) for name, path in JARS.items()},
    }


def cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def on_cores(wanted: set[int]) -> Iterator[None]:
    """This process, and what it starts meanwhile, on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def keep(name: str, result: dict[str, Any]) -> None:
    """Write a benchmark's result where the docs look for it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def jar_version(settings: Settings, path: str) -> str:
    """Version in the name of an installed jar."""
    found = next(settings.lib.glob(f"{path}-[0-9]*.jar"), None)
    match = re.search(r"-([0-9.]+)\.jar$", found.name) if found else None
    return match[1] if match else "not installed"


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time of the whole tree; of children that ended, what their parent was told."""
    total = 0.0
    for process in tree(pid):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def measured(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Seconds and CPU-seconds of one round, of this process with all that it started."""
    pid, began = os.getpid(), time.monotonic()
    cpu = cpu_seconds(pid)
    for _ in range(rounds):
        work()
    return {
        "cpu_seconds": round((cpu_seconds(pid) - cpu) / rounds, 3),
        "seconds": round((time.monotonic() - began) / rounds, 3),
    }


def resident_mib(pid: int) -> float:
    """Memory of the whole tree; pages that forks share are counted once (PSS)."""
    total = 0
    for process in tree(pid):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20
