"""Connections to the collector's server: nobody holds one for nothing, or all; with a fake producer."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from http.client import HTTPResponse
from itertools import repeat
from typing import Any

import pytest

from ingestion.collector import connections
from ingestion.collector.__main__ import server
from ingestion.collector.app import create_app
from lakehouse.settings import Settings

ROOM, PATIENCE_SECONDS = 4, 0.3
HEALTH = b"GET /health HTTP/1.1\r\nHost: collector\r\n\r\n"
POST = b"POST /track-event HTTP/1.1\r\nHost: collector\r\nContent-Type: application/json\r\n"
UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: collector\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
Connect = Callable[[], socket.socket]


@pytest.fixture
def connect(settings: Settings, fake_producer: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Opens connections to a server that is soon impatient; all end with the test."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(connections, "REQUEST_BYTES", 4 * 1024 * 1024)
    fake_producer.poll = patient(fake_producer.poll)
    running = server(create_app(settings, connect=lambda options: fake_producer), ROOM)
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        opened.append(socket.create_connection(door.getsockname(), timeout=20))
        return opened[-1]

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [door]})
        thread.start()
        yield open_one
        for each in opened:
            each.close()
        running.should_exit = True
        thread.join()


def patient(poll: Callable[[float], int]) -> Callable[[float], int]:
    """A fake producer's poll that takes its time, as a real one does."""

    def polled(seconds: float) -> int:
        time.sleep(min(seconds, 0.01))
        return poll(seconds)

    return polled


def ask(connection: socket.socket, request: bytes = b"") -> tuple[int, Message, bytes]:
    """Status, headers and body of the answer."""
    connection.sendall(request)
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side ends it before the socket's own patience does."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /track-event HTT",
        POST + b"Content-Length: 9\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        HEALTH + POST + b"Content-Length: 9\r\n\r\n{",
    ],
    ids=["silent", "half a head", "half a body", "no chunk", "half a second one"],
)
def test_a_request_that_does_not_come_whole_is_given_up(connect: Connect, begun: bytes) -> None:
    fresh, used = connect(), connect()
    assert ask(used, HEALTH)[0] == 200
    for connection in (fresh, used) if begun else (fresh,):
        connection.sendall(begun)
        assert is_closed(connection)
    assert ask(connect(), HEALTH)[0] == 200


def test_a_slow_answer_and_a_kept_connection_are_no_fault_of_the_sender(
    connect: Connect, fake_producer: Any, order: dict[str, Any]
) -> None:
    connection, event = connect(), json.dumps(order).encode()
    fake_producer.away = True
    for _ in range(2):
        threading.Timer(2 * PATIENCE_SECONDS, setattr, (fake_producer, "away", False)).start()
        assert ask(connection, POST + f"Content-Length: {len(event)}\r\n\r\n".encode() + event)[0] == 202
        time.sleep(2 * PATIENCE_SECONDS)
        fake_producer.away = True


def test_a_body_without_end_is_answered_and_then_cut_off(connect: Connect) -> None:
    connection = connect()
    connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with pytest.raises(ConnectionError):
        deque(map(connection.sendall, repeat(chunk, 100_000)), maxlen=0)


def test_a_body_somewhat_too_long_is_told_so(connect: Connect) -> None:
    length = 3 * 1024 * 1024
    assert ask(connect(), POST + f"Content-Length: {length}\r\n\r\n".encode() + b" " * length)[0] == 413


def test_where_all_room_is_taken_new_ones_wait_and_the_others_are_served(connect: Connect) -> None:
    inside = [connect() for _ in range(ROOM - 1)]
    assert [ask(connection, HEALTH)[0] for connection in inside] == [200] * len(inside)
    status, headers, _ = ask(connect())
    assert (status, int(headers["Retry-After"]) > 0) == (503, True)
    assert [ask(connection, HEALTH)[0] for connection in inside] == [200] * len(inside)
    inside[0].close()
    found = 503
    while found != 200:
        with suppress(ConnectionError):
            found = ask(connect(), HEALTH)[0]


def test_a_socket_stays_open_and_is_not_packed(connect: Connect) -> None:
    connection = connect()
    status, headers, _ = ask(connection, UPGRADE)
    assert (status, headers["Sec-WebSocket-Extensions"]) == (101, None)
    time.sleep(2 * PATIENCE_SECONDS)
    connection.sendall(bytes([0x81, 0x82, 0, 0, 0, 0]) + b"[]")
    assert b"holds no events" in connection.recv(65_536)
