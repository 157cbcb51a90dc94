"""Contract files: read, and refused where landing stream and collector could not check them alike."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion import spark_types
from lakehouse.errors import UserError

NOTES = {"$schema", "$id", "description", "owner", "unit", "pii", "x-spark", "x-topic", "x-key", "x-required"}
CHECKS = {"type", "properties", "required", "additionalProperties", "items", "enum", "pattern", "format"}
CHECKS |= {"minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "minItems"}
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
FILE_NAME = re.compile(r"([a-z][a-z0-9_]*)\.v([1-9][0-9]*)\.json")
SHARED = ("envelope", "landing")  # of every event, whatever its type
RELEASED = "released.json"  # see compatibility.py

Schema = dict[str, Any]


@dataclass(frozen=True)
class Contract:
    """One version of an event type: its `properties`, and the whole event with the envelope around them."""

    event_type: str
    version: int
    description: str
    owner: str
    topic: str
    key_field: str
    properties: Schema
    event: Schema

    @property
    def file(self) -> str:
        return f"{self.event_type}.v{self.version}.json"


def paths(folder: Path) -> list[Path]:
    """The contract files by type and version; a name that nobody would read is refused."""
    found = []
    for path in folder.glob("*.json"):
        if path.name == RELEASED:
            continue
        name = FILE_NAME.fullmatch(path.name)
        if not name or (name[1] in SHARED and name[2] != "1"):
            raise UserError(
                f"Contract {path.name}: a file is called <type>.v<version>.json, such as cart.v1.json; "
                f"{' and '.join(SHARED)} have version 1 only."
            )
        found.append((name[1], int(name[2]), path))
    return [path for _, _, path in sorted(found)]


def read(path: Path) -> Schema:
    try:
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"Contract {path.name} cannot be read ({error}); mend the file.") from None
    refuse(path.name, "", schema)
    return schema


def refuse(file: str, field: str, schema: Schema) -> None:
    """Refuses what the landing stream could not check in the same way."""

    def wrong(what: str) -> UserError:
        return UserError(f"Contract {file}{field and f', field {field}'}: {what}.")

    if unknown := sorted(schema.keys() - NOTES - CHECKS):
        raise wrong(f"{', '.join(unknown)} is no supported JSON Schema keyword; say it with {sorted(CHECKS)}")
    if schema.get("format", "date") not in spark_types.FORMATS:
        raise wrong(f"format {schema['format']!r} is not one of {sorted(spark_types.FORMATS)}")
    if not re.fullmatch(r"\^.*\$", schema.get("pattern", "^$")):
        raise wrong("a pattern covers the whole text, from ^ to $")
    if "properties" in schema and schema.get("additionalProperties") is not False:
        raise wrong('an object says "additionalProperties": false')
    required = schema.get("required", [])
    if strangers := sorted(set(required) - schema.get("properties", {}).keys()):
        raise wrong(f"{', '.join(strangers)} is required but not described")
    for name, child in schema.get("properties", {}).items():
        inner = f"{field}.{name}".lstrip(".")
        refuse(file, inner, child)
        if not FIELD_NAME.fullmatch(name):
            raise UserError(f"Contract {file}: field {inner} is not in lower_snake_case.")
        if ("null" in types(child)) == (name in required):
            raise UserError(f"Contract {file}: field {inner} allows null exactly when it is not required.")
        if child.get("pii") not in spark_types.PII or not child.get("description"):
            raise UserError(f"Contract {file}: field {inner} needs a description and pii direct|quasi|none.")
    if "items" in schema:
        refuse(file, f"{field}[]", schema["items"])


def read_contract(path: Path, envelope: Schema) -> Contract | None:
    event_type, version = path.name.split(".")[0], int(path.name.split(".")[1][1:])
    if event_type in SHARED:
        return None
    schema = read(path)
    if missing := {"x-topic", "x-key", "owner", "description"} - schema.keys():
        raise UserError(f"Contract {path.name}: {', '.join(sorted(missing))} is missing.")
    if schema["x-key"] not in envelope["properties"]:
        raise UserError(f"Contract {path.name}: x-key {schema['x-key']} is no field of the envelope.")
    if twice := sorted(envelope["properties"].keys() & schema["properties"].keys()):
        raise UserError(f"Contract {path.name}: {', '.join(twice)} is a field of the envelope; say it there.")
    fields = {**envelope["properties"], "properties": schema}
    fields["event_type"] = {"type": "string", "enum": [event_type]}
    fields["contract_version"] = {**fields["contract_version"], "enum": [version]}
    for name in (needed := schema.get("x-required", [])):
        fields[name] = {**fields[name], "type": "string"}
    whole = {**envelope, "properties": fields, "required": [*envelope["required"], *needed]}
    return Contract(
        event_type,
        version,
        schema["description"],
        schema["owner"],
        schema["x-topic"],
        schema["x-key"],
        schema,
        spark_types.bounded(whole),
    )


def types(schema: Schema) -> list[str]:
    """The field's types as a list."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else declared
