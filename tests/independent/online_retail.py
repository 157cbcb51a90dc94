"""Sales of the UCI Online Retail file, read and cleaned by the words of docs/metrics.md."""

from pathlib import Path

import pandas as pd


def sales(file: Path) -> pd.DataFrame:
    """One row per sold line of a known customer: customer_id, order_id, amount, at.

    Not cancelled (invoices that begin with C), quantity and amount above 0, and of lines that are alike in
    every column only the first. Amounts are in pounds, times have no zone and count as UTC.
    """
    lines = pd.read_parquet(file).drop_duplicates()
    lines = lines.assign(
        order_id=lines["InvoiceNo"].astype(str),
        amount=(lines["Quantity"] * lines["UnitPrice"]).round(4),
        at=pd.to_datetime(lines["InvoiceDate"]),
    )
    known = lines[lines["CustomerID"].notna()]
    sold = known[~known["order_id"].str.startswith("C") & (known["Quantity"] > 0) & (known["amount"] > 0)]
    customers = sold["CustomerID"].astype(float).astype(int).astype(str)
    return sold.assign(customer_id=customers)[["customer_id", "order_id", "amount", "at"]]
