"""Another pause that ends a session cuts anew what it changes, nothing else, and can be taken back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import Stack
from tests.golden.conftest import COPIES, FIRST, SECOND, SOURCES
from tests.golden.hashes import hashes, is_incremental, tables
from tests.independent import marts
from tests.independent.events import sent
from tests.independent.sessions import USUAL, Policy, cut, summed

pytestmark = pytest.mark.engine

EVENTS = sent(event for event in FIRST + SECOND if event["event_id"] != "bad")
MODELS = ("int_events_sessionized", "int_sessions_aggregated", "fct_sessions")
SHORT = Policy(gap=timedelta(minutes=5))


def rebuild(stack: Stack, *variables: str) -> dict[str, Any]:
    """What the one merge into int_events_sessionized wrote."""
    history = f"describe history ci_intermediate.{MODELS[0]}"
    before = stack.query(history)[0]["version"]
    stack.dbt("run", "--select", *MODELS, *variables)
    rows = [row for row in stack.query(history) if row["version"] > before and row["operation"] == "MERGE"]
    (metrics,) = (json.loads(row["operationMetrics"]) for row in rows)
    return dict(metrics)


def places(policy: Policy) -> pd.DataFrame:
    """Of each event: first event and beginning of its session, first and last moment of its run."""
    browsing = cut(EVENTS, policy)
    runs = browsing.groupby("run")["at"]
    firsts = browsing.groupby("number")["event_id"].transform("first")
    placed = browsing[["source", "event_id", "began_at"]].assign(
        first=firsts, run_from=runs.transform("min"), run_until=runs.transform("max")
    )
    return placed.set_index(["source", "event_id"]).sort_index()


def test_another_gap_cuts_anew_what_it_changes_and_back_again(landed: Stack, tmp_path: Path) -> None:
    added_to = tables(landed, is_incremental)
    asked = {name: columns for name, columns in added_to.items() if name.partition(".")[2] in MODELS}
    before = hashes(landed, asked)
    changed = int((places(USUAL) != places(SHORT)).any(axis=1).sum())
    assert 20 < changed < 0.8 * len(places(USUAL))
    today = datetime.now(UTC).date()

    written = rebuild(landed, "--vars", "{session_gap_minutes: 5}", "--target-path", str(tmp_path))
    expected = summed(EVENTS, cut(EVENTS, SHORT), today)
    assert len(expected) > len(summed(EVENTS, cut(EVENTS), today))
    assert marts.session_differences(marts.sessions(landed.query, SOURCES), expected) == []
    assert int(written["numTargetRowsUpdated"]) == (1 + COPIES) * changed
    assert int(written["numTargetRowsInserted"]) == 0

    written = rebuild(landed)
    assert hashes(landed, asked) == before
    assert len(before) == len(MODELS)
    assert int(written["numTargetRowsUpdated"]) == (1 + COPIES) * changed
