"""How far landing has come, kept as an ordinary consumer group so that Kafka's own tools show it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError, RetriableError
from kafka.structs import OffsetAndMetadata

from lakehouse.errors import UserError
from lakehouse.settings import Settings

GROUP = "lakehouse-landing"


@dataclass(frozen=True)
class Progress:
    """Records still to land, and when and with which batch the last ones did."""

    lag: int
    last_commit_at: str | None
    last_batch_id: int | None


def admin(settings: Settings) -> Any:
    """A client that administers; UserError when Kafka is away."""
    try:
        return KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap, bootstrap_timeout_ms=5000)
    except KafkaError as error:
        raise UserError(
            f"Kafka does not answer at {settings.kafka_bootstrap}: see `lakehouse status`."
        ) from error


def record(
    client: Any, next_offsets: Mapping[tuple[str, int], int], batch_id: int, landed_at: datetime
) -> None:
    """Note what has been committed to Delta. Landing itself never reads it back."""
    note = json.dumps({"batch_id": batch_id, "landed_at": landed_at.isoformat()})
    client.alter_group_offsets(
        GROUP,
        {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, note, -1)
            for (topic, partition), offset in next_offsets.items()
        },
    )


def committed(client: Any, patience_seconds: float = 15) -> dict[Any, Any]:
    """Offsets of the group; a Kafka that has just started and still loads its groups is asked again.

    Before any group has ever committed there is no coordinator at all: then nothing has landed.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            offsets: dict[Any, Any] = client.list_group_offsets({GROUP: None})[GROUP]
        except CoordinatorNotAvailableError:
            return {}
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return offsets


def read(settings: Settings, topics: list[str]) -> Progress:
    """Lag over all partitions of these topics; UserError when Kafka is away."""
    client = admin(settings)
    try:
        partitions = [
            TopicPartition(topic["name"], part["partition_index"])
            for topic in client.describe_topics(topics)
            for part in topic["partitions"]
        ]
        ends = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        starts = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        done = committed(client)
    except KafkaError as error:
        why = str(error).rstrip(".")
        raise UserError(f"Kafka at {settings.kafka_bootstrap} gives no offsets: {why}.") from error
    finally:
        client.close()
    notes = [json.loads(found.metadata) for found in done.values() if found.metadata]
    last: dict[str, Any] = max(notes, key=lambda note: str(note["landed_at"]), default={})
    lag = sum(ends[p].offset - (done[p].offset if p in done else starts[p].offset) for p in partitions)
    return Progress(lag, last.get("landed_at"), last.get("batch_id"))
