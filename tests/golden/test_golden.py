"""Small event files must give the mart rows written beside them, whatever way they land and are built.

A folder here is a case: events of sources of its own, and the rows of these sources that a mart must hold.
first.jsonl lands first; second.jsonl brings what changes earlier rows: an order in a further part, a
cancellation of an earlier order, newer revisions of orders, updates that are older than those already known,
orders after their refund, payments out of order. conftest.py says how they land.
"""

import csv
import json
from itertools import takewhile
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import NO_TESTS, Stack
from tests.golden.conftest import CASES, FIRST, NO_VIEWS, REJECTED, changed_replay
from tests.golden.hashes import answers, hashes, is_incremental, models, tables
from tests.leaks import leaks

pytestmark = pytest.mark.engine

EXPECTED = [file for case in CASES for file in sorted((case / "expected").glob("*.csv"))]


def schema(table: str) -> str:
    return {"rpt": "ci_reports"}.get(table.split("_")[0], "ci_marts")


def rows(stack: Stack, table: str, columns: list[str], case: Path) -> list[tuple[str, ...]]:
    texts = ", ".join(f"coalesce(string({column}), '') as {column}" for column in columns)
    lines = "\n".join((case / name).read_text(encoding="utf-8") for name in ("first.jsonl", "second.jsonl"))
    sources = sorted({json.loads(line)["source"] for line in lines.split("\n") if line})
    of_case = ", ".join(f"'{source}'" for source in sources)
    found = stack.query(f"select {texts} from {schema(table)}.{table} where source in ({of_case})")
    return sorted(tuple(row[column] for column in columns) for row in found)


def check(stack: Stack) -> None:
    for file in EXPECTED:
        with file.open(encoding="utf-8", newline="") as lines:
            header, *expected = list(csv.reader(lines))
        found = rows(stack, file.stem, header, file.parents[1])
        assert found == sorted(tuple(row) for row in expected), file


def test_incremental_builds_give_the_expected_rows(landed: Stack) -> None:
    check(landed)


def test_what_breaks_its_contract_is_kept_apart(landed: Stack) -> None:
    found = landed.query("select payload, rejection_reasons from raw.events where not is_accepted")
    payloads = [bytes(row["payload"]) if row["payload"] is not None else b"" for row in found]
    assert sum(b'"event_id": "bad"' in p or b'"event_id":"bad"' in p for p in payloads) == 2 * REJECTED


def test_the_ledger_tells_what_became_of_each_record(landed: Stack) -> None:
    sent_twice = sum(event["source"] == "golden" for event in FIRST)
    found = landed.query(
        "select reason, sum(record_count) as records, sum(future_count) as future, sum(bot_count) as bots"
        " from ci_ops.ledger where source = 'golden' group by reason order by reason"
    )
    assert [tuple(row.values()) for row in found] == [
        ("accepted", 27, 1, 1),
        ("breaks_contract", 2 * REJECTED, 0, 0),
        ("duplicate", sent_twice - REJECTED + len(changed_replay()), 0, 1),
    ]


def test_building_again_changes_nothing(landed: Stack) -> None:
    """All other tables are made whole from these, and are compared below."""
    before = hashes(landed, tables(landed, is_incremental))
    landed.dbt("run", "--select", "config.materialized:incremental")
    assert hashes(landed, tables(landed, is_incremental)) == before
    assert len(before) >= 10


def test_a_full_refresh_gives_the_same_rows(landed: Stack) -> None:
    """Every column of every mart and every source in the lake, not only the golden ones."""
    before = hashes(landed, tables(landed, answers))
    landed.dbt("run", "--full-refresh", *NO_VIEWS)
    check(landed)
    assert hashes(landed, tables(landed, answers)) == before
    assert len(before) > 30


def test_tables_have_the_columns_that_are_documented(landed: Stack) -> None:
    for model in models(landed):
        described = landed.query(f"describe {model['schema']}.{model['alias']}")
        columns = list(takewhile(lambda row: row["col_name"] and row["col_name"][0] != "#", described))
        assert {row["col_name"] for row in columns} == set(model["columns"]), model["name"]
        assert all(row["comment"] for row in columns), model["name"]


def test_features_are_the_same_when_events_end_on_their_day(landed: Stack) -> None:
    """Later orders, cancellations, revisions and refunds are in the lake, and must not show."""
    day, keys = "2024-01-31", ["source", "customer_id"]
    rows = f"select * from {{}}.fct_customer_features_daily where as_of_date = date'{day}'"
    features = ("build", "--full-refresh", *NO_TESTS, "--select", "+fct_customer_features_daily")
    landed.dbt(*features, "--vars", f"{{events_until: {day}}}", schema="cut")
    found, rebuilt = (pd.DataFrame(landed.query(rows.format(s))) for s in ("ci_marts", "cut_marts"))
    # a source that ends before that day has an as-of date of its own there
    rebuilt = rebuilt[rebuilt["source"].isin(found["source"])]
    assert {"golden", "golden_commerce"} <= set(found["source"])
    assert leaks(found, rebuilt, keys) == []
