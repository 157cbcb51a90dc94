"""How long after the collector accepted an event SQL can see it: `python -m benchmarks.freshness`.

A whole stack of its own without Superset, an open loop of browsers' batches into the collector, and a watcher
that asks over Thrift which micro-batch is the newest it can see.
"""

import argparse
import asyncio
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import pandas as pd

from benchmarks import idle, machine
from benchmarks.landing import batches
from benchmarks.load import Answered, open_loop, percentiles
from benchmarks.servers import HDFS, servers
from benchmarks.visits import SOURCE, Visitor
from ingestion.streams import progress
from ingestion.topics import topic_names
from lakehouse import printing, warehouse
from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings

BATCH = 10  # as many as the tracker sends at once
WARM_UP_SECONDS, LAND_SECONDS = 240, 120
WATCH_SECONDS = 0.1
# With this the question is answered from the statistics of the table's log: no file is read.
FROM_LOG = "set spark.databricks.delta.optimizeMetadataQuery.enabled=true"
NEWEST = "select max(batch_id) from raw.events"
EVENTS = f"""
    select
        cast(substr(event_id, 7, 6) as int) as request,
        cast(substr(event_id, 14) as int) as place,
        batch_id,
        unix_micros(kafka_at) / 1e6 as kafka_at,
        unix_micros(landed_at) / 1e6 as begun
    from raw.events
    where source = '{SOURCE}' and is_accepted
"""


class Sighting(NamedTuple):
    """When the watcher asked and was answered, and the newest micro-batch that it saw."""

    asked: float
    seen: float
    batch_id: int


class Watcher(threading.Thread):
    """Asks again and again over one Thrift session while its context is open."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="watcher", daemon=True)
        self.sightings: list[Sighting] = []
        self._settings = settings
        self._stopping = threading.Event()

    def run(self) -> None:
        with warehouse.closed_quietly(warehouse.connect(self._settings)) as connection:
            cursor = connection.cursor()
            cursor.execute(FROM_LOG)
            while not self._stopping.wait(WATCH_SECONDS):
                asked = time.time()
                cursor.execute(NEWEST)
                ((newest,),) = cursor.fetchall()
                if newest is not None:
                    self.sightings.append(Sighting(asked, time.time(), newest))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()


def requests(count: int) -> Iterator[bytes]:
    """The first events of so many visits."""
    for number in range(count):
        visitor = Visitor(number)
        yield visitor.request("/v1/events", {"events": visitor.events(BATCH)})


async def send(
    settings: Settings, rate: float, seconds: float
) -> tuple[list[Answered], list[dict[str, Any]]]:
    """What was answered, warm-up included, and what each process cost after it."""

    async def cost() -> list[dict[str, Any]]:
        await asyncio.sleep(WARM_UP_SECONDS)
        cpu = time.process_time()
        costs = await asyncio.to_thread(idle.measure, settings, seconds)
        own = {
            "server": "sender and watcher",
            "memory_mib": round(machine.resident_mib(os.getpid())),
            "cpu_percent": round(100 * (time.process_time() - cpu) / seconds, 1),
        }
        return [*costs, own]

    count = round(rate * (WARM_UP_SECONDS + seconds) / BATCH)
    answered, costs = await asyncio.gather(
        open_loop(settings.collector_port, requests(count), rate / BATCH), cost()
    )
    return answered, costs


def wait_landed(settings: Settings, watcher: Watcher) -> None:
    """Until everything that Kafka has is committed, and the watcher has seen the last of it."""
    deadline = time.monotonic() + LAND_SECONDS
    while progress.read(settings, topic_names()).lag:
        if time.monotonic() > deadline:
            raise UserError(f"Not everything landed within {LAND_SECONDS} s; see {settings.logs}.")
        time.sleep(0.5)
    last = max(batch.batch_id for batch in batches(settings))
    while not watcher.sightings or watcher.sightings[-1].batch_id < last:
        if not watcher.is_alive() or time.monotonic() > deadline:
            raise UserError(f"Batch {last} landed and was not seen over Thrift.")
        time.sleep(0.1)


def visible_at(sightings: list[Sighting], batch_id: int) -> float:
    """When a batch had been seen: it, or a later one, stood in an answer for the first time."""
    return sightings[bisect_left(sightings, batch_id, key=lambda seen: seen.batch_id)].seen


def times(settings: Settings, answers: list[Answered], sightings: list[Sighting]) -> pd.DataFrame:
    """A row an event: when it was due, accepted, in Kafka, its batch begun, committed and visible."""
    session = remote_session(settings)
    try:
        events = session.sql(EVENTS).toPandas()
    finally:
        session.stop()  # else it waits at the end for a gateway that is gone
    different = len(events.drop_duplicates(["request", "place"]))
    if not len(events) == different == len(answers) * BATCH:
        raise UserError(
            f"{len(answers) * BATCH:,} events were accepted but raw.events holds {len(events):,}, "
            f"{different:,} different ones."
        )
    asked = pd.DataFrame(answers, columns=["request", "due", "accepted"])
    landed = pd.DataFrame(
        [(each.batch_id, each.at, visible_at(sightings, each.batch_id)) for each in batches(settings)],
        columns=["batch_id", "committed", "visible"],
    )
    return events.merge(asked, on="request").merge(landed, on="batch_id")


def figures(events: pd.DataFrame, sightings: list[Sighting]) -> list[dict[str, Any]]:
    """Percentiles in milliseconds of the whole way and its parts, after the warm-up.

    UserError where too little happened in the measured time.
    """
    start = events.due.min() + WARM_UP_SECONDS
    warm = events[events.due >= start]
    commits = sorted(set(warm.committed))
    asked = [seen.asked for seen in sightings if seen.asked >= start]
    if len(commits) < 2 or len(asked) < 2:
        raise UserError(
            "All that was measured became visible at once: give --seconds more, or a quiet machine."
        )
    spans = {
        "accepted -> visible": warm.visible - warm.accepted,
        "due -> visible": warm.visible - warm.due,
        "due -> accepted": warm.accepted - warm.due,
        "in Kafka -> batch begins": warm.begun - warm.kafka_at,
        "batch begins -> committed": warm.committed - warm.begun,
        "committed -> visible": warm.visible - warm.committed,
        "commit -> next commit": pd.Series(commits).diff().dropna(),
        "watcher's question -> next": pd.Series(asked).diff().dropna(),
    }
    return [{"span": name, **percentiles(seconds)} for name, seconds in spans.items()]


def measure(rate: float, seconds: float) -> dict[str, Any]:
    """One whole run."""
    waves = ("kafka", *HDFS), ("gateway", "landing", "collector")
    with servers(*waves, trusted_proxy=True) as (settings, _):
        about = machine.facts(settings)
        print(f"sending {rate:,.0f} events a second for {WARM_UP_SECONDS + seconds:,.0f} s", flush=True)
        with Watcher(settings) as watcher:
            answers, costs = asyncio.run(send(settings, rate, seconds))
            wait_landed(settings, watcher)
        events = times(settings, answers, watcher.sightings)
    return {
        "machine": about,
        "events_per_second": rate,
        "seconds": seconds,
        "events_a_request": BATCH,
        "milliseconds": figures(events, watcher.sightings),
        "servers": costs,
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freshness", description=__doc__)
    parser.add_argument("--rate", type=float, default=2_000, help="events per second (default: 2,000)")
    parser.add_argument("--seconds", type=float, default=60, help="how long, after the warm-up (default: 60)")
    chosen = parser.parse_args()
    try:
        result = measure(chosen.rate, chosen.seconds)
    except UserError as error:
        raise SystemExit(str(error)) from None
    machine.keep("freshness", result)
    printing.show_table(result["milliseconds"], count=False)
    printing.show_table(result["servers"], count=False)


if __name__ == "__main__":
    main()
