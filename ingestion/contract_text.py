"""The contracts as dbt and people read them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ingestion import spark_types

if TYPE_CHECKING:
    from ingestion.contract_files import Contract

ROOT = Path(__file__).resolve().parents[1]
DBT_SOURCES = ROOT / "models" / "staging" / "raw" / "_raw__sources.yml"
DATA_PAGE = ROOT / "docs" / "data.md"
BEGIN, END = "<!-- event catalogue: begin -->\n", "<!-- event catalogue: end -->\n"
HEADER = "# Written from ingestion/contracts by `lakehouse contracts render`; do not edit.\n"


def dbt_sources(
    envelope: dict[str, Any], columns: Iterable[spark_types.Column], contracts: Iterable["Contract"]
) -> str:
    """The source of raw.events; fields of objects are nested columns, so that each has its pii tag."""
    inside = {name: field.get("properties", {}) for name, field in envelope["properties"].items()}
    inside["properties"] = spark_types.union(contracts)
    listed = []
    for column in columns:
        listed.append(_dbt_column(*column))
        listed += [_dbt_column(*nested) for nested in _nested(column.name, inside.get(column.name, {}))]
    table = {
        "name": "events",
        "description": "One Kafka record, accepted or rejected (with reasons), as often as it landed.",
        "config": {
            "loaded_at_field": "landed_at",
            "freshness": {
                "warn_after": {"count": 1, "period": "hour"},
                "error_after": {"count": 1, "period": "day"},
            },
            "meta": {"owner": "ingestion", "grain": ["kafka_topic", "kafka_partition", "kafka_offset"]},
        },
        "columns": listed,
    }
    raw = {"name": "raw", "schema": "raw", "description": "What the streams landed, unchanged."}
    text = yaml.safe_dump({"sources": [{**raw, "tables": [table]}]}, sort_keys=False, width=100)
    return HEADER + text


def _dbt_column(name: str, spark_type: str, description: str, pii: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "data_type": spark_type.lower(),
        "config": {"meta": {"pii": pii}},
    }


def _nested(prefix: str, fields: dict[str, Any]) -> Iterator[spark_types.Column]:
    for name in sorted(fields):
        field, path = fields[name], f"{prefix}.{name}"
        yield spark_types.Column(path, spark_types.spark_type(field), field["description"], field["pii"])
        if "items" in field:
            yield from _nested(path, field["items"].get("properties", {}))


def markdown(envelope: dict[str, Any], contracts: Iterable["Contract"]) -> str:
    """One table for the envelope and one for each version of a type."""
    parts = ["### Envelope\n\n" + envelope["description"] + "\n\n" + _table(envelope)]
    for contract in contracts:
        heading = contract.event_type + (f", version {contract.version}" if contract.version > 1 else "")
        parts.append(
            f"### {heading}\n\n{contract.description} Topic `{contract.topic}`, "
            f"key `{contract.key_field}`, version {contract.version}, owner {contract.owner}.\n\n"
            + _table(contract.properties)
        )
    return "\n".join(parts)


def _table(schema: dict[str, Any]) -> str:
    rows = ["| field | Spark type | required | pii | meaning |", "|---|---|---|---|---|"]
    rows += [_row(*row) for row in _rows("", schema)]
    return "\n".join(rows) + "\n"


def _rows(prefix: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, field in schema["properties"].items():
        yield prefix + name, field, name in schema["required"]
        if "properties" in field:
            yield from _rows(f"{prefix}{name}.", field)
        if "properties" in field.get("items", {}):
            yield from _rows(f"{prefix}{name}[].", field["items"])


def _row(name: str, field: dict[str, Any], required: bool) -> str:
    declared = field["type"] if isinstance(field["type"], str) else field["type"][0]
    nested = "properties" in field.get("items", {}) or declared == "object"
    kind = declared if nested else spark_types.spark_type(field).lower()
    meaning = field["description"]
    if "enum" in field:
        choices = [f"`{choice}`" for choice in field["enum"] if choice is not None]
        meaning += " One of " + ", ".join(choices) + "."
    if field.get("unit", "money") != "money":  # money is a type already
        meaning += f" Unit: {field['unit']}."
    return f"| {name} | {kind} | {'yes' if required else ''} | {field['pii']} | {meaning} |"


def data_page(page: str, catalogue: str) -> str:
    """The page with its event catalogue replaced."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n" + catalogue + "\n" + END + rest.split(END)[1]


def write(sources: str, catalogue: str) -> list[Path]:
    """Writes both files anew."""
    DBT_SOURCES.parent.mkdir(parents=True, exist_ok=True)
    DBT_SOURCES.write_text(sources, encoding="utf-8")
    page = DATA_PAGE.read_text(encoding="utf-8")
    DATA_PAGE.write_text(data_page(page, catalogue), encoding="utf-8")
    return [DBT_SOURCES, DATA_PAGE]
