"""What the log says of rows, and which events it becomes: without a server."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from ingestion.sources.database import mapping, pgoutput
from ingestion.sources.database.changes import collect, truncated
from ingestion.sources.database.events import Maker, Place
from ingestion.sources.database.log import _position, _visibility, _written
from ingestion.sources.database.pgoutput import Transaction
from ingestion.sources.database.rows import Told
from ingestion.sources.database.tables import Captured, Found, warnings
from lakehouse.settings import Settings

ORDERS, LINES = ("public", "orders"), ("public", "order_lines")
AT = datetime(2025, 1, 31, 8, 30, tzinfo=UTC)
TABLES = mapping.read(Settings().database_tables).by_name()
UNTOLD = object()


def begin(position: int = 100, xid: int = 7) -> bytes:
    microseconds = int((AT - pgoutput.EPOCH).total_seconds() * 1e6)
    return b"B" + struct.pack("!QQI", position, microseconds, xid)


def commit(end: int = 200) -> bytes:
    return b"C" + struct.pack("!BQQQ", 0, 100, end, 0)


def relation(number: int, name: tuple[str, str], columns: Iterable[str], key: Iterable[str]) -> bytes:
    head = b"R" + struct.pack("!I", number) + b"".join(part.encode() + b"\0" for part in name)
    told = [bytes([c in key]) + c.encode() + b"\0" + struct.pack("!Ii", 25, -1) for c in columns]
    return head + b"d" + struct.pack("!H", len(told)) + b"".join(told)


def row(*values: Any) -> bytes:
    told = []
    for value in values:
        if value is None:
            told.append(b"n")
        elif value is UNTOLD:
            told.append(b"u")
        else:
            told.append(b"t" + struct.pack("!I", len(value.encode())) + value.encode())
    return struct.pack("!H", len(values)) + b"".join(told)


def change(kind: str, number: int, new: bytes = b"", old: bytes = b"", tag: str = "K") -> bytes:
    parts = (tag.encode() + old if old else b"") + (b"N" + new if new else b"")
    return kind.encode() + struct.pack("!I", number) + parts


def read(*messages: bytes, most: int = 100) -> list[Transaction]:
    return list(pgoutput.transactions(messages, most))


HEAD = (
    relation(1, ORDERS, ("id", "status"), ("id",)),
    relation(2, LINES, ("id", "order_id"), ("id", "order_id")),
)


def captured(kept: Iterable[str] = ("id",)) -> Captured:
    found = Found(ORDERS, {"id": "integer", "status": "text"}, ("id",), frozenset(kept), False)
    lines = Found(LINES, {"id": "integer", "order_id": "integer"}, ("id",), frozenset({"id"}), False)
    return Captured(found, TABLES[ORDERS], lines)


def rows(*messages: bytes, most: int = 100) -> list[Told]:
    return collect(read(begin(), *HEAD, *messages, commit(), most=most), [captured()]).get(ORDERS, [])


def test_a_transaction_has_its_rows_place_and_time() -> None:
    (found,) = read(begin(), *HEAD, change("I", 1, row("7", "näu")), change("U", 1, row("7", None)), commit())
    assert (found.position, found.end, found.xid, found.committed_at) == (100, 200, 7, AT)
    assert [one.new for one in found.changes] == [{"id": "7", "status": "näu"}, {"id": "7", "status": None}]
    assert not found.is_part


def test_a_key_that_changed_and_a_deleted_row_tell_their_key_only() -> None:
    update = change("U", 1, row("8", "new"), row("7", None))
    whole = change("D", 1, old=row("8", "new"), tag="O")
    (found,) = read(begin(), *HEAD, update, change("D", 1, old=row("8", None)), whole, commit())
    assert [one.old for one in found.changes] == [{"id": "7"}, {"id": "8"}, {"id": "8", "status": "new"}]


def test_a_value_that_was_not_logged_again_is_absent() -> None:
    (found,) = read(begin(), *HEAD, change("U", 1, row("7", UNTOLD)), commit())
    assert [(one.new, one.is_whole) for one in found.changes] == [({"id": "7"}, False)]


def test_a_large_transaction_comes_in_parts_and_the_next_one_does_not() -> None:
    inserts = [change("I", 1, row(str(n), "new")) for n in range(5)]
    found = read(begin(), *HEAD, *inserts, commit(200), begin(300), inserts[0], commit(400), most=2)
    assert [(len(one.changes), one.is_part, one.end) for one in found] == [
        (2, True, None),
        (2, True, None),
        (1, True, 200),
        (1, False, 400),
    ]


def test_other_messages_of_the_protocol_are_passed_over() -> None:
    assert read(begin(), b"Y\0\0\0\1", b"O\0\0\0\1", commit())[0].changes == []


def test_a_row_is_told_once_for_a_transaction_as_that_left_it() -> None:
    (found,) = rows(change("I", 1, row("7", "new")), change("U", 1, row("7", "paid")))
    assert (found.row, found.is_deleted) == ({"id": "7", "status": "paid"}, False)


def test_a_row_with_another_key_is_another_row() -> None:
    gone, there = rows(change("U", 1, row("8", "new"), row("7", None)))
    assert (gone.row, gone.is_deleted) == ({"id": "7"}, True)
    assert (there.row, there.is_deleted) == ({"id": "8", "status": "new"}, False)


def test_a_line_tells_that_its_order_changed_and_an_order_takes_its_lines_with_it() -> None:
    (found,) = rows(change("I", 2, row("1", "7")))
    assert (found.row, found.is_whole) == ({"id": "7"}, False)
    (gone,) = rows(change("D", 1, old=row("7", None)), change("D", 2, old=row("1", "7")))
    assert gone.is_deleted
    (gone,) = rows(change("D", 2, old=row("1", "7")), change("D", 1, old=row("7", None)))
    assert gone.is_deleted


def test_a_line_that_moves_to_another_order_changes_both() -> None:
    found = rows(change("U", 2, row("1", "8"), row("1", "7"), tag="O"))
    assert [one.row for one in found] == [{"id": "7"}, {"id": "8"}]


def test_rows_of_a_transaction_in_parts_are_read_by_their_key() -> None:
    inserts = [change("I", 1, row(str(n), "new")) for n in range(3)]
    assert [one.is_whole for one in rows(*inserts, change("D", 1, old=row("1", None)), most=2)] == [False] * 3


def test_tables_that_were_truncated_are_named_and_tell_no_rows() -> None:
    both = b"T" + struct.pack("!IBII", 2, 0, 1, 2)
    assert truncated(read(begin(), *HEAD, both, commit())) == [LINES, ORDERS]
    assert truncated(read(begin(), *HEAD, change("D", 1, old=row("7", None)), commit())) == []
    assert rows(both) == []


def test_an_event_has_the_types_of_its_contract_and_an_id_by_key_and_place() -> None:
    maker = Maker("shop", ORDERS, TABLES[ORDERS])
    values = ["4711", "2025-01-30 10:00:00.5+00", "7", "placed", "EUR", None]
    line = ["p1", "Pan", "2", "5.50", "11.0000"]
    event = maker.event(["7"], values, [line], Place(100, AT))
    assert event["customer_id"] == "4711"
    assert event["occurred_at"] == "2025-01-30T10:00:00.5Z"
    assert event["properties"] == {
        "revision": 100,
        "order_id": "7",
        "order_status": "placed",
        "currency": "EUR",
        "lines": [
            {"product_id": "p1", "description": "Pan", "quantity": 2, "unit_price": 5.5, "line_total": 11}
        ],
    }
    other_content = maker.event(["7"], [None] * 6, [], Place(100, AT))
    assert other_content["event_id"] == event["event_id"]
    assert other_content["occurred_at"] == "2025-01-31T08:30:00Z"
    for key, position in ((["8"], 100), (["7"], 101)):
        assert maker.event(key, values, [line], Place(position, AT))["event_id"] != event["event_id"]


def test_a_deletion_says_what_the_mapping_says_of_it() -> None:
    values = ["4711", "2025-01-30 10:00:00+00", "7", "placed", None, None]
    event = Maker("shop", ORDERS, TABLES[ORDERS]).deletion(["7"], values, Place(100, AT))
    assert event is not None
    assert (event["customer_id"], event["occurred_at"]) == ("4711", "2025-01-31T08:30:00Z")
    assert event["properties"] == {
        "revision": 100,
        "order_id": "7",
        "order_status": "cancelled",
        "lines": [],
    }
    products = ("public", "products")
    assert Maker("shop", products, TABLES[products]).deletion(["p1"], [None] * 6, Place(100, AT)) is None


def test_what_the_log_does_not_keep_of_a_deleted_row_is_warned_of() -> None:
    (line,) = warnings([captured()])
    assert line.startswith(
        "public.order_lines: the log does not tell the order_id of a deleted line; `ALTER TABLE"
    )
    payments = ("public", "payments")
    columns = dict.fromkeys(("id", "order_id", "amount"), "integer")
    for kept, said in ((("id",), "the amount, order_id of a deleted row"), (tuple(columns), None)):
        found = list(
            warnings(
                [Captured(Found(payments, columns, ("id",), frozenset(kept), False), TABLES[payments], None)]
            )
        )
        assert [said in line for line in found if said] == ([True] if said else [])
        assert len(found) == bool(said)


def test_places_in_the_log_compare_as_numbers() -> None:
    assert _position("16/B374D848") == 0x16B374D848
    assert _written(0x16B374D848) == "16/B374D848"
    assert _position("9/0") < _position("10/0")


@pytest.mark.parametrize(
    ("xid", "is_visible"), [(9, True), (10, True), (12, False), (14, True), (15, False), (16, False)]
)
@pytest.mark.parametrize("epoch", [0, 3 * 2**32])
def test_a_commit_counts_once_queries_see_it(xid: int, is_visible: bool, epoch: int) -> None:
    sees = _visibility(f"{10 + epoch}:{15 + epoch}:{12 + epoch},{13 + epoch}")
    assert sees(xid) is is_visible


def test_a_transaction_before_the_counter_began_anew_is_visible() -> None:
    assert _visibility(f"{2**32 + 3}:{2**32 + 3}:")(2**32 - 5)
