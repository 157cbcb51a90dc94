"""Contracts meet privacy: which fields of an event lead to a person, and what a dead letter may show."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

from ingestion.contract import catalogue, field_name
from ingestion.contract_files import Schema, types
from lakehouse.privacy.address import without_emails
from lakehouse.privacy.pseudonym import REMOVED, Direct, Pseudonyms, pseudonymised

Event = dict[str, Any]
# A text that is no event cannot be searched for what leads to a person.
UNSEEN = "[removed: no event, so what it holds of a person cannot be told]"


def protected(event: Event, pseudonyms: Pseudonyms) -> Event:
    """A copy without anything that its contract marks `pii: direct` in clear."""
    return pseudonymised(event, direct_fields(_contract(event)), pseudonyms)


@cache
def direct_fields(contract: tuple[str, int] | None) -> tuple[Direct, ...]:
    """Every field with `pii: direct` of a type's version, or of the envelope alone."""
    return tuple(_direct(_schema(contract), ()))


def letter(event: Event) -> str:
    """The text of a protected event for a dead letter: fields that no contract knows keep their name only."""
    return without_emails(orjson.dumps(_shown(event, _schema(_contract(event)))).decode())


def bare_letter(event: Event) -> str:
    """The same without consent: what kind of event it was, and nothing that it said."""
    return orjson.dumps({"event_type": _known_type(event), "source": known_source(event)}).decode()


def lost_fields(event: Event) -> list[str]:
    """Fields of a letter's text whose value was not kept, though a good event's would have been."""
    direct = {field.path for field in direct_fields(_contract(event))}
    return [field_name(path) for path in _removed(event, ()) if _schema_path(path) not in direct]


def known_source(event: Event) -> str | None:
    """The source, where it has the form of one; anything else could be anybody's name."""
    source, form = event.get("source"), catalogue().envelope["properties"]["source"]["pattern"]
    return source if isinstance(source, str) and re.fullmatch(form, source) else None


def bare_reasons(reasons: list[str]) -> list[str]:
    """The fields that break the contract, without the values that do."""
    fields = dict.fromkeys(without_emails(reason.split(": ")[0]) for reason in reasons)
    return [f"{field}: breaks the contract" for field in fields]


def _known_type(event: Event) -> str | None:
    name = event.get("event_type")
    return name if isinstance(name, str) and name in catalogue().contracts else None


def _contract(event: Event) -> tuple[str, int] | None:
    """The contract to judge by: of a version that does not exist, the newest that does."""
    name, version = _known_type(event), event.get("contract_version")
    if name is None:
        return None
    if isinstance(version, int) and (name, version) in catalogue().versions:
        return name, version
    return name, catalogue().contracts[name].version


def _schema(contract: tuple[str, int] | None) -> Schema:
    return catalogue().envelope if contract is None else catalogue().versions[contract].event


def _direct(schema: Schema, path: tuple[str, ...]) -> Iterator[Direct]:
    for name, field in schema.get("properties", {}).items():
        if field.get("pii") == "direct":
            yield Direct((*path, name), name in schema.get("required", []))
        else:
            yield from _direct(field, (*path, name))
    if "items" in schema:
        yield from _direct(schema["items"], (*path, "[]"))


def _removed(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if value == REMOVED:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield from _removed(each, (*path, step))


def _schema_path(path: tuple[str | int, ...]) -> tuple[str, ...]:
    return tuple("[]" if isinstance(step, int) else step for step in path)


def _shown(value: Any, schema: Schema) -> Any:
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {
            name: _shown(each, fields[name]) if name in fields else REMOVED for name, each in value.items()
        }
    if isinstance(value, list):
        return [_shown(each, schema["items"]) for each in value] if "items" in schema else []
    return REMOVED if value is not None and {"object", "array"} & set(types(schema)) else value
