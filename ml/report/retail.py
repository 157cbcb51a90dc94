"""Models of the lake on Online Retail's own orders: as-of features as the marts make them, later truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.estimators.purchase import MODELS, Propensity
from ml.estimators.value_lifetime import LifetimeValue
from ml.evaluate import binary_metrics, count_metrics, intervals
from ml.features import names
from ml.registry import encoded
from ml.report.lines import Cost, Line, speed, spent
from ml.scorers import make_scorer

FILE = "online_retail/online_retail.parquet"
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
        """Every kind of model. A customer is there on five Mondays, so intervals draw customers."""
        orders, given = orders_of(path), list(names(self.model))
        train = pd.concat([as_of(orders, day) for day in WEEKS if day + WEEK <= TEST])
        test = pd.concat([as_of(orders, day) for day in WEEKS if day >= TEST])
        truth, values = test["buys"].to_numpy() == 1, test[given].to_numpy(dtype=np.float64)
        places = [np.flatnonzero(test.index == customer) for customer in test.index.unique()]
        alone = binary_metrics(truth, -test["recency_days"].to_numpy(dtype=np.float64))
        for model in MODELS:
            with spent() as seconds:
                fitted = Propensity(model).fit(train[given], train["buys"]).to_artefact()
            scorer = make_scorer(fitted)
            chances = scorer.score(values)[0]

            def metrics(chosen: Any, chances: Any = chances) -> dict[str, Any]:
                rows = np.concatenate([places[place] for place in chosen])
                return binary_metrics(truth[rows], chances[rows])

            found, between = binary_metrics(truth, chances), intervals(metrics, len(places))
            rate = speed(partial(scorer.score, values), len(values))
            cost = Cost(seconds(), len(encoded(fitted)), rate)
            for key, name, published in (("roc_auc", "AUC", 0.731), ("average_precision", "AP", 0.320)):
                yield Line(
                    self.data,
                    f"{self.model}, {model}",
                    name,
                    float(found[key] or 0.0),
                    between[key],
                    alone[key],
                    float(truth.mean()),
                    published,
                    cost if key == "roc_auc" else None,
                )


@dataclass(frozen=True)
class Values:
    """What customers spend in the 90 days after a date, beside the 90 days before it again."""

    until: str
    file: str = FILE
    model: str = "lifetime_value"

    @property
    def data(self) -> str:
        return f"Online Retail, 90 days from {self.until}"

    def lines(self, path: Path) -> Iterator[Line]:
        """The error of what each customer is to spend; no label is learned from."""
        rows = as_of(orders_of(path), pd.Timestamp(self.until))
        given, truth = rows[list(names(self.model))].astype(np.float64), rows["spends"].to_numpy()
        with spent() as seconds:
            fitted = LifetimeValue(90).fit(given).to_artefact()
        scorer, matrix = make_scorer(fitted), given.to_numpy()
        expected = scorer.score(matrix)[0]
        found = count_metrics(expected, truth)
        between = intervals(lambda chosen: count_metrics(expected[chosen], truth[chosen]), len(truth))
        cost = Cost(seconds(), len(encoded(fitted)), speed(lambda: scorer.score(matrix), len(matrix)))
        usual = count_metrics(rows["revenue_90d"].to_numpy(), truth)["relative_mae"]
        key = "relative_mae"
        yield Line(self.data, self.model, "relative MAE", found[key], between[key], usual, cost=cost)
