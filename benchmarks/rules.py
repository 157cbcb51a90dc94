"""Association rules by us, by mlxtend and by Spark: `python -m benchmarks.rules`.

The invoices of Online Retail; every way must find the same itemsets and the same rules, or the run fails.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlxtend.frequent_patterns import association_rules, fpgrowth
from pyspark.ml.fpm import FPGrowth
from pyspark.sql import SparkSession

from benchmarks import machine
from benchmarks.alone import spark_alone
from lakehouse import printing
from lakehouse.settings import Settings
from ml.estimators.baskets import Baskets, baskets_of, frequent_itemsets, rules, smallest_count
from ml.files import matching, read_table
from ml.report.files import SOLD
from ml.report.retail import FILE

DATA = Path("../shared/data") / FILE
CONFIDENCE = 0.5

Itemsets = dict[frozenset[str], int]
Rules = set[tuple[frozenset[str], frozenset[str]]]
Way = Callable[[float], tuple[Itemsets, Rules]]


def ours(baskets: Baskets) -> Way:
    """As `lakehouse rules` does, from pairs of basket and item on."""

    def mine(support: float) -> tuple[Itemsets, Rules]:
        found = frequent_itemsets(baskets, support)
        told = rules(baskets, found, CONFIDENCE)
        itemsets = {frozenset(baskets.items[code] for code in itemset): n for itemset, n in found.items()}
        return itemsets, {(frozenset(rule.antecedent), frozenset(rule.consequent)) for rule in told}

    return mine


def by_mlxtend(baskets: Baskets) -> Way:
    """From its table of truth values on, which is made beforehand."""
    table = np.zeros((baskets.basket_count, len(baskets.items)), dtype=bool)
    table[baskets.basket_codes, baskets.item_codes] = True
    frame = pd.DataFrame(table, columns=list(baskets.items))

    def mine(support: float) -> tuple[Itemsets, Rules]:
        found = fpgrowth(frame, min_support=exact(baskets, support), use_colnames=True)
        told = association_rules(found, metric="confidence", min_threshold=CONFIDENCE)
        counts = (found["support"] * baskets.basket_count).round().astype(int)
        pairs = zip(told["antecedents"], told["consequents"], strict=True)
        return dict(zip(found["itemsets"], counts, strict=True)), set(pairs)

    return mine


def by_spark(baskets: Baskets, spark: SparkSession) -> Way:
    """From a cached table of one array a basket on; rules of any length are asked for, as of the others."""
    pairs = pd.DataFrame(
        {"basket": baskets.basket_codes, "item": np.array(baskets.items, dtype=object)[baskets.item_codes]}
    )
    frame = spark.createDataFrame(pairs.groupby("basket")["item"].agg(list).reset_index()).cache()
    assert frame.count() == baskets.basket_count

    def mine(support: float) -> tuple[Itemsets, Rules]:
        model = FPGrowth(itemsCol="item", minSupport=exact(baskets, support), minConfidence=CONFIDENCE).fit(
            frame
        )
        itemsets = {frozenset(row["items"]): row["freq"] for row in model.freqItemsets.collect()}
        told = model.associationRules.select("antecedent", "consequent").collect()
        return itemsets, {(frozenset(row["antecedent"]), frozenset(row["consequent"])) for row in told}

    return mine


def exact(baskets: Baskets, support: float) -> float:
    """Half a basket below the least count: rounding cannot matter."""
    return (smallest_count(support, baskets.basket_count) - 0.5) / baskets.basket_count


def timed(name: str, way: Way, supports: list[float], rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each support, after a warm-up."""
    way(max(supports))
    for support in supports:
        itemsets, found = way(support)
        yield {
            "way": name,
            "support": support,
            **machine.measured(lambda support=support: way(support), rounds),
            "itemsets": itemsets,
            "rules": found,
        }


def compare(path: Path, supports: list[float], rounds: int) -> list[dict[str, Any]]:
    """Every way with every support; `times_ours` is by seconds, since Spark may use all cores."""
    frame = matching(
        read_table(path, ["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID"]), SOLD
    )
    baskets = baskets_of(frame["InvoiceNo"], frame["StockCode"])
    rows = list(timed("ours", ours(baskets), supports, 5 * rounds))
    rows += timed("mlxtend", by_mlxtend(baskets), supports, rounds)
    with spark_alone() as spark:
        rows += timed("Spark", by_spark(baskets, spark), supports, rounds)
    told = []
    for row in rows:
        first = next(r for r in rows if r["support"] == row["support"])
        assert row["itemsets"] == first["itemsets"], f"{row['way']} finds other itemsets"
        if row["way"] == "Spark":  # its rules have one item in the consequent, by its documentation
            assert row["rules"] == {(a, c) for a, c in first["rules"] if len(c) == 1}
        else:
            assert row["rules"] == first["rules"], f"{row['way']} finds other rules"
        counts = {key: len(row[key]) for key in ("itemsets", "rules")}
        told.append({**row, **counts, "times_ours": round(row["seconds"] / first["seconds"], 1)})
    return told


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help=f"file (default: {DATA})")
    parser.add_argument("--support", type=float, action="append", help="least support (default: .02, .01)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that are timed (default: 3)")
    given = parser.parse_args()
    about = machine.facts(Settings())
    rows = compare(given.data, given.support or [0.02, 0.01], given.rounds)
    machine.keep("rules", {"machine": about, "confidence": CONFIDENCE, "rules": rows})
    printing.show_table(rows, count=False)


if __name__ == "__main__":
    main()
