"""Transactions of the log -> for each captured table, which rows there is something to tell of."""

from collections.abc import Iterable, Iterator

from ingestion.sources.database.events import Place
from ingestion.sources.database.pgoutput import Change, Name, Row, Transaction
from ingestion.sources.database.rows import Told
from ingestion.sources.database.tables import Captured, Found

Key = tuple[str | None, ...]
Rows = dict[tuple[Key, Place], Told]


def collect(transactions: Iterable[Transaction], captured: Iterable[Captured]) -> dict[Name, list[Told]]:
    """A row once for each transaction, as the transaction left it."""
    owners = list(captured)
    rows: dict[Name, Rows] = {one.found.name: {} for one in owners}
    for transaction in transactions:
        place = Place(transaction.position, transaction.committed_at)
        for change in transaction.changes:
            for owner in owners:
                found = rows[owner.found.name]
                if change.table == owner.found.name:
                    for told in _of_row(change, owner.found, place, transaction.is_part):
                        found[_key(told.row, owner.found), place] = told
                if owner.lines and owner.mapped.lines and change.table == owner.lines.name:
                    for row in _owners(change, owner.found, owner.mapped.lines.order):
                        # A row that is deleted takes its lines with it: then there is nothing more to tell.
                        found.setdefault((_key(row, owner.found), place), Told(place, row, is_whole=False))
    return {name: list(found.values()) for name, found in rows.items() if found}


def truncated(transactions: Iterable[Transaction]) -> list[Name]:
    """Tables that lost all rows without a word of any."""
    changes = (change for transaction in transactions for change in transaction.changes)
    return sorted({change.table for change in changes if change.old is None and change.new is None})


def _of_row(change: Change, found: Found, place: Place, is_part: bool) -> Iterator[Told]:
    """What becomes of the row; one that changed its key is another one from now on.

    Of a transaction that comes in parts nobody has all changes of a row: it is read by its key.
    """
    new, old = change.new, change.old
    if old is not None and (new is None or _key(old, found) != _key(new, found)):
        yield Told(place, old, is_deleted=True, is_whole=not is_part)
    if new is not None:
        yield Told(place, new, is_whole=change.is_whole and not is_part)


def _owners(change: Change, found: Found, column: str) -> Iterator[Row]:
    """Keys of the rows whose line this is, and was; a deleted line may not tell."""
    values = {row[column] for row in (change.old, change.new) if row and row.get(column) is not None}
    return ({found.key[0]: value} for value in sorted(values, key=str))


def _key(row: Row, found: Found) -> Key:
    return tuple(row.get(column) for column in found.key)
