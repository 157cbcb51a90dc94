"""Taobao UserBehavior: one view, cart, favourite or purchase of a product a record."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, since_1970, text

KINDS = (".parquet", ".csv", ".csv.gz")
COLUMNS = ("user_id", "item_id", "category_id", "behavior_type", "timestamp")
EVENT_TYPES = {"pv": "product_view", "cart": "cart", "fav": "favourite", "buy": "purchase"}


def records(path: Path) -> Iterator[list[Record]]:
    """The file's actions, in file order."""
    files.extension(path, KINDS)
    for rows in files.read(path, COLUMNS):
        yield [_record(row) for row in rows]


def _record(row: files.Row) -> Record:
    user, item, category = identifier(row[0]), identifier(row[1]), identifier(row[2])
    action, occurred_at = text(row[3]) or "", since_1970(row[4])
    properties = {"product_id": item, "category_id": category}
    content = (user, item, category, action, occurred_at)
    # The publisher's user id is permanent: it names the visitor and, as no other id is given, the customer.
    return Record(EVENT_TYPES.get(action, action), content, occurred_at, properties, user, user)
