"""Cohorts by the month or week of the first sale."""

import pandas as pd


def cohorts(sales: pd.DataFrame, period: str) -> pd.DataFrame:
    """Active customers and revenue by cohort_start_date and period_number; `period` is `month` or `week`.

    Only periods with a sale have a row. `sales` has customer_id, order_id, amount and at; an order belongs to
    the day of its first line, weeks begin on Monday.
    """
    keys = ["customer_id", "order_id"]
    orders = sales.groupby(keys).agg(amount=("amount", "sum"), at=("at", "min")).reset_index()
    spans = orders["at"].dt.to_period("M" if period == "month" else "W-SUN")
    first = spans.groupby(orders["customer_id"]).transform("min")
    number = spans.map(lambda span: span.ordinal) - first.map(lambda span: span.ordinal)
    orders = orders.assign(
        cohort_start_date=first.map(lambda span: span.start_time.date()), period_number=number
    )
    grouped = orders.groupby(["cohort_start_date", "period_number"])
    return pd.DataFrame(
        {"active_customers": grouped["customer_id"].nunique(), "revenue": grouped["amount"].sum().round(4)}
    )
