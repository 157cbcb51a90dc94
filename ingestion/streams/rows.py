"""Kafka records -> rows of raw.events, in Arrow."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion import spark_types
from ingestion.arrow_types import SCALARS, arrow_type
from ingestion.contract import Catalogue, catalogue
from ingestion.streams import checks
from ingestion.streams.typed import Reader
from ingestion.topics import DEAD_LETTER

MALFORMED = ["dead letter: is not in the form that the collector writes"]
UNTYPED = ["event: a value cannot be kept in the type of its column"]
# The table's partition: in the name of a file's folder, not in the file.
PARTITION = "landed_date"
TIME = SCALARS["TIMESTAMP"]


class Batch(NamedTuple):
    """What is one for all rows: id, landing time (UTC, naive), and each source's watermark."""

    batch_id: int
    landed_at: datetime
    watermarks: dict[str, datetime]


class Refused(NamedTuple):
    """Why a record is no event, and the record as it came; null where it had no value."""

    reasons: list[str]
    payload: bytes | None


def kafka_columns(contracts: Catalogue) -> list[str]:
    """SQL over what the Kafka source gives: the columns that `raw_rows` takes."""
    stamped = f"{checks.is_stamped(contracts)} as is_checked"
    return ["value", "topic", "partition", "offset", "timestamp", stamped]


@cache
def reader(contracts: Catalogue) -> Reader:
    """Of events; made once in each worker."""
    columns = spark_types.event_columns(contracts.envelope, contracts.versions.values())
    return Reader({column.name: column.spark_type for column in columns})


@cache
def schema(contracts: Catalogue) -> pa.Schema:
    """Of a file of raw.events."""
    columns = contracts.raw_columns()
    return pa.schema([(c.name, arrow_type(c.spark_type)) for c in columns if c.name != PARTITION])


def raw_rows(records: pa.Table, batch: Batch) -> pa.Table:
    """Type records and check those that nobody checked; a row a record, in their order."""
    topics, texts = records["topic"].to_pylist(), records["value"].to_pylist()
    refused: dict[int, Refused] = {}
    for place, is_checked in enumerate(records["is_checked"].to_pylist()):
        if not is_checked or not texts[place] or topics[place] == DEAD_LETTER:
            found = of_letter if topics[place] == DEAD_LETTER else of_event
            texts[place], reasons = found(texts[place])
            if reasons:
                refused[place] = reasons
    typed, misfits = reader(catalogue()).read(texts)
    columns = {name: typed[name].combine_chunks() for name in typed.column_names}
    misfits += pc.indices_nonzero(columns["event_type"].is_null()).to_pylist()
    for place in misfits:
        refused.setdefault(place, Refused(UNTYPED, texts[place]))
    is_accepted = np.ones(len(texts), bool)
    is_accepted[list(refused)] = False
    if refused:
        for name in ("context", "consent", "properties"):
            columns[name] = pc.if_else(is_accepted, columns[name], pa.scalar(None, columns[name].type))
    columns |= {
        "occurrence": pc.fill_null(columns["occurrence"], 1),
        "is_accepted": pa.array(is_accepted),
        "rejection_reasons": spread(refused, 0, len(texts), pa.list_(pa.string())),
        "payload": spread(refused, 1, len(texts), pa.binary()),
        "kafka_topic": records["topic"].combine_chunks(),
        "kafka_partition": records["partition"].combine_chunks(),
        "kafka_offset": records["offset"].combine_chunks(),
        "kafka_at": records["timestamp"].combine_chunks().cast(TIME),
        **of_batch(columns["source"], columns["occurred_at"], batch),
    }
    wanted = schema(catalogue())
    return pa.table([columns[name] for name in wanted.names], schema=wanted)


def of_event(value: bytes | None) -> tuple[bytes, Refused | None]:
    """What is to be typed of a record that nobody checked: all of it, or the envelope where it is refused."""
    reasons = checks.reasons(value or b"")
    if not reasons:
        assert value is not None
        return value, None
    try:
        event = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        event = None
    event = event if isinstance(event, dict) else {}
    plain = {name: item for name, item in event.items() if not isinstance(item, dict | list)}
    return orjson.dumps(plain), Refused(reasons, value)


def of_letter(value: bytes | None) -> tuple[bytes, Refused]:
    """Of a dead letter, as the collector writes it, source and time; its own reasons and payload."""
    try:
        letter = orjson.loads(value or b"")
        reasons, payload = letter["reasons"], letter.get("payload")
        kept = value if payload is None else payload.encode()
        if not isinstance(reasons, list) or not all(isinstance(reason, str) for reason in reasons):
            raise TypeError(reasons)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return b"{}", Refused(MALFORMED, value)
    said = {name: letter[name] for name in ("source", "received_at") if name in letter}
    return orjson.dumps(said), Refused(reasons, kept)


def spread(refused: dict[int, Refused], part: int, count: int, kind: pa.DataType) -> Any:
    """A part of what is known of refused records as a column; null elsewhere."""
    if not refused:
        return pa.nulls(count, kind)
    return pa.array([refused[place][part] if place in refused else None for place in range(count)], kind)


def of_batch(sources: Any, happened: Any, batch: Batch) -> dict[str, Any]:
    """What the batch adds: its id and time, each source's watermark, and whether a row is behind that."""
    count = len(sources)
    limits = pa.array(batch.watermarks.values(), pa.timestamp("us")).cast(TIME)
    watermark = limits.take(pc.index_in(sources, pa.array(batch.watermarks, pa.string())))
    return {
        "batch_id": pa.repeat(pa.scalar(batch.batch_id, pa.int64()), count),
        "landed_at": pa.repeat(pa.scalar(batch.landed_at, pa.timestamp("us")).cast(TIME), count),
        "watermark_at": watermark,
        "is_late": pc.fill_null(pc.less(happened, watermark), False),
    }
