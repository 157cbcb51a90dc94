"""Beneath Superset: whoever is no owner reads marts and reports at the gateway, and nothing else."""

import time
from contextlib import closing

import pytest
from pyhive import hive

from lakehouse.assets import of_kind, read
from lakehouse.errors import UserError
from lakehouse.warehouse import connect, query
from tests.conftest import Stack

pytestmark = pytest.mark.engine

State = hive.ttypes.TOperationState
RUNNING = (State.INITIALIZED_STATE, State.PENDING_STATE, State.RUNNING_STATE)
READER = "superset"  # as its database is named in superset/assets
DATASETS = sorted(
    f"{dataset['schema']}.{dataset['table_name']}" for dataset in of_kind(read()[0], "datasets").values()
)
REFUSED = {
    # rows
    "select count(*) from raw.events": "raw.events",
    "select * from RAW.Events version as of 0": "raw.events",
    "select * from marts.dim_customers where customer_id in (select event_id from raw.events)": "raw.events",
    "with marts as (select * from raw.events) select count(*) from marts": "raw.events",
    "select (select max(event_id) from raw.events)": "raw.events",
    "select 1 union all select 2 from raw.events": "raw.events",
    "select * from ml.model_versions": "ml.model_versions",
    "select * from ml.champion": "ml.champion",
    "select * from ops.ledger_reads": "ops.ledger_reads",
    "select * from staging.stg_raw__events": "staging.stg_raw__events",
    "select * from intermediate.int_events_deduplicated": "intermediate.int_events_deduplicated",
    "select * from delta.`hdfs:///lakehouse/raw/events`": "",
    "select * from text.`file:///etc/hostname`": "a file by its path",
    "select * from binaryFile.`file:///etc/hostname`": "a file by its path",
    # what reaches past the tables
    "select reflect('java.lang.System', 'getenv', 'HOME')": "the function reflect",
    "select java_method('java.lang.System', 'getenv', 'HOME')": "the function",
    "select try_reflect('java.lang.System', 'getenv', 'HOME')": "the function",
    "select k_score('customer_segment', '1', array(1D))": "the function",
    "select transform(1) using 'cat' as (one string)": "ScriptTransformation",
    # statements
    "set spark.sql.ansi.enabled = false": "the statement Set",
    "set": "the statement Set",
    "reset": "the statement Reset",
    "add jar '/tmp/any.jar'": "the statement AddJars",
    "create temporary view mine as select 1 as one": "the statement CreateView",
    "create temporary function f as 'org.apache.hadoop.hive.ql.udf.UDFRand'": "the statement CreateFunction",
    "create function marts.f() returns int return 1": "the statement Create",
    "create schema mine": "the statement CreateNamespace",
    "create table marts.mine as select 1 as one": "the statement CreateTable",
    "drop table marts.dim_products": "the statement DropTable",
    "delete from marts.dim_products": "Delete",
    "update marts.dim_products set product_id = 'x'": "Update",
    "insert into marts.dim_products select * from marts.dim_products": "the statement",
    "insert overwrite directory '/tmp/out' using csv select 1": "the statement",
    "merge into marts.dim_products t using marts.dim_products s on false when matched then delete": "",
    "cache table marts.dim_products": "the statement CacheTable",
    "describe history raw.events": "DescribeDeltaHistory",
    "show create table staging.stg_raw__events": "the statement ShowCreateTable",
    "execute immediate 'select count(*) from raw.events'": "raw.events",
    "begin declare n int; set n = (select count(*) from raw.events); select n; end": "",
}


@pytest.mark.parametrize("table", DATASETS)
def test_a_reader_reads_what_is_a_dataset(marts: Stack, table: str) -> None:
    count = f"select count(*) as rows from {table}"
    assert query(count, marts.settings, READER) == marts.query(count)
    assert len(query(f"select * from {table} limit 1", marts.settings, READER)) <= 1


@pytest.mark.parametrize(("sql", "named"), REFUSED.items())
def test_a_reader_is_refused_all_else_in_a_clear_sentence(marts: Stack, sql: str, named: str) -> None:
    with pytest.raises(UserError, match="SQL error: superset is none of LAKEHOUSE_GATEWAY_OWNERS") as refusal:
        query(sql, marts.settings, READER)
    what = str(refusal.value).split("nothing else: ")[1]
    assert named in what
    assert what.endswith(" is refused.")


def test_a_reader_looks_around_and_explains(marts: Stack) -> None:
    for sql in ("show schemas", "show tables in marts", "show views in reports", "show functions"):
        assert query(sql, marts.settings, READER), sql
    assert query("describe marts.dim_customers", marts.settings, READER)
    assert query("explain select count(*) from reports.rpt_overview", marts.settings, READER)
    plan = query("explain select count(*) from raw.events", marts.settings, READER)
    assert "raw.events is refused" in str(plan)


def test_a_reader_calls_models_whose_tables_are_closed(marts: Stack) -> None:
    sql = "select ml.customer_segment(recency_days, orders, revenue) as segment from values (1, 9, 900D)"
    sql += " as t(recency_days, orders, revenue)"
    assert query(sql, marts.settings, READER) == marts.query(sql)
    with pytest.raises(UserError, match=r"raw\.events is refused"):
        query("select ml.customer_segment((select count(*) from raw.events), 1, 1)", marts.settings, READER)


def test_rights_hold_for_statements_that_run_in_the_background(marts: Stack) -> None:
    """As Superset and dbt ask: with HDFS the gateway speaks in its own name then."""
    with closing(connect(marts.settings, READER)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("select count(*) from raw.events", async_=True)
        while (answer := cursor.poll()).operationState in RUNNING:
            time.sleep(0.05)
        assert answer.operationState == State.ERROR_STATE
        assert "raw.events is refused" in answer.errorMessage


def test_nobody_takes_the_name_of_an_owner(marts: Stack) -> None:
    with pytest.raises(Exception, match="substitution"):
        hive.connect(
            host=marts.settings.host,
            port=marts.settings.thrift_port,
            username=READER,
            configuration={"hive.server2.proxy.user": "lakehouse"},
        )


def test_sql_reads_no_variable_of_the_gateways_environment(marts: Stack) -> None:
    assert query("select '${env:HADOOP_USER_NAME}' as v", marts.settings, READER) == [
        {"v": "${env:HADOOP_USER_NAME}"}
    ]


def test_owners_keep_all_rights(marts: Stack) -> None:
    assert marts.query("select count(*) > 0 as some from raw.events") == [{"some": True}]
    assert marts.query("select count(*) > 0 as some from ml.model_versions") == [{"some": True}]
    assert marts.query("set spark.sql.ansi.enabled")
