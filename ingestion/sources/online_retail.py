"""UCI Online Retail: one line of an invoice a record, one `order_placed` each; times are taken as UTC."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, moment, money, number, text

KINDS = (".csv", ".csv.gz", ".parquet", ".xlsx")
COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
SECOND_EDITION = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}


def records(path: Path) -> Iterator[list[Record]]:
    """The file's lines, in file order."""
    files.extension(path, KINDS)
    for rows in files.read(path, COLUMNS, SECOND_EDITION):
        yield [_record(row) for row in rows]


def _record(row: files.Row) -> Record:
    invoice, stock_code, description = identifier(row[0]), identifier(row[1]), text(row[2])
    quantity, invoiced_at, unit_price = number(row[3]), moment(row[4]), number(row[5])
    customer, country = identifier(row[6]), text(row[7])
    calculable = type(quantity) in (int, float) and type(unit_price) in (int, float)
    line = {
        "product_id": stock_code,
        "description": description,
        "quantity": quantity,
        "unit_price": money(unit_price),
        "line_total": money(quantity * unit_price) if calculable else None,
    }
    properties = {
        "order_id": invoice,
        "order_status": "cancelled" if invoice and invoice[0] in "Cc" else "placed",
        "currency": "GBP",
        "country": country,
        "lines": [line],
    }
    content = (invoice, stock_code, description, quantity, invoiced_at, unit_price, customer, country)
    return Record("order_placed", content, invoiced_at, properties, customer)
