"""What counting needs of raw.events is the same by Spark and from a file, old files included."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.streams import commits, records
from ingestion.streams.live import parted
from lakehouse.settings import Settings

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]


def table(*rows: dict[str, Any]) -> pa.Table:
    """Records with these values: one page view, on time, where nothing is said."""
    blank = dict.fromkeys(records.LANDING | records.CONTENT)
    usual = {"source": "shop", "event_type": "page_view", "is_accepted": True, "is_late": False}
    usual |= {"occurred_at": NOW, "kafka_at": NOW, "landed_at": NOW, "event_id": "e"}
    wanted = pa.schema(list((records.LANDING | records.CONTENT).items()))
    return pa.Table.from_pylist([blank | usual | row for row in rows], wanted)


def line(product: str, quantity: float | None, amount: str) -> dict[str, Any]:
    return {"product_id": product, "quantity": quantity, "line_total": Decimal(amount)}


def order(**changed: Any) -> dict[str, Any]:
    known = {"event_type": "order_placed", "properties.order_id": "o1", "properties.order_status": "placed"}
    return (
        known
        | {"properties.lines": [line("p1", 2, "3.5000"), line("p2", 0, "1"), line("p3", 1, "0")]}
        | changed
    )


@pytest.mark.parametrize(
    ("changed", "fate"),
    [
        ({}, "placed"),
        ({"is_accepted": False}, "rejected"),
        ({"occurred_at": NOW + timedelta(minutes=11)}, "ahead"),
        ({"occurred_at": NOW + timedelta(minutes=9)}, "placed"),
        ({"occurred_at": NOW - timedelta(hours=25)}, "too_old"),
        ({"occurred_at": None}, "too_old"),
        ({"occurred_at": NOW - timedelta(hours=25), "event_type": "event_counted"}, "placed"),
    ],
)
def test_a_record_has_one_fate(changed: dict[str, Any], fate: str) -> None:
    found = records.landed(table(changed), SETTINGS)
    assert found["fate"].to_pylist() == [fate]


def test_only_sold_lines_of_a_first_order_count() -> None:
    rows = [order(), order(occurrence=2), order(**{"properties.order_status": "cancelled"}), {}]
    found = records.placed(table(*rows, order(**{"properties.lines": [line("p2", None, "1")]})), SETTINGS)
    sold = [{"product_id": "p1", "revenue": Decimal("3.5000")}]
    assert found["lines"].to_pylist() == [sold, None, None, None, []]
    assert found["ordered"].to_pylist() == ["o1", None, None, None, None]
    assert found["cancelled"].to_pylist() == [None, None, "o1", None, None]


def test_bots_are_no_visitors_and_equal_ids_have_equal_hashes() -> None:
    who = {"visitor_id": "v", "session_id": "s"}
    found = records.placed(table(who, who | {"context.is_bot": True}, who, {}), SETTINGS)
    first, bot, second, nobody = found["visitor"].to_pylist()
    assert first == second is not None
    assert bot is None
    assert nobody is None
    assert found["session"].null_count == 2
    assert found["is_bot"].to_pylist() == [False, True, False, False]


def test_a_page_is_an_address_without_its_query() -> None:
    pages = ["https://a.example/x?y=1", "https://a.example/x#z", "?", None]
    found = records.placed(table(*({"context.page_url": page} for page in pages)), SETTINGS)
    assert found["page"].to_pylist() == ["https://a.example/x", "https://a.example/x", "", None]


def nested(rows: pa.Table) -> dict[str, Any]:
    """The columns as landing writes them: structs of fields, of which only some are read."""
    flat = {name: rows[name].combine_chunks() for name in rows.column_names}
    groups: dict[str, dict[str, Any]] = {}
    for path in [path for path in flat if "." in path]:
        group, field = path.split(".")
        groups.setdefault(group, {"unread": pa.array([1] * len(rows))})[field] = flat.pop(path)
    structs = {
        name: pa.StructArray.from_arrays(list(fields.values()), list(fields))
        for name, fields in groups.items()
    }
    return flat | structs


def written(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


@pytest.mark.parametrize("int96", [True, False])
def test_a_file_gives_what_was_written(int96: bool) -> None:
    rows = table(order(), {"visitor_id": "v", "context.page_url": "https://a.example/"})
    content = written(nested(rows), use_deprecated_int96_timestamps=int96)
    assert records.of_file(content).to_pylist() == rows.to_pylist()
    assert records.of_file(content, with_content=False).column_names == list(records.LANDING)


def test_a_file_older_than_a_column_has_nulls_in_it() -> None:
    columns = nested(table({"visitor_id": "v"}))
    del columns["properties"], columns["occurrence"]
    found = records.placed(records.of_file(written(columns)), SETTINGS)
    assert found["lines"].to_pylist() == [None]
    assert found["visitor"].null_count == 0


def test_only_landings_own_commits_are_followed() -> None:
    said = commits.note(7, NOW.replace(tzinfo=None))
    add = {"add": {"path": "landed_date=2026-01-01/a%20b.parquet", "stats": '{"numRecords":12}'}}
    theirs = {"commitInfo": {"operation": "OPTIMIZE"}}
    lines = [json.dumps(action) for action in ({"commitInfo": {"userMetadata": said}}, add)]
    (found,) = commits.parsed("\n".join(lines))
    assert found == commits.Commit(NOW, 12, ("landed_date=2026-01-01/a%20b.parquet",))
    for other in (theirs, {"commitInfo": {"userMetadata": "by hand"}}, {"commitInfo": {"userMetadata": "1"}}):
        assert commits.parsed(f"{json.dumps(other)}\n{json.dumps(add)}") == []


def test_portions_hold_everything_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.streams.live.MOST_RECORDS", 10)
    assert list(parted([4, 4, 4, 30, 1], int)) == [[4, 4], [4], [30], [1]]
    assert list(parted([], int)) == []
