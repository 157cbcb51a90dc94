"""Ensembles of trees as arrays, and their exact reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, whole

PAIRS = 2_000_000  # of rows and trees, walked at once


class Trees:
    """Sum of leaf values (nodes x outputs) over all trees, plus `base` (outputs).

    Fields, one entry a node, children after their parent: `feature`, `threshold`, `left`, `right`
    (a leaf names itself), `cover` (training rows), `values`; `roots`, one entry a tree; `is_single`, 1
    where features are compared in single precision, as scikit-learn's trees do.
    """

    def __init__(self, fields: Mapping[str, Any], width: int) -> None:
        self.values = numbers(fields, "values", (None, None))
        size = len(self.values)
        self.base = numbers(fields, "base", (self.values.shape[1],))
        self.feature = whole(fields, "feature", (size,), 0, width)
        self.threshold = numbers(fields, "threshold", (size,))
        self.left = whole(fields, "left", (size,), 0, size)
        self.right = whole(fields, "right", (size,), 0, size)
        self.cover = numbers(fields, "cover", (size,))
        self.roots = whole(fields, "roots", (None,), 0, size)
        self.is_single = bool(whole(fields, "is_single", (), 0, 2))
        own = np.arange(size)
        self.is_leaf = (self.left == own) & (self.right == own)
        inner = ~self.is_leaf
        if (self.left[inner] <= own[inner]).any() or (self.right[inner] <= own[inner]).any():
            raise ValueError("'left' and 'right' of the artefact do not lead down a tree")
        if not (self.cover > 0).all():
            raise ValueError("'cover' of the artefact is not positive throughout")
        self._paths: dict[int, Paths] | None = None

    @property
    def outputs(self) -> int:
        return int(self.values.shape[1])

    def margins(self, rows: Matrix) -> Matrix:
        """Sums before the link, n x outputs."""
        rows = self._compared(rows)
        step = max(1, PAIRS // max(len(self.roots), 1))
        parts = [self._sums(rows[start : start + step]) for start in range(0, len(rows), step)]
        return np.concatenate(parts) if parts else np.empty((0, self.outputs))

    def _compared(self, rows: Matrix) -> Matrix:
        return rows.astype(np.float32).astype(np.float64) if self.is_single else rows

    def _sums(self, rows: Matrix) -> Matrix:
        nodes = np.repeat(self.roots[None, :], len(rows), axis=0)
        row = np.arange(len(rows))[:, None]
        while not self.is_leaf[nodes].all():
            goes_left = rows[row, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(goes_left, self.left[nodes], self.right[nodes])
        sums: Matrix = self.base + self.values[nodes].sum(axis=1)
        return sums

    def contributions(self, rows: Matrix, output: int = 0) -> tuple[float, Matrix]:
        """(base, n x width): base plus a row's contributions is its margin of that output.

        Shapley values of the game in which an unknown feature takes each branch as often as the
        training rows did: S. Lundberg et al., "From local explanations to global understanding",
        Nature Machine Intelligence 2 (2020). The weight of a coalition is a beta integral, so a
        leaf's share is the integral over t of a product of (1-t) z + t o, a polynomial that
        Gauss-Legendre integrates exactly; z is the share of training rows that would pass a
        feature's conditions, o whether this row does.
        """
        if self._paths is None:
            self._paths = self._leaf_paths()
        rows = self._compared(rows)
        parts = np.zeros((rows.shape[1], len(rows)))
        base = float(self.base[output])
        for size, paths in self._paths.items():
            values = self.values[paths.leaves, output]
            base += float((values * paths.share.prod(axis=1)).sum())
            step = max(1, PAIRS // max(len(rows) * size, 1))
            for first in range(0, len(values) if size else 0, step):
                chosen = slice(first, first + step)
                shares = paths.shapley(rows, chosen) * values[chosen, None]  # n x leaves x size
                features = paths.features[chosen].ravel()
                np.add.at(parts, features, shares.reshape(len(rows), -1).T)
        return base, parts.T

    def _leaf_paths(self) -> dict[int, Paths]:
        """Leaves by the number of features on their way."""
        found: dict[int, list[Any]] = {}
        for root in self.roots:
            for leaf, path in self._walk(int(root), {}):
                bounds = np.array(list(path.values()), dtype=np.float64).reshape(-1, 3)
                found.setdefault(len(path), []).append((leaf, np.array(list(path), dtype=np.int64), bounds))
        stacked = {}
        for size, paths in found.items():
            bounds = np.stack([bounds for _, _, bounds in paths])
            leaves = np.array([leaf for leaf, _, _ in paths])
            features = np.stack([features for _, features, _ in paths])
            stacked[size] = Paths(leaves, features, *np.moveaxis(bounds, 2, 0))
        return stacked

    def _walk(
        self, node: int, path: dict[int, tuple[float, float, float]]
    ) -> Iterator[tuple[int, dict[int, tuple[float, float, float]]]]:
        """Each leaf below a node, with the bounds and the share of rows for every feature before it."""
        if self.is_leaf[node]:
            yield node, path
            return
        feature, threshold = int(self.feature[node]), float(self.threshold[node])
        low, high, share = path.get(feature, (-np.inf, np.inf, 1.0))
        left, right = int(self.left[node]), int(self.right[node])
        passing = float(self.cover[left] / (self.cover[left] + self.cover[right]))
        yield from self._walk(left, {**path, feature: (low, min(high, threshold), share * passing)})
        yield from self._walk(right, {**path, feature: (max(low, threshold), high, share * (1 - passing))})


@dataclass(frozen=True)
class Paths:
    """Ways to `leaves` with the same number of features: bounds that each feature must keep, and the
    share of training rows that do where they are asked (leaves x features)."""

    leaves: Codes
    features: Codes
    low: Matrix
    high: Matrix
    share: Matrix

    def shapley(self, rows: Matrix, chosen: slice) -> Matrix:
        """What each feature adds to each chosen leaf's weight, rows x leaves x features."""
        share = self.share[chosen]
        values = rows[:, self.features[chosen]]
        passes = (values > self.low[chosen]) & (values <= self.high[chosen])
        total = np.zeros(values.shape)
        for point, weight in zip(*quadrature(share.shape[1]), strict=True):
            factors = (1 - point) * share + point * passes  # above 0, as shares are
            total += weight * factors.prod(axis=2, keepdims=True) / factors
        result: Matrix = (passes - share) * total
        return result


def quadrature(size: int) -> tuple[Matrix, Matrix]:
    """Points and weights on 0..1, exact for polynomials of degree `size` - 1."""
    points, weights = np.polynomial.legendre.leggauss(size // 2 + 1)
    return (points + 1) / 2, weights / 2
