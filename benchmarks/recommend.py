"""Factors trained by us and by Spark's ALS, and how well both recommend: `python -m benchmarks.recommend`.

Online Retail until October 2011, judged by the first product new to each customer in November. Both get the
same weights, size, trust and rounds; Spark's penalty grows with the length of a row, so several are tried
and the one that recommends best is compared.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession

from benchmarks import machine
from benchmarks.alone import spark_alone
from lakehouse import printing
from lakehouse.settings import Settings
from ml.estimators.factors import Factors
from ml.estimators.recommend import Interactions, ranks_of
from ml.evaluate import intervals, ranking_metrics
from ml.report.offers import November, november
from ml.report.retail import FILE

DATA = Path("../shared/data") / FILE
PENALTIES = (0.003, 0.01, 0.03, 0.1)  # of Spark


class Fitted:
    """Spark's factors; a customer is known by what they have, and who has the same has the same factors."""

    def __init__(self, customers: Any, items: Any, matrix: Any) -> None:
        self._customers, self._items = customers, items
        self._places = {owned(row): place for place, row in enumerate(matrix)}

    def scores(self, rows: Any) -> Any:
        return self._customers[[self._places[owned(row)] for row in rows]] @ self._items.T


def owned(row: Any) -> bytes:
    """A row as a key."""
    return bytes(row.indices.tobytes() + row.data.tobytes())


def by_spark(spark: SparkSession, seen: Interactions, asked: Factors) -> Callable[[float], Fitted]:
    """A training with a penalty, of the pairs in a cached table."""
    pairs = seen.matrix.tocoo()
    frame = spark.createDataFrame(
        pd.DataFrame({"user": pairs.row, "item": pairs.col, "rating": np.log1p(pairs.data)})
    ).cache()
    assert frame.count() == pairs.nnz

    def fit(penalty: float) -> Fitted:
        model = ALS(
            rank=asked.size,
            maxIter=asked.rounds,
            alpha=asked.alpha,
            regParam=penalty,
            implicitPrefs=True,
            userCol="user",
            itemCol="item",
            seed=asked.random_state,
        ).fit(frame)
        sides = []
        for table, size in zip((model.userFactors, model.itemFactors), pairs.shape, strict=True):
            found = table.toPandas()
            factors = np.zeros((size, asked.size))
            factors[found["id"]] = np.stack(found["features"])
            sides.append(factors)
        return Fitted(*sides, seen.matrix.tocsr())

    return fit


def judged(model: Any, cases: November) -> Any:
    """Places of what the customers took."""
    return ranks_of(model, cases.rows, cases.wanted)


def ndcg(ranks: Any) -> float:
    return ranking_metrics(ranks)["ndcg_at_10"]


def told(ranks: Any) -> dict[str, Any]:
    """NDCG with its interval, for people."""
    low, high = intervals(lambda chosen: ranking_metrics(ranks[chosen]), len(ranks))["ndcg_at_10"]
    return {"ndcg_at_10": round(ndcg(ranks), 4), "low": round(low, 4), "high": round(high, 4)}


def compare(path: Path, rounds: int) -> dict[str, Any]:
    """Both, and the interval of the difference on the same customers."""
    cases, asked = november(path), Factors()
    fit = partial(Factors().fit, cases.seen)
    mine = judged(fit(), cases)
    rows = [{"way": "ours", "penalty": asked.penalty, **machine.measured(fit, rounds), **told(mine)}]
    with spark_alone() as spark:
        train = by_spark(spark, cases.seen, asked)
        tried = {penalty: judged(train(penalty), cases) for penalty in PENALTIES}  # a warm-up, too
        best = max(tried, key=lambda penalty: ndcg(tried[penalty]))
        spent = machine.measured(lambda: train(best), rounds)
    rows.append({"way": "Spark", "penalty": best, **spent, **told(tried[best])})
    theirs = tried[best]
    gain = intervals(
        lambda chosen: {"gain": ndcg(mine[chosen]) - ndcg(theirs[chosen])}, len(mine), rounds=500
    )
    return {
        "pairs": int(cases.seen.matrix.nnz),
        "customers": len(cases.seen.customers),
        "items": len(cases.seen.items),
        "judged_customers": len(mine),
        "size": asked.size,
        "rounds_of_training": asked.rounds,
        "tried": {str(penalty): round(ndcg(ranks), 4) for penalty, ranks in tried.items()},
        "times_faster": round(rows[1]["seconds"] / rows[0]["seconds"], 1),
        "times_less_cpu": round(rows[1]["cpu_seconds"] / rows[0]["cpu_seconds"], 1),
        "ndcg_gain_interval": [round(bound, 4) for bound in gain["gain"]],
        "recommend": rows,
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recommend", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help=f"file (default: {DATA})")
    parser.add_argument("--rounds", type=int, default=3, help="trainings that are timed (default: 3)")
    given = parser.parse_args()
    about = machine.facts(Settings())
    found = compare(given.data, given.rounds)
    machine.keep("recommend", {"machine": about, **found})
    printing.show_table(found.pop("recommend"), count=False)
    printing.show_table([{"what": k.replace("_", " "), "value": str(v)} for k, v in found.items()])


if __name__ == "__main__":
    main()
