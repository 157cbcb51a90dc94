"""A batch becomes one version of the table, whoever else commits; here in a folder instead of on HDFS."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import Row

from ingestion.streams import append, commits, land
from ingestion.streams.append import Appender
from ingestion.streams.rows import Batch

AT = datetime(2026, 1, 1, 12)
FOLDER = "landed_date=2026-01-01"


class LocalLog(commits.Log):
    """Of a table in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.location = folder, str(folder)

    def read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def commit(self, version: int, actions: Iterable[dict[str, Any]]) -> bool:
        try:
            with (self.folder / commits.named(version)).open("x") as file:
                file.write("\n".join(map(json.dumps, actions)))
        except FileExistsError:
            return False
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table with one row."""
    row = pa.table({"n": [0], "landed_date": ["2025-12-31"]})
    write_deltalake(tmp_path, row, partition_by=["landed_date"])
    return tmp_path


def landed(folder: Path, n: int) -> Row:
    """A file of one row."""
    path = f"{FOLDER}/part-{n}.snappy.parquet"
    (folder / FOLDER).mkdir(exist_ok=True)
    pq.write_table(pa.table({"n": [n]}), folder / path)
    size = (folder / path).stat().st_size
    return Row(path=path, size=size, records=1, modified_at=0, statistics='{"numRecords": 1}')


def values(folder: Path) -> list[int]:
    return sorted(DeltaTable(folder).to_pyarrow_table()["n"].to_pylist())


def test_a_batch_is_one_version_with_all_its_files(folder: Path) -> None:
    appender = Appender(LocalLog(folder))
    assert appender.append([landed(folder, 1), landed(folder, 2)], Batch(0, AT, {}), "q") == 1
    assert values(folder) == [0, 1, 2]
    (found,) = commits.parsed((folder / commits.named(1)).read_text())
    assert (found.landed_at.replace(tzinfo=None), found.record_count, len(found.files)) == (AT, 2, 2)


def test_a_batch_that_was_committed_is_known_after_a_restart(folder: Path) -> None:
    appender = Appender(LocalLog(folder))
    assert not appender.has("q", 0)
    appender.append([landed(folder, 1)], Batch(4, AT, {}), "q")
    again = Appender(LocalLog(folder))
    assert [again.has("q", number) for number in (3, 4, 5)] == [True, True, False]
    assert not again.has("another", 0)


def test_it_is_known_from_a_checkpoint_alone(folder: Path) -> None:
    version = Appender(LocalLog(folder)).append([landed(folder, 1)], Batch(4, AT, {}), "q")
    land.checkpoint(str(folder))
    for older in range(version + 1):
        (folder / commits.named(older)).unlink()
    assert Appender(LocalLog(folder)).has("q", 4)
    assert values(folder) == [0, 1]


def test_a_checkpoint_that_fails_is_told_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    land.checkpoint(str(tmp_path / "none"))
    assert "was not summed up" in capsys.readouterr().out


def test_versions_of_others_are_passed_by(folder: Path) -> None:
    appender = Appender(LocalLog(folder))
    for _ in range(2):
        DeltaTable(folder).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    write_deltalake(folder, pa.table({"n": [7], "landed_date": ["2025-12-31"]}), mode="append")
    last = DeltaTable(folder).version()
    assert last > 0
    assert appender.append([landed(folder, 1)], Batch(0, AT, {}), "q") == last + 1
    assert values(folder) == [0, 1, 7]


def test_after_a_pause_no_forgotten_version_is_written_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appender = Appender(LocalLog(folder))
    for n in (7, 8):
        write_deltalake(folder, pa.table({"n": [n], "landed_date": ["2025-12-31"]}), mode="append")
    land.checkpoint(str(folder))
    for older in (0, 1):
        (folder / commits.named(older)).unlink()
    monkeypatch.setattr(append, "KNOWN_SECONDS", -1)
    assert appender.append([landed(folder, 1)], Batch(0, AT, {}), "q") == 3
    assert values(folder) == [0, 1, 7, 8]
    with pytest.raises(RuntimeError, match="another landing stream committed batch 0"):
        appender.append([landed(folder, 2)], Batch(0, AT, {}), "q")


def test_a_second_stream_of_the_same_query_is_refused(folder: Path) -> None:
    first, second = Appender(LocalLog(folder)), Appender(LocalLog(folder))
    first.append([landed(folder, 1)], Batch(0, AT, {}), "q")
    with pytest.raises(RuntimeError, match="another landing stream committed version 1"):
        second.append([landed(folder, 2)], Batch(0, AT, {}), "q")
    assert values(folder) == [0, 1]


def test_a_changed_table_ends_the_stream(folder: Path) -> None:
    appender = Appender(LocalLog(folder))
    DeltaTable(folder).alter.set_table_properties({"delta.checkpointInterval": "7"})
    with pytest.raises(RuntimeError, match="version 1 changed the table"):
        appender.append([landed(folder, 1)], Batch(0, AT, {}), "q")


def test_a_table_that_asks_more_of_its_writers_is_refused(folder: Path) -> None:
    DeltaTable(folder).alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    with pytest.raises(RuntimeError, match="needs a writer of version"):
        Appender(LocalLog(folder))
