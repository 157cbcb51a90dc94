"""What statements over Thrift cost, by Spark's event log: when they ran, rows read, CPU of their tasks."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

NODE = re.compile(r'"node_id": "[a-z]+\.customer_lakehouse\.(\w+)')  # dbt's comment before each statement
THRIFT = "org.apache.spark.sql.hive.thriftserver.ui.SparkListenerThriftServerOperation"


@dataclass
class Statement:
    """One statement: the dbt node that asked for it, seconds since the epoch, and what its tasks did."""

    node: str
    started: float
    finished: float = 0.0
    rows_read: int = 0
    bytes_read: int = 0
    cpu_seconds: float = 0.0


def statements(lines: Iterable[str]) -> list[Statement]:
    """Those of an event log, in the order in which they began.

    A task belongs to a stage, a stage to a job, and a job to the group that is named by its statement's id.
    """
    found: dict[str, Statement] = {}
    groups: dict[int, str] = {}
    for event in _events(lines):
        kind = event["Event"]
        if kind == f"{THRIFT}Start":
            node = NODE.search(event["statement"])
            found[event["id"]] = Statement(node[1] if node else "", event["startTime"] / 1000)
        elif kind == f"{THRIFT}Finish" and event["id"] in found:
            found[event["id"]].finished = event["finishTime"] / 1000
        elif kind == "SparkListenerJobStart":
            group = event["Properties"].get("spark.jobGroup.id", "")
            groups |= dict.fromkeys(event["Stage IDs"], group)
        elif kind == "SparkListenerTaskEnd" and (statement := found.get(groups.get(event["Stage ID"], ""))):
            measured = event.get("Task Metrics") or {}
            read = measured.get("Input Metrics", {})
            statement.rows_read += read.get("Records Read", 0)
            statement.bytes_read += read.get("Bytes Read", 0)
            statement.cpu_seconds += measured.get("Executor CPU Time", 0) / 1e9
    return [statement for statement in found.values() if statement.finished]


def busy_seconds(ran: Iterable[Statement]) -> float:
    """How long at least one of these statements ran."""
    total, until = 0.0, 0.0
    for statement in sorted(ran, key=lambda each: each.started):
        total += max(0.0, statement.finished - max(statement.started, until))
        until = max(until, statement.finished)
    return total


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Only lines of these kinds are read: plans make up most of a log."""
    for line in lines:
        head = line[:160]
        if THRIFT in head or '"SparkListenerJobStart"' in head or '"SparkListenerTaskEnd"' in head:
            yield json.loads(line)
