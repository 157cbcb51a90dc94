"""Tables that Python writes: their names, places on HDFS and how they are made."""

from dataclasses import dataclass, field
from typing import cast

from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, DataType, StructType

from lakehouse.errors import UserError
from lakehouse.settings import Settings

SCHEMAS = {
    "raw": "what the streams landed, unchanged",
    "live": "small aggregates of the last minutes",
    "ml": "models: versions, champions, SQL functions",
    "ops": "ledger, runs, audit",
}
RAW_EVENTS = "raw.events"
# Where made events come from: nobody in them is real.
SIMULATED = "simulator"


@dataclass(frozen=True)
class Table:
    """An external Delta table: columns as SQL, one line each."""

    name: str
    columns: str
    comment: str
    partition_by: str | None = None
    properties: dict[str, str] = field(default_factory=dict)

    def location(self, settings: Settings) -> str:
        """Where it lies on HDFS; streams write there without the catalogue."""
        return f"{settings.hdfs}/lakehouse/{self.name.replace('.', '/')}"

    def create_sql(self, settings: Settings) -> str:
        """The statement that makes it, and does nothing where it exists."""
        lines = [
            f"create table if not exists {self.name}",
            f"({self.columns})",
            "using delta",
            f"partitioned by ({self.partition_by})" if self.partition_by else "",
            f"location '{self.location(settings)}'",
            f"comment '{self.comment}'",
            "tblproperties (" + ", ".join(f"'{k}' = '{v}'" for k, v in self.properties.items()) + ")"
            if self.properties
            else "",
        ]
        return "\n".join(line for line in lines if line)


def make(spark: SparkSession, table: Table, settings: Settings) -> None:
    """Make a table; one of an earlier version gets the columns and fields that it lacks, empty.

    What one of a later version has more stays.
    """
    spark.sql(table.create_sql(settings))
    there = paths(spark.table(table.name).schema)
    wanted = cast(StructType, StructType.fromDDL(table.columns))
    lacking = paths(wanted) - there
    filled = [c.name for c in wanted.fields if not c.nullable and f".{c.name.lower()}" in lacking]
    if filled:
        raise UserError(
            f"{table.name} is older than {', '.join(filled)}, of which its rows must have a value."
        )
    if lacking:
        empty = spark.createDataFrame([], wanted).write.format("delta").mode("append")
        empty.option("mergeSchema", "true").saveAsTable(table.name)


def paths(kind: DataType, path: str = "") -> set[str]:
    """The names of all columns, and of all fields inside of them behind theirs."""
    if isinstance(kind, ArrayType):
        return paths(kind.elementType, f"{path}[]")
    if not isinstance(kind, StructType):
        return {path}
    return {found for field in kind for found in paths(field.dataType, f"{path}.{field.name.lower()}")}


def create_schemas(spark: SparkSession) -> None:
    """The schemas that Python writes; dbt makes its own."""
    for name, comment in SCHEMAS.items():
        spark.sql(f"create schema if not exists {name} comment '{comment}'")
