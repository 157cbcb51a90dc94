"""All servers of one lakehouse: start in order, say how they are, stop in order."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from pydantic import SecretStr

from ingestion.topics import create_topics
from lakehouse.errors import UserError
from lakehouse.servers import hdfs, kafka, superset, supervisor
from lakehouse.servers.install import require_parts
from lakehouse.servers.java import find_java_home
from lakehouse.servers.program import Program
from lakehouse.settings import HADOOP_USER, Settings

# Later ones need earlier ones; they stop in the opposite order.
WAVES = (
    ("kafka", "namenode", "datanode"),
    ("gateway", "landing", "collector", "capture"),
    ("superset", "simulator", "alerts"),
)
# Runs only where somebody asked for it: `up` does not, and nobody misses it while it is stopped.
SIMULATOR = "simulator"
Report = Callable[[str], None]


def environment(settings: Settings, java_home: Path) -> dict[str, str]:
    """What our own Python programs inherit: the settings, Java, the HDFS identity.

    A secret stays in the variable that `up` was given: written here it would lie in supervisord's file.
    """
    chosen = {
        f"LAKEHOUSE_{name.upper()}": str(getattr(settings, name))
        for name in settings.model_fields_set | {"state", "lib"}
        if name != "system_java_home" and not isinstance(getattr(settings, name), SecretStr | None)
    }
    return chosen | {
        "JAVA_HOME": str(java_home),
        "HADOOP_USER_NAME": HADOOP_USER,
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        # A forked Arrow worker must not start threads of its own.
        "ARROW_NUM_THREADS": "1",
        "SPARK_LOCAL_IP": settings.host,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
    }


def programs(settings: Settings, java_home: Path, *, dashboards: bool = True) -> list[Program]:
    """Every server, with its configuration written."""
    own = environment(settings, java_home)

    def python(name: str, module: str, stop_seconds: int) -> Program:
        return Program(name, [sys.executable, "-m", module], own, stop_seconds)

    found = [
        kafka.prepare(settings, java_home),
        *hdfs.prepare(settings, java_home),
        python("gateway", "lakehouse.gateway", 60),
        python("landing", "ingestion.streams.land", 60),
        python("collector", "ingestion.collector", 30),
        *([python("capture", "ingestion.sources.database", 30)] if settings.database else []),
    ]
    if dashboards:
        command, variables = superset.command(settings), superset.environment(settings)
        found.append(Program("superset", command, variables))
    if watches(settings):
        found.append(python("alerts", "lakehouse.alerts.watch", 30))
    return [*found, python(SIMULATOR, "ingestion.simulator", 30)]


def program_names(settings: Settings, *, dashboards: bool = True) -> list[str]:
    """Every program that `up` starts, before anything of it is prepared."""
    datanodes = [f"datanode{number}" for number in range(settings.datanodes)]
    own = ["kafka", "namenode", *datanodes, "gateway", "landing", "collector"]
    own += ["capture"] if settings.database else []
    own += ["superset"] if dashboards else []
    return [*own, "alerts"] if watches(settings) else own


def watches(settings: Settings) -> bool:
    """Whether alerts have anywhere to go."""
    return bool(settings.alerts_webhook or settings.alerts_smtp)


def ports_of(settings: Settings, name: str) -> list[int]:
    """Ports that a program opens, first the one at which it answers; none for landing, capture and alerts."""
    if name.startswith("datanode"):
        first = settings.datanode_port + 3 * int(name.removeprefix("datanode"))
        return [first, first + 1, first + 2]
    ports = {
        "kafka": [settings.kafka_port, settings.kafka_controller_port],
        "namenode": [settings.namenode_port, settings.namenode_http_port],
        "gateway": [settings.thrift_port, settings.connect_port],
        "collector": [settings.collector_port],
        "superset": [settings.superset_port],
    }
    return ports.get(name, [])


def port_of(settings: Settings, name: str) -> int | None:
    """Port at which a program answers; None where it has none (landing, capture)."""
    return next(iter(ports_of(settings, name)), None)


def addresses(settings: Settings, *, dashboards: bool = True) -> dict[str, str]:
    """Where people and programs connect."""
    host = settings.host
    found = {
        "Thrift/JDBC": f"jdbc:hive2://{host}:{settings.thrift_port}",
        "Python": settings.connect_url,
        "Kafka": settings.kafka_bootstrap,
        "HDFS": settings.hdfs,
        "collector": f"http://{host}:{settings.collector_port}",
    }
    return found | ({"Superset": superset.url(settings)} if dashboards else {})


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def wave_of(name: str) -> int:
    """Which wave a program belongs to; datanode0, datanode1... to that of `datanode`."""
    return next(n for n, wave in enumerate(WAVES) if name.rstrip("0123456789") in wave)


def check_ports(settings: Settings, wanted: list[str]) -> None:
    """UserError naming the first taken port, before anything is written or started."""
    owner: dict[int, str] = {}
    for name in wanted:
        for port in ports_of(settings, name):
            if (other := owner.setdefault(port, name)) != name:
                raise UserError(
                    f"Port {port} is set for {other} and for {name}: give one of them another"
                    " (see `lakehouse settings`)."
                )
            if answers(settings.host, port):
                raise UserError(
                    f"Port {port} for {name} is taken on {settings.host}: stop what listens there"
                    f" or choose another (see `lakehouse settings`)."
                )


def last_words(log: Path) -> str:
    """The last line of a program's log: as a rule, why it ended."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "no output")


def wait_up(settings: Settings, interface: Any, wave: list[Program], seconds: int = 600) -> None:
    """Until each program runs and listens; UserError with the last words of the one that does not."""
    deadline = time.monotonic() + seconds
    for program in wave:
        port = port_of(settings, program.name)
        first = interface.getProcessInfo(program.name)["start"]
        while True:
            info = interface.getProcessInfo(program.name)
            ended = info["statename"] in ("EXITED", "BACKOFF", "FATAL") or info["start"] != first
            log = settings.logs / f"{program.name}.log"
            if ended:
                raise UserError(f"{program.name} ended ({last_words(log)}); its log is {log}.")
            if time.monotonic() > deadline:
                raise UserError(f"{program.name} did not answer within {seconds} s; its log is {log}.")
            if answers(settings.host, port) if port else info["statename"] == "RUNNING":
                break
            time.sleep(0.2)


def up(settings: Settings, report: Report = lambda _: None, *, dashboards: bool = True) -> None:
    """Start everything and wait until it answers; a second call is an error and changes nothing."""
    if supervisor.client(settings) is not None:
        raise UserError(f"A lakehouse already runs from {settings.state}: see `lakehouse status`.")
    require_parts(settings)
    java_home = find_java_home(settings)
    check_ports(settings, program_names(settings, dashboards=dashboards))
    settings.logs.mkdir(parents=True, exist_ok=True)
    wanted = programs(settings, java_home, dashboards=dashboards)
    interface = supervisor.launch(settings, wanted)
    try:
        with ThreadPoolExecutor(1) as pool:
            # Superset's metadata takes long and needs no other server.
            prepared = pool.submit(superset.prepare, settings) if dashboards else None
            for number, names in enumerate(WAVES):
                wave = [p for p in wanted if wave_of(p.name) == number and p.name != SIMULATOR]
                if prepared and "superset" in names:
                    prepared.result()
                for program in wave:
                    report(f"starting {program.name}")
                    interface.startProcess(program.name, False)
                wait_up(settings, interface, wave)
                if "kafka" in names:
                    create_topics(settings)
    except BaseException:
        supervisor.shut_down(settings, interface)
        raise


def start_simulator(settings: Settings) -> bool:
    """Start it and wait until it runs; False where the settings want none."""
    interface = supervisor.client(settings)
    if interface is None or not settings.simulator_rate:
        return False
    stop_simulator(settings)
    try:
        interface.startProcess(SIMULATOR, True)
    except Fault:
        log = settings.logs / f"{SIMULATOR}.log"
        raise UserError(f"{SIMULATOR} ended ({last_words(log)}); its log is {log}.") from None
    return True


def stop_simulator(settings: Settings) -> None:
    """Stop it, if it runs."""
    if (interface := supervisor.client(settings)) is not None:
        supervisor.stop(interface, SIMULATOR)


def is_up(settings: Settings) -> bool:
    """Whether every server of this state runs and answers."""
    states = list(processes(settings))
    return bool(states) and all(
        state["state"] == "running"
        and ((port := port_of(settings, state["name"])) is None or answers(settings.host, port))
        for state in states
    )


def down(settings: Settings, report: Report = lambda _: None) -> bool:
    """Stop everything, users of data before its keepers; False where nothing ran."""
    interface = supervisor.client(settings)
    if interface is None:
        return False
    running = [process["name"] for process in interface.getAllProcessInfo()]
    for name in sorted(running, key=wave_of, reverse=True):
        report(f"stopping {name}")
        supervisor.stop(interface, name)
    supervisor.shut_down(settings, interface)
    return True


def processes(settings: Settings) -> Iterator[dict[str, Any]]:
    """Each supervised program that is wanted: name, state, since when, restarts are in the log."""
    interface = supervisor.client(settings)
    for info in interface.getAllProcessInfo() if interface else []:
        if info["name"] == SIMULATOR and info["statename"] == "STOPPED":
            continue
        yield {
            "name": info["name"],
            "state": info["statename"].lower(),
            "pid": info["pid"] or None,
            "since": info["start"] if info["statename"] == "RUNNING" else None,
        }
