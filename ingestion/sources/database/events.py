"""A row of the shop's database -> an event, whose id derives from the row's key and its place in the log."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from ingestion.contract import catalogue
from ingestion.contract_files import Schema, types
from ingestion.sources.database.mapping import LINES, REVISION, Expressions, Table
from ingestion.sources.values import flag, identifier, moment, money, number, text

Event = dict[str, Any]
ENVELOPE: dict[str, Callable[[Any], Any]] = {
    "customer_id": identifier,
    "visitor_id": identifier,
    "session_id": identifier,
    "occurred_at": moment,
}


class Field(NamedTuple):
    """A field of an event, the SQL that gives it as text, and what that text becomes."""

    path: tuple[str, ...]
    expression: str
    typed: Callable[[Any], Any]


class Place(NamedTuple):
    """Where a row stands in the log: the commit's position (the slot's, for a snapshot), and its time."""

    position: int
    at: datetime


def fields(table: Table) -> list[Field]:
    """What is asked of a row, in order."""
    found = [
        Field((name,), expression, typed)
        for name, typed in ENVELOPE.items()
        if (expression := getattr(table, name)) is not None
    ]
    if table.consent:
        said = table.consent.model_dump(exclude_none=True).items()
        found += [Field(("consent", name), expression, flag) for name, expression in said]
    return found + list(_properties(("properties",), table.properties, table.schema_of_properties))


def line_fields(table: Table) -> list[Field]:
    """What is asked of a line."""
    return list(_properties((), table.lines.properties, table.schema_of_lines)) if table.lines else []


def _properties(
    path: tuple[str, ...], expressions: Expressions, schemas: dict[str, Schema]
) -> Iterator[Field]:
    for name, expression in expressions.items():
        yield Field((*path, name), expression, _typed(name, schemas[name]))


def _typed(name: str, schema: Schema) -> Callable[[Any], Any]:
    match next(kind for kind in types(schema) if kind != "null"):
        case "boolean":
            return flag
        case "number" | "integer":
            return money if schema.get("unit") == "money" else number
        case _ if schema.get("format") == "date-time":
            return moment
    return identifier if name.endswith("_id") else text


class Maker:
    """Makes the events of one table."""

    def __init__(self, source: str, name: tuple[str, str], table: Table) -> None:
        self._source, self._name, self._table = source, name, table
        self._fields, self._line_fields = fields(table), line_fields(table)
        self._version = catalogue().contracts[table.event].version
        self._has_revision = REVISION in table.schema_of_properties

    def event(
        self, key: Sequence[str], values: Sequence[str | None], lines: list[list[str | None]], place: Place
    ) -> Event:
        """The event of a row; what is null there is absent here."""
        event = self._bare(key, place)
        for field, value in zip(self._fields, values, strict=True):
            holder = event
            for step in field.path[:-1]:
                holder = holder.setdefault(step, {})
            if (typed := field.typed(value)) is not None:
                holder[field.path[-1]] = typed
        if self._table.lines:
            event["properties"][LINES] = [self._line(line) for line in lines]
        return event

    def deletion(self, key: Sequence[str], values: Sequence[str | None], place: Place) -> Event | None:
        """The event of a row that is gone, from what the log kept of it; None where none is wanted."""
        if self._table.deleted is None:
            return None
        event = self.event(key, values, [], place)
        event["occurred_at"] = _utc(place.at)
        event["properties"] |= self._table.deleted
        return event

    def _bare(self, key: Sequence[str], place: Place) -> Event:
        content = orjson.dumps((self._source, self._name, key, place.position))
        return {
            "event_id": blake2b(content, digest_size=16).hexdigest(),
            "event_type": self._table.event,
            "contract_version": self._version,
            "source": self._source,
            "occurred_at": _utc(place.at),
            "properties": {REVISION: place.position} if self._has_revision else {},
        }

    def _line(self, values: Sequence[str | None]) -> Event:
        typed = ((f.path[-1], f.typed(value)) for f, value in zip(self._line_fields, values, strict=True))
        return {name: value for name, value in typed if value is not None}


def _utc(at: datetime) -> str:
    written = moment(at)
    assert written is not None
    return written
