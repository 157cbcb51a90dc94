"""Events per second from Kafka to committed Delta on HDFS: `python -m benchmarks.landing`.

Kafka and HDFS of its own on free ports; landing starts when Kafka is filled.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import psutil

from benchmarks import machine
from benchmarks.servers import HDFS, servers
from ingestion.collector.publish import Publisher
from lakehouse import printing
from lakehouse.settings import Settings
from lakehouse.store import WebHdfsStore

SAMPLE_SECONDS = 0.5
LONGEST_SECONDS = 900
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
LOG = "/lakehouse/raw/events/_delta_log"


class Batch(NamedTuple):
    """One micro-batch: its number, seconds since the epoch at its commit, and events."""

    batch_id: int
    at: float
    events: int


@dataclass(frozen=True)
class Commits:
    """Landing's commits, oldest first: seconds since the epoch, and events."""

    at: list[float]
    events: list[int]

    def between(self, first: int, last: int) -> "Commits":
        """What happened from one commit to another."""
        return Commits(self.at[first : last + 1], self.events[first : last + 1])

    @property
    def landed(self) -> int:
        """Events from the first commit to the last; those of the first itself came before."""
        return sum(self.events[1:])

    @property
    def seconds(self) -> float:
        """From the first commit to the last."""
        return self.at[-1] - self.at[0]

    @property
    def gaps(self) -> list[float]:
        """Seconds from each commit to the next."""
        return [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]


def made_events(count: int) -> Iterator[dict[str, Any]]:
    """Orders of one to three lines, the same for every run."""
    for number in range(count):
        lines = [
            {
                "product_id": f"P{(number * 7 + line) % 5000:05d}",
                "description": "MADE PRODUCT FOR THE BENCHMARK",
                "quantity": 1 + (number + line) % 12,
                "unit_price": 2.55,
                "line_total": round(2.55 * (1 + (number + line) % 12), 2),
            }
            for line in range(1 + number % 3)
        ]
        yield {
            "event_id": f"bench-{number:012d}",
            "event_type": "order_placed",
            "contract_version": 1,
            "source": "benchmark",
            "occurred_at": (FIRST_DAY + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "customer_id": f"C{number % 20_000:06d}",
            "properties": {
                "order_id": f"O{number:012d}",
                "order_status": "placed",
                "currency": "GBP",
                "country": "United Kingdom",
                "lines": lines,
            },
        }


def publish(settings: Settings, count: int) -> dict[str, float]:
    """Fill Kafka through the collector's own publisher, and say what that cost."""
    events = list(made_events(count))
    clock, cpu = time.monotonic(), time.process_time()
    with Publisher(settings) as publisher:
        for event in events:
            publisher.publish(event)
    seconds, cpu_seconds = time.monotonic() - clock, time.process_time() - cpu
    return {
        "publisher_events_per_second": round(count / seconds),
        "publisher_events_per_cpu_second": round(count / cpu_seconds),
        "bytes_per_event": round(sum(len(json.dumps(event)) for event in events[:1000]) / min(count, 1000)),
    }


def land(settings: Settings, interface: Any, count: int) -> list[tuple[float, float]]:
    """Start landing and wait for it; (time, CPU-seconds so far) of its processes while it works."""
    interface.startProcess("landing", True)
    pid = int(interface.getProcessInfo("landing")["pid"])
    samples: list[tuple[float, float]] = []
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        samples.append((time.time(), machine.cpu_seconds(pid)))
        if sum(commits(settings).events) >= count:
            return samples
        time.sleep(SAMPLE_SECONDS)
    raise SystemExit(f"Landing did not take {count:,} events within {LONGEST_SECONDS} s.")


def batches(settings: Settings) -> Iterator[Batch]:
    """What the table's own log says of each micro-batch, oldest first."""
    log = WebHdfsStore(settings.webhdfs, LOG)
    for name in log.names(""):
        if not re.fullmatch(r"\d+\.json", name):
            continue
        info = next(
            action for line in log.read(name).splitlines() if (action := json.loads(line).get("commitInfo"))
        )
        note = json.loads(info.get("userMetadata", "{}"))
        if "stream" in note:
            events = int(info["operationMetrics"]["numOutputRows"])
            yield Batch(note["batch_id"], info["timestamp"] / 1000, events)


def commits(settings: Settings) -> Commits:
    """Landing's commits so far."""
    found = list(batches(settings))
    return Commits([batch.at for batch in found], [batch.events for batch in found])


def figures(found: Commits, samples: list[tuple[float, float]]) -> dict[str, float]:
    """Of a stretch of the run."""
    times, cpu = zip(*samples, strict=True)
    spent = float(np.interp(found.at[-1], times, cpu) - np.interp(found.at[0], times, cpu))
    return {
        "batches": len(found.at) - 1,
        "events": found.landed,
        "events_per_second": round(found.landed / found.seconds),
        "batch_seconds_p50": round(statistics.median(found.gaps), 2),
        "batch_seconds_max": round(max(found.gaps), 2),
        "cpu_seconds_per_million": round(spent / found.landed * 1e6, 1),
        "cores_used": round(spent / found.seconds, 2),
    }


def halves(found: Commits, samples: list[tuple[float, float]]) -> dict[str, float]:
    """The first half of the run, in which the JVM is still compiling, as `cold_...`, and the second, warm."""
    last = len(found.at) - 1
    cold = figures(found.between(0, last // 2), samples)
    return figures(found.between(last // 2, last), samples) | {f"cold_{k}": v for k, v in cold.items()}


def measure(count: int) -> dict[str, Any]:
    """One whole run."""
    with servers(("kafka", *HDFS), ("gateway",)) as (settings, interface):
        # It has made raw.events, and would only take memory from here on.
        interface.stopProcess("gateway")
        about = machine.facts(settings)
        print(f"publishing {count:,} events", flush=True)
        published = publish(settings, count)
        print("landing them", flush=True)
        samples = land(settings, interface, count)
        found = commits(settings)
    if sum(found.events) != count:
        raise SystemExit(f"{count:,} events were published but {sum(found.events):,} landed.")
    if len(found.at) < 5:
        raise SystemExit(f"{count:,} events landed in {len(found.at)} batches: too few, give --events more.")
    load = round(psutil.getloadavg()[0], 1)
    return {"machine": {**about, "load_after": load}, "landing": halves(found, samples) | published}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landing", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="how many events (default: 2,000,000)")
    result = measure(parser.parse_args().events)
    machine.keep("landing", result)
    rows = {**result["landing"], **result["machine"]}
    printing.show_table([{"what": name.replace("_", " "), "value": str(v)} for name, v in rows.items()])


if __name__ == "__main__":
    main()
