"""A published record -> an event whose id derives from the record's content."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

VERSION = 1


class Record(NamedTuple):
    """One record of a source: its typed content, and what the event says of it."""

    event_type: str
    content: tuple[Any, ...]
    occurred_at: str | None
    properties: dict[str, Any]
    customer_id: str | None = None
    visitor_id: str | None = None
    session_id: str | None = None
    context: dict[str, Any] | None = None


class Occurrences:
    """Counts identical records of one file in eight bytes each, so that large files fit in memory."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []  # sorted, without repetitions, shrinking
        self._repeated: dict[int, int] = {}

    def number(self, digests: list[bytes]) -> list[int]:
        """For each record, which of its identical ones it is; counted from 1, across calls."""
        keys = np.frombuffer(b"".join(digests), dtype=np.uint64)[::2]
        unique, counts = np.unique(keys, return_counts=True)
        known = np.zeros(len(unique), dtype=bool)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, unique), len(run) - 1)
            known |= run[places] == unique
        self._remember(unique[~known])
        seen = set(unique[known].tolist())
        repeated = seen | set(unique[counts > 1].tolist())
        numbers = [1] * len(digests)
        if repeated:
            for index, key in enumerate(keys.tolist()):
                if key in repeated:
                    numbers[index] = self._repeated.get(key, int(key in seen)) + 1
                    self._repeated[key] = numbers[index]
        return numbers

    def _remember(self, run: npt.NDArray[np.uint64]) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]))
        self._runs.append(run)


def to_events(source: str, batches: Iterable[list[Record]]) -> Iterator[list[dict[str, Any]]]:
    """The records as events, in the same order and the same batches."""
    occurrences = Occurrences()
    for batch in batches:
        digests = [
            blake2b(orjson.dumps((source, record[0], record[1])), digest_size=16).digest() for record in batch
        ]
        numbers = occurrences.number(digests)
        yield [_event(source, *each) for each in zip(batch, digests, numbers, strict=True)]


def _event(source: str, record: Record, digest: bytes, occurrence: int) -> dict[str, Any]:
    event_type, _, occurred_at, properties, customer_id, visitor_id, session_id, context = record
    if occurrence > 1:
        digest = blake2b(digest + str(occurrence).encode(), digest_size=16).digest()
    event = {
        "event_id": digest.hex(),
        "event_type": event_type,
        "contract_version": VERSION,
        "source": source,
        "occurred_at": occurred_at,
        "customer_id": customer_id,
        "occurrence": occurrence,
        "properties": properties,
    }
    if visitor_id is not None:
        event["visitor_id"] = visitor_id
    if session_id is not None:
        event["session_id"] = session_id
    if context is not None:
        event["context"] = context
    return event
