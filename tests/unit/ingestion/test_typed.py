"""JSON becomes columns of the contracts' types, and one bad text spoils no other."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.arrow_types import arrow_type
from ingestion.contract import catalogue
from ingestion.streams.typed import Reader

READER = Reader(
    {
        "name": "STRING",
        "count": "INT",
        "share": "DOUBLE",
        "at": "TIMESTAMP",
        "day": "DATE",
        "price": "DECIMAL(18,4)",
        "inside": "STRUCT<day: DATE, lines: ARRAY<STRUCT<price: DECIMAL(18,4), words: ARRAY<STRING>>>>",
    }
)


def read(*events: Any) -> tuple[list[dict[str, Any]], list[int]]:
    """Rows without their nulls, and the places of misfits."""
    texts = [event if isinstance(event, bytes) else orjson.dumps(event) for event in events]
    table, misfits = READER.read(texts)
    assert table.schema == READER.schema
    return [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()], misfits


def test_values_become_their_columns_types() -> None:
    lines = [{"price": 0.1, "words": ["a", None]}, {"price": None}]
    event = {"name": "ä", "count": -7, "share": 3, "at": "2025-01-31T08:30:00.5Z", "day": "2025-01-31"}
    event |= {"price": 99_999_999_999_999, "inside": {"day": "1001-02-03", "lines": lines}, "unknown": [{}]}
    rows, misfits = read(event)
    assert misfits == []
    assert rows == [
        {
            "name": "ä",
            "count": -7,
            "share": 3.0,
            "at": datetime(2025, 1, 31, 8, 30, 0, 500_000, tzinfo=UTC),
            "day": date(2025, 1, 31),
            "price": Decimal("99999999999999.0000"),
            "inside": {
                "day": date(1001, 2, 3),
                "lines": [
                    {"price": Decimal("0.1000"), "words": ["a", None]},
                    {"price": None, "words": None},
                ],
            },
        }
    ]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("1.00005", "1.0001"),
        ("-1.00005", "-1.0001"),
        ("22.950000000000003", "22.9500"),
        ("1e-30", "0.0000"),
        ("1.2345e3", "1234.5000"),
    ],
)
def test_money_is_rounded_half_up(number: str, kept: str) -> None:
    assert read(b'{"price": %s}' % number.encode()) == ([{"price": Decimal(kept)}], [])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"null", {}),
        (b"[1]", {}),
        (b"", {}),
        (b'{"name": "a"', {}),
        (b'{"name": "a"}{"name": "b"}', {}),
        (b'{"name": "\xff"}', {}),
        (b'{"name": 5, "count": 1}', {"count": 1}),
        (b'{"name": "a", "count": 2147483648}', {"name": "a"}),
        (b'{"name": "a", "day": "2025-02-30"}', {"name": "a"}),
        (b'{"name": "a", "at": "2025-02-30T00:00:00Z"}', {"name": "a"}),
        (b'{"name": "a", "inside": {"lines": {}}}', {"name": "a"}),
        (b'{"zz":' + b"[" * 100_000, {}),
    ],
)
def test_what_does_not_fit_is_told_and_its_neighbours_are_kept(text: bytes, kept: dict[str, Any]) -> None:
    rows, misfits = read({"name": "before"}, text, {"name": "after"})
    assert rows == [{"name": "before"}, kept, {"name": "after"}]
    assert misfits == [1]


def test_of_a_name_that_comes_twice_the_last_counts_as_for_the_validator() -> None:
    assert read(b'{"name": "a", "name": "b"}') == ([{"name": "b"}], [])
    assert read(b' {"name": "a"}\n') == ([{"name": "a"}], [])


@given(st.lists(st.one_of(st.fixed_dictionaries({"count": st.integers(-9, 9)}), st.just({"count": "x"}))))
def test_rows_keep_the_order_of_the_texts(events: list[dict[str, Any]]) -> None:
    if not events:
        return
    rows, misfits = read(*events)
    assert misfits == [place for place, event in enumerate(events) if event["count"] == "x"]
    assert rows == [{} if event["count"] == "x" else event for event in events]


def test_every_column_of_the_contracts_has_an_arrow_type() -> None:
    for column in catalogue().raw_columns():
        assert isinstance(arrow_type(column.spark_type), pa.DataType)
