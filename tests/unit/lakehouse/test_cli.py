"""The command line: one sentence and exit 1 for what the user can mend."""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ingestion.compatibility import Change
from lakehouse.cli import main
from lakehouse.settings import get_settings

NO_SERVER = {f"LAKEHOUSE_{name}_PORT": "1" for name in ("KAFKA", "THRIFT", "CONNECT", "NAMENODE_HTTP")}


def lakehouse(state: Path, *arguments: str, **changed: str) -> Result:
    """A command of a lakehouse that is not up."""
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(main, arguments, env=NO_SERVER | {"LAKEHOUSE_STATE": str(state)} | changed)
    finally:
        get_settings.cache_clear()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["sql", "select 1"], "127.0.0.1:1: start it with `lakehouse up`"),
        (["train"], "sc://127.0.0.1:1: start it with `lakehouse up`"),
        (["train", "nothing"], "There is no model 'nothing'"),
        (["replay", "nothing"], "nothing"),
        (["replay", "complete_journey"], "Kafka does not answer at 127.0.0.1:1"),
        (["simulate"], "Give --events N"),
        (["simulate", "--events", "10"], "Kafka does not answer at 127.0.0.1:1"),
        (["logs", "nope"], "There is no log 'nope'"),
        (["ledger"], "127.0.0.1:1: start it with `lakehouse up`"),
        (["dead-letters", "list"], "127.0.0.1:1: start it with `lakehouse up`"),
        (["dead-letters", "show", "nope"], "There is no dead letter nope: an id is topic-partition-offset"),
        (["dead-letters", "replay"], "Kafka does not answer at 127.0.0.1:1"),
        (["dead-letters", "replay", "--file", "absent.jsonl"], "absent.jsonl cannot be read (No such file"),
        (["capture"], "LAKEHOUSE_DATABASE is not set"),
        (["capture", "--drop"], "LAKEHOUSE_DATABASE is not set"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_1(tmp_path: Path, command: list[str], said: str) -> None:
    done = lakehouse(tmp_path, *command)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert done.stdout == ""


def test_up_without_java_says_which_one_to_install(tmp_path: Path) -> None:
    empty = tmp_path / "no-java"
    empty.mkdir()
    done = lakehouse(tmp_path / "state", "up", LAKEHOUSE_JAVA_HOME=str(empty))
    assert done.exit_code == 1
    assert "install Java 17" in done.stderr
    assert not (tmp_path / "state").exists()


def test_up_without_the_jvm_parts_says_to_set_up(tmp_path: Path) -> None:
    done = lakehouse(tmp_path / "state", "up", LAKEHOUSE_LIB=str(tmp_path))
    assert done.exit_code == 1
    assert "run `make setup`" in done.stderr


def test_contracts_that_break_nothing_are_one_line(tmp_path: Path) -> None:
    done = lakehouse(tmp_path, "contracts", "check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+ contracts, \d+ additions since the release\.\n", done.stdout)


def test_contracts_that_break_are_a_sentence_each_and_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Change("cart.v1.json", "brand", "was removed", "undo it"),
        Change("cart.v1.json", "size", "is new", ""),
    ]
    monkeypatch.setattr("ingestion.compatibility.check", lambda: found)
    done = lakehouse(tmp_path, "contracts", "check")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: cart.v1.json, field brand: was removed; undo it.\n"


def test_status_of_nothing_is_json_and_exit_1(tmp_path: Path) -> None:
    done = lakehouse(tmp_path, "status", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "servers": [],
        "lag": None,
        "last_commit_at": None,
        "last_batch_id": None,
        "live_updated_at": None,
        "ok": False,
    }
    assert "lakehouse up" in lakehouse(tmp_path, "status").stdout


def test_down_of_nothing_is_no_error(tmp_path: Path) -> None:
    done = lakehouse(tmp_path, "down")
    assert (done.exit_code, done.stdout) == (0, f"Nothing runs from {tmp_path}.\n")


def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    done = lakehouse(tmp_path, "status", LAKEHOUSE_DATANODES="many")
    assert done.exit_code == 1
    assert "LAKEHOUSE_DATANODES=many cannot be used" in done.stderr


def test_settings_lists_every_one_with_its_value(tmp_path: Path) -> None:
    out = lakehouse(tmp_path, "settings").stdout
    assert f"LAKEHOUSE_STATE={tmp_path}\n" in out
    assert "LAKEHOUSE_THRIFT_PORT=1\n" in out


def test_settings_keep_the_secret_of_a_connection(tmp_path: Path) -> None:
    out = lakehouse(tmp_path, "settings", LAKEHOUSE_DATABASE="postgresql://shop:hunter2@db/shop").stdout
    assert "LAKEHOUSE_DATABASE=**********\n" in out
    assert "hunter2" not in out


def test_every_command_and_option_has_help() -> None:
    def commands(group: click.Group) -> list[click.Command]:
        inner = list(group.commands.values())
        return inner + [c for one in inner if isinstance(one, click.Group) for c in commands(one)]

    for command in commands(main):
        assert command.help, command.name
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (command.name, parameter.name)
