"""An incremental build works on what new events touched, not on all that there is."""

from pathlib import Path

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.engine


def test_only_sessions_of_touched_actors_are_judged(landed: Stack, tmp_path: Path) -> None:
    """The plan takes others out beneath the window over an actor's sessions: right after they are read."""
    landed.dbt("compile", "--select", "fct_sessions", "--target-path", str(tmp_path))
    (compiled,) = tmp_path.rglob("compiled/**/fct_sessions.sql")
    plan = landed.query(f"explain {compiled.read_text(encoding='utf-8')}")[0]["plan"]
    assert "Window" in plan
    assert plan.index("Window") < plan.index("LeftSemi")
