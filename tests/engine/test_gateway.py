"""The gateway's doors: sessions apart, SQL by hand, Python, and its return after a kill."""

import csv
import io
import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from lakehouse.errors import UserError
from lakehouse.servers import stack as servers
from lakehouse.session import remote_session
from lakehouse.warehouse import connect
from tests.made import order

pytestmark = pytest.mark.engine


def test_what_one_session_sets_no_other_sees(stack: Any) -> None:
    with (
        closing(connect(stack.settings)) as first,
        closing(connect(stack.settings)) as second,
        closing(first.cursor()) as mine,
        closing(second.cursor()) as theirs,
    ):

        def rows(cursor: Any, sql: str) -> list[Any]:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

        rows(mine, "set spark.sql.shuffle.partitions = 77")
        rows(mine, "use raw")
        rows(mine, "create temporary view mine_alone as select 1 as one")
        assert rows(mine, "select * from mine_alone") == [(1,)]
        assert rows(mine, "select current_database()") == [("raw",)]
        assert rows(theirs, "select current_database()") == [("default",)]
        assert rows(theirs, "set spark.sql.shuffle.partitions")[0][1] != "77"
        with pytest.raises(Exception, match="TABLE_OR_VIEW_NOT_FOUND"):
            rows(theirs, "select * from mine_alone")


SQL = "select 1 as n, 'a,b' as text, cast(null as string) as nothing, decimal(2.50) as price"


def test_sql_by_hand_prints_a_table(stack: Any) -> None:
    done = stack.run("lakehouse", "sql", SQL + ";")
    assert [
        word for word in ("n", "text", "nothing", "price", "a,b", "1 row") if word not in done.stdout
    ] == []


def test_sql_by_hand_prints_json(stack: Any) -> None:
    (row,) = json.loads(stack.run("lakehouse", "sql", SQL, "--format", "json").stdout)
    assert (row["n"], row["text"], row["nothing"]) == (1, "a,b", None)


def test_sql_by_hand_prints_csv(stack: Any) -> None:
    out = stack.run("lakehouse", "sql", SQL, "--format", "csv").stdout
    header, row = csv.reader(io.StringIO(out))
    assert header == ["n", "text", "nothing", "price"]
    assert row[:3] == ["1", "a,b", ""]


@pytest.mark.parametrize(
    ("sql", "said"), [("selec 1", "PARSE_SYNTAX_ERROR"), ("select * from nowhere", "TABLE_OR_VIEW_NOT_FOUND")]
)
def test_an_sql_error_is_the_engines_sentence_and_exit_1(stack: Any, sql: str, said: str) -> None:
    done = stack.run("lakehouse", "sql", sql, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: SQL error: ")
    assert said in done.stderr
    assert "\tat " not in done.stderr
    assert "Traceback" not in done.stderr


def test_python_reads_and_writes_pandas_through_connect(stack: Any) -> None:
    spark = remote_session(stack.settings)
    try:
        frame = spark.sql("select id, id * 2 as twice from range(1000)").toPandas()
        assert frame["twice"].sum() == 999_000
        spark.createDataFrame(frame).createOrReplaceTempView("sent")
        assert spark.sql("select sum(twice) as total from sent").first()["total"] == 999_000
    finally:
        spark.stop()


def test_a_killed_gateway_comes_back_with_tables_and_functions(stack: Any) -> None:
    stack.publish([order("z-gateway", source="z_gateway")])
    stack.wait_landed()
    stack.query("create schema if not exists gateway_test")
    stack.query("create table gateway_test.kept using delta as select 42 as answer")
    gateway = next(p for p in servers.processes(stack.settings) if p["name"] == "gateway")
    os.kill(gateway["pid"], signal.SIGKILL)

    def serves_again() -> bool:
        found = next(p for p in servers.processes(stack.settings) if p["name"] == "gateway")
        if found["pid"] in (None, gateway["pid"]) or found["state"] != "running":
            return False
        try:
            return bool(stack.query("select answer from gateway_test.kept") == [{"answer": 42}])
        except UserError:
            return False

    stack.wait_until(serves_again, 300, "the gateway back")
    assert stack.query("select ml.customer_segment(1, 1, 1) is null or true as called") == [{"called": True}]
    assert stack.query("select count(*) > 0 as some from raw.events") == [{"some": True}]
    stack.query("drop schema gateway_test cascade")


SESSION_END = """
import os
from pyspark.sql import SparkSession
from lakehouse import gateway

quiet = {"spark.ui.enabled": "false", "spark.driver.extraJavaOptions": "-Dderby.stream.error.file=/dev/null"}
spark = SparkSession.builder.master("local[1]").config(map=quiet).getOrCreate()
gateway.keep_hive_open(spark)
hive = spark._jvm.org.apache.hadoop.hive
conf = hive.conf.HiveConf()
conf.set("javax.jdo.option.ConnectionURL", "jdbc:derby:memory:metastore;create=true")
conf.set("datanucleus.schema.autoCreateAll", "true")
conf.set("hive.metastore.schema.verification", "false")
conf.set("hive.metastore.warehouse.dir", os.getcwd())
made = hive.ql.metadata.Hive.get(conf)
client = made.getMSC()
made.closeCurrent()
identity = spark._jvm.System.identityHashCode
print("made anew, kept open:", identity(made.getMSC()) == identity(client))
spark.stop()
"""


def test_when_a_session_ends_hive_can_be_made_anew_and_stays_open(stack: Any) -> None:
    assert "made anew, kept open: True" in stack.run("python", "-c", SESSION_END).stdout


def test_no_statement_comes_as_a_user_new_to_hive(stack: Any) -> None:
    """With this variable each one does, and Hive opens the metastore anew for each table it looks up."""
    (gateway,) = (each for each in servers.processes(stack.settings) if each["name"] == "gateway")
    (java,) = (each for each in psutil.Process(gateway["pid"]).children() if Path(each.exe()).name == "java")
    assert "HADOOP_USER_NAME" not in java.environ()
