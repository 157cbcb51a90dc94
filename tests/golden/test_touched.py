"""An incremental build works on what new events touched, not on all that there is."""

import re
from pathlib import Path

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.engine


def compiled(landed: Stack, model: str, folder: Path) -> str:
    """A model's query, as the next run would ask it."""
    landed.dbt("compile", "--select", model, "--target-path", str(folder))
    (file,) = folder.rglob(f"compiled/**/{model}.sql")
    return file.read_text(encoding="utf-8")


def test_only_sessions_of_touched_actors_are_judged(landed: Stack, tmp_path: Path) -> None:
    """The plan takes others out beneath the window over an actor's sessions: right after they are read."""
    plan = landed.query(f"explain {compiled(landed, 'fct_sessions', tmp_path)}")[0]["plan"]
    assert "Window" in plan
    assert plan.index("Window") < plan.index("LeftSemi")


@pytest.mark.parametrize(
    ("model", "column"),
    [("int_events_sessionized", "run_ended_at"), ("int_sessions_aggregated", "run_started_at")],
)
def test_files_of_other_times_are_skipped(landed: Stack, model: str, column: str, tmp_path: Path) -> None:
    """Delta does so by a literal alone; it is far in the future where nothing is new."""
    asked = compiled(landed, model, tmp_path)
    since = re.findall(rf"{column} >= timestamp '([^']*)'", asked)
    assert since
    assert set(since) == {"9999-12-31"}
    layout = landed.query(f"describe detail ci_intermediate.{model}")[0]
    assert "_month" in layout["partitionColumns"]
    assert column in layout["properties"]
