"""Whether a Kafka record keeps its contract, by whatever door it came.

What the collector checked carries a stamp of the contracts' digest and is believed; everything else
meets the collector's own validator here, so that both doors refuse the same and in the same words.
"""

import orjson

from ingestion.contract import Catalogue, catalogue
from ingestion.topics import CHECKED


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
