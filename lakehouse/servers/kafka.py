"""Embedded Kafka: one KRaft process that is broker and controller."""

import subprocess
import uuid
from pathlib import Path

from lakehouse.errors import UserError
from lakehouse.servers.program import Program, jars, java_command
from lakehouse.settings import Settings

LOGGING = """\
<Configuration status="warn">
<Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def properties(settings: Settings) -> str:
    """The broker's configuration file."""
    host, folder = settings.host, settings.state / "kafka"
    return "\n".join(
        [
            "process.roles=broker,controller",
            "node.id=1",
            f"listeners=PLAINTEXT://{host}:{settings.kafka_port},CONTROLLER://{host}:{settings.kafka_controller_port}",
            f"advertised.listeners=PLAINTEXT://{host}:{settings.kafka_port}",
            "controller.listener.names=CONTROLLER",
            f"controller.quorum.voters=1@{host}:{settings.kafka_controller_port}",
            f"log.dirs={folder / 'data'}",
            "auto.create.topics.enable=false",
            "offsets.topic.num.partitions=4",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            f"log.retention.hours={settings.kafka_retention_hours}",
            "log.segment.bytes=134217728",
            "num.network.threads=2",
            "num.io.threads=2",
            "background.threads=2",
            "log.cleaner.dedupe.buffer.size=8388608",
            "",
        ]
    )


def prepare(settings: Settings, java_home: Path) -> Program:
    """Write the configuration, format the storage the first time, give the program."""
    folder = settings.state / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    file, logging = folder / "server.properties", folder / "log4j2.xml"
    file.write_text(properties(settings))
    logging.write_text(LOGGING)
    classpath, log4j = [jars(settings, "kafka")], f"-Dlog4j2.configurationFile={logging}"
    if not (folder / "data" / "meta.properties").exists():
        storage = ["format", "-t", uuid.uuid4().hex[:22], "-c", str(file)]
        command = java_command(java_home, "128m", classpath, "kafka.tools.StorageTool", log4j, *storage)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UserError(
                f"Kafka could not format {folder / 'data'}: {(done.stderr or done.stdout).strip()[-300:]}"
            )
    memory = settings.kafka_memory
    return Program("kafka", java_command(java_home, memory, classpath, "kafka.Kafka", log4j, str(file)))
