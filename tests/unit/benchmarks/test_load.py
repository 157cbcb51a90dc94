"""What drives the collector in benchmarks: schedule, answers, visits."""

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import pairwise

import pandas as pd
import pytest

from benchmarks.collector import Case, check
from benchmarks.freshness import WARM_UP_SECONDS, Sighting, figures, visible_at
from benchmarks.load import closed_loop, connect, open_loop, percentiles
from benchmarks.visits import Visitor
from ingestion.contract import catalogue
from lakehouse.errors import UserError

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"
REQUEST = Visitor(0).request("/v1/events", {})


class Server:
    """Answers what it is told to, as soon as so many requests have come."""

    def __init__(self, answer: bytes, after: int) -> None:
        self._answer, self._after = answer, after
        self._came, self._all = 0, asyncio.Event()

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n{}"):
                self._came += 1
                if self._came >= self._after:
                    self._all.set()
                await self._all.wait()
                for part in (self._answer[:-1], self._answer[-1:]):
                    writer.write(part)
                    await writer.drain()
        writer.close()


def test_an_open_loop_waits_for_its_schedule_and_for_no_answer() -> None:
    async def run() -> None:
        async with Server(ACCEPTED, after=20) as port:
            answers = await open_loop(port, [REQUEST] * 20, a_second=1_000)
        answers.sort()
        assert [answer.number for answer in answers] == list(range(20))
        steps = [later.due - sooner.due for sooner, later in pairwise(answers)]
        assert steps == pytest.approx([0.001] * 19, abs=1e-6)
        assert all(answer.answered > answers[-1].due for answer in answers)

    asyncio.run(run())


def test_a_closed_loop_sends_each_request_in_turn_and_counts_every_answer() -> None:
    async def run() -> None:
        async with Server(ACCEPTED, after=1) as port:
            connections = [await connect(port), await connect(port)]
            answers = await closed_loop(connections, iter(enumerate([REQUEST] * 10_000)), seconds=0.05)
        assert sorted(answer.number for answer in answers) == list(range(len(answers)))

    asyncio.run(run())


def test_an_answer_that_is_not_202_ends_the_run() -> None:
    async def run() -> None:
        async with Server(ACCEPTED.replace(b"202", b"503"), after=1) as port:
            await (await connect(port)).send(REQUEST)

    with pytest.raises(UserError, match="503"):
        asyncio.run(run())


def test_percentiles_are_in_milliseconds() -> None:
    found = percentiles(number / 1000 for number in range(101))
    assert found == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def test_a_batch_was_visible_when_it_or_a_later_one_was_seen() -> None:
    sightings = [Sighting(0, 1, 4), Sighting(1, 2, 4), Sighting(2, 3, 6), Sighting(3, 4, 6)]
    assert [visible_at(sightings, batch_id) for batch_id in (3, 4, 5, 6)] == [1, 1, 3, 3]


@pytest.mark.parametrize("found", [{"a": 2}, {"a": 2, "b": 1, "c": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 2}])
def test_kafka_holds_what_was_accepted_and_nothing_else(found: dict[str, int]) -> None:
    case = Case("case", [b"", b""], [["a", "b"], ["a"]], 1)
    check(case, Counter({0: 1, 1: 1}), Counter({"a": 2, "b": 1}))
    with pytest.raises(UserError, match="Kafka lacks"):
        check(case, Counter({0: 1, 1: 1}), Counter(found))


def test_visits_keep_their_contracts_under_ids_of_their_own() -> None:
    events = [event for number in range(10) for event in Visitor(number).events(50)]
    assert [reasons for event in events if (reasons := catalogue().validate(event))] == []
    assert len({event["event_id"] for event in events}) == 500


def test_freshness_counts_each_span_after_the_warm_up() -> None:
    def event(due: float, late: float) -> dict[str, float]:
        steps = ("due", "accepted", "kafka_at", "begun", "committed", "visible")
        return {name: due + late * number for number, name in enumerate(steps)}

    events = pd.DataFrame([event(0, 9), event(WARM_UP_SECONDS, 0.1), event(WARM_UP_SECONDS + 2, 0.1)])
    watched = [Sighting(WARM_UP_SECONDS + number / 4, 0, number) for number in range(3)]
    found = {row["span"]: (row["p50"], row["max"]) for row in figures(events, watched)}
    assert found == {
        "accepted -> visible": (400, 400),
        "due -> visible": (500, 500),
        "due -> accepted": (100, 100),
        "in Kafka -> batch begins": (100, 100),
        "batch begins -> committed": (100, 100),
        "committed -> visible": (100, 100),
        "commit -> next commit": (2000, 2000),
        "watcher's question -> next": (250, 250),
    }
    with pytest.raises(UserError, match="give --seconds more"):
        figures(events[:2], watched)
