"""Events a second from the simulator to Kafka, by all cores: `python -m benchmarks.simulate`.

Kafka of its own on a free port; it has the same cores as the simulator.
"""

import argparse
import json
import os
import time
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.servers import servers
from ingestion.simulator.plan import Options
from ingestion.simulator.run import simulate
from ingestion.streams import progress
from ingestion.topics import topic_names
from lakehouse import printing
from lakehouse.settings import Settings

WARM_UP_EVENTS = 20_000


def in_kafka(settings: Settings) -> int:
    """Records that the broker holds, by its own word."""
    return progress.read(settings, topic_names()).lag


def measure(count: int, processes: int) -> dict[str, Any]:
    """One whole run, after a short one that warms Kafka up."""
    with servers(("kafka",)) as (settings, interface):
        about = machine.facts(settings)
        broker = int(interface.getProcessInfo("kafka")["pid"])
        before = simulate(settings, Options(events=WARM_UP_EVENTS, seed=2), processes=processes).sent
        broker_cpu, clock = machine.cpu_seconds(broker), time.monotonic()
        result = simulate(settings, Options(events=count), processes=processes)
        seconds = time.monotonic() - clock
        broker_cpu = machine.cpu_seconds(broker) - broker_cpu
        held = in_kafka(settings) - before
    if held != result.sent:
        raise SystemExit(f"{result.sent:,} events were sent but Kafka holds {held:,}.")
    figures = {
        "events": result.sent,
        "processes": processes,
        "seconds": round(seconds, 1),
        "events_per_second": round(result.sent / seconds),
        "cpu_seconds_per_million": round(result.cpu_seconds / result.sent * 1e6, 1),
        "kafka_cpu_seconds_per_million": round(broker_cpu / result.sent * 1e6, 1),
    }
    load = round(psutil.getloadavg()[0], 1)
    return {"machine": {**about, "load_after": load}, "simulate": figures}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="how many (default: 2,000,000)")
    cores = os.cpu_count() or 1
    parser.add_argument("--processes", type=int, default=cores, help="how many (default: one a core)")
    asked = parser.parse_args()
    result = measure(asked.events, asked.processes)
    machine.RESULTS.mkdir(exist_ok=True)
    (machine.RESULTS / "simulate.json").write_text(json.dumps(result, indent=2) + "\n")
    rows = {**result["simulate"], **result["machine"]}
    printing.show_table([{"what": name.replace("_", " "), "value": str(v)} for name, v in rows.items()])


if __name__ == "__main__":
    main()
