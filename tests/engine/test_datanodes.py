"""With three DataNodes every block is held three times, and one of them may die."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lakehouse.settings import Settings
from tests import made
from tests.conftest import Stack, own_settings

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A lakehouse of its own, started and stopped as a user does who works with another's Spark Connect."""
    chosen = own_settings(tmp_path_factory.mktemp("three"))
    values = {name.removeprefix("LAKEHOUSE_").lower(): value for name, value in chosen.items()}
    environment = dict(os.environ) | chosen | {"SPARK_REMOTE": "sc://127.0.0.1:1"}
    stack = Stack(Settings.model_validate(values | {"datanodes": 3}), environment)
    try:
        stack.run("lakehouse", "up", "--datanodes", "3", "--no-dashboards")
        stack.publish(made.shop())
        stack.wait_landed()
        yield stack
    finally:
        stack.run("lakehouse", "down", check=False)


def used(stack: Stack) -> tuple[int, int]:
    """Bytes of all files, and bytes that their blocks take on all DataNodes."""
    address = f"http://{stack.settings.host}:{stack.settings.namenode_http_port}/webhdfs/v1/lakehouse"
    answer = httpx.get(address, params={"op": "GETCONTENTSUMMARY"}, trust_env=False).raise_for_status()
    summary = answer.json()["ContentSummary"]
    return summary["length"], summary["spaceConsumed"]


def test_every_block_is_held_three_times(three: Stack) -> None:
    def threefold() -> bool:
        length, consumed = used(three)
        return 0 < 3 * length == consumed

    # While a file is written it counts with the whole of its last block.
    three.wait_until(threefold, 60, "threefold")


def test_a_killed_datanode_loses_nothing_and_comes_back(three: Stack) -> None:
    count = "select count(*) as events, count(distinct event_id) as ids from raw.events"
    before = three.query(count)
    servers = {server["name"]: server for server in status(three)["servers"]}
    assert {"datanode0", "datanode1", "datanode2"} <= servers.keys()
    os.kill(servers["datanode1"]["pid"], signal.SIGKILL)
    assert three.query(count) == before
    three.publish(made.shop())
    three.wait_landed()
    assert three.query(count)[0]["events"] == 2 * before[0]["events"]
    three.wait_until(lambda: bool(status(three)["ok"]), 60, "all up again")


def test_fewer_datanodes_than_hold_blocks_are_not_started(three: Stack) -> None:
    three.run("lakehouse", "down")
    done = three.run("lakehouse", "up", "--no-dashboards", check=False)
    assert done.returncode == 1
    assert "lakehouse up --datanodes 3" in done.stderr


def status(stack: Stack) -> dict[str, Any]:
    """What `lakehouse status` says of its servers."""
    shown: dict[str, Any] = json.loads(stack.run("lakehouse", "status", "--json", check=False).stdout)
    return shown
