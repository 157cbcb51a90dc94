"""Recommenders on Online Retail: learned until October 2011, judged by what was new in November."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.estimators.factors import Factors
from ml.estimators.recommend import (
    Blend,
    Content,
    Interactions,
    ItemNeighbours,
    Popularity,
    Recommender,
    interactions,
    ranks_of,
)
from ml.evaluate import intervals, ranking_metrics
from ml.report.lines import Cost, Line, speed, spent
from ml.report.retail import FILE

RANKED = {"hit_rate_at_10": "hit rate at 10", "ndcg_at_10": "NDCG at 10"}
SCORED = 200  # customers by whom the speed is measured
MODELS: Mapping[str, Callable[[Mapping[str, str]], Recommender]] = {
    "popularity": lambda _: Popularity(),
    "item neighbours": lambda _: ItemNeighbours(),
    "factors": lambda _: Factors(),
    "content": lambda texts: Content(dict(texts)),
    "factors and content": lambda texts: Blend([Factors(), Content(dict(texts))]),
}


class November(NamedTuple):
    """What was bought before, whom to judge by, the item that each of them wants, and descriptions."""

    seen: Interactions
    rows: Any
    wanted: Any
    texts: dict[str, str]


def november(path: Path) -> November:
    """What customers bought until October 2011, and the first product new to them in November."""
    lines = pd.read_parquet(path)
    lines = lines[lines["CustomerID"].notna() & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    lines = lines[lines["StockCode"].str.match(r"^\d{5}")].sort_values("InvoiceDate", kind="stable")
    lines = lines.assign(customer=lines["CustomerID"].astype(int).astype(str))
    old = lines[lines["InvoiceDate"] < "2011-11-01"]
    new = lines[(lines["InvoiceDate"] >= "2011-11-01") & (lines["InvoiceDate"] < "2011-12-01")]
    seen = interactions(old["customer"], old["StockCode"])
    new = new[new["customer"].isin(seen.customers) & new["StockCode"].isin(seen.items)]
    owned = pd.MultiIndex.from_frame(old[["customer", "StockCode"]])
    new = new[~pd.MultiIndex.from_frame(new[["customer", "StockCode"]]).isin(owned)]
    first = new.drop_duplicates("customer")
    rows = seen.matrix[np.searchsorted(seen.customers, first["customer"])]
    wanted = np.searchsorted(seen.items, first["StockCode"])
    known = old.drop_duplicates("StockCode", keep="last")
    texts = dict(zip(known["StockCode"], known["Description"], strict=True))
    return November(seen, rows, wanted, texts)


@dataclass(frozen=True)
class Offers:
    """Every recommender, beside popularity."""

    data: str = "Online Retail, first new product of November 2011"
    file: str = FILE

    def lines(self, path: Path) -> Iterator[Line]:
        """Hit rate and NDCG of the product that each customer took."""
        seen, rows, wanted, texts = november(path)
        popular = ranking_metrics(ranks_of(Popularity().fit(seen), rows, wanted))
        for name, make in MODELS.items():
            with spent() as seconds:
                model = make(texts).fit(seen)
            some = rows[:SCORED]
            cost = Cost(seconds(), speed=speed(partial(model.scores, some), some.shape[0]))
            yield from ranked(self.data, name, ranks_of(model, rows, wanted), popular, cost)


def ranked(
    data: str, model: str, ranks: Any, usual: Mapping[str, float], cost: Cost, people: Any = None
) -> Iterator[Line]:
    """Lines of a model's places; intervals draw cases, or with `people` whole people."""
    whose = np.unique(np.arange(len(ranks)) if people is None else people, return_inverse=True)[1]
    order = np.argsort(whose, kind="stable")
    cases = np.split(ranks[order], np.flatnonzero(np.diff(whose[order])) + 1)
    found = ranking_metrics(ranks)
    between = intervals(
        lambda chosen: ranking_metrics(np.concatenate([cases[n] for n in chosen])), len(cases)
    )
    for key, name in RANKED.items():
        first = cost if key == "hit_rate_at_10" else None
        yield Line(data, model, name, found[key], between[key], usual[key], cost=first)
