"""Tables that Python writes: their names, places on HDFS and how they are made."""

from dataclasses import dataclass, field
from typing import cast

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

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
    """Make a table; one that is there, of an earlier version, gets the columns that it lacks, empty.

    Only whole columns: fields of structs come with the data (docs/decisions/0002-typed-properties.md).
    """
    spark.sql(table.create_sql(settings))
    there = {name.lower() for name in spark.table(table.name).columns}
    wanted = cast(StructType, StructType.fromDDL(table.columns))
    lacking = [column for column in wanted.fields if column.name.lower() not in there]
    if missing := [column.name for column in lacking if not column.nullable]:
        raise UserError(
            f"{table.name} is older than {', '.join(missing)}, of which its rows must have a value."
        )
    if lacking:
        added = StructType(lacking)
        spark.sql(f"alter table {table.name} add columns ({added.toDDL()})")


def create_schemas(spark: SparkSession) -> None:
    """The schemas that Python writes; dbt makes its own."""
    for name, comment in SCHEMAS.items():
        spark.sql(f"create schema if not exists {name} comment '{comment}'")
