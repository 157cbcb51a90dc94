"""Drives the collector over HTTP: as fast as it answers, or on a fixed schedule."""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from lakehouse.errors import UserError

ANSWER = re.compile(
    rb"HTTP/1\.1 (\d{3}) .*?\r\ncontent-length: (\d+)\r\n(?:.*?\r\n)?\r\n", re.DOTALL | re.IGNORECASE
)
LONGEST_ANSWER_SECONDS = 60
IDLE_SECONDS = 2  # the collector ends what was idle for five
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


class Answered(NamedTuple):
    """One request's times, in seconds since the epoch, and its number in what was to be sent."""

    number: int
    due: float
    answered: float


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = ANSWER.match(self._buffer)
        if head is None or len(self._buffer) < head.end() + int(head[2]):
            return
        answer, self._buffer = self._buffer, b""
        assert self._waiting is not None
        if head[1] == b"202":
            self._waiting.set_result(None)
        else:
            self._waiting.set_exception(UserError(f"The collector answered {answer.decode()}"))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(UserError(f"The collector ended a connection: {error}"))

    async def send(self, request: bytes) -> float:
        """When the answer had come; UserError where it is not 202."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await asyncio.wait_for(self._waiting, LONGEST_ANSWER_SECONDS)
        return time.time()


async def connect(port: int) -> Connection:
    """A connection to the collector."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


async def closed_loop(
    connections: list[Connection], requests: Iterator[tuple[int, bytes]], seconds: float
) -> list[Answered]:
    """Every connection sends its next request as soon as it has an answer."""
    answers: list[Answered] = []
    end = time.time() + seconds

    async def drive(connection: Connection) -> None:
        while (now := time.time()) < end:
            number, request = next(requests)
            answers.append(Answered(number, now, await connection.send(request)))

    await asyncio.gather(*map(drive, connections))
    return answers


async def open_loop(port: int, requests: Iterable[bytes], a_second: float) -> list[Answered]:
    """Sends each request when it is due, however late the answers to those before are.

    Its time counts from when it was due, so that a collector that stalls is charged for all who wait.
    """
    idle: list[tuple[Connection, float]] = []
    answers: list[Answered] = []

    async def send(number: int, due: float, request: bytes) -> None:
        connection, since = idle.pop() if idle else (None, 0.0)
        if connection is None or since < time.time() - IDLE_SECONDS:
            connection = await connect(port)
        answered = await connection.send(request)
        answers.append(Answered(number, due, answered))
        idle.append((connection, answered))

    sending = []
    start = time.time()
    for number, request in enumerate(requests):
        due = start + number / a_second
        await asyncio.sleep(max(0.0, due - time.time()))
        sending.append(asyncio.create_task(send(number, due, request)))
    await asyncio.gather(*sending)
    return answers


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest, in milliseconds."""
    found = np.percentile(1000 * np.fromiter(seconds, float), list(PERCENTILES.values()))
    return {name: round(float(value), 1) for name, value in zip(PERCENTILES, found, strict=True)}
