"""What a contract's fields become in Arrow, beside their Spark types."""

import pyarrow as pa

from ingestion.spark_types import MONEY

SCALARS = {
    "STRING": pa.string(),
    "BINARY": pa.binary(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    MONEY: pa.decimal128(18, 4),
}
# How a value is read from JSON where Arrow does not read its type, or would refuse to round it.
READ_AS = {pa.date32(): pa.string(), pa.decimal128(18, 4): pa.decimal128(38, 20)}


def arrow_type(spark_type: str) -> pa.DataType:
    """The same type: `ARRAY<...>`, `STRUCT<name: type, ...>` or a scalar of the contracts."""
    if spark_type.startswith("ARRAY<"):
        return pa.list_(arrow_type(spark_type[len("ARRAY<") : -1]))
    if spark_type.startswith("STRUCT<"):
        pairs = [field.split(": ", 1) for field in _fields(spark_type[len("STRUCT<") : -1])]
        return pa.struct([(name, arrow_type(kind)) for name, kind in pairs])
    return SCALARS[spark_type]


def _fields(inside: str) -> list[str]:
    """The fields of a struct: what stands between commas that are in no brackets."""
    found, depth = [""], 0
    for character in inside:
        depth += (character in "<(") - (character in ">)")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [field.strip() for field in found]


def read_type(kind: pa.DataType) -> pa.DataType:
    """The type as JSON is read into it; `finished` makes the other of it."""
    if pa.types.is_list(kind):
        return pa.list_(read_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, read_type(field.type)) for field in kind])
    return READ_AS.get(kind, kind)
