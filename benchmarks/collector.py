"""Events per second that one core of the collector takes: `python -m benchmarks.collector`.

Kafka of its own on free ports. The collector has one core to itself; Kafka and the sender share the others.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import confluent_kafka
import orjson

from benchmarks import machine
from benchmarks.landing import made_events
from benchmarks.load import closed_loop, connect, percentiles
from benchmarks.servers import servers
from benchmarks.visits import SOURCE, Visitor
from ingestion.topics import topic_names
from lakehouse import printing
from lakehouse.errors import UserError
from lakehouse.servers import stack
from lakehouse.servers.java import find_java_home
from lakehouse.settings import Settings

CLIENTS = {"confluent-kafka": "ingestion.collector", "kafka-python": "benchmarks.kafka_python"}
BATCH = 50
REQUESTS = 2_000  # different ones, sent again and again
BROWSER_KEY, SERVER_KEY = "browser-key-of-the-benchmark", "server-key-of-the-benchmark"
# Requests under way at once: enough that the collector always has one to work on.
SINGLE_CONNECTIONS, BATCH_CONNECTIONS = 32, 16
WARM_UP_SECONDS, START_SECONDS, READ_SECONDS = 3, 30, 60


class Case(NamedTuple):
    """One way to send: requests, the ids of the events in each, and connections."""

    name: str
    requests: list[bytes]
    ids: list[list[str]]
    connections: int


def cases() -> list[Case]:
    """Browsers send single events and batches, a server sends batches of orders."""
    visitors = [Visitor(number) for number in range(REQUESTS)]
    visits = [visitor.events(BATCH) for visitor in visitors]
    made = list(made_events(REQUESTS * BATCH))
    orders = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]
    server = Visitor(0, "python-requests/2.32.3")
    both = list(zip(visitors, visits, strict=True))
    return [
        Case(
            "browser, single",
            [visitor.request("/track-event", events[0], BROWSER_KEY) for visitor, events in both],
            [[events[0]["event_id"]] for events in visits],
            SINGLE_CONNECTIONS,
        ),
        Case(
            f"browser, {BATCH} each",
            [visitor.request("/v1/events", {"events": events}, BROWSER_KEY) for visitor, events in both],
            [[event["event_id"] for event in events] for events in visits],
            BATCH_CONNECTIONS,
        ),
        Case(
            f"server, {BATCH} each",
            [server.request("/v1/events", some, SERVER_KEY) for some in orders],
            [[event["event_id"] for event in some] for some in orders],
            BATCH_CONNECTIONS,
        ),
    ]


def with_keys(settings: Settings) -> Settings:
    """The settings with a key for browsers and one for a server, a proxy, and no limit of requests."""
    keys = settings.state / "source_keys"
    keys.write_text(f"{SOURCE} browser {BROWSER_KEY}\n{SOURCE} server {SERVER_KEY}\n")
    return settings.replace(source_keys_file=keys, trusted_proxy=True, requests_per_second=0)


@contextmanager
def collector(settings: Settings, module: str, core: int) -> Iterator[int]:
    """A collector on one core; its process id."""
    environment = stack.environment(settings, find_java_home(settings))
    with machine.on_cores({core}):
        process = subprocess.Popen([sys.executable, "-m", module], env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not stack.answers(settings.host, settings.collector_port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"The collector did not start ({module}).")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def drive(
    settings: Settings, pid: int, case: Case, seconds: float
) -> tuple[Counter[int], dict[str, Any]]:
    """How often each request was answered, warm-up included, and the figures without it."""
    connections = [await connect(settings.collector_port) for _ in range(case.connections)]
    requests = itertools.cycle(enumerate(case.requests))
    warm = await closed_loop(connections, requests, WARM_UP_SECONDS)
    cpu, sender_cpu, clock = machine.cpu_seconds(pid), time.process_time(), time.monotonic()
    answers = await closed_loop(connections, requests, seconds)
    cpu, sender_cpu = machine.cpu_seconds(pid) - cpu, time.process_time() - sender_cpu
    took = time.monotonic() - clock
    events = sum(len(case.ids[answer.number]) for answer in answers)
    answered = percentiles(answer.answered - answer.due for answer in answers)
    return Counter(answer.number for answer in [*warm, *answers]), {
        "connections": case.connections,
        "events_per_second": round(events / took),
        "cpu_seconds_per_million": round(cpu / events * 1e6, 1),
        "core_used": round(cpu / took, 2),
        "sender_core_used": round(sender_cpu / took, 2),
        **{f"{name}_ms": value for name, value in answered.items()},
    }


class Topics:
    """What Kafka has got since it was last asked."""

    def __init__(self, settings: Settings) -> None:
        options = {
            "bootstrap.servers": settings.kafka_bootstrap,
            "group.id": "none",
            "enable.auto.commit": False,
        }
        self._consumer = confluent_kafka.Consumer(options)
        self._next = [
            confluent_kafka.TopicPartition(name, partition, 0)
            for name in topic_names()
            for partition in range(settings.kafka_partitions)
        ]

    def read(self) -> Counter[str]:
        """How often each event id came; a dead letter counts as its reasons."""
        found: Counter[str] = Counter()
        ends = [self._consumer.get_watermark_offsets(part)[1] for part in self._next]
        left = sum(end - part.offset for part, end in zip(self._next, ends, strict=True))
        self._consumer.assign(self._next)
        deadline = time.monotonic() + READ_SECONDS
        while left > 0 and time.monotonic() < deadline:
            for message in self._consumer.consume(min(left, 10_000), 1):
                record = orjson.loads(message.value() or b"{}")
                found[record.get("event_id") or str(record.get("reasons"))] += 1
                left -= 1
        for part, end in zip(self._next, ends, strict=True):
            part.offset = end
        return found

    def close(self) -> None:
        """Ask no more."""
        self._consumer.close()


def check(case: Case, answered: Counter[int], found: Counter[str]) -> None:
    """UserError unless Kafka holds what was accepted, each event as often, and nothing else."""
    accepted: Counter[str] = Counter()
    for number, times in answered.items():
        for event_id in case.ids[number]:
            accepted[event_id] += times
    if found != accepted:
        missing, strange = accepted - found, found - accepted
        raise UserError(
            f"{case.name}: of {accepted.total():,} accepted events Kafka lacks {missing.total():,} and has "
            f"{strange.total():,} others, such as {next(iter(missing | strange))}."
        )


def measure(seconds: float) -> dict[str, Any]:
    """Every case with both clients."""
    cores = machine.cores()
    if len(cores) < 2:
        raise UserError("The collector's benchmark needs two cores: one for the collector alone.")
    rows = []
    with machine.on_cores(set(cores[:-1])), servers(("kafka",)) as (started, _):
        settings = with_keys(started)
        about = machine.facts(settings)
        with closing(Topics(settings)) as topics:
            for client, module in CLIENTS.items():
                with collector(settings, module, cores[-1]) as pid:
                    for case in cases():
                        print(f"{client}: {case.name}", flush=True)
                        answered, figures = asyncio.run(drive(settings, pid, case, seconds))
                        check(case, answered, topics.read())
                        rows.append({"client": client, "case": case.name, **figures})
    return {"machine": about, "seconds": seconds, "collector": rows}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="how long each case takes (default: 15)")
    seconds = parser.parse_args().seconds
    try:
        result = measure(seconds)
    except UserError as error:
        raise SystemExit(str(error)) from None
    machine.keep("collector", result)
    shown = ("client", "case", "events_per_second", "cpu_seconds_per_million", "p50_ms", "p95_ms", "p99_ms")
    rows = [{name.replace("_", " "): row[name] for name in shown} for row in result["collector"]]
    printing.show_table(rows, count=False)


if __name__ == "__main__":
    main()
