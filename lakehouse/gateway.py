"""The gateway: one Spark driver with two doors, Thrift (dbt, JDBC, Superset) and Spark Connect (Python).

It owns the catalogue: the metastore beneath it serves one process.
"""

import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

from pyspark.sql import SparkSession

from ingestion.streams.minutes import live_minutes
from ingestion.streams.raw import raw_events
from lakehouse import live_rows, rights
from lakehouse.session import class_path, engine_session
from lakehouse.settings import Settings, get_settings
from lakehouse.tables import create_schemas, make
from ml import catalog, functions

LEAST_STATEMENTS = 16  # that run at once over Thrift; up to 100 more wait for their turn
DAY = "86400s"


def gateway_conf(settings: Settings) -> dict[str, str]:
    """What the gateway needs beyond the engine's own configuration."""
    metastore = settings.state / "gateway" / "metastore"
    return {
        "spark.driver.extraClassPath": f"{class_path(settings)}:{live_rows.classes(settings)}",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={metastore};create=true",
        "spark.hadoop.hive.server2.thrift.bind.host": settings.host,
        "spark.hadoop.hive.server2.thrift.port": str(settings.thrift_port),
        # All threads are this process's own user, as the metastore opens itself anew for another one (the
        # rights of rights.py know the user of the session); once for each thread, too, so they are few and
        # stay. By default a hundred, which end after ten idle seconds.
        "spark.hadoop.hive.server2.enable.doAs": "false",
        "spark.hadoop.hive.server2.async.exec.threads": str(
            max(LEAST_STATEMENTS, 4 * settings.gateway_slots)
        ),
        "spark.hadoop.hive.server2.async.exec.keepalive.time": DAY,
        "spark.hadoop.hive.server2.thrift.worker.keepalive.time": DAY,
        # Nobody speaks in another's name, and no text of SQL reads this process's environment as ${env:...}.
        "spark.hadoop.hive.server2.allow.user.substitution": "false",
        "spark.sql.variable.substitute": "false",
        # A shared session would leak SET, USE and temporary views between dbt and dashboards.
        "spark.sql.hive.thriftServer.singleSession": "false",
        "spark.connect.grpc.binding.address": settings.host,
        "spark.connect.grpc.binding.port": str(settings.connect_port),
        "spark.scheduler.mode": "FAIR",
        # Parts of small shuffles are put together, so many cost nothing; large ones are sorted part by part.
        "spark.sql.adaptive.coalescePartitions.initialPartitionNum": "32",
        "spark.sql.adaptive.coalescePartitions.minPartitionSize": "8MB",
        "spark.databricks.delta.schema.autoMerge.enabled": "false",
        # A least or greatest date answered from statistics alone is of a class that Thrift cannot send.
        "spark.databricks.delta.optimizeMetadataQuery.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        **functions.WORKER_CONF,
    }


# When a session of the Thrift server ends, Hive may make itself anew and then wants to register all functions
# of its own, of which Spark does not bring every class: closing fails now and then, and a whole dbt run with
# it. Spark needs none of them, so Hive is told that it has done so. It also closes the metastore of the
# session's thread and of all others, and opening it again costs more than a small question: its place is
# taken by one that forgets without closing.
HIVE_IN_SESSIONS = """
    try {
        Class hive = org.apache.hadoop.hive.ql.metadata.Hive.class;
        java.lang.reflect.Field done = hive.getDeclaredField("didRegisterAllFuncs");
        done.setAccessible(true);
        ((java.util.concurrent.atomic.AtomicInteger) done.get(null)).set(2);
        java.lang.reflect.Field current = hive.getDeclaredField("hiveDB");
        current.setAccessible(true);
        current.set(null, new ThreadLocal());
    } catch (Exception error) {
        throw new RuntimeException(error);
    }
"""


def keep_hive_open(spark: SparkSession) -> None:
    """Let sessions end without a class that is not there, and leave the metastore to the next one."""
    jvm: Any = spark._jvm
    script = jvm.org.codehaus.janino.ScriptEvaluator()
    script.setParentClassLoader(jvm.java.lang.ClassLoader.getSystemClassLoader())
    script.cook(HIVE_IN_SESSIONS)
    script.evaluate(None)


def open_doors(spark: SparkSession) -> None:
    """Listen: Connect first, Thrift last, since `up` takes Thrift for readiness."""
    jvm: Any = spark._jvm
    jvm.org.apache.spark.sql.connect.service.SparkConnectService.start(spark.sparkContext._jsc.sc())
    thrift = jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
    thrift.startWithSparkSession(spark._jsparkSession, False)


def start(settings: Settings, stopping: threading.Event) -> SparkSession:
    """Build the session, publish functions, make the tables that Python writes, then listen."""
    live_rows.classes(settings).mkdir(parents=True, exist_ok=True)  # else Java takes it for an archive
    spark = engine_session(
        settings,
        "gateway",
        settings.gateway_slots,
        settings.gateway_memory,
        gateway_conf(settings),
        hive=True,
    )
    # Sessions copy the built-in registry when they open, so the kernels go in before any door does.
    functions.publish_kernels(spark, settings)
    create_schemas(spark)
    for table in (raw_events(), live_minutes(), *catalog.TABLES):
        make(spark, table, settings)
    live_rows.hold(spark, settings, stopping)
    functions.create_functions(spark)
    functions.warm_up(spark)
    rights.guard(spark, settings.gateway_owners)
    keep_hive_open(spark)
    open_doors(spark)
    return spark


def main() -> None:
    """Serve until the JVM ends or a signal comes; a dead JVM must not leave Python alive."""
    stopping = threading.Event()
    spark = start(get_settings(), stopping)
    context: Any = spark.sparkContext
    process: subprocess.Popen[bytes] = context._gateway.proc

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        spark.stop()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("gateway is listening", flush=True)
    code = process.wait()
    print(f"the gateway's JVM ended with code {code}", flush=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
