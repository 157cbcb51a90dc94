"""The mapped tables as the database has them; what it lacks is one sentence each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ingestion.contract import catalogue
from ingestion.sources.database import events
from ingestion.sources.database.mapping import Mapping, Table
from ingestion.sources.database.pgoutput import Name
from lakehouse.errors import UserError

Connection = psycopg.Connection[tuple[Any, ...]]

DESCRIPTION = """
    with keys as (
        select indrelid, indisprimary, indisreplident, json_agg(attname order by n) as columns
        from pg_index, unnest(indkey) with ordinality as part (attnum, n)
        join pg_attribute using (attnum)
        where attrelid = indrelid and (indisprimary or indisreplident)
        group by indexrelid, indrelid, indisprimary, indisreplident
    )
    select
        relreplident::text,
        has_table_privilege(pg_class.oid, 'select'),
        (select json_agg(json_build_array(attname, format_type(atttypid, atttypmod), attgenerated <> '')
            order by attnum) from pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped),
        (select columns from keys where indrelid = pg_class.oid and indisprimary),
        (select columns from keys where indrelid = pg_class.oid and indisreplident)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = %s and relname = %s and relkind in ('r', 'p')
"""


@dataclass(frozen=True)
class Found:
    """One table of the database: columns with their types, key, and what the log keeps of a deleted row."""

    name: Name
    columns: dict[str, str]
    key: tuple[str, ...]
    kept: frozenset[str]
    has_generated: bool

    @property
    def identifier(self) -> sql.Identifier:
        """For SQL."""
        return sql.Identifier(*self.name)

    @property
    def alias(self) -> sql.Identifier:
        """The name by which expressions call the row."""
        return sql.Identifier(self.name[1])


@dataclass(frozen=True)
class Captured:
    """A table whose rows become events, and the table of its lines."""

    found: Found
    mapped: Table
    lines: Found | None

    @property
    def is_in_log(self) -> bool:
        """Whether the log alone tells the row: lines and what the database computes are not in it."""
        return self.lines is None and not self.found.has_generated


def describe(connection: Connection, mapping: Mapping, path: Path) -> list[Captured]:
    """The mapped tables; UserError with a sentence for each that cannot be captured."""
    captured: list[Captured] = []
    mistakes: list[str] = []
    for name, table in mapping.by_name().items():
        try:
            found = _find(connection, name)
            lines = _find(connection, table.lines.name) if table.lines else None
            mistakes += _mistakes(connection, Captured(found, table, lines))
            captured.append(Captured(found, table, lines))
        except UserError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UserError("\n".join(f"{path}, {mistake}" for mistake in mistakes))
    return captured


def warnings(captured: list[Captured]) -> Iterator[str]:
    """Which deletions the database will not tell in full, and the statement that mends it."""
    for one in captured:
        if one.mapped.deleted is not None and (missing := sorted(_not_kept(one))):
            yield _full(one.found, f"the log does not tell the {', '.join(missing)} of a deleted row")
        if one.lines and one.mapped.lines and one.mapped.lines.order not in one.lines.kept:
            yield _full(one.lines, f"the log does not tell the {one.mapped.lines.order} of a deleted line")


def _not_kept(captured: Captured) -> Iterator[str]:
    """Fields that a deletion's event needs, and that are no column which the log keeps."""
    mapped, contract = captured.mapped, catalogue().contracts[captured.mapped.event]
    asked = mapped.properties | {name: getattr(mapped, name) for name in events.ENVELOPE}
    for name in [*contract.properties["required"], *contract.properties.get("x-required", [])]:
        if name not in (mapped.deleted or {}) and asked.get(name) and asked[name] not in captured.found.kept:
            yield name


def _full(found: Found, what: str) -> str:
    name = ".".join(found.name)
    return f"{name}: {what}; `ALTER TABLE {name} REPLICA IDENTITY FULL` mends it."


def _find(connection: Connection, name: Name) -> Found:
    row = connection.execute(DESCRIPTION, name).fetchone()
    written = ".".join(name)
    if row is None:
        raise UserError(f"{written}: the database has no such table.")
    identity, is_readable, columns, primary, identifying = row
    if not is_readable:
        raise UserError(f"{written}: may not be read; `GRANT SELECT ON {written} TO` the capture's user.")
    key = identifying if identity == "i" else primary
    # Without either, the shop could not update its own rows any more once they are published.
    if not key or identity == "n":
        raise UserError(
            f"{written}: has no primary key, so that its rows cannot be told apart; "
            f"`ALTER TABLE {written} ADD PRIMARY KEY (...)`."
        )
    types = {column: kind for column, kind, _ in columns}
    kept = types if identity == "f" else key
    return Found(name, types, tuple(key), frozenset(kept), any(is_made for _, _, is_made in columns))


def _mistakes(connection: Connection, captured: Captured) -> Iterator[str]:
    """Every expression that the database refuses."""
    name, mapped = ".".join(captured.found.name), captured.mapped
    for field in events.fields(mapped):
        if message := _refusal(connection, captured.found, field.expression):
            yield f"{name}, {'.'.join(field.path)}: {message}."
    if captured.lines and mapped.lines:
        if len(captured.found.key) != 1:
            yield f"{name}, lines: the key of {name} is no single column, as lines need."
        if mapped.lines.order not in captured.lines.columns:
            yield f"{name}, lines.order: column {mapped.lines.order} does not exist."
        for field in events.line_fields(mapped):
            if message := _refusal(connection, captured.lines, field.expression):
                yield f"{name}, lines.{'.'.join(field.path)}: {message}."


def _refusal(connection: Connection, found: Found, expression: str) -> str | None:
    try:
        with connection.transaction():
            query = sql.SQL("select {} from {} as {} limit 0")
            connection.execute(query.format(as_text(expression), found.identifier, found.alias), ())
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return error.diag.message_primary or str(error)
    return None


def as_text(expression: str) -> sql.Composed:
    """An expression of the mapping in SQL; text, so that no value is beyond what Python can hold."""
    # The mapping is the operator's own SQL, run with the rights of the capture's user.
    written = sql.SQL(expression.replace("%", "%%"))
    return sql.SQL("({})::text").format(written)
