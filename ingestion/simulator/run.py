"""Make the events of a plan and publish them: each process its own blocks, in the order of time."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ingestion.collector.publish import Publisher
from ingestion.replay import without_collection
from ingestion.simulator.block import Block
from ingestion.simulator.plan import Options, Plan
from ingestion.simulator.properties import Event
from ingestion.simulator.truth import VisitFiles, write_summary, write_world
from lakehouse.errors import UserError
from lakehouse.settings import Settings

TICK_SECONDS = 0.1
REPORT_SECONDS = 0.5
LINGER_SECONDS = 0.2  # larger batches cost Kafka less; nobody waits for an answer
LIVE_LINGER_SECONDS = 0.02
ONE_PROCESS_RATE = 5_000  # events a second that one process makes with ease

Progress = Callable[[int, int | None], None]
Chunks = Iterator[tuple[list[Event], list[Block]]]
_sent: Any = None  # how many events each process has sent, shared by all


class Job(NamedTuple):
    """One process's share of a run."""

    options: Options
    settings: Settings
    process: int
    processes: int
    folder: Path


@dataclass(frozen=True)
class SimulationResult:
    """What was sent, and the folder of its truth.

    `late`, `clock_errors` and `bots` count accepted events, each once.
    """

    run: str
    sent: int
    accepted: int
    rejected: int
    duplicates: int
    late: int
    clock_errors: int
    bots: int
    seconds: float
    cpu_seconds: float
    truth: str


def simulate(
    settings: Settings,
    options: Options,
    *,
    processes: int | None = None,
    truth: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> SimulationResult:
    """Publish a made shop's events and write their truth to a folder, by default one in the state folder.

    The same options with the same start give the same events, however many processes work on them; by
    default one for each core, and one alone where that keeps the rate.
    """
    is_slow = options.rate is not None and options.rate < ONE_PROCESS_RATE
    processes = processes or (1 if is_slow else os.cpu_count() or 1)
    plan = Plan(options.anchored(datetime.now(UTC)))
    folder = truth or settings.state / "simulator" / plan.run
    if not Publisher(settings).reachable():
        raise UserError(f"Kafka does not answer at {settings.kafka_bootstrap}; start it with 'lakehouse up'.")
    write_world(folder, plan)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    cpu = 0.0
    jobs = [Job(plan.options, settings, number, processes, folder) for number in range(processes)]
    for found, seconds in _run_all(jobs, lambda done: progress(done, options.events)):
        counts += found
        cpu += seconds
    took = time.monotonic() - began
    summary = write_summary(folder, plan, counts)
    shown = {field.name: summary[field.name] for field in fields(SimulationResult) if field.name in summary}
    return SimulationResult(**shown, seconds=round(took, 2), cpu_seconds=round(cpu, 2), truth=str(folder))


def blocks_in_order(plan: Plan, process: int, processes: int, stop: threading.Event) -> Chunks:
    """A run of fixed length: events in the order of their sending, with the blocks that ended there."""
    assert plan.blocks is not None
    opened: list[Block] = []
    for number in range(process, plan.blocks, processes):
        opened.append(Block(plan, plan.slot(number)))
        following = number + processes
        until = plan.slot(following).start_ms if following < plan.blocks else np.inf
        yield _due(opened, until)
        if stop.is_set():
            yield [], opened
            return


def live_blocks(plan: Plan, process: int, processes: int, stop: threading.Event) -> Chunks:
    """A live run: events when they are due; once stopped or at its end, the blocks that are still open."""
    opened: list[Block] = []
    number, began = process, time.monotonic()
    while True:
        now = plan.start_ms + int((time.monotonic() - began) * 1000)
        is_last = stop.is_set() or (plan.end_ms is not None and now >= plan.end_ms)
        while (slot := plan.slot(number)).start_ms <= now and (plan.blocks is None or number < plan.blocks):
            opened.append(Block(plan, slot))
            number += processes
        yield _due(opened, now)
        if is_last:
            yield [], opened
            return
        stop.wait(TICK_SECONDS)


def _due(opened: list[Block], until_ms: float) -> tuple[list[Event], list[Block]]:
    parts = [block.take(until_ms) for block in opened]
    ended = [block for block in opened if block.is_done]
    opened[:] = [block for block in opened if not block.is_done]
    events = [event for _, made in parts for event in made]
    if not events:
        return [], ended
    order = np.argsort(np.concatenate([due for due, _ in parts]), kind="stable").tolist()
    return [events[number] for number in order], ended


def work(job: Job, report: Callable[[int], None] | None = None) -> tuple[Counter[str], float]:
    """One process's share: what it sent, and CPU-seconds."""
    cpu, report = time.process_time(), report or partial(_tell, job.process)
    plan, counts, files = Plan(job.options), Counter[str](), VisitFiles(job.folder, job.process)
    make = live_blocks if job.options.rate else blocks_in_order
    collection = nullcontext() if job.options.rate else without_collection()
    linger = LIVE_LINGER_SECONDS if job.options.rate else LINGER_SECONDS
    with stopping() as stop, collection, Publisher(job.settings, linger_seconds=linger) as publisher:
        for events, ended in make(plan, job.process, job.processes, stop):
            for event in events:
                publisher.publish(event)
            if job.options.rate:
                publisher.flush()
            for block in ended:
                counts += block.counts()
                files.add(plan, block)
            report(publisher.accepted + publisher.rejected)
    files.flush()
    if (publisher.accepted, publisher.rejected) != (counts["accepted"], counts["rejected"]):
        raise RuntimeError(
            f"The simulator meant {counts['accepted']} events to be accepted and {counts['rejected']} to be"
            f" rejected, but {publisher.accepted} and {publisher.rejected} were."
        )
    return counts, time.process_time() - cpu


def _run_all(jobs: list[Job], report: Callable[[int], None]) -> Iterator[tuple[Counter[str], float]]:
    """Each job in a process of its own; one alone in this one."""
    if len(jobs) == 1:
        yield work(jobs[0], report)
        return
    # Not forked: a Kafka client of this process would not survive it.
    context = get_context("spawn")
    sent = context.Array("q", len(jobs), lock=False)
    with stopping(), ProcessPoolExecutor(len(jobs), context, _share, (sent,)) as pool:
        waiting = {pool.submit(work, job) for job in jobs}
        while waiting:
            done, waiting = wait(waiting, REPORT_SECONDS)
            report(sum(sent))
            for future in done:
                yield future.result()


def _share(sent: Any) -> None:
    global _sent
    _sent = sent


def _tell(process: int, sent: int) -> None:
    _sent[process] = sent


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that an interruption sets, so that the truth is written before the end."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
