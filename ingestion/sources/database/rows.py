"""Reads rows as events, by one list of expressions: whole tables, rows by key, and rows out of the log."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson
from psycopg import sql

from ingestion.sources.database import events
from ingestion.sources.database.events import Event, Maker, Place
from ingestion.sources.database.pgoutput import Row
from ingestion.sources.database.tables import Captured, Connection, Found, as_text

FETCHED_AT_ONCE = 2_000


class Told(NamedTuple):
    """What the log tells of a row: how it is, or was when it was deleted; not whole, only its key."""

    place: Place
    row: Row
    is_deleted: bool = False
    is_whole: bool = True


class Reader:
    """Reads the rows of one captured table."""

    def __init__(self, connection: Connection, source: str, captured: Captured) -> None:
        self._connection, self._captured, self._found = connection, captured, captured.found
        self._maker = Maker(source, captured.found.name, captured.mapped)

    def snapshot(self, place: Place) -> Iterator[Event]:
        """Every row, as the connection's transaction sees it."""
        with self._connection.cursor(name="lakehouse_snapshot") as cursor:
            cursor.itersize = FETCHED_AT_ONCE
            cursor.execute(self._query(sql.SQL("0"), self._found.identifier), ())
            for _, key, lines, *values in cursor:
                yield self._maker.event(key, values, lines, place)

    def events(self, told: list[Told]) -> Iterator[Event]:
        """The events of what the log tells, in its order.

        A row that is read by its key may be newer than what the log tells, or gone: then the log goes on
        to tell so.
        """
        in_log = [
            n for n, one in enumerate(told) if one.is_whole and (one.is_deleted or self._captured.is_in_log)
        ]
        read = dict(self._rows(told, sorted({*range(len(told))} - {*in_log}), self._by_key()))
        gone = {n for n, one in enumerate(told) if one.is_deleted and n not in read}
        found = read | dict(self._rows(told, sorted({*in_log, *gone}), self._from_log()))
        for number, (key, lines, *values) in sorted(found.items()):
            if number not in gone:
                yield self._maker.event(key, values, lines, told[number].place)
            elif (event := self._maker.deletion(key, values, told[number].place)) is not None:
                yield event

    def _rows(self, told: list[Told], numbers: list[int], origin: sql.Composed) -> Iterator[Any]:
        if not numbers:
            return
        given = orjson.dumps([told[number].row for number in numbers]).decode()
        query = self._query(sql.SQL("lakehouse_number"), origin)
        for number, *row in self._connection.execute(query, (given,)):
            yield numbers[number - 1], row

    def _query(self, number: sql.SQL, origin: sql.Composable) -> sql.Composed:
        key = (sql.SQL("{}.{}::text").format(self._found.alias, sql.Identifier(k)) for k in self._found.key)
        expressions = [as_text(field.expression) for field in events.fields(self._captured.mapped)]
        return sql.SQL("select {} from {} as {}").format(
            sql.SQL(", ").join([number, _array(key), self._lines(), *expressions]), origin, self._found.alias
        )

    def _lines(self) -> sql.Composable:
        lines, mapped = self._captured.lines, self._captured.mapped.lines
        if lines is None or mapped is None:
            return sql.SQL("'[]'::json")
        line = [as_text(field.expression) for field in events.line_fields(self._captured.mapped)]
        return sql.SQL(
            "(select coalesce(json_agg(json_build_array({line}) order by {order}), '[]') "
            "from {table} as {alias} where {alias}.{of} = {owner}.{key})"
        ).format(
            line=sql.SQL(", ").join(line),
            order=sql.SQL(", ").join(
                [sql.SQL("{}.{}").format(lines.alias, sql.Identifier(k)) for k in lines.key]
            ),
            table=lines.identifier,
            alias=lines.alias,
            of=sql.Identifier(mapped.order),
            owner=self._found.alias,
            key=sql.Identifier(self._found.key[0]),
        )

    def _from_log(self) -> sql.Composed:
        """The rows that come as JSON, typed as the table's columns."""
        return sql.SQL("({})").format(_given(self._found, self._found.columns))

    def _by_key(self) -> sql.Composed:
        """The table's rows whose keys come as JSON."""
        key = sql.SQL(", ").join(map(sql.Identifier, self._found.key))
        return sql.SQL("(select * from {} join ({}) as wanted using ({}))").format(
            self._found.identifier, _given(self._found, self._found.key), key
        )


def _given(found: Found, columns: Iterable[str]) -> sql.Composed:
    typed = [
        sql.SQL("(given ->> {})::{} as {}").format(
            sql.Literal(name),
            sql.SQL(found.columns[name]),  # in the words of the database's own format_type
            sql.Identifier(name),
        )
        for name in columns
    ]
    return sql.SQL(
        "select lakehouse_number, {} from json_array_elements(%s::json) with ordinality as "
        "logged (given, lakehouse_number)"
    ).format(sql.SQL(", ").join(typed))


def _array(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("array[{}]").format(sql.SQL(", ").join(parts))
