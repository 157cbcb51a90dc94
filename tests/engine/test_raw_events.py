"""The table raw.events itself: seen as soon as it is made, kept readable by compaction."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from ingestion.streams import compact
from ingestion.streams.land import is_made
from ingestion.streams.raw import raw_events
from lakehouse.session import remote_session
from lakehouse.store import WebHdfsStore
from tests.made import order

pytestmark = pytest.mark.engine

SOURCE = "z_raw_events"


def test_a_table_is_seen_as_soon_as_it_has_a_version(stack: Any) -> None:
    # Landing starts beside the gateway that makes the table: it may look in mid-creation.
    store = WebHdfsStore(stack.settings.webhdfs, "/tmp/z_raw_events_test")
    location = f"{stack.settings.hdfs}/tmp/z_raw_events_test/t"
    schema = {"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": True, "metadata": {}}]}
    meta = {"id": "z", "format": {"provider": "parquet", "options": {}}, "partitionColumns": []}
    meta |= {"schemaString": json.dumps(schema), "configuration": {}}
    first = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": meta}]
    spark = remote_session(stack.settings)
    try:
        assert is_made(spark, location) is False
        store.write("t/_delta_log/_staged_commits/x", b"")
        assert is_made(spark, location) is False
        store.write("t/_delta_log/00000000000000000000.json", b"\n".join(map(orjson.dumps, first)))
        assert is_made(spark, location) is True
    finally:
        spark.stop()
        store.delete("")


def test_compaction_merges_files_and_changes_no_row(stack: Any) -> None:
    location = raw_events().location(stack.settings)

    def state() -> tuple[int, dict[str, Any]]:
        files = stack.query(f"describe detail delta.`{location}`")[0]["numFiles"]
        sums = "select count(*) as rows, sum(cast(xxhash64(*) as decimal(38, 0))) as hash"
        return files, stack.query(f"{sums} from raw.events")[0]

    for number in range(3):
        stack.publish([order(f"z-compact-{number}", source=SOURCE)])
        stack.wait_landed()
    files, rows = state()
    spark = remote_session(stack.settings)
    try:
        compact.compact(spark, location, today=datetime.now(UTC))
        compact.vacuum(spark, location)
    finally:
        spark.stop()
    fewer, same = state()
    assert fewer < files
    assert same == rows


TIDY = """
import sys
from ingestion.streams import compact
from lakehouse.session import engine_session
from lakehouse.settings import get_settings

spark = engine_session(get_settings(), "tidy", 1, "512m", compact.CONF)
compact.vacuum(spark, sys.argv[1])
compact.forget_log(spark, sys.argv[1])
"""


def test_the_log_of_past_commits_is_deleted_and_the_table_stays(stack: Any) -> None:
    location = f"{stack.settings.hdfs}/tmp/z_tidy"
    path = location.removeprefix(stack.settings.hdfs)
    kept = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
    properties = {"delta.checkpointInterval": "2"} | dict.fromkeys(kept, "interval 1 hours")
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in properties.items())
    stack.query(f"create table delta.`{location}` (n int) using delta tblproperties ({listed})")
    for number in range(6):
        stack.query(f"insert into delta.`{location}` values ({number})")
    log = WebHdfsStore(stack.settings.webhdfs, f"{path}/_delta_log")
    # Each a moment later than the one before, as commits are.
    for age, name in enumerate(sorted(log.names(""))):
        at = int((time.time() - 9999 + age) * 1000)
        aged = {"op": "SETTIMES", "user.name": "lakehouse", "modificationtime": at}
        httpx.put(f"{stack.settings.webhdfs}{path}/_delta_log/{name}", params=aged).raise_for_status()
    stack.query(f"insert into delta.`{location}` values (6)")
    stack.run("python", "-c", TIDY, location, HADOOP_USER_NAME="lakehouse")
    commits = [int(name[:20]) for name in log.names("") if name.endswith(".json")]
    assert 7 in commits
    assert min(commits) >= 4
    assert stack.query(f"select count(*) as n from delta.`{location}`") == [{"n": 7}]
