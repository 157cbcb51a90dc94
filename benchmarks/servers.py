"""Servers of a benchmark's own: free ports, a temporary folder, and nothing left afterwards."""

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingestion.topics import create_topics
from lakehouse.servers import stack, supervisor
from lakehouse.servers.java import find_java_home
from lakehouse.settings import Settings

PORTS = ("kafka", "kafka_controller", "namenode", "namenode_http", "thrift", "connect", "collector")
DATANODE_PORTS = 3
HDFS = ("namenode", "datanode")


def free_ports(count: int) -> list[int]:
    """So many ports in a row that are free; below those that outgoing connections are given, since one
    of these could take a port before its server has started."""
    while True:
        first = random.randrange(16_000, 32_000)
        ports = list(range(first, first + count))
        if not any(stack.answers("127.0.0.1", port) for port in ports):
            return ports


@contextmanager
def servers(
    *waves: Sequence[str], spark: Mapping[str, str] | None = None, **changed: Any
) -> Iterator[tuple[Settings, Any]]:
    """These programs, wave by wave, with Kafka's topics made; and a supervisor that can start the others.

    `spark` is configuration that the gateway has besides its own, `changed` are settings that differ from
    their defaults.
    """
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-bench-"))
    ports = free_ports(len(PORTS) + DATANODE_PORTS)
    chosen: dict[str, Any] = {f"{name}_port": port for name, port in zip(PORTS, ports, strict=False)}
    settings = Settings(state=folder, datanode_port=ports[len(PORTS)], **chosen, **changed)
    try:
        programs = stack.programs(settings, find_java_home(settings), dashboards=False)
        if spark:
            defaults = "".join(f"{name} {value}\n" for name, value in spark.items())
            (folder / "spark-defaults.conf").write_text(defaults)
            own = {"SPARK_CONF_DIR": str(folder)}
            programs = [
                replace(p, environment=p.environment | own) if p.name == "gateway" else p for p in programs
            ]
        interface = supervisor.launch(settings, programs)
        for names in waves:
            wave = [program for program in programs if program.name.rstrip("0123456789") in names]
            for program in wave:
                interface.startProcess(program.name, False)
            stack.wait_up(settings, interface, wave)
            if "kafka" in names:
                create_topics(settings)
        yield settings, interface
    finally:
        stack.down(settings)
        shutil.rmtree(folder, ignore_errors=True)
