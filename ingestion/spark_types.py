"""What a contract's fields become in Spark, and the bounds that a Spark type sets to them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from lakehouse.errors import UserError

if TYPE_CHECKING:
    from ingestion.contract_files import Contract

Schema = dict[str, Any]
MONEY = "DECIMAL(18,4)"
TYPES = {"string": "STRING", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
FORMATS = {"date-time": "TIMESTAMP", "date": "DATE"}
PII = ("none", "quasi", "direct")  # from weak to strong

# A value outside would become null or another value on its way into Spark: a contract refuses it
# instead. Four-digit years, UTC only, no leap second, microseconds at most.
DAY = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
BOUNDS: dict[str, Schema] = {
    "INT": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "BIGINT": {"minimum": -(2**63), "maximum": 2**63 - 1},
    "DOUBLE": {"minimum": -1e300, "maximum": 1e300},
    MONEY: {"minimum": -99_999_999_999_999, "maximum": 99_999_999_999_999},
    "TIMESTAMP": {"pattern": rf"^{DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-5][0-9](\.[0-9]{{1,6}})?Z$"},
    "DATE": {"pattern": f"^{DAY}$"},
}


class Column(NamedTuple):
    """One column of raw.events."""

    name: str
    spark_type: str
    description: str
    pii: str


def spark_type(field: Schema) -> str:
    """Spark type of one field."""
    declared = field["type"] if isinstance(field["type"], str) else field["type"][0]
    if "x-spark" in field:
        return str(field["x-spark"])
    if declared == "array":
        return f"ARRAY<{spark_type(field['items'])}>"
    if declared == "object":
        return struct(field["properties"])
    if declared == "string":
        return FORMATS.get(field.get("format", ""), TYPES[declared])
    return MONEY if field.get("unit") == "money" else TYPES[declared]


def struct(fields: dict[str, Schema]) -> str:
    """A struct of the fields, sorted by name."""
    return "STRUCT<" + ", ".join(f"{name}: {spark_type(fields[name])}" for name in sorted(fields)) + ">"


def bounded(schema: Schema) -> Schema:
    """The schema with the bounds of its Spark types said in JSON Schema."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: bounded(child) for name, child in schema["properties"].items()}
    elif "items" in schema:
        result["items"] = bounded(schema["items"])
    elif "object" not in schema["type"]:
        result = BOUNDS.get(spark_type(schema), {}) | result
    return result


def union(contracts: Iterable["Contract"]) -> dict[str, Schema]:
    """Every property of every type and version; one name has one Spark type everywhere."""
    fields: dict[str, Schema] = {}
    for contract in contracts:
        fields = _merged_fields(fields, contract.properties["properties"], contract, "")
    return fields


def _merged_fields(
    known: dict[str, Schema], added: dict[str, Schema], contract: "Contract", prefix: str
) -> dict[str, Schema]:
    merged = dict(known)
    for name, field in added.items():
        merged[name] = _merged(known[name], field, contract, prefix + name) if name in known else field
    return merged


def _merged(known: Schema, field: Schema, contract: "Contract", path: str) -> Schema:
    """Both as one: what either holds inside, what either means, and the stronger pii."""
    merged = dict(known)
    if "pii" in known:
        merged["pii"] = max(known["pii"], field["pii"], key=PII.index)
        if field["description"] not in known["description"]:
            merged["description"] = f"{known['description']} {field['description']}"
    if "items" in known and "items" in field:
        merged["items"] = _merged(known["items"], field["items"], contract, f"{path}[]")
    elif "properties" in known and "properties" in field:
        merged["properties"] = _merged_fields(known["properties"], field["properties"], contract, f"{path}.")
    elif spark_type(known) != spark_type(field):
        raise UserError(
            f"Contract {contract.file}: field {path} is {spark_type(field)} but {spark_type(known)} "
            "in another contract; one name has one type."
        )
    return merged


def event_columns(envelope: Schema, contracts: Iterable["Contract"]) -> list[Column]:
    """The envelope's fields, `properties` being the union of all types."""
    fields = {**envelope["properties"]}
    fields["properties"] = {**fields["properties"], "x-spark": struct(union(contracts))}
    return [_column(name, field) for name, field in fields.items()]


def raw_columns(envelope: Schema, landing: Schema, contracts: Iterable["Contract"]) -> list[Column]:
    """The columns of raw.events: the event, what landing adds, timestamps and dates last."""
    added = [_column(name, field) for name, field in landing["properties"].items()]
    columns = [*event_columns(envelope, contracts), *added]
    last = {"TIMESTAMP": 1, "DATE": 2}
    return sorted(columns, key=lambda column: last.get(column.spark_type, 0))


def ddl(columns: Iterable[Column]) -> str:
    """The columns as Spark reads a schema."""
    return ", ".join(f"{column.name} {column.spark_type}" for column in columns)


def _column(name: str, field: Schema) -> Column:
    return Column(name, spark_type(field), field["description"], field["pii"])
