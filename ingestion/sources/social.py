"""Likes, shares and mentions as exported from networks, in columns of our own: one of them a record."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, moment, text

KINDS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz")
PROPERTIES: dict[str, Callable[[Any], str | None]] = {
    "platform": text,
    "product_id": identifier,
    "content_id": identifier,
    "content_type": text,
    "text": text,
    "language": text,
    "author_name": text,
    "post_url": text,
    "brand": text,
}
COLUMNS = ("event_type", "occurred_at", "customer_id", "visitor_id", *PROPERTIES)


def records(path: Path) -> Iterator[list[Record]]:
    """The file's records, in file order."""
    files.extension(path, KINDS)
    for rows in files.read(path, COLUMNS):
        yield [_record(row) for row in rows]


def _record(row: files.Row) -> Record:
    action, occurred_at = text(row[0]) or "", moment(text(row[1]))
    customer, visitor = identifier(row[2]), identifier(row[3])
    read = [typed(value) for typed, value in zip(PROPERTIES.values(), row[4:], strict=True)]
    # What is there is sent, also where its type has no such field: its contract says so and nothing is lost.
    properties = {name: value for name, value in zip(PROPERTIES, read, strict=True) if value is not None}
    content = (action, occurred_at, customer, visitor, *read)
    return Record(action, content, occurred_at, properties, customer, visitor)
