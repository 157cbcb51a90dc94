"""The collector with kafka-python in place of confluent-kafka: `python -m benchmarks.kafka_python`.

Only to compare the two; started by benchmarks.collector.
"""

from collections import deque
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from ingestion.collector.__main__ import main
from ingestion.collector.publish import OnDelivery


class Refused:
    """An error as confluent-kafka tells it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def str(self) -> str:
        return str(self._error)


class Producer:
    """As much of a confluent-kafka producer as the publisher uses, with the same promises."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._done: deque[tuple[OnDelivery, Refused | None]] = deque()
        self._producer: Any = KafkaProducer(
            bootstrap_servers=options["bootstrap.servers"],
            acks=options["acks"],
            enable_idempotence=options["enable.idempotence"],
            compression_type=options["compression.type"],
            linger_ms=options["linger.ms"],
            delivery_timeout_ms=options["message.timeout.ms"],
            request_timeout_ms=options["message.timeout.ms"] - options["linger.ms"],
            max_request_size=options["message.max.bytes"],
            batch_size=1_000_000,  # confluent-kafka's own
            max_block_ms=5_000,
        )

    def produce(
        self,
        topic: str,
        *,
        value: bytes,
        key: str | None,
        headers: Any,
        on_delivery: OnDelivery,
    ) -> None:
        try:
            sent = self._producer.send(topic, value, key and key.encode(), headers or [])
        except KafkaTimeoutError as error:
            raise BufferError from error
        sent.add_callback(lambda metadata: self._done.append((on_delivery, None)))
        sent.add_errback(lambda error: self._done.append((on_delivery, Refused(error))))

    def poll(self, seconds: float) -> None:
        """Calls back here, and not in the client's own thread."""
        while self._done:
            on_delivery, error = self._done.popleft()
            on_delivery(error, None)

    def flush(self, seconds: float) -> int:
        self._producer.flush(seconds)
        self.poll(0)
        return 0


if __name__ == "__main__":
    main(Producer)
