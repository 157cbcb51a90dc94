"""What a statement cost is read from Spark's event log by its job group."""

import json
from typing import Any

import pytest

from benchmarks.spark_log import THRIFT, Statement, busy_seconds, statements

DBT = '/* {"app": "dbt", "node_id": "model.customer_lakehouse.fct_orders"} */ select 1'


def line(kind: str, **fields: Any) -> str:
    return json.dumps({"Event": kind, **fields})


def task(stage: int, rows: int, seconds: float) -> str:
    metrics = {
        "Executor CPU Time": int(seconds * 1e9),
        "Input Metrics": {"Records Read": rows, "Bytes Read": 100 * rows},
    }
    return line("SparkListenerTaskEnd", **{"Stage ID": stage, "Task Metrics": metrics})


LOG = [
    line("SparkListenerLogStart"),
    line(f"{THRIFT}Start", id="a", statement=DBT, startTime=1_000),
    line("SparkListenerJobStart", **{"Stage IDs": [1, 2], "Properties": {"spark.jobGroup.id": "a"}}),
    line("SparkListenerJobStart", **{"Stage IDs": [3], "Properties": {}}),
    line(f"{THRIFT}Start", id="b", statement="show schemas", startTime=1_500),
    task(1, 10, 0.25),
    task(2, 5, 0.5),
    task(3, 99, 9.0),
    line("SparkListenerTaskEnd", **{"Stage ID": 2, "Task Metrics": None}),
    line(f"{THRIFT}Finish", id="a", finishTime=3_000),
    line(f"{THRIFT}Finish", id="b", finishTime=2_000),
    line(f"{THRIFT}Start", id="c", statement="never ends", startTime=9_000),
]


def test_tasks_count_for_the_statement_of_their_job() -> None:
    assert statements(LOG) == [
        Statement("fct_orders", 1.0, 3.0, rows_read=15, bytes_read=1_500, cpu_seconds=0.75),
        Statement("", 1.5, 2.0),
    ]


def test_time_in_which_two_statements_ran_counts_once() -> None:
    ran = [
        Statement("x", 5.0, 6.0),
        Statement("x", 1.0, 3.0),
        Statement("y", 1.5, 2.0),
        Statement("z", 2.5, 4.0),
    ]
    assert busy_seconds(ran) == pytest.approx(4.0)
