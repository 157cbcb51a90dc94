"""What is written for supervisord, Kafka and HDFS, and what is refused before anything starts."""

import configparser
import os
import signal
import socket
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import SecretStr

from lakehouse.errors import UserError
from lakehouse.servers import hdfs, kafka, logs, stack, supervisor
from lakehouse.servers.program import Program, java_command
from lakehouse.servers.status import status
from lakehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path)


def values_of(folder: Path, file: str) -> dict[str | None, str | None]:
    root = ElementTree.parse(folder / file).getroot()
    return {p.findtext("name"): p.findtext("value") for p in root}


def test_supervised_programs_are_restarted_but_start_only_when_told(settings: Settings) -> None:
    config = supervisor.configuration(settings, [Program("p", ["run"])])
    assert config["program:p"]["autostart"] == "false"
    assert config["program:p"]["autorestart"] == "true"
    assert config["program:p"]["stdout_logfile"] == str(settings.logs / "p.log")
    assert config["unix_http_server"]["chmod"] == "0600"


def test_what_supervisord_would_expand_or_split_stays_one_word(settings: Settings, tmp_path: Path) -> None:
    program = Program("p", ["/bin/a b", 'say "100%"'], {"KEY": "50%,x"})
    file = tmp_path / "supervisord.conf"
    with file.open("w") as out:
        supervisor.configuration(settings, [program]).write(out)
    read = configparser.RawConfigParser()
    read.read(file)
    assert read["program:p"]["command"] == '"/bin/a b" "say \\"100%%\\""'
    assert read["program:p"]["environment"] == 'KEY="50%%,x"'


def test_a_socket_path_too_long_for_linux_is_said_before_supervisord_fails(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set LAKEHOUSE_STATE to a shorter folder"):
        supervisor.socket_path(Settings(state=tmp_path / ("x" * 100)))


def test_where_nothing_runs_there_is_no_client(settings: Settings) -> None:
    assert supervisor.client(settings) is None
    supervisor.socket_path(settings).touch()  # left behind by a machine that went down
    assert supervisor.client(settings) is None
    assert stack.is_up(settings) is False
    assert stack.down(settings) is False


def test_whoever_asks_during_the_shutdown_gets_one_sentence(settings: Settings, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    script = f"trap '' TERM; touch {deaf}; while :; do sleep 1; done"
    interface = supervisor.launch(settings, [Program("p", ["/bin/sh", "-c", script], stop_seconds=60)])
    try:
        interface.startProcess("p", False)
        while not deaf.exists():
            time.sleep(0.05)
        (process,) = stack.processes(settings)
    finally:
        interface.shutdown()
    for ask in (status, stack.up, stack.down):
        with pytest.raises(UserError, match=r"^The lakehouse is shutting down: ask again in some seconds\.$"):
            ask(settings)
    os.killpg(process["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while supervisor.socket_path(settings).exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(UserError, match="is shutting down"):
        interface.getPID()  # the one who asked before it ended
    assert supervisor.client(settings) is None


def test_kafka_listens_where_the_settings_say(settings: Settings) -> None:
    chosen = settings.replace(kafka_port=1234, kafka_controller_port=1235, kafka_retention_hours=5)
    lines = dict(line.split("=", 1) for line in kafka.properties(chosen).split())
    assert lines["listeners"] == "PLAINTEXT://127.0.0.1:1234,CONTROLLER://127.0.0.1:1235"
    assert lines["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1234"
    assert lines["log.retention.hours"] == "5"
    assert Path(lines["log.dirs"]).is_relative_to(settings.state)


def test_hdfs_listens_where_the_settings_say_and_replicates_as_it_can(settings: Settings) -> None:
    chosen = settings.replace(namenode_port=1234, datanodes=3)
    folder = hdfs.write_conf(chosen, "namenode", {})
    assert values_of(folder, "core-site.xml")["fs.defaultFS"] == "hdfs://127.0.0.1:1234"
    assert values_of(folder, "hdfs-site.xml")["dfs.replication"] == "3"


def test_each_datanode_has_its_own_folder_and_ports(settings: Settings) -> None:
    sites = [hdfs.datanode_site(settings, number) for number in range(3)]
    for key in sites[0]:
        assert len({site[key] for site in sites}) == 3
    ports = [
        str(value).rsplit(":", 1)[1] for site in sites for key, value in site.items() if "address" in key
    ]
    assert len(set(ports)) == 9
    assert [int(port) for port in ports] == [
        port for number in range(3) for port in stack.ports_of(settings, f"datanode{number}")
    ]


def test_configuration_values_are_escaped() -> None:
    root = ElementTree.fromstring(hdfs.site_xml({"a": "<&>"}))
    assert root.findtext("property/value") == "<&>"


def test_fewer_datanodes_than_hold_blocks_are_refused(settings: Settings, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "hdfs" / f"data{number}").mkdir(parents=True)
    with pytest.raises(UserError, match="LAKEHOUSE_DATANODES=3"):
        hdfs.prepare(settings, tmp_path)


def test_a_jvm_gets_its_heap_and_its_properties_before_its_class(tmp_path: Path) -> None:
    command = java_command(tmp_path, "64m", ["a", "b/*"], "Main", "-Dx=y", "file")
    assert command[0] == f"{tmp_path}/bin/java"
    assert "-Xmx64m" in command
    assert command.index("-Dx=y") < command.index("-cp")
    assert command[-4:] == ["-cp", "a:b/*", "Main", "file"]


@pytest.mark.parametrize(("thrift", "connect"), [(0, 1), (1, 0)])
def test_a_taken_port_is_named_with_its_server(settings: Settings, thrift: int, connect: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = settings.replace(thrift_port=thrift or port, connect_port=connect or port)
        with pytest.raises(UserError, match=f"Port {port} for gateway is taken on 127.0.0.1"):
            stack.check_ports(chosen, ["gateway"])


def test_one_port_for_two_servers_is_refused(settings: Settings) -> None:
    with pytest.raises(UserError, match="Port 2 is set for collector and for superset"):
        stack.check_ports(settings.replace(collector_port=2, superset_port=2), ["collector", "superset"])


def test_two_lakehouses_with_other_ports_and_folders_share_nothing(tmp_path: Path) -> None:
    first = Settings(state=tmp_path / "first")
    ports = {name: value + 1000 for name, value in first.model_dump().items() if name.endswith("_port")}
    second = first.replace(state=tmp_path / "second", **ports)
    opened = [
        {port for name in stack.program_names(one) for port in stack.ports_of(one, name)}
        for one in (first, second)
    ]
    assert opened[0].isdisjoint(opened[1])
    assert str(first.state) not in kafka.properties(second) + str(hdfs.hdfs_site(second))


def test_a_database_is_captured_where_one_is_set_and_its_secret_lies_in_no_file(settings: Settings) -> None:
    chosen = settings.replace(database=SecretStr("postgresql://shop:hunter2@db/shop"))
    assert "capture" not in stack.program_names(settings)
    assert "capture" in stack.program_names(chosen)
    assert "hunter2" not in str(stack.environment(chosen, Path("/java")))


def test_servers_start_before_and_stop_after_those_that_need_them() -> None:
    names = ("kafka", "datanode0", "datanode12", "landing", "capture", "superset", "simulator")
    assert [stack.wave_of(name) for name in names] == [0, 0, 0, 1, 1, 2, 2]


def test_the_simulator_is_prepared_but_is_none_of_those_that_up_starts(settings: Settings) -> None:
    assert stack.SIMULATOR not in stack.program_names(settings)
    assert stack.ports_of(settings, stack.SIMULATOR) == []
    assert stack.start_simulator(settings) is False  # nothing runs


def test_the_last_lines_of_a_log_are_read(settings: Settings) -> None:
    settings.logs.mkdir()
    (settings.logs / "kafka.log").write_bytes(b"one\ntwo\nthr\xffee\n")
    assert list(logs.lines(settings, "kafka", 2)) == ["two", "thr\ufffdee"]


def test_a_log_that_is_not_there_names_those_that_are(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"no log 'nope'.*none yet"):
        list(logs.lines(settings, "nope", 1))
    settings.logs.mkdir()
    (settings.logs / "kafka.log").touch()
    with pytest.raises(UserError, match="there are kafka"):
        list(logs.lines(settings, "nope", 1))
