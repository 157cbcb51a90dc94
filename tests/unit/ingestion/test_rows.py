"""A Kafka record becomes a row of raw.events; a batch becomes a file and what its commit says."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.streams import files, rows
from ingestion.streams.raw import STATISTICS
from ingestion.topics import DEAD_LETTER
from lakehouse.store import DirectoryStore
from tests.made import order

NOW = datetime(2026, 1, 1, 12)
HOUR = timedelta(hours=1)
RECORDS = pa.schema(
    [
        ("value", pa.binary()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("is_checked", pa.bool_()),
    ]
)


def records(*values: bytes | None, topic: str = "orders", is_checked: bool = False) -> pa.Table:
    """As the Kafka source gives them."""
    columns = (values, [topic] * len(values), [1] * len(values), range(len(values)))
    times, checked = [NOW.replace(tzinfo=UTC)] * len(values), [is_checked] * len(values)
    return pa.table([*map(list, columns), times, checked], schema=RECORDS)


def landed(*values: bytes | None, watermarks: dict[str, datetime] | None = None, **of: Any) -> pa.Table:
    return rows.raw_rows(records(*values, **of), rows.Batch(7, NOW, watermarks or {}))


def at(hours: float) -> str:
    return f"{NOW + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}"


def test_an_event_is_accepted_with_what_landing_adds() -> None:
    (row,) = landed(orjson.dumps(order("a", source="shop", occurred_at=at(-3)))).to_pylist()
    assert row["properties"]["lines"][0]["quantity"] == 3.0
    assert (row["event_id"], row["is_accepted"], row["rejection_reasons"]) == ("a", True, None)
    assert (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) == ("orders", 1, 0)
    assert row["batch_id"] == 7
    assert row["landed_at"] == row["kafka_at"] == NOW.replace(tzinfo=UTC)
    assert (row["occurrence"], row["watermark_at"], row["is_late"], row["payload"]) == (1, None, False, None)


def test_what_is_refused_keeps_who_and_when_and_loses_what_was_claimed() -> None:
    good = order("a", source="shop")
    bad = {**good, "colour": "red", "occurrence": "first"}
    first, second = landed(orjson.dumps(good), orjson.dumps(bad)).to_pylist()
    assert first["is_accepted"] is True
    assert (second["event_id"], second["source"], second["properties"]) == ("a", "shop", None)
    assert second["payload"] == orjson.dumps(bad)
    assert "colour: is not in the contract" in second["rejection_reasons"]


def test_a_stamp_is_believed_as_far_as_the_values_fit() -> None:
    claimed = {**order("a", source="shop"), "colour": "red"}
    unfit = {**order("b", source="shop"), "contract_version": "x"}
    untyped = {"event_id": "c", "source": "shop"}
    found = landed(*map(orjson.dumps, (claimed, unfit, untyped)), b"null", is_checked=True).to_pylist()
    assert [row["is_accepted"] for row in found] == [True, False, False, False]
    assert {tuple(row["rejection_reasons"]) for row in found[1:]} == {tuple(rows.UNTYPED)}
    assert [row["source"] for row in found] == ["shop", "shop", "shop", None]
    assert found[3]["payload"] == b"null"


@pytest.mark.parametrize("value", [None, b""])
def test_a_record_without_a_value_is_refused_whatever_its_stamp(value: bytes | None) -> None:
    for is_checked in (True, False):
        (row,) = landed(value, is_checked=is_checked).to_pylist()
        assert (row["rejection_reasons"], row["payload"]) == (["event: is empty"], value)


def test_a_dead_letter_gives_its_reasons_and_the_text_as_it_came() -> None:
    letter = {"reasons": ["a: b"], "payload": "täxt", "source": "shop", "received_at": at(0)}
    bad = [b"no letter", b"[]", orjson.dumps({"reasons": "a"}), orjson.dumps({"payload": "x"}), None]
    found = landed(orjson.dumps(letter), *bad, topic=DEAD_LETTER, is_checked=True).to_pylist()
    assert (found[0]["rejection_reasons"], found[0]["payload"]) == (["a: b"], "täxt".encode())
    assert (found[0]["source"], found[0]["received_at"]) == ("shop", NOW.replace(tzinfo=UTC))
    assert [row["rejection_reasons"] for row in found[1:]] == [rows.MALFORMED] * 5
    assert [row["payload"] for row in found[1:]] == bad
    assert not any(row["is_accepted"] for row in found)


def test_late_is_what_is_behind_the_watermark_of_its_source() -> None:
    events = [
        order("a", source="shop", occurred_at=at(-2)),
        order("b", source="shop", occurred_at=at(0)),
        order("c", source="other", occurred_at=at(-2)),
    ]
    table = landed(*map(orjson.dumps, events), watermarks={"shop": NOW - HOUR})
    assert table["is_late"].to_pylist() == [True, False, False]
    assert [row is not None for row in table["watermark_at"].to_pylist()] == [True, True, False]


def test_a_clock_that_runs_ahead_moves_no_watermark() -> None:
    events = [order("a", source="s", occurred_at=at(-1)), order("b", source="s", occurred_at=at(5))]
    refused = {**order("c", source="s", occurred_at=at(0)), "colour": "red"}
    table = landed(*map(orjson.dumps, [*events, refused]))
    assert files.newest(table, HOUR) == {"s": "2026-01-01T11:00:00"}
    assert files.newest(landed(b"x"), HOUR) == {}


def test_a_file_holds_the_rows_and_its_commit_their_bounds() -> None:
    source = "s" + "x" * 50
    table = landed(*(orjson.dumps(order(name, source=source)) for name in "ab"), None)
    kept = pq.read_table(io.BytesIO(files.parquet(table)))
    assert kept.cast(table.schema).equals(table)
    found = json.loads(json.dumps(files.statistics(table)))
    assert found["numRecords"] == 3
    assert found["minValues"]["source"] == source[:32]
    assert found["maxValues"]["source"] > source
    assert found["maxValues"]["landed_at"] == "2026-01-01T12:00:00.000Z"
    assert found["nullCount"] == dict.fromkeys(STATISTICS, 0) | dict.fromkeys(
        ("event_type", "source", "occurred_at"), 1
    )


def test_statistics_of_nothing_but_nulls_have_no_bounds() -> None:
    found = files.statistics(landed(b"x"))
    assert set(found["minValues"]) == set(found["maxValues"]) == {"landed_at", "batch_id"}


def test_a_task_writes_a_file_before_it_holds_too_much(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 300)
    monkeypatch.setattr(files, "store", lambda *_: DirectoryStore(tmp_path))
    sent = [orjson.dumps(order(name, source="shop", occurred_at=at(-1))) for name in "abc"]
    parts = [*records(*sent[:1]).to_batches(), *records(*sent[1:]).to_batches()]
    batch = rows.Batch(7, NOW, {})
    told = [row for part in files.land_files(parts, batch, "", "", HOUR) for row in part.to_pylist()]
    assert [row["records"] for row in told] == [1, 2]
    for row in told:
        assert row["path"].startswith("landed_date=2026-01-01/part-")
        assert (tmp_path / row["path"]).stat().st_size == row["size"]
        assert json.loads(row["newest"]) == {"shop": "2026-01-01T11:00:00"}
    assert list(files.land_files([], batch, "", "", HOUR)) == []
