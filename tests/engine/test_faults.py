"""What goes wrong: a lost checkpoint and an outage lose nothing, and every mistake is one sentence."""

import json
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from lakehouse.errors import UserError
from lakehouse.servers import stack as servers
from lakehouse.servers import supervisor
from tests.conftest import free_port
from tests.made import CONSENT, order

pytestmark = pytest.mark.engine

SOURCE = "z_faults"


def in_the_table(stack: Any) -> int:
    return int(stack.query(f"select count(*) as n from raw.events where source = '{SOURCE}'")[0]["n"])


def test_a_lost_checkpoint_goes_on_after_what_the_table_holds(stack: Any) -> None:
    stack.wait_landed()
    before = in_the_table(stack)
    interface = supervisor.client(stack.settings)
    supervisor.stop(interface, "landing")
    answer = httpx.delete(
        f"{stack.settings.webhdfs}/lakehouse/checkpoints/land",
        params={"op": "DELETE", "recursive": "true", "user.name": "lakehouse"},
        timeout=60,
    )
    assert answer.json() == {"boolean": True}
    events = [order(f"lost-{number}", source=SOURCE) for number in range(20)]
    for partition in (0, 1):
        stack.send("orders", *map(orjson.dumps, events[partition::2]), partition=partition)
    interface.startProcess("landing", False)
    stack.wait_until(lambda: in_the_table(stack) >= before + 20, 300, "the rest landed")
    stack.wait_landed()
    assert in_the_table(stack) == before + 20
    stack.assert_landed_once()


def test_without_kafka_and_hdfs_nothing_is_said_to_be_well_and_nothing_is_lost(stack: Any) -> None:
    stack.wait_landed()
    before, interface = in_the_table(stack), supervisor.client(stack.settings)
    for name in ("kafka", "namenode"):
        supervisor.stop(interface, name)
    try:
        collector = f"http://{stack.settings.host}:{stack.settings.collector_port}/track-event"
        answer = httpx.post(collector, json=order("away", source=SOURCE, consent=CONSENT), timeout=60)
        assert answer.status_code == 503
        done = stack.run("lakehouse", "status", "--json", check=False)
        assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
        said = fails(stack, "lakehouse", "sql", "select count(*) from raw.events where occurrence = 1")
        assert said.startswith("Error: SQL error: ")
    finally:
        for name in ("kafka", "namenode"):
            interface.startProcess(name, False)
    stack.wait_until(lambda: servers.is_up(stack.settings), 300, "up again")
    stack.publish([order("after", source=SOURCE)])
    # The refused event may have reached Kafka after all: its sender sends it again under the same id.
    stack.wait_until(lambda: is_landed_beyond(stack, before), 300, "landed after the outage")
    stack.assert_landed_once()


def is_landed_beyond(stack: Any, count: int) -> bool:
    """Whether more is in the table; no while HDFS still waits for its DataNode's report of blocks."""
    try:
        return in_the_table(stack) > count
    except UserError:
        return False


def fails(stack: Any, *command: str, **changed: str) -> str:
    """What the command says on its way out; never a stack trace."""
    done = stack.run(*command, check=False, **changed)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    return " ".join(done.stderr.split())


def test_status_says_what_runs_and_how_far_landing_is(stack: Any) -> None:
    stack.wait_landed()
    shown = json.loads(stack.run("lakehouse", "status", "--json").stdout)
    names = {server["name"] for server in shown["servers"]}
    assert names >= {"kafka", "namenode", "datanode0", "gateway", "landing", "collector"}
    assert all(server["answers"] and server["pid"] and server["since"] for server in shown["servers"])
    assert (shown["ok"], shown["lag"]) == (True, 0)
    assert shown["last_commit_at"]


def test_status_of_what_does_not_run_is_exit_1(stack: Any, tmp_path: Path) -> None:
    done = stack.run("lakehouse", "status", "--json", check=False, LAKEHOUSE_STATE=str(tmp_path))
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False


def test_a_second_up_changes_nothing(stack: Any) -> None:
    before = list(servers.processes(stack.settings))
    assert "already runs" in fails(stack, "lakehouse", "up", "--no-dashboards")
    assert list(servers.processes(stack.settings)) == before


def test_a_second_lakehouse_on_the_same_ports_names_the_taken_one(stack: Any, tmp_path: Path) -> None:
    said = fails(stack, "lakehouse", "up", "--no-dashboards", LAKEHOUSE_STATE=str(tmp_path))
    assert f"Port {stack.settings.kafka_port} for kafka is taken" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "changed", "said"),
    [
        (["sql", "select 1"], "THRIFT", "start it with `lakehouse up`"),
        (["train"], "CONNECT", "start it with `lakehouse up`"),
        (["replay", "complete_journey", "--limit", "1"], "KAFKA", "start it with 'lakehouse up'"),
    ],
)
def test_a_command_without_its_server_says_so(
    stack: Any, command: list[str], changed: str, said: str
) -> None:
    port = str(free_port())
    shown = fails(stack, "lakehouse", *command, **{f"LAKEHOUSE_{changed}_PORT": port})
    assert port in shown
    assert said in shown


def test_dbt_without_a_gateway_says_to_run_up(stack: Any) -> None:
    port = str(free_port())
    done = stack.run("dbt", "run", check=False, LAKEHOUSE_THRIFT_PORT=port)
    assert done.returncode != 0
    assert f":{port}: start it with `lakehouse up`" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_log_names_those_that_exist(stack: Any) -> None:
    said = fails(stack, "lakehouse", "logs", "nope")
    assert "nope" in said
    assert "landing" in said
