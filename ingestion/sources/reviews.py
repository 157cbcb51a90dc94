"""Product reviews: Women's E-Commerce Clothing Reviews as a table, or any shop's as JSON lines."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import flag, identifier, moment, number, text

START = "2018-01-01T00:00:00Z"  # of the year of publication: the clothing reviews have no times
JSON_LINES = (".jsonl", ".jsonl.gz")
KINDS = (".parquet", ".csv", ".csv.gz", *JSON_LINES)
CLOTHING = ("review_id", "Clothing ID", "Title", "Review Text", "Rating", "Recommended IND")
NUMBERED = {"": "review_id"}  # the first publication leaves the number's column unnamed
COLUMNS = (
    "occurred_at",
    "product_id",
    "rating",
    "title",
    "text",
    "language",
    "customer_id",
    "author_name",
    "is_recommended",
    "is_verified",
    "order_id",
)


def records(path: Path) -> Iterator[list[Record]]:
    """The file's reviews, in file order."""
    kind = files.extension(path, KINDS)
    columns, to_record = (COLUMNS, _review) if kind in JSON_LINES else (CLOTHING, _clothing_review)
    for rows in files.read(path, columns, NUMBERED):
        yield [to_record(row) for row in rows]


def _clothing_review(row: files.Row) -> Record:
    review = identifier(row[0])
    properties = {
        "product_id": identifier(row[1]),
        "rating": number(row[4]),
        "title": text(row[2]),
        "text": text(row[3]),
        "language": "en",
        "is_recommended": flag(row[5]),
    }
    return Record("review", (review, *properties.values()), START, properties)


def _review(row: files.Row) -> Record:
    occurred_at, customer = moment(text(row[0])), identifier(row[6])
    properties = {
        "product_id": identifier(row[1]),
        "rating": number(row[2]),
        "title": text(row[3]),
        "text": text(row[4]),
        "language": text(row[5]),
        "author_name": text(row[7]),
        "is_recommended": flag(row[8]),
        "is_verified": flag(row[9]),
        "order_id": identifier(row[10]),
    }
    return Record("review", (occurred_at, customer, *properties.values()), occurred_at, properties, customer)
