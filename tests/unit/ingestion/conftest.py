"""What the unit tests of ingestion share; real Kafka is met in tests/engine."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import confluent_kafka
import orjson
import pytest
from starlette.testclient import TestClient

from ingestion.collector.app import create_app
from ingestion.collector.publish import Publisher
from lakehouse.settings import Settings


class FakeProducer:
    """Takes what a confluent-kafka producer takes and acknowledges it on poll; Kafka can be `away`."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}
        self.sent: list[tuple[str, str | None, dict[str, Any]]] = []
        self.away = False
        self.room = 10**9
        self._open: list[Callable[[Any, Any], None]] = []

    def produce(self, topic: str, *, value: bytes, key: str | None, headers: Any, on_delivery: Any) -> None:
        if len(self._open) >= self.room:
            raise BufferError
        self.sent.append((topic, key, orjson.loads(value)))
        self._open.append(on_delivery)

    def poll(self, seconds: float) -> int:
        if not self.away:
            done, self._open = self._open, []
            for callback in done:
                callback(None, None)
        return 0

    def flush(self, seconds: float) -> int:
        self.poll(0)
        return len(self._open)

    def list_topics(self, timeout: float) -> None:
        if self.away:
            raise confluent_kafka.KafkaException("away")

    def events(self, topic: str | None = None) -> list[dict[str, Any]]:
        return [value for name, _, value in self.sent if topic in (None, name)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path / "state")


@pytest.fixture
def fake_producer() -> FakeProducer:
    return FakeProducer()


@pytest.fixture
def publisher(settings: Settings, fake_producer: FakeProducer) -> Publisher:
    return Publisher(settings, patience_seconds=0.05, connect=lambda options: fake_producer)


@pytest.fixture
def open_door(settings: Settings, fake_producer: FakeProducer) -> Iterator[Callable[..., TestClient]]:
    """Starts a collector with some settings changed."""
    poll = fake_producer.poll

    def polled(seconds: float) -> int:
        poll(seconds)
        time.sleep(min(seconds, 0.002))
        return 0

    fake_producer.poll = polled  # type: ignore[method-assign]
    with ExitStack() as doors:

        def start(end: Callable[[], None] = lambda: None, **changes: Any) -> TestClient:
            def connect(options: dict[str, Any]) -> FakeProducer:
                fake_producer.options = options
                return fake_producer

            app = create_app(settings.replace(**changes), connect, end)
            return doors.enter_context(TestClient(app))

        yield start


@pytest.fixture
def order() -> dict[str, Any]:
    """An event that keeps its contract."""
    line = {"product_id": "22", "quantity": 3, "unit_price": 2.55, "line_total": 7.65}
    return {
        "event_id": "e-1",
        "event_type": "order_placed",
        "contract_version": 1,
        "source": "web",
        "occurred_at": "2025-01-31T08:30:00Z",
        "customer_id": "17850",
        "consent": {"analytics": True, "marketing": False},
        "properties": {"order_id": "536365", "order_status": "placed", "lines": [line]},
    }
