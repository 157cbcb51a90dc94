"""RFM by quintiles of percent ranks (Hughes 1994), as docs/metrics.md defines it."""

import math
from datetime import date

import pandas as pd


def score(values: pd.Series) -> pd.Series:
    """1 to 5 by the share of customers with less; equal values score alike."""
    below = (values.rank(method="min") - 1) / max(len(values) - 1, 1)
    return (1 + (5 * below).map(math.floor)).clip(upper=5)


def rfm(sales: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """One row per customer with a sale by the end of that date, indexed by customer_id.

    `sales` has customer_id, order_id, amount and at; an order belongs to the day of its first line.
    """
    orders = sales.groupby(["customer_id", "order_id"]).agg(amount=("amount", "sum"), at=("at", "min"))
    orders = orders[orders["at"].dt.date <= as_of].reset_index()
    grouped = orders.groupby("customer_id")
    frame = pd.DataFrame(
        {
            "recency_days": (pd.Timestamp(as_of) - grouped["at"].max().dt.normalize()).dt.days,
            "order_count": grouped.size(),
            "revenue": grouped["amount"].sum().round(4),
        }
    )
    return frame.assign(
        rfm_recency_score=score(-frame["recency_days"]),
        rfm_frequency_score=score(frame["order_count"]),
        rfm_monetary_score=score(frame["revenue"]),
    )
