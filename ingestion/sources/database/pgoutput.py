"""Messages of PostgreSQL's own logical decoding plugin -> transactions of changed rows.

Source: "Logical Replication Message Formats" in PostgreSQL's manual, protocol version 1.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

# Columns as text, None for null; a value that was too large to be logged again is absent.
Row = dict[str, str | None]
Name = tuple[str, str]


class Change(NamedTuple):
    """One row that was inserted (`new`), deleted (`old`) or updated (`new`; `old` where its key changed).

    Neither: the whole table was emptied by TRUNCATE, which does not tell its rows.
    """

    table: Name
    old: Row | None
    new: Row | None
    is_whole: bool


class Transaction(NamedTuple):
    """Changes that were committed together; a large one comes in several parts, `is_part` each.

    `position` is where it was committed, `end` from where the log goes on, in the last part only.
    """

    xid: int
    position: int
    committed_at: datetime
    changes: list[Change]
    is_part: bool
    end: int | None


class _Relation(NamedTuple):
    name: Name
    columns: tuple[str, ...]
    key: frozenset[str]


class _Message:
    """Reads one message from left to right."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 1
        self.kind = data[:1]

    def take(self, form: str) -> tuple[int, ...]:
        """Whole numbers in network order, as `struct` writes their form."""
        found = struct.unpack_from(f"!{form}", self._data, self._at)
        self._at += struct.calcsize(f"!{form}")
        return found

    def byte(self) -> bytes:
        return bytes(self.take("B"))

    def text(self, length: int | None = None) -> str:
        """So many bytes, or up to the zero that ends a name."""
        end = self._data.index(0, self._at) if length is None else self._at + length
        found = self._data[self._at : end].decode()
        self._at = end + (length is None)
        return found

    def row(self, columns: tuple[str, ...]) -> Row:
        (count,) = self.take("H")
        row: Row = {}
        for name in columns[:count]:
            match self.byte():
                case b"t":
                    row[name] = self.text(self.take("I")[0])
                case b"n":
                    row[name] = None
        return row


def transactions(messages: Iterable[bytes], most: int) -> Iterator[Transaction]:
    """The transactions in the order of their commits, at most `most` changes in memory at once."""
    relations: dict[int, _Relation] = {}
    xid, position, committed_at = 0, 0, EPOCH
    changes: list[Change] = []
    is_part = False
    for data in messages:
        message = _Message(data)
        match message.kind:
            case b"B":
                position, microseconds, xid = message.take("QQI")
                committed_at = EPOCH + timedelta(microseconds=microseconds)
                changes, is_part = [], False
            case b"R":
                number, relation = _relation(message)
                relations[number] = relation
            case b"I" | b"U" | b"D":
                changes.append(_change(message, relations))
                if len(changes) >= most:
                    is_part = True
                    yield Transaction(xid, position, committed_at, changes, is_part, None)
                    changes = []
            case b"T":
                changes += _truncations(message, relations)
            case b"C":
                _, _, end, _ = message.take("BQQQ")
                yield Transaction(xid, position, committed_at, changes, is_part, end)


def _truncations(message: _Message, relations: dict[int, _Relation]) -> list[Change]:
    count, _ = message.take("IB")
    return [
        Change(relations[number].name, None, None, is_whole=False) for number in message.take(f"{count}I")
    ]


def _relation(message: _Message) -> tuple[int, _Relation]:
    (number,) = message.take("I")
    name = (message.text() or "pg_catalog", message.text())
    _, count = message.take("BH")
    columns, key = [], set()
    for _ in range(count):
        (flags,) = message.take("B")
        columns.append(message.text())
        message.take("Ii")
        if flags & 1:
            key.add(columns[-1])
    return number, _Relation(name, tuple(columns), frozenset(key))


def _change(message: _Message, relations: dict[int, _Relation]) -> Change:
    relation = relations[message.take("I")[0]]
    old = new = None
    is_whole = True
    part = message.byte()
    if part in (b"K", b"O"):
        old = message.row(relation.columns)
        if part == b"K":  # the other columns are no nulls: they are not told
            old = {name: value for name, value in old.items() if name in relation.key}
        part = message.byte() if message.kind == b"U" else b""
    if part == b"N":
        new = message.row(relation.columns)
        is_whole = len(new) == len(relation.columns)
    return Change(relation.name, old, new, is_whole)
