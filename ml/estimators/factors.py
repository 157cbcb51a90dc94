"""Recommendations by factors of customers and items, learned from what customers have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from scipy.linalg.lapack import dposv
from scipy.sparse import csr_matrix

from ml.arrays import Codes, Matrix
from ml.estimators.recommend import Interactions, because

AT_ONCE = 64_000  # numbers of the rows that are solved together: half a megabyte stays in the cache


class Factors:
    """Implicit feedback in factors, by alternating least squares: one small system per customer and item.

    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).
    """

    def __init__(
        self,
        size: int = 64,
        alpha: float = 5.0,
        penalty: float = 0.5,
        rounds: int = 12,
        random_state: int = 0,
    ) -> None:
        self.size = size
        self.alpha = alpha
        self.penalty = penalty
        self.rounds = rounds
        self.random_state = random_state

    def fit(self, seen: Interactions) -> Self:
        random = np.random.default_rng(self.random_state)
        self.items_ = seen.items
        by_customer = seen.matrix.tocsr().astype(np.float64)
        by_item = by_customer.T.tocsr()
        self.item_factors_ = random.normal(0, 0.1, (by_customer.shape[1], self.size))
        for _ in range(self.rounds):
            customers = self._solved(by_customer, self.item_factors_)
            self.item_factors_ = self._solved(by_item, customers)
        return self

    def _solved(self, weights: Any, other: Matrix) -> Matrix:
        """Factors of each row that fit its weights best, given those of the columns."""
        trust = self.alpha * np.log1p(weights.data)
        wanted = csr_matrix((1 + trust, weights.indices, weights.indptr), shape=weights.shape) @ other
        gram = other.T @ other + self.penalty * np.eye(self.size)
        found = np.zeros((weights.shape[0], self.size))
        lengths = np.diff(weights.indptr)
        order = np.argsort(lengths, kind="stable")
        for rows in chunks(order[lengths[order] > 0], lengths, AT_ONCE // self.size):
            # the shorter ones are filled up with what counts nothing
            offsets = np.arange(lengths[rows[-1]])
            there = offsets < lengths[rows][:, None]
            places = np.where(there, weights.indptr[rows][:, None] + offsets, 0)
            theirs = other[weights.indices[places]]
            theirs *= np.sqrt(np.where(there, trust[places], 0.0))[:, :, None]
            systems = theirs.transpose(0, 2, 1) @ theirs + gram
            for row, system in zip(rows, systems, strict=True):
                # by Cholesky: half the work of a general system
                _, found[row], fault = dposv(system.T, wanted[row], lower=1, overwrite_a=1)
                if fault:
                    raise ValueError("the factors are not defined: the penalty must be above 0")
        return found

    def scores(self, rows: Any) -> Matrix:
        found: Matrix = (
            self._solved(rows.tocsr().astype(np.float64), self.item_factors_) @ self.item_factors_.T
        )
        return found

    def reason(self, row: Any, item: int) -> str:
        lengths = np.linalg.norm(self.item_factors_, axis=1)
        likeness = self.item_factors_ @ self.item_factors_[item] / np.maximum(lengths * lengths[item], 1e-12)
        return because(row, likeness, self.items_, "customers like them have it with")


def chunks(rows: Codes, lengths: Codes, most: int) -> Iterator[Codes]:
    """Rows, sorted by length, in parts of at most so many entries when all are as long as the longest."""
    first = 0
    for last, length in enumerate(lengths[rows]):
        if last > first and (last - first + 1) * length > most:
            yield rows[first:last]
            first = last
    if len(rows):
        yield rows[first:]
