"""Whether a Kafka record keeps its contract, by whatever door it came.

What the collector checked carries a stamp of the contracts' digest and is believed; everything else
meets the collector's own validator here, so that both doors refuse the same and in the same words.
"""

import orjson
import pyarrow as pa

from ingestion.contract import Catalogue, catalogue
from ingestion.topics import CHECKED

CORRUPT = "_corrupt"
TIMES = ("occurred_at", "sent_at", "received_at")


def parse_schema(contracts: Catalogue) -> str:
    """Schema of `record`: the event, its times still as text, and what could not be read."""
    text = contracts.spark_schema()
    for name in TIMES:
        text = text.replace(f"{name} TIMESTAMP", f"{name} STRING", 1)
    return f"{text}, {CORRUPT} STRING"


def literal(value: str) -> str:
    """Text as SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_stamped(contracts: Catalogue) -> str:
    """SQL: the collector checked this record by these very contracts. Never null."""
    stamp = f"get(headers, 0).key = {literal(CHECKED)} and get(headers, 0).value = X'{contracts.digest}'"
    return f"coalesce({stamp}, false)"


def reasons(payload: bytes) -> list[str]:
    """Every reason against a record, as the collector would have answered; [] where it keeps its contract."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"event: is not UTF-8 at byte {error.start}"]
    try:
        # Not json.loads: deep nesting must be a reason, and never the end of the stream.
        event = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return [f"event: is not JSON: {error}" if payload else "event: is empty"]
    return catalogue().validate(event)


def rejection_reasons(payloads: pa.Array) -> pa.Array:
    """The same for a column; null where there is no payload, as for nearly every row."""
    kind = pa.list_(pa.string())
    if payloads.null_count == len(payloads):
        return pa.nulls(len(payloads), kind)
    return pa.array([None if p is None else reasons(p) for p in payloads.to_pylist()], kind)
