"""Embedded HDFS: the real NameNode and DataNodes, each its own process."""

import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from lakehouse.errors import UserError
from lakehouse.servers.program import Program, jars, java_command
from lakehouse.settings import HADOOP_USER, Settings

SERVER = "org.apache.hadoop.hdfs.server"
LOGGING = """\
log4j.rootLogger=WARN,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
"""


def site_xml(values: dict[str, object]) -> str:
    """Hadoop's configuration format."""
    rows = (
        f"<property><name>{k}</name><value>{escape(str(v))}</value></property>" for k, v in values.items()
    )
    return "<configuration>\n" + "\n".join(rows) + "\n</configuration>\n"


def core_site(settings: Settings) -> dict[str, object]:
    """Where the file system is."""
    return {
        "fs.defaultFS": settings.hdfs,
        "hadoop.tmp.dir": settings.state / "hdfs" / "tmp",
    }


def hdfs_site(settings: Settings) -> dict[str, object]:
    """What NameNode and DataNodes share."""
    return {
        "dfs.replication": settings.replication,
        "dfs.namenode.name.dir": (settings.state / "hdfs" / "name").as_uri(),
        "dfs.namenode.rpc-address": f"{settings.host}:{settings.namenode_port}",
        "dfs.namenode.http-address": f"{settings.host}:{settings.namenode_http_port}",
        # A client need not wait for the DataNodes' word before a small file counts as closed.
        "dfs.namenode.file.close.num-committed-allowed": 1,
        # With one DataNode it must: who writes for a WebHDFS client then asks again sooner than in 400 ms.
        "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 5,
        "dfs.namenode.handler.count": 8,
        "dfs.namenode.safemode.extension": 0,
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.datanode.max.transfer.threads": 1024,
        "dfs.datanode.handler.count": 4,
        # One disk holds the DataNodes here; its users fill it as they like.
        "dfs.datanode.du.reserved": 0,
    }


def datanode_site(settings: Settings, number: int) -> dict[str, object]:
    """One DataNode's own folder and its three ports."""
    first = settings.datanode_port + 3 * number
    return {
        "dfs.datanode.data.dir": (settings.state / "hdfs" / f"data{number}").as_uri(),
        "dfs.datanode.address": f"{settings.host}:{first}",
        "dfs.datanode.ipc.address": f"{settings.host}:{first + 1}",
        "dfs.datanode.http.address": f"{settings.host}:{first + 2}",
    }


def write_conf(settings: Settings, name: str, extra: dict[str, object]) -> Path:
    """A configuration folder for one server."""
    folder = settings.state / "hdfs" / "conf" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "core-site.xml").write_text(site_xml(core_site(settings)))
    (folder / "hdfs-site.xml").write_text(site_xml(hdfs_site(settings) | extra))
    (folder / "log4j.properties").write_text(LOGGING)
    return folder


def prepare(settings: Settings, java_home: Path) -> list[Program]:
    """Write the configurations, format the name folder the first time, give the programs."""
    environment = {"HADOOP_USER_NAME": HADOOP_USER}
    held = len(list((settings.state / "hdfs").glob("data[0-9]*")))
    if held > settings.datanodes:
        raise UserError(
            f"{settings.state / 'hdfs'} holds the blocks of {held} DataNodes: set"
            f" LAKEHOUSE_DATANODES={held} (or `lakehouse up --datanodes {held}`)."
        )
    conf = write_conf(settings, "namenode", {})
    classpath = [str(conf), jars(settings, "hdfs")]
    namenode = java_command(java_home, settings.namenode_memory, classpath, f"{SERVER}.namenode.NameNode")
    if not (settings.state / "hdfs" / "name" / "current" / "VERSION").exists():
        done = subprocess.run(
            [*namenode, "-format", "-nonInteractive"],
            capture_output=True,
            text=True,
            env=environment,
        )
        if done.returncode:
            raise UserError(f"HDFS could not format its name folder: {done.stderr.strip()[-300:]}")
    programs = [Program("namenode", namenode, environment)]
    for number in range(settings.datanodes):
        name = f"datanode{number}"
        conf = write_conf(settings, name, datanode_site(settings, number))
        classpath = [str(conf), jars(settings, "hdfs")]
        command = java_command(java_home, settings.datanode_memory, classpath, f"{SERVER}.datanode.DataNode")
        programs.append(Program(name, command, environment))
    return programs
