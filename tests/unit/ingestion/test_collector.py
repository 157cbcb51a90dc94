"""The collector over HTTP, with a fake producer; tests/engine has the real Kafka."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import confluent_kafka
import pytest
from starlette.testclient import TestClient

from ingestion.collector.body import MAX_BODY_BYTES, MAX_EVENTS
from ingestion.protect import UNSEEN

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(open_door: Callable[..., TestClient]) -> TestClient:
    return open_door()


def test_an_event_is_accepted_once_kafka_has_it(
    client: TestClient, fake_producer: Any, order: dict[str, Any]
) -> None:
    answer = client.post("/track-event", json=order)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    assert [event["event_id"] for event in fake_producer.events("orders")] == ["e-1"]


@pytest.mark.parametrize("wrap", [lambda events: events, lambda events: {"events": events}])
def test_a_batch_is_an_array_or_an_object_around_one(
    client: TestClient, fake_producer: Any, order: dict[str, Any], wrap: Any
) -> None:
    answer = client.post("/v1/events", json=wrap([order, {**order, "event_id": "e-2"}]))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert len(fake_producer.events("orders")) == 2


def test_a_bad_event_gets_every_reason_and_is_kept(
    client: TestClient, fake_producer: Any, order: dict[str, Any]
) -> None:
    bad = {**order, "source": "No Good", "properties": {**order["properties"], "lines": None}}
    body = json.dumps(bad, indent=2)
    answer = client.post("/track-event", content=body, headers=JSON)
    assert answer.status_code == 400
    (rejected,) = answer.json()["rejected"]
    assert rejected["event_id"] == "e-1"
    fields = sorted(reason.split(":")[0] for reason in rejected["reasons"])
    assert fields == ["properties.lines", "source"]
    (letter,) = fake_producer.events("dead_letter")
    kept = json.loads(letter["payload"])
    assert (kept["source"], kept["properties"]["lines"]) == ("No Good", None)
    assert kept["customer_id"].startswith("p1_")
    assert letter["reasons"] == rejected["reasons"]


def test_the_good_events_of_a_batch_are_accepted(
    client: TestClient, fake_producer: Any, order: dict[str, Any]
) -> None:
    answer = client.post("/v1/events", json=[order, {**order, "occurred_at": None}, order])
    assert (answer.status_code, answer.json()["accepted"]) == (400, 2)
    assert [each["index"] for each in answer.json()["rejected"]] == [1]
    assert [topic for topic, _, _ in fake_producer.sent] == ["orders", "dead_letter", "orders"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/track-event", b"{"),
        ("/track-event", b"\xff\xfe"),
        ("/track-event", b""),
        ("/track-event", b"[" * 500 + b"]" * 500),
        ("/v1/events", b"not json"),
        ("/v1/events", b"[]"),
        ("/v1/events", b'{"events": 3}'),
        ("/v1/events", b'{"events": [], "more": 1}'),
        ("/v1/events", b"42"),
    ],
)
def test_what_is_no_event_is_answered_400_and_noted(
    client: TestClient, fake_producer: Any, path: str, body: bytes
) -> None:
    answer = client.post(path, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["rejected"][0]["reasons"]
    (letter,) = fake_producer.events("dead_letter")
    assert letter["payload"] == UNSEEN


@pytest.mark.parametrize("kind", ["application/xml", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(client: TestClient, kind: str) -> None:
    answer = client.post("/track-event", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


def test_a_beacon_sends_json_as_plain_text(client: TestClient, order: dict[str, Any]) -> None:
    headers = {"Content-Type": "text/plain;charset=UTF-8"}
    assert client.post("/track-event", content=json.dumps(order), headers=headers).status_code == 202


def test_a_charset_does_not_disturb(client: TestClient, order: dict[str, Any]) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/track-event", content=json.dumps(order), headers=headers).status_code == 202


def test_a_body_above_one_mebibyte_is_413(client: TestClient, fake_producer: Any) -> None:
    answer = client.post("/v1/events", content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)
    assert answer.status_code == 413
    assert fake_producer.sent == []


def test_what_holds_more_than_events_can_be_is_one_rejection(client: TestClient, fake_producer: Any) -> None:
    answer = client.post("/v1/events", content=b"[" + b"0," * MAX_EVENTS + b"0]", headers=JSON)
    (rejected,) = answer.json()["rejected"]
    assert (answer.status_code, len(fake_producer.sent)) == (400, 1)
    assert f"more than {MAX_EVENTS} events" in rejected["reasons"][0]


def test_without_room_in_the_queue_the_answer_is_503(
    client: TestClient, fake_producer: Any, order: dict[str, Any]
) -> None:
    fake_producer.room = 0
    answer = client.post("/track-event", json=order)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_an_event_that_kafka_does_not_acknowledge_is_503(
    client: TestClient, fake_producer: Any, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Timeout:
        def str(self) -> str:
            return "timed out"

    def fail(topic: str, *, value: bytes, key: str | None, headers: Any, on_delivery: Any) -> None:
        on_delivery(Timeout(), None)

    monkeypatch.setattr(fake_producer, "produce", fail)
    answer = client.post("/v1/events", json=[order, order])
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_a_client_that_is_broken_for_good_ends_the_collector(
    open_door: Callable[..., TestClient], fake_producer: Any
) -> None:
    ended = threading.Event()
    open_door(ended.set)
    told = fake_producer.options["error_cb"]
    told(confluent_kafka.KafkaError(confluent_kafka.KafkaError._ALL_BROKERS_DOWN))
    assert not ended.wait(0.1)
    told(confluent_kafka.KafkaError(confluent_kafka.KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, fatal=True))
    assert ended.wait(10)


def test_health_says_alive_and_ready_says_whether_kafka_answers(
    client: TestClient, fake_producer: Any
) -> None:
    assert client.get("/ready").status_code == 200
    fake_producer.away = True
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
    fake_producer.away = False


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run(
            [sys.executable, "-m", "ingestion.collector"],
            env={**os.environ, "LAKEHOUSE_COLLECTOR_PORT": port},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert run.returncode == 1
    assert f"127.0.0.1:{port} cannot be opened" in run.stderr
    assert "Traceback" not in run.stderr
