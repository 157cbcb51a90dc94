"""The collector with kafka-python in place of confluent-kafka: `python -m benchmarks.kafka_python`.

Only to compare the two; started by benchmarks.collector.
"""

import time
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
        sent.add_callback(lambda metadata: on_delivery(None, metadata))
        sent.add_errback(lambda error: on_delivery(Refused(error), None))

    def poll(self, seconds: float) -> None:
        """Its own thread calls back."""
        time.sleep(seconds)

    def flush(self, seconds: float) -> int:
        self._producer.flush(seconds)
        return 0


if __name__ == "__main__":
    main(Producer)
