"""Recommenders: what they prefer, why, and that they beat popularity on what customers did later."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ml.estimators.factors import Factors, chunks
from ml.estimators.recommend import (
    Blend,
    Content,
    ItemNeighbours,
    Popularity,
    Recommender,
    interactions,
    ranks_of,
    recommend,
)
from ml.evaluate import ranking_metrics
from ml.report.offers import november

TEXTS = {f"{kind}{n}": f"{kind} number" for kind in ("tea", "lamp") for n in range(6)} | {"pen": "blue pen"}
MODELS: dict[str, Callable[[], Any]] = {
    "popularity": Popularity,
    "neighbours": ItemNeighbours,
    "factors": lambda: Factors(size=2),
    "content": lambda: Content(TEXTS),
    "blend": lambda: Blend([Factors(size=2), Content(TEXTS)]),
}
PERSONAL = [name for name in MODELS if name != "popularity"]


def make_pairs(size: int = 200, seed: int = 1) -> tuple[list[str], list[str]]:
    """Customers who like tea or lamps, and all of whom may have a pen."""
    random = np.random.default_rng(seed)
    customers, items = [], []
    for customer in range(size):
        kind = "tea" if customer % 2 else "lamp"
        chosen = [f"{kind}{n}" for n in random.choice(6, 3, replace=False)]
        chosen += ["pen"] if random.random() < 0.6 else []
        customers += [f"c{customer:03d}"] * len(chosen)
        items += chosen
    return customers, items


SEEN = interactions(*make_pairs())


def row_of(*items: str) -> Any:
    found = np.zeros((1, len(SEEN.items)))
    found[0, [SEEN.items.index(item) for item in items]] = 1
    return csr_matrix(found)


@pytest.mark.parametrize("name", PERSONAL)
def test_customers_get_what_their_like_have_and_not_what_they_have(name: str) -> None:
    model = MODELS[name]().fit(SEEN)
    told = recommend(model, row_of("tea0", "tea1"), 4)
    assert {one.item for one in told} <= {"tea2", "tea3", "tea4", "tea5", "pen"}
    assert sum(one.item.startswith("tea") for one in told) >= 3
    assert [one.score for one in told] == sorted((one.score for one in told), reverse=True)
    assert all("tea" in one.reason or one.reason == "popular" for one in told if one.item != "pen")


def test_popularity_recommends_the_same_to_all() -> None:
    told = recommend(Popularity().fit(SEEN), row_of("tea0"), 1)
    assert told[0].item == "pen"
    assert told[0].reason == f"{int(told[0].score)} customers have it"


@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_rows_changes_nothing(name: str) -> None:
    customers, items = make_pairs()
    order = np.random.default_rng(0).permutation(len(items))
    again = interactions([customers[n] for n in order], [items[n] for n in order])
    scores = [MODELS[name]().fit(seen).scores(row_of("tea0", "lamp1")) for seen in (SEEN, again)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-9)


@pytest.mark.parametrize("name", PERSONAL)
def test_a_customer_without_anything_is_no_error(name: str) -> None:
    model = MODELS[name]().fit(SEEN)
    assert recommend(model, csr_matrix((1, len(SEEN.items)))) == []


def test_factors_solve_what_they_claim_to() -> None:
    """The gradient of the weighted squares vanishes at each customer's factors."""
    model = Factors(size=4).fit(SEEN)
    found = model._solved(SEEN.matrix.tocsr(), model.item_factors_)
    assert len({len(row.indices) for row in SEEN.matrix}) > 1  # longer and shorter ones, solved together
    for factors, row in zip(found, SEEN.matrix.toarray(), strict=True):
        trust = 1 + model.alpha * np.log1p(row)
        error = (row > 0) - model.item_factors_ @ factors
        gradient = model.item_factors_.T @ (trust * error) - model.penalty * factors
        np.testing.assert_allclose(gradient, 0, atol=1e-9)


def test_factors_that_nothing_determines_are_an_error() -> None:
    with pytest.raises(ValueError, match="the penalty must be above 0"):
        Factors(size=20, penalty=0).fit(SEEN)


@pytest.mark.parametrize("most", [1, 5, 6, 1_000])
def test_rows_are_solved_in_parts_of_like_lengths(most: int) -> None:
    lengths = np.array([2, 1, 3, 3, 9, 1])
    rows = np.array([1, 5, 0, 2, 3, 4])
    parts = list(chunks(rows, lengths, most))
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert all(len(part) == 1 or len(part) * lengths[part[-1]] <= most for part in parts)
    assert list(chunks(rows[:0], lengths, most)) == []


def test_ranks_share_ties_and_skip_what_is_owned() -> None:
    class Fixed:
        def scores(self, rows: Any) -> Any:
            return np.tile([3.0, 2.0, 2.0, 2.0, 1.0], (rows.shape[0], 1))

    rows = csr_matrix([[1.0, 0, 0, 0, 0]] * 3)
    model: Any = Fixed()
    assert ranks_of(model, rows, np.array([1, 4, 0])).tolist() == [1, 3, -1]


def test_new_products_of_november_are_foreseen_better_than_by_popularity(
    shared: Callable[[str], Path],
) -> None:
    seen, rows, wanted, texts = november(shared("online_retail/online_retail.parquet"))
    assert len(wanted) > 1_200

    def ndcg(model: Recommender) -> float:
        return ranking_metrics(ranks_of(model.fit(seen), rows, wanted))["ndcg_at_10"]

    popular = ndcg(Popularity())
    assert popular < 0.015
    assert ndcg(ItemNeighbours()) > 2 * popular
    assert ndcg(Content(texts)) > 3 * popular
    assert ndcg(Blend([Factors(rounds=4), Content(texts)])) > 3.3 * popular
