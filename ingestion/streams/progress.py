"""How far landing has come, kept as an ordinary consumer group so that Kafka's own tools show it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError, RetriableError
from kafka.structs import OffsetAndMetadata

from lakehouse.errors import UserError
from lakehouse.settings import Settings

GROUP = "lakehouse-landing"


class Offsets(NamedTuple):
    """Of a partition: the first that Kafka still holds, the next that it will give, the next to land."""

    first: int
    end: int
    landed: int


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
    found, notes = _ask(settings, topics)
    last: dict[str, Any] = max(notes, key=lambda note: str(note["landed_at"]), default={})
    lag = sum(partition.end - partition.landed for partition in found.values())
    return Progress(lag, last.get("landed_at"), last.get("batch_id"))


def offsets(settings: Settings, topics: list[str]) -> dict[tuple[str, int], Offsets]:
    """Of every partition of these topics; UserError when Kafka is away."""
    return _ask(settings, topics)[0]


def wait_landed(
    settings: Settings,
    topics: list[str],
    report: Callable[[int, int | None], None] = lambda done, total: None,
    *,
    patience_seconds: float = 120,
) -> None:
    """Until everything that Kafka holds now has landed; UserError when landing stands still for so long."""
    found = offsets(settings, topics)
    ends = {name: partition.end for name, partition in found.items()}
    total = best = sum(partition.end - partition.landed for partition in found.values())
    moved = time.monotonic()
    while behind := sum(max(0, ends[name] - at.landed) for name, at in found.items() if name in ends):
        if behind < best:
            best, moved = behind, time.monotonic()
        if time.monotonic() - moved > patience_seconds:
            raise UserError(f"Landing stands still {behind:,} records behind: read `lakehouse logs landing`.")
        report(total - behind, total)
        time.sleep(0.5)
        found = offsets(settings, topics)
    report(total, total)


def _ask(
    settings: Settings, topics: list[str]
) -> tuple[dict[tuple[str, int], Offsets], list[dict[str, Any]]]:
    """Each partition's offsets, and landing's notes about them."""
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
    found = {}
    for p in partitions:
        landed = done[p].offset if p in done else starts[p].offset
        found[p.topic, p.partition] = Offsets(starts[p].offset, ends[p].offset, landed)
    return found, [json.loads(each.metadata) for each in done.values() if each.metadata]
