"""What the simulator says it sent is what lands, rejects and duplicates included."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.servers import stack as servers
from lakehouse.servers import status
from tests.conftest import Stack

pytestmark = pytest.mark.engine

KNOBS = ["--duplicates", ".05", "--malformed", ".05", "--late", ".1", "--clock-errors", ".05"]


@pytest.fixture(scope="module")
def landed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The summary of a run by two processes whose events have landed."""
    truth = tmp_path_factory.mktemp("truth")
    sizes = ["--events", "2000", "--seed", "9", "--processes", "2", "--truth", str(truth)]
    stack.run("lakehouse", "simulate", *sizes, *KNOBS)
    stack.wait_landed()
    found: dict[str, Any] = json.loads((truth / "summary.json").read_text())
    return found | {"truth": truth}


def test_everything_lands_as_the_summary_says(stack: Stack, landed: dict[str, Any]) -> None:
    row = stack.query(
        f"""
        select count_if(is_accepted) as accepted, count_if(not is_accepted) as rejected,
            count_if(is_accepted) - count(distinct event_id) filter (where is_accepted) as duplicates
        from raw.events
        where source = 'simulator'
            and (event_id like '{landed["run"]}-%' or string(payload) like '%{landed["run"]}-%')
        """
    )[0]
    assert row == {name: landed[name] for name in ("accepted", "rejected", "duplicates")}
    assert landed["accepted"] + landed["rejected"] == landed["sent"] == 2000 + landed["duplicates"]
    assert landed["rejected"] > 50 < landed["duplicates"]


def test_types_and_lateness_land_as_the_summary_says(stack: Stack, landed: dict[str, Any]) -> None:
    once = f"""
        select event_type, count(distinct event_id) as events, count(distinct event_id) filter (
            where unix_timestamp(sent_at) - unix_timestamp(occurred_at) > 3600) as late
        from raw.events where source = 'simulator' and is_accepted and event_id like '{landed["run"]}-%'
        group by event_type
    """
    rows = stack.query(once)
    assert {row["event_type"]: row["events"] for row in rows} == landed["event_types"]
    assert sum(row["late"] for row in rows) == landed["late"] > 0


def test_the_demos_simulator_runs_when_started_and_is_not_missed_when_stopped(stack: Stack) -> None:
    def seen() -> int:
        live = "abs(unix_timestamp(received_at) - unix_timestamp(occurred_at)) < 60"
        found = stack.query(f"select count(*) as n from raw.events where source = 'simulator' and {live}")
        return int(found[0]["n"])

    assert "simulator" not in {server.name for server in status.status(stack.settings).servers}
    assert servers.start_simulator(stack.settings)
    try:
        assert servers.is_up(stack.settings)
        stack.wait_until(lambda: seen() > 0, 60, "simulated")
    finally:
        servers.stop_simulator(stack.settings)
    assert servers.is_up(stack.settings)
    (truth,) = (Path(stack.settings.state) / "simulator").iterdir()
    assert json.loads((truth / "summary.json").read_text())["sent"] > 0
