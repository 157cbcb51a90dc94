"""The only place that builds a Spark session."""

import os
import socket
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from lakehouse.errors import UserError
from lakehouse.settings import HADOOP_USER, Settings

WAREHOUSE = "/lakehouse/warehouse"
# Whoever works with Spark Connect has these in the environment, and a driver that inherits them would
# connect to another instead of starting.
OF_CONNECT = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE")


def class_path(settings: Settings) -> str:
    """The parts that Spark does not bring itself."""
    return f"{settings.lib / 'spark'}/*"


def engine_conf(settings: Settings, memory: str, work: Path) -> dict[str, str]:
    """Configuration that the gateway and the streams share. Each unusual value says why."""
    return {
        "spark.driver.memory": memory,
        # On the class path, not spark.jars: the Thrift server's threads miss classes added later.
        "spark.driver.extraClassPath": class_path(settings),
        "spark.driver.extraJavaOptions": " ".join(
            [
                "-XX:+UseG1GC -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Djava.net.preferIPv4Stack=true",
                "-XX:G1PeriodicGCInterval=60000",  # an idle driver gives memory back
                # Planning runs through so many methods that the optimising compiler takes the cores from the
                # work: it is kept for what runs twelve times as often as the default asks for.
                "-XX:Tier4InvocationThreshold=60000 -XX:Tier4MinInvocationThreshold=12000",
                "-XX:Tier4CompileThreshold=180000 -XX:Tier4BackEdgeThreshold=480000",
                # So what it would have compiled stays where the other compiler put it: 120 MB by default,
                # which one dbt build fills, and then code is thrown away and compiled again and again.
                "-XX:ReservedCodeCacheSize=640m",
                "-Duser.timezone=UTC",
                f"-DHADOOP_USER_NAME={HADOOP_USER}",  # where the environment does not say it
                f"-Dderby.stream.error.file={work / 'derby.log'}",
            ]
        ),
        "spark.driver.host": settings.host,
        "spark.driver.bindAddress": settings.host,
        "spark.ui.enabled": "false",
        "spark.sql.ui.explainMode": "simple",  # nobody reads the plans that Spark writes down for its pages
        "spark.local.dir": str(work / "spark"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": f"{settings.hdfs}{WAREHOUSE}",
        "spark.sql.sources.default": "delta",
        "spark.sql.shuffle.partitions": "4",
        # By default 100: a Delta checkpoint alone would push out the code of the statements that come again.
        "spark.sql.codegen.cache.maxEntries": "1000",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.hadoop.fs.defaultFS": settings.hdfs,
        "spark.hadoop.dfs.replication": str(settings.replication),
        # HDFS sleeps 400 ms whenever it closes a small file before the NameNode heard of its block.
        "spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "5",
        # With three DataNodes or fewer there is none to replace a lost one with.
        "spark.hadoop.dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
    }


def engine_session(
    settings: Settings,
    name: str,
    slots: int,
    memory: str,
    extra: dict[str, str],
    *,
    hive: bool = False,
) -> SparkSession:
    """A driver with its own JVM: `slots` tasks at once, `memory` of heap."""
    work = settings.state / name
    work.mkdir(parents=True, exist_ok=True)
    # Workers must see the same packages; Spark reads this name in the driver, spark.pyspark.python not.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    for variable in OF_CONNECT:
        os.environ.pop(variable, None)
    if hive:
        # Set in the environment, this makes each statement over Thrift a user that the metastore has never
        # seen, and it closes and opens itself anew for each table that is looked up.
        os.environ.pop("HADOOP_USER_NAME", None)
    builder = SparkSession.builder.appName(name).master(f"local[{slots}]")
    for key, value in (engine_conf(settings, memory, work) | extra).items():
        builder = builder.config(key, value)
    return (builder.enableHiveSupport() if hive else builder).getOrCreate()


def remote_session(settings: Settings) -> SparkSession:
    """A Spark Connect session on the gateway, for pandas in and out; UserError when it is away."""
    try:
        # The Connect client itself retries for ten minutes before it gives up.
        socket.create_connection((settings.host, settings.connect_port), timeout=5).close()
    except OSError as error:
        raise UserError(
            f"The gateway does not answer at {settings.connect_url}: start it with `lakehouse up`."
        ) from error
    return SparkSession.builder.remote(settings.connect_url).create()
