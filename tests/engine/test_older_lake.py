"""What an earlier version left on HDFS is brought up to date."""

from typing import Any

import pytest

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.tables import Table, make

pytestmark = pytest.mark.engine

OLD = Table(
    "ml.z_older",
    "name string not null comment 'Model', inside struct<a: int, gone: int>",
    "A table of an earlier version",
)
NEW = Table(
    OLD.name,
    """name string not null comment 'Model',
    inside struct<a: int, lines: array<struct<b: int>>>,
    said map<string, double> comment 'What it\\'s told',
    parts array<struct<name: string, size: decimal(28, 4)>> comment 'Its parts',
    made_at timestamp""",
    OLD.comment,
)


def test_a_table_of_an_earlier_version_gets_the_columns_that_it_lacks(stack: Any) -> None:
    spark = remote_session(stack.settings)
    try:
        make(spark, OLD, stack.settings)
        stack.query(f"insert into {OLD.name} values ('churn', struct(1, 2))")
        make(spark, NEW, stack.settings)
        make(spark, NEW, stack.settings)  # nothing is lacking: nothing is done
        assert [row["version"] for row in stack.query(f"describe history {OLD.name}")] == [2, 1, 0]
        told = {
            row["col_name"]: (row["data_type"], row["comment"]) for row in stack.query(f"describe {OLD.name}")
        }
        assert told == {
            "name": ("string", "Model"),
            "inside": ("struct<a:int,gone:int,lines:array<struct<b:int>>>", None),
            "said": ("map<string,double>", "What it's told"),
            "parts": ("array<struct<name:string,size:decimal(28,4)>>", "Its parts"),
            "made_at": ("timestamp", None),
        }
        row = {
            "name": "churn",
            "a": 1,
            "gone": 2,
            "lines": None,
            "said": None,
            "parts": None,
            "made_at": None,
        }
        assert stack.query(f"select name, inside.*, said, parts, made_at from {OLD.name}") == [row]
        filled = Table(OLD.name, f"{NEW.columns}, version string not null", OLD.comment)
        with pytest.raises(UserError, match="older than version, of which its rows must"):
            make(spark, filled, stack.settings)
    finally:
        spark.stop()
        stack.query(f"drop table if exists {OLD.name}")
