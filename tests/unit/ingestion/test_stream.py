"""The collector's WebSocket: the same answers and the same limits as by HTTP; with a fake producer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ingestion.collector import body

BROWSER_KEY = "public-key-of-the-web"
OpenDoor = Callable[..., TestClient]


def test_a_socket_answers_each_message_as_http_does(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any]
) -> None:
    with open_door().websocket_connect("/v1/stream") as socket:
        for message, accepted, rejected in (
            (json.dumps(order), 1, 0),
            (json.dumps([order, {}]), 1, 1),
            (json.dumps({"events": [order]}), 1, 0),
            ("no json", 0, 1),
            ("", 0, 1),
        ):
            socket.send_text(message)
            answer = socket.receive_json()
            assert (answer["accepted"], len(answer["rejected"])) == (accepted, rejected)
        socket.send_bytes(json.dumps(order).encode())
        assert socket.receive_json()["accepted"] == 1


def test_a_socket_has_the_limits_of_the_door(open_door: OpenDoor, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"web browser {BROWSER_KEY}\n")
    client = open_door(source_keys_file=keys, requests_per_second=0.4, allowed_origins="https://shop.test")
    for path, headers in (
        ("/v1/stream", {}),
        (f"/v1/stream?key={BROWSER_KEY}", {"Origin": "https://evil.test"}),
    ):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=headers):
            pass


def test_a_socket_that_sends_too_often_is_asked_to_wait(open_door: OpenDoor, order: dict[str, Any]) -> None:
    with open_door(requests_per_second=0.4).websocket_connect("/v1/stream") as socket:
        answers = []
        for _ in range(3):
            socket.send_text(json.dumps(order))
            answers.append(socket.receive_json())
    assert [set(answer) for answer in answers] == [{"accepted", "rejected"}, {"error"}, {"error"}]


def test_a_plain_request_is_told_to_ask_for_a_socket(open_door: OpenDoor) -> None:
    answer = open_door().get("/v1/stream")
    assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")


def test_a_message_that_is_too_long_ends_the_socket(open_door: OpenDoor) -> None:
    with open_door().websocket_connect("/v1/stream") as socket:
        socket.send_text(" " * (body.MAX_BODY_BYTES + 1))
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
