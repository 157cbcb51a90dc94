"""Groups of Online Retail's customers by every algorithm: how they separate, and how stable they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml.estimators.clusters import ALGORITHMS, compare
from ml.features import names
from ml.report.lines import Cost, Line, spent
from ml.report.retail import FILE, as_of, orders_of


@dataclass(frozen=True)
class Groups:
    """Each algorithm with the number of clusters that suits it best."""

    data: str = "Online Retail, customers by recency, orders, revenue"
    file: str = FILE

    def lines(self, path: Path) -> Iterator[Line]:
        """Nobody knows the true groups, so there is no interval and no baseline."""
        orders = orders_of(path)
        rows = as_of(orders, orders["day"].max())[list(names("customer_segment"))]
        for algorithm in ALGORITHMS:
            with spent() as seconds:
                found = compare(rows, (algorithm,))
            cost: Cost | None = Cost(seconds())  # of every number of clusters, and of the stability
            for best in found[:1]:
                model = f"{algorithm}, {best.n_clusters} clusters"
                for metric, value in (
                    ("silhouette", best.silhouette),
                    ("Davies-Bouldin", best.davies_bouldin),
                    ("stability", best.stability),
                ):
                    yield Line(self.data, model, metric, value, cost=cost)
                    cost = None
