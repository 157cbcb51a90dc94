"""Whatever is killed: what was answered 2xx lands, no record lands twice, no event counts twice.

Senders do what docs/data.md asks of them: they send again what was not answered, under the same ids.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion.sources.online_retail import COLUMNS
from ingestion.streams.land import CHECKPOINT
from ingestion.streams.raw import raw_events
from lakehouse.servers import stack as servers
from tests.conftest import NO_TESTS, Stack
from tests.made import CONSENT, order

pytestmark = pytest.mark.engine

SOURCE = "z_reliable"
BATCH, SENDERS = 20, 3
CUT_OFF = {"ReadError", "RemoteProtocolError"}
COMMITS = f"{CHECKPOINT}/commits"


class Sender(threading.Thread):
    """Sends batch after batch, each until it is answered 202, and every third one once more."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(name=name)
        self._url, self._stopping = url, threading.Event()
        self.sent: set[str] = set()
        self.answers: list[int | str] = []

    def run(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self._stopping.is_set():
                number = len(self.sent) // BATCH
                events = [
                    order(f"{self.name}-{number}-{n}", source=SOURCE, consent=CONSENT) for n in range(BATCH)
                ]
                for _ in range(2 if number % 3 == 0 else 1):
                    while not self._is_answered(client, events):
                        pass
                self.sent |= {event["event_id"] for event in events}
                time.sleep(0.1)

    def _is_answered(self, client: httpx.Client, events: list[dict[str, Any]]) -> bool:
        try:
            answer = client.post(self._url, json=events)
        except httpx.TransportError as error:
            self.answers.append(type(error).__name__)
            time.sleep(0.5)
            return False
        self.answers.append(answer.status_code)
        if answer.status_code == 503:
            time.sleep(float(answer.headers["Retry-After"]))
        else:
            assert answer.status_code == 202, answer.text
        return answer.status_code == 202

    def stop(self) -> None:
        self._stopping.set()
        self.join()


@contextmanager
def sending(stack: Stack, name: str) -> Iterator[list[Sender]]:
    """Senders that are at work; at the end all that they sent must have landed, once."""
    url = f"http://{stack.settings.host}:{stack.settings.collector_port}/v1/events"
    senders = [Sender(url, f"{name}{number}") for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        answered_more(stack, senders)
        yield senders
        answered_more(stack, senders)
    finally:
        for sender in senders:
            sender.stop()
    stack.assert_landed_once()
    sent = set().union(*(sender.sent for sender in senders))
    found = stack.query(
        "select event_id from raw.events"
        f" where source = '{SOURCE}' and event_id like '{name}%' and is_accepted"
    )
    assert {row["event_id"] for row in found} == sent
    assert len(found) > len(sent)  # some were sent twice, and both copies are kept


def answered_more(stack: Stack, senders: list[Sender]) -> None:
    """Until each sender has got a batch through that it began after this."""
    before = [len(sender.sent) for sender in senders]
    more = [count + 2 * BATCH for count in before]
    stack.wait_until(
        lambda: all(len(s.sent) >= count for s, count in zip(senders, more, strict=True)), 300, "answered"
    )


def pid_of(stack: Stack, name: str) -> int | None:
    return next(program["pid"] for program in servers.processes(stack.settings) if program["name"] == name)


def kill(stack: Stack, name: str) -> None:
    """kill -9, and wait for the next one."""
    pid = pid_of(stack, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    next_after(stack, name, pid)


def next_after(stack: Stack, name: str, pid: int | None) -> None:
    """Until this process has ended and the supervisor has started the next one."""
    stack.wait_until(lambda: pid_of(stack, name) not in (None, pid), 300, f"{name} started again")


def test_kafka_killed_and_back(stack: Stack) -> None:
    with sending(stack, "kafka") as senders:
        kill(stack, "kafka")
        answered_more(stack, senders)


@contextmanager
def held(stack: Stack, name: str) -> Iterator[None]:
    """It neither works nor ends, for a while."""
    pid = pid_of(stack, name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_kafka_hangs_and_the_collector_is_killed_in_mid_batch(stack: Stack) -> None:
    """Senders are told to come again; then their batches are surely on the way to a Kafka that hangs."""
    figures = f"http://{stack.settings.host}:{stack.settings.collector_port}/metrics"

    def are_on_their_way() -> bool:
        return "collector_in_flight 0.0\n" not in httpx.get(figures, timeout=30).text

    with sending(stack, "held") as senders, held(stack, "kafka"):
        stack.wait_until(lambda: all(503 in each.answers for each in senders), 120, "answered 503")
        stack.wait_until(are_on_their_way, 60, "on their way")
        kill(stack, "collector")
    assert any(CUT_OFF & set(each.answers) for each in senders)


def jvm_of(python: int | None) -> int | None:
    """The JVM of a driver, once there is one."""
    try:
        below = Path(f"/proc/{python}/task/{python}/children").read_text().split()
        return next((int(p) for p in below if Path(f"/proc/{p}/comm").read_text() == "java\n"), None)
    except OSError:
        return None


@contextmanager
def full(stack: Stack, folder: str) -> Iterator[None]:
    """HDFS lets nothing new into the folder: whoever must write there ends there."""
    set_quota(stack, folder, 1)
    try:
        yield
    finally:
        set_quota(stack, folder, -1)


def set_quota(stack: Stack, folder: str, names: int) -> None:
    options = {"op": "SETQUOTA", "namespacequota": str(names), "user.name": "lakehouse"}
    httpx.put(f"{stack.settings.webhdfs}{folder}", params=options, timeout=60).raise_for_status()


def newest(stack: Stack, folder: str, form: str = r"\d+") -> int:
    """The highest number among the names of the folder."""
    options = {"op": "LISTSTATUS", "user.name": "lakehouse"}
    listed = httpx.get(f"{stack.settings.webhdfs}{folder}", params=options, timeout=60).json()
    names = [file["pathSuffix"] for file in listed["FileStatuses"]["FileStatus"]]
    return max(int(name.split(".")[0]) for name in names if re.fullmatch(form, name))


def test_the_stream_killed_before_and_after_its_commit_and_while_starting(stack: Stack) -> None:
    """HDFS that takes no more names in one folder ends it at exactly that step of a batch."""
    log = raw_events().location(stack.settings).removeprefix(stack.settings.hdfs) + "/_delta_log"

    def version() -> int:
        return newest(stack, log, r"\d{20}\.json")

    with sending(stack, "stream"):
        writing = pid_of(stack, "landing")
        with full(stack, log):
            next_after(stack, "landing", writing)
            before, starting = version(), pid_of(stack, "landing")
            stack.wait_until(lambda: jvm_of(starting) is not None, 300, "starting")
            os.kill(jvm_of(starting) or 0, signal.SIGKILL)
            next_after(stack, "landing", starting)
            assert version() == before
        with full(stack, COMMITS):
            next_after(stack, "landing", pid_of(stack, "landing"))
            assert version() > before
            assert newest(stack, f"{CHECKPOINT}/offsets") == newest(stack, COMMITS) + 1


def test_one_day_replayed_twice_changes_no_mart(stack: Stack, tmp_path: Path) -> None:
    """And of all that was sent again in this file each event is in the mart once."""
    file, rows = tmp_path / "retail.csv", 30
    lines = [f"R{n},A{n},x,1,2011-11-{28 + n % 3} 08:00:00,2.5,7,France" for n in range(rows)]
    file.write_text("\n".join([",".join(COLUMNS), *lines, ""]))
    for _ in range(2):
        day = ("--from", "2011-11-29", "--to", "2011-11-30")
        stack.run("lakehouse", "replay", "online_retail", str(file), *day)
    stack.wait_landed()
    stack.dbt("build", *NO_TESTS, "--select", "+fct_events")
    made = "source = 'online_retail' and properties.order_id rlike '^R[0-9]+$'"
    landed = stack.query(
        f"select count(*) as records, count(distinct event_id) as events from raw.events where {made}"
    )
    assert landed == [{"records": 2 * rows // 3, "events": rows // 3}]
    once = stack.query(
        "with raw as (select source, event_id from raw.events where is_accepted"
        f" and (source = '{SOURCE}' or {made}) group by all),"
        " mart as (select source, event_id, count(*) as copies from ci_marts.fct_events group by all)"
        " select count_if(copies = 1) = count(*) as is_once, count(*) as events"
        " from raw left join mart using (source, event_id)"
    )
    assert once[0]["is_once"]
    assert once[0]["events"] > rows // 3
