"""REES46 shop events: one view, cart, removal or purchase of a product a record."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, moment, money, number, text

KINDS = (".csv", ".csv.gz")
COLUMNS = (
    "event_time",
    "event_type",
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "price",
    "user_id",
    "user_session",
)


def records(path: Path) -> Iterator[list[Record]]:
    """The file's events, in file order."""
    files.extension(path, KINDS)
    for rows in files.read(path, COLUMNS):
        yield [_record(row) for row in rows]


def _record(row: files.Row) -> Record:
    occurred_at, action = moment(row[0]), text(row[1]) or ""
    product, category, code, brand = identifier(row[2]), identifier(row[3]), text(row[4]), text(row[5])
    price, user, session = number(row[6]), identifier(row[7]), text(row[8])
    properties = {
        "product_id": product,
        "category_id": category,
        "category_code": code,
        "brand": brand,
        "price": money(price),
    }
    content = (occurred_at, action, product, category, code, brand, price, user, session)
    # The publisher's user id is permanent: it names the visitor and, as no other id is given, the customer.
    return Record(
        "product_view" if action == "view" else action, content, occurred_at, properties, user, user, session
    )
