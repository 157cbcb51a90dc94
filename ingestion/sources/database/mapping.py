"""Which table gives which event: the mapping file, checked against the contracts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from ingestion.contract import catalogue
from ingestion.contract_files import Schema
from lakehouse.errors import UserError

LINES = "lines"  # the one property that rows of another table fill
REVISION = "revision"  # the one property that the log itself fills

# SQL over the columns of a row; what YAML reads as a number or a truth value is SQL, too.
Expression = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) in (int, bool) else value)
]
Expressions = dict[str, Expression]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lines(_Part):
    """The table whose rows are an order's lines; `order` is its column with the order's key."""

    table: str
    order: str
    properties: Expressions

    @property
    def name(self) -> tuple[str, str]:
        """Schema and table."""
        return _qualified(self.table)


class Consent(_Part):
    """What the shop knows of the person's consent."""

    analytics: Expression
    marketing: Expression | None = None


class Table(_Part):
    """What a row of one table becomes; `deleted` holds the fields that say so of a row that is gone."""

    event: str
    customer_id: Expression | None = None
    visitor_id: Expression | None = None
    session_id: Expression | None = None
    occurred_at: Expression | None = None
    consent: Consent | None = None
    properties: Expressions
    lines: Lines | None = None
    deleted: dict[str, Any] | None = None

    @property
    def schema_of_properties(self) -> dict[str, Schema]:
        """The newest contract's properties."""
        fields: dict[str, Schema] = catalogue().contracts[self.event].properties["properties"]
        return fields

    @property
    def schema_of_lines(self) -> dict[str, Schema]:
        """The fields of one line."""
        fields: dict[str, Schema] = self.schema_of_properties[LINES]["items"]["properties"]
        return fields


class Mapping(_Part):
    """Tables by name, in the order in which the snapshot reads them."""

    tables: dict[str, Table]

    def by_name(self) -> dict[tuple[str, str], Table]:
        """The same by schema and table."""
        return {_qualified(name): table for name, table in self.tables.items()}


def read(path: Path) -> Mapping:
    """The file's mapping; UserError with a sentence for each mistake in it."""
    try:
        mapping = Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"The tables of the database, {path}, cannot be read ({' '.join(str(error).split())}); "
            "mend the file or LAKEHOUSE_DATABASE_TABLES."
        ) from None
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{path}, {_place(each)}: {each['msg']}." for each in error.errors())
        ) from None
    if found := [f"{path}, {mistake}." for name in mapping.tables for mistake in _mistakes(mapping, name)]:
        raise UserError("\n".join(found))
    return mapping


def _qualified(name: str) -> tuple[str, str]:
    schema, _, table = name.rpartition(".")
    return schema or "public", table


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error["loc"]) or "the whole file"


def _mistakes(mapping: Mapping, name: str) -> Iterator[str]:
    """Everything in which a table contradicts its event's contract."""
    table = mapping.tables[name]
    contract = catalogue().contracts.get(table.event)
    if contract is None:
        known = ", ".join(sorted(catalogue().contracts))
        yield f"{name}: there is no event type {table.event}; known are {known}"
        return
    fields = table.schema_of_properties
    if (LINES in fields) != (table.lines is not None):
        verb = "needs" if LINES in fields else "has no"
        yield f"{name}: event type {table.event} {verb} {LINES}"
        return
    told = {*table.properties} | ({LINES} if table.lines else set())
    required = {*contract.properties["required"]} - {REVISION}
    yield from _differences(
        f"{name}, properties", told, {*fields} - {REVISION, LINES} | told & {LINES}, required
    )
    yield from _differences(
        f"{name}, deleted", {*(table.deleted or {})}, {*fields} - {REVISION, LINES}, set()
    )
    for field, value in (table.deleted or {}).items():
        if value not in (allowed := fields.get(field, {}).get("enum", [value])):
            yield f"{name}, deleted: {field} is not one of {', '.join(map(str, allowed))}"
    for field in contract.properties.get("x-required", []):
        if getattr(table, field, None) is None:
            yield f"{name}: event type {table.event} needs {field}"
    if table.lines:
        items = fields[LINES]["items"]
        place = f"{name}, {LINES}"
        yield from _differences(
            place, {*table.lines.properties}, {*items["properties"]}, {*items["required"]}
        )


def _differences(place: str, told: set[str], known: set[str], required: set[str]) -> Iterator[str]:
    for field in sorted(told - known):
        yield f"{place}: there is no field {field}; known are {', '.join(sorted(known))}"
    for field in sorted(required - told):
        yield f"{place}: field {field} is required"
