"""Recommendations: what a customer may want next, and why.

Every recommender takes pairs (customer, item) with a weight, and tells (item, score, reason) rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ml.arrays import Matrix
from ml.text import TfIdf


@dataclass(frozen=True)
class Recommendation:
    """One item for one customer, the best first."""

    item: str
    score: float
    reason: str


@dataclass(frozen=True)
class Interactions:
    """Weights (customers x items, sparse) with the names of both."""

    matrix: Any
    customers: tuple[str, ...]
    items: tuple[str, ...]


def interactions(customers: Any, items: Any, weights: Any = None) -> Interactions:
    """Summed weights of pairs (default: how often they occur), names in order."""
    rows, customer_names = pd.factorize(pd.Series(customers).astype(str), sort=True)
    columns, item_names = pd.factorize(pd.Series(items).astype(str), sort=True)
    values = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    shape = (len(customer_names), len(item_names))
    matrix = csr_matrix((values, (rows, columns)), shape=shape)
    return Interactions(matrix, tuple(map(str, customer_names)), tuple(map(str, item_names)))


class Recommender(Protocol):
    """Scores items for customers of what it was fitted on."""

    def fit(self, seen: Interactions) -> Self: ...

    def scores(self, rows: Any) -> Matrix:
        """Score of every item for customers given by their weights (n x items, sparse)."""

    def reason(self, row: Any, item: int) -> str:
        """Why an item, for one customer (1 x items)."""


class Popularity:
    """How many customers have an item: the baseline."""

    def fit(self, seen: Interactions) -> Self:
        self.items_ = seen.items
        self.holders_ = np.asarray((seen.matrix > 0).sum(axis=0), dtype=np.float64).ravel()
        return self

    def scores(self, rows: Any) -> Matrix:
        return np.tile(self.holders_, (rows.shape[0], 1))

    def reason(self, row: Any, item: int) -> str:
        return f"{self.holders_[item]:,.0f} customers have it"


class ItemNeighbours:
    """Items that the same customers have: cosine of items, shrunk where few customers say so.

    B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW (2001).
    """

    def __init__(self, neighbours: int = 50, shrink: float = 10.0) -> None:
        self.neighbours = neighbours
        self.shrink = shrink

    def fit(self, seen: Interactions) -> Self:
        self.items_ = seen.items
        binary = (seen.matrix > 0).astype(np.float64)
        together = (binary.T @ binary).tocsr()
        holders = np.asarray(binary.sum(axis=0)).ravel()
        together = together.tocoo()
        off = together.row != together.col
        rows, columns, counts = together.row[off], together.col[off], together.data[off]
        values = counts / (np.sqrt(holders[rows] * holders[columns]) + self.shrink)
        # the most alike of each item alone are kept
        order = np.lexsort((columns, -values, rows))
        starts = np.searchsorted(rows[order], np.arange(len(self.items_)))
        place = np.arange(len(order)) - starts[rows[order]]
        kept = order[place < self.neighbours]
        shape = (len(self.items_), len(self.items_))
        self.likeness_ = csr_matrix((values[kept], (rows[kept], columns[kept])), shape=shape)
        self.by_item_ = self.likeness_.tocsc()  # a reason looks at one column
        return self

    def scores(self, rows: Any) -> Matrix:
        found: Matrix = np.asarray(((rows > 0).astype(np.float64) @ self.likeness_).todense())
        return found

    def reason(self, row: Any, item: int) -> str:
        return because(row, np.asarray(self.by_item_[:, [item]].todense()).ravel(), self.items_)


class Content:
    """Items whose words (title, category, brand) are like those of a customer's own.

    M. Pazzani and D. Billsus, "Content-based recommendation systems" (2007).
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def fit(self, seen: Interactions) -> Self:
        self.items_ = seen.items
        texts = [self.texts.get(item, "") for item in seen.items]
        terms = sorted({term for text in texts for term in words(text)})
        counts = np.zeros(len(terms))
        places = {term: place for place, term in enumerate(terms)}
        for text in texts:
            for term in set(words(text)):
                counts[places[term]] += 1
        idf = np.log((1 + len(texts)) / (1 + counts)) + 1
        rows = TfIdf({"vocabulary": terms, "idf": idf, "longest": 1}).transform(texts) if terms else None
        shape = (len(texts), len(terms))
        self.rows_ = (
            csr_matrix((rows.values, rows.terms, rows.starts), shape=shape) if rows else csr_matrix(shape)
        )
        return self

    def scores(self, rows: Any) -> Matrix:
        weights = rows.multiply(1 / np.maximum(np.asarray(rows.sum(axis=1)), 1e-12)).tocsr()
        found: Matrix = np.asarray((weights @ self.rows_ @ self.rows_.T).todense())
        return found

    def reason(self, row: Any, item: int) -> str:
        likeness = np.asarray((self.rows_ @ self.rows_[[item]].T).todense()).ravel()
        return because(row, likeness, self.items_, "described like")


class Blend:
    """The mean rank of several recommenders' scores, so that no scale outweighs another."""

    def __init__(self, parts: Sequence[Recommender], weights: Sequence[float] | None = None) -> None:
        self.parts = parts
        self.weights = weights

    def fit(self, seen: Interactions) -> Self:
        for part in self.parts:
            part.fit(seen)
        self.items_ = seen.items
        return self

    def scores(self, rows: Any) -> Matrix:
        weights = self.weights or [1.0] * len(self.parts)
        found = [w * reciprocal_ranks(part.scores(rows)) for w, part in zip(weights, self.parts, strict=True)]
        total: Matrix = np.sum(found, axis=0)
        return total

    def reason(self, row: Any, item: int) -> str:
        weights = self.weights or [1.0] * len(self.parts)
        shares = [
            w * reciprocal_ranks(p.scores(row))[0, item] for w, p in zip(weights, self.parts, strict=True)
        ]
        return self.parts[int(np.argmax(shares))].reason(row, item)


def reciprocal_ranks(scores: Matrix, offset: float = 20.0) -> Matrix:
    """1 / (offset + rank) of each item in its row, 0 where the score is 0: reciprocal rank fusion, G.
    Cormack, C. Clarke and S. Büttcher, SIGIR (2009)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(scores.shape[1])[None, :], axis=1)
    return np.where(scores > 0, 1 / (offset + ranks), 0.0)


def words(text: str) -> list[str]:
    """Words of a description, as TfIdf reads them."""
    return TfIdf({"vocabulary": [], "idf": np.empty(0), "longest": 1}).terms(text)


def because(row: Any, likeness: Matrix, items: Sequence[str], how: str = "bought with") -> str:
    """The customer's own item that is the most like the recommended one."""
    own = row.tocsr().indices
    if not len(own) or not (likeness[own] > 0).any():
        return "popular"
    return f"{how} {items[int(own[np.argmax(likeness[own])])]}"


def recommend(model: Recommender, row: Any, count: int = 10) -> list[Recommendation]:
    """The best items for one customer (1 x items) that they do not have yet."""
    scores = model.scores(row)[0].copy()
    scores[row.tocsr().indices] = -np.inf
    best = np.argsort(-scores, kind="stable")[:count]
    items = model.items_  # type: ignore[attr-defined]
    return [
        Recommendation(items[int(place)], float(scores[place]), model.reason(row, int(place)))
        for place in best
        if np.isfinite(scores[place]) and scores[place] > 0
    ]


def ranks_of(model: Recommender, rows: Any, wanted: NDArray[np.int64], batch: int = 500) -> NDArray[np.int64]:
    """Place of each customer's wanted item among those that they do not have, from 0 on; items with
    the same score share the mean place."""
    found = []
    for first in range(0, rows.shape[0], batch):
        part, want = rows[first : first + batch].tocsr(), wanted[first : first + batch]
        scores = model.scores(part)
        scores[np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)), part.indices] = -np.inf
        own = scores[np.arange(len(want)), want][:, None]
        ties = (scores == own).sum(axis=1) - 1
        place = (scores > own).sum(axis=1) + ties / 2
        found.append(np.where(np.isfinite(own[:, 0]), np.ceil(place), -1).astype(np.int64))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)
