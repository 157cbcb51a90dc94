"""Association rules: what is bought together more often than by chance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Itemset = tuple[int, ...]  # item codes, ascending
Counts = dict[Itemset, int]  # baskets that hold all of an itemset
METHODS = ("eclat", "fpgrowth")


@dataclass(frozen=True)
class Baskets:
    """Which item is in which basket, each pair once, sorted by basket, then item."""

    basket_codes: NDArray[np.int64]
    item_codes: NDArray[np.int64]
    basket_count: int
    items: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One rule. Supports are shares of all baskets; `conviction` is None where confidence is 1."""

    antecedent: list[str]
    consequent: list[str]
    support: float
    confidence: float
    lift: float
    leverage: float
    conviction: float | None
    antecedent_support: float
    consequent_support: float
    basket_count: int

    def row(self) -> dict[str, Any]:
        """Its columns in a table for people."""
        conviction = "inf" if self.conviction is None else f"{self.conviction:.3f}"
        return {
            "antecedent": ", ".join(self.antecedent),
            "consequent": ", ".join(self.consequent),
            "support": round(self.support, 4),
            "confidence": round(self.confidence, 4),
            "lift": round(self.lift, 3),
            "leverage": round(self.leverage, 4),
            "conviction": conviction,
        }


def baskets_of(basket: Any, item: Any) -> Baskets:
    """Baskets from two columns of equal length; rows that lack either are left out."""
    frame = pd.DataFrame({"basket": np.asarray(basket), "item": np.asarray(item)}).dropna()
    basket_codes, names = pd.factorize(frame["basket"])
    item_codes, items = pd.factorize(frame["item"].astype(str), sort=True)
    pairs = np.unique(basket_codes.astype(np.int64) * max(len(items), 1) + item_codes)
    codes = np.divmod(pairs, max(len(items), 1))
    return Baskets(codes[0], codes[1], len(names), tuple(str(name) for name in items))


def smallest_count(min_support: float, basket_count: int) -> int:
    """The least count whose share of the baskets is at least `min_support`, free of rounding."""
    count = max(int(min_support * basket_count) - 1, 1)
    while count / basket_count < min_support:
        count += 1
    return count


def frequent_itemsets(
    baskets: Baskets, min_support: float, max_length: int | None = None, method: str = "eclat"
) -> Counts:
    """Every itemset in at least that share of the baskets, with the number of baskets that hold it.

    `eclat` walks depth first over bitsets of baskets, rare items first, and keeps in memory only the
    baskets of one item at a time: M. Zaki, "Scalable algorithms for association mining", IEEE TKDE
    12 (2000). `fpgrowth` is that of mlxtend, for reference.
    """
    if not baskets.basket_count:
        return {}
    least = smallest_count(min_support, baskets.basket_count)
    if method == "fpgrowth":
        return by_fpgrowth(baskets, least, max_length)
    if method != "eclat":
        raise ValueError(f"there is no method {method!r}, only {', '.join(METHODS)}")
    return dict(by_eclat(baskets, least, max_length or len(baskets.items)))


def by_eclat(baskets: Baskets, least: int, max_length: int) -> Iterator[tuple[Itemset, int]]:
    """Itemsets that begin with each item in turn, from the rarest frequent one on."""
    totals = np.bincount(baskets.item_codes, minlength=len(baskets.items))
    frequent = np.flatnonzero(totals >= least)
    order = frequent[np.argsort(totals[frequent], kind="stable")]
    rank = np.full(len(baskets.items), -1)
    rank[order] = np.arange(len(order))
    found = rank[baskets.item_codes]
    kept = found >= 0
    bits_of_rank = len(order).bit_length()
    # In each basket the rarest item first: what an item is counted with are the entries behind it.
    entries = np.sort(baskets.basket_codes[kept] << bits_of_rank | found[kept])
    ranks, rows = entries & (1 << bits_of_rank) - 1, entries >> bits_of_rank
    ends = np.searchsorted(rows, rows, side="right")
    by_rank = np.argsort(ranks.astype(np.min_scalar_type(len(order))), kind="stable")
    bounds = np.cumsum(np.bincount(ranks + 1, minlength=len(order) + 1))
    for first in range(len(order)):
        yield (int(order[first]),), int(totals[order[first]])
        if max_length == 1:
            continue
        holders = by_rank[bounds[first] : bounds[first + 1]]
        lengths = ends[holders] - holders - 1
        until = np.cumsum(lengths)
        others = ranks[np.arange(until[-1]) + np.repeat(holders + 1 - (until - lengths), lengths)]
        together = np.bincount(others, minlength=len(order))
        partners = np.flatnonzero(together >= least)
        if not len(partners):
            continue
        place = np.full(len(order), -1)
        place[partners] = np.arange(len(partners))
        places = place[others]
        chosen = np.flatnonzero(places >= 0)
        bits = np.zeros((len(partners), -(-len(holders) // 64) * 64), dtype=bool)
        bits[places[chosen], np.searchsorted(until, chosen, side="right")] = True
        words = np.packbits(bits, axis=1).view(np.uint64)
        codes = order[partners]
        yield from grow((int(order[first]),), codes, words, together[partners], least, max_length)


def grow(
    prefix: Itemset, codes: Any, words: Any, counts: Any, least: int, max_length: int
) -> Iterator[tuple[Itemset, int]]:
    """Itemsets that hold `prefix` and some of `codes`; a row of `words` is the baskets of both."""
    for position, code in enumerate(codes):
        itemset = (*prefix, int(code))
        yield tuple(sorted(itemset)), int(counts[position])
        if len(itemset) == max_length or position + 1 == len(codes):
            continue
        joined = words[position + 1 :] & words[position]
        together = np.bitwise_count(joined).sum(axis=1, dtype=np.int64)
        kept = together >= least
        if kept.any():
            rest = codes[position + 1 :][kept]
            yield from grow(itemset, rest, joined[kept], together[kept], least, max_length)


def by_fpgrowth(baskets: Baskets, least: int, max_length: int | None) -> Counts:
    """The same by mlxtend, on a table of baskets and frequent items."""
    from mlxtend.frequent_patterns import fpgrowth

    totals = np.bincount(baskets.item_codes, minlength=len(baskets.items))
    frequent = np.flatnonzero(totals >= least)
    place = np.full(len(baskets.items), -1)
    place[frequent] = np.arange(len(frequent))
    kept = place[baskets.item_codes] >= 0
    table = np.zeros((baskets.basket_count, len(frequent)), dtype=bool)
    table[baskets.basket_codes[kept], place[baskets.item_codes[kept]]] = True
    support = (least - 0.5) / baskets.basket_count  # half a basket below: rounding cannot matter
    frame = pd.DataFrame(table, columns=frequent)
    found = fpgrowth(frame, min_support=support, max_len=max_length, use_colnames=True)
    counts = (found["support"] * baskets.basket_count).round().astype(int)
    pairs = zip(found["itemsets"], counts, strict=True)
    return {tuple(sorted(int(code) for code in itemset)): int(count) for itemset, count in pairs}


def rules(baskets: Baskets, itemsets: Mapping[Itemset, int], min_confidence: float) -> list[Rule]:
    """Every rule of at least that confidence within the itemsets, the strongest lift first.

    Metrics: R. Agrawal and R. Srikant, "Fast algorithms for mining association rules", VLDB (1994);
    G. Piatetsky-Shapiro (1991) for leverage; S. Brin et al., SIGMOD (1997) for lift and conviction.
    """
    found = []
    for itemset, count in itemsets.items():
        for size in range(1, len(itemset)):
            for antecedent in combinations(itemset, size):
                if count / itemsets[antecedent] >= min_confidence:
                    consequent = tuple(code for code in itemset if code not in antecedent)
                    found.append(make_rule(baskets, itemsets, antecedent, consequent, count))
    return sorted(found, key=lambda rule: (-rule.lift, -rule.support, rule.antecedent, rule.consequent))


def make_rule(
    baskets: Baskets, itemsets: Mapping[Itemset, int], antecedent: Itemset, consequent: Itemset, count: int
) -> Rule:
    """One rule with its metrics."""
    size = baskets.basket_count
    support, ante, cons = count / size, itemsets[antecedent] / size, itemsets[consequent] / size
    confidence = count / itemsets[antecedent]
    return Rule(
        antecedent=[baskets.items[code] for code in antecedent],
        consequent=[baskets.items[code] for code in consequent],
        support=support,
        confidence=confidence,
        lift=count * size / (itemsets[antecedent] * itemsets[consequent]),
        leverage=support - ante * cons,
        conviction=(1 - cons) / (1 - confidence) if confidence < 1 else None,
        antecedent_support=ante,
        consequent_support=cons,
        basket_count=count,
    )
