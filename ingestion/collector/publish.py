"""The one way into Kafka: contract check, time of receipt, acknowledgement, dead letters."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import confluent_kafka
import orjson

from ingestion.contract import catalogue
from ingestion.topics import CHECKED, DEAD_LETTER, MAX_RECORD_BYTES, route
from lakehouse.errors import UserError
from lakehouse.privacy.address import without_emails
from lakehouse.settings import Settings

POLL_EVERY = 500
OnDelivery = Callable[[Any, Any], None]
Payload = str | Callable[[], str] | None


class KafkaAwayError(UserError):
    """Kafka did not take or acknowledge events in time."""


class Publisher:
    """Sends events to Kafka; `flush` or a clean exit from the context means that all are acknowledged.

    `patience_seconds` is how long `publish` waits for room when events come faster than Kafka takes
    them; `delivery_seconds` is how long an event may stay without acknowledgement.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience_seconds: float = 60,
        delivery_seconds: float = 60,
        linger_seconds: float = 0.02,
        connect: Callable[[dict[str, Any]], Any] = confluent_kafka.Producer,
    ) -> None:
        self.accepted = self.rejected = self.acknowledged = self.failed = 0
        self.fault: str | None = None  # after which the client sends nothing any more
        self._patience, self._delivery = patience_seconds, delivery_seconds
        self._address = settings.kafka_bootstrap
        self._last_error = "no answer"
        self._until_poll = POLL_EVERY
        self._stamp = (0, "")
        self._catalogue = catalogue()
        self._checked = [(CHECKED, bytes.fromhex(self._catalogue.digest))]
        self._producer = connect(
            {
                "bootstrap.servers": settings.kafka_bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "compression.type": "zstd",
                "linger.ms": int(linger_seconds * 1000),
                "reconnect.backoff.max.ms": 1000,  # by default up to 10 s pass after Kafka is back
                "message.timeout.ms": int(delivery_seconds * 1000),
                "message.max.bytes": MAX_RECORD_BYTES - 65_536,  # a batch has its own header
                "queue.buffering.max.messages": 50_000,
                "queue.buffering.max.kbytes": 65_536,
                "log_level": 2,  # what goes wrong is said by flush, in one sentence
                "error_cb": self._note_error,
            }
        )

    def publish(
        self, event: Any, *, payload: Payload = None, on_delivery: OnDelivery | None = None
    ) -> list[str]:
        """Sends the event to its topic, or to dead_letter with the reasons, which it returns.

        `payload` is the text that a dead letter keeps, or makes it; else that is the event.
        """
        stamped = {**event, "received_at": self._now()} if isinstance(event, dict) else event
        if reasons := self.accept(stamped, on_delivery=on_delivery):
            return self.reject(event, reasons, payload=payload, on_delivery=on_delivery)
        return []

    def accept(self, event: Any, *, on_delivery: OnDelivery | None = None) -> list[str]:
        """Sends the event, as it was received, to its topic; where it breaks its contract only says why."""
        if reasons := self._catalogue.validate(event):
            return reasons
        try:
            value = orjson.dumps(event)
        except TypeError as error:  # a number beyond 64 bits
            return [f"event: cannot be written as JSON: {error}"]
        self._send(*route(event), value, on_delivery, self._checked)
        self.accepted += 1
        return []

    def reject(
        self,
        event: Any,
        reasons: list[str],
        *,
        payload: Payload = None,
        on_delivery: OnDelivery | None = None,
    ) -> list[str]:
        """Sends what is no event to dead_letter; nothing is dropped unseen."""
        source = event.get("source") if isinstance(event, dict) else None
        text = payload() if callable(payload) else payload
        letter = {
            "reasons": [_writable(without_emails(reason)) for reason in reasons],
            "payload": json.dumps(event, default=str) if text is None else _writable(text),
            "source": source if isinstance(source, str) and source.isascii() else None,
            "received_at": self._now(),
        }
        self._send(DEAD_LETTER, None, orjson.dumps(letter), on_delivery)
        self.rejected += 1
        return reasons

    def poll(self, seconds: float) -> None:
        """Takes acknowledgements in; blocks up to so long for the first."""
        self._producer.poll(seconds)

    def flush(self) -> None:
        """Waits until everything sent is acknowledged; an error tells how much is not."""
        waiting = self._producer.flush(self._delivery + 5)
        if waiting or self.failed:
            raise KafkaAwayError(
                f"Kafka at {self._address} did not acknowledge {waiting + self.failed:,} events "
                f"({self._last_error}); see 'lakehouse status' and send them again."
            )

    def reachable(self, seconds: float = 2) -> bool:
        """True where Kafka answers."""
        try:
            self._producer.list_topics(timeout=seconds)
        except confluent_kafka.KafkaException:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()

    def _send(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        on_delivery: OnDelivery | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        callback = self._delivered if on_delivery is None else self._delivered_then(on_delivery)
        self._until_poll -= 1
        if self._until_poll <= 0:
            self._until_poll = POLL_EVERY
            self._producer.poll(0)
        deadline = 0.0
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, headers=headers, on_delivery=callback)
                return
            except BufferError:
                deadline = deadline or time.monotonic() + self._patience
                if time.monotonic() >= deadline:
                    raise self._away(self._last_error) from None
                self._producer.poll(0.1)
            except confluent_kafka.KafkaException as error:
                raise self._away(str(error)) from error

    def _away(self, why: str) -> KafkaAwayError:
        return KafkaAwayError(
            f"Kafka at {self._address} takes no more events ({why}); "
            "see 'lakehouse status' and send them again."
        )

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
            self._last_error = error.str()

    def _delivered_then(self, on_delivery: OnDelivery) -> OnDelivery:
        def callback(error: Any, message: Any) -> None:
            self._delivered(error, message)
            on_delivery(error, message)

        return callback

    def _note_error(self, error: Any) -> None:
        self._last_error = error.str()
        if error.fatal():
            self.fault = error.str()

    def _now(self) -> str:
        """UTC to the millisecond; thousands of events share one."""
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._stamp[0]:
            moment = datetime.fromtimestamp(millisecond / 1000, UTC)
            self._stamp = (millisecond, moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millisecond % 1000:03d}Z")
        return self._stamp[1]


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
