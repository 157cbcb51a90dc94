"""Ensembles of trees as arrays, and their exact reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, whole
from ml.tree_cells import MOST, Cells, cells_of, contributions, count, grid
from ml.tree_masks import Masks, Tree, from_left, steps_of

PAIRS = 2_000_000  # of rows and leaves, explained at once
MANY = 500  # rows from which on tables of masks and cells are worth making


# The way to a node: of each feature the bounds that it must keep, and the share of training rows that do.
Path = dict[int, tuple[float, float, float]]
Way = tuple[int, Path]


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
        self._masks: Masks | None = None
        self._cells: dict[int, tuple[list[Cells], list[Matrix]]] = {}

    @property
    def outputs(self) -> int:
        return int(self.values.shape[1])

    def margins(self, rows: Matrix) -> Matrix:
        """Sums before the link, n x outputs."""
        rows = self._compared(rows)
        if len(rows) < MANY:
            return self._sums(rows)
        if self._masks is None:
            self._masks = Masks(self._from_left(), self.values, rows.shape[1])
        sums: Matrix = self._masks.sums(rows) + self.base
        return sums

    def _compared(self, rows: Matrix) -> Matrix:
        return rows.astype(np.float32).astype(np.float64) if self.is_single else rows

    def _sums(self, rows: Matrix) -> Matrix:
        """By walking down all trees, a level at a time."""
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
            self._paths = self._leaves()
        base = float(self.base[output])
        for paths in self._paths.values():
            base += float((self.values[paths.leaves, output] * paths.share.prod(axis=1)).sum())
        rows = self._compared(rows)
        if len(rows) < MANY:
            return base, self._added(self._paths, rows, output)
        if output not in self._cells:
            self._cells[output] = self._in_cells(rows.shape[1], output)
        return base, contributions(*self._cells[output], rows)

    def _added(self, every: dict[int, Paths], rows: Matrix, output: int) -> Matrix:
        """What features add to the leaves of these paths, n x width."""
        parts = np.zeros((rows.shape[1], len(rows)))
        for size, paths in every.items():
            values = self.values[paths.leaves, output]
            step = max(1, PAIRS // max(len(rows) * size, 1))
            for first in range(0, len(values) if size else 0, step):
                chosen = slice(first, first + step)
                shares = paths.shapley(rows, chosen) * values[chosen, None]  # n x leaves x size
                features = paths.features[chosen].ravel()
                np.add.at(parts, features, shares.reshape(len(rows), -1).T)
        return parts.T

    def _in_cells(self, width: int, output: int) -> tuple[list[Cells], list[Matrix]]:
        """All leaves by cells, and the thresholds of all trees."""
        steps, cells = steps_of(self._from_left(), width), []
        for root in self.roots:
            for leaves in self._groups(int(root), {}):
                exact = partial(self._added, stacked(leaves), output=output)
                cells.append(cells_of(bounds_of(leaves), steps, exact))
        return cells, steps

    def _groups(self, node: int, path: Path) -> Iterator[list[Way]]:
        """Leaves below a node, in parts of few cells."""
        leaves = list(self._walk(node, path))
        if self.is_leaf[node] or count(bounds_of(leaves)) <= MOST:
            yield leaves
            return
        for child, longer in self._below(node, path):
            yield from self._groups(child, longer)

    def _from_left(self) -> list[Tree]:
        nodes = [each.tolist() for each in (self.feature, self.threshold, self.left, self.right)]
        return [from_left(int(root), *nodes) for root in self.roots]

    def _leaves(self) -> dict[int, Paths]:
        """All leaves by the number of features on their way."""
        return stacked([way for root in self.roots for way in self._walk(int(root), {})])

    def _walk(self, node: int, path: Path) -> Iterator[Way]:
        """Each leaf below a node, and its way."""
        if self.is_leaf[node]:
            yield node, path
            return
        for child, longer in self._below(node, path):
            yield from self._walk(child, longer)

    def _below(self, node: int, path: Path) -> Iterator[Way]:
        """Both children of a node, and their ways."""
        feature, threshold = int(self.feature[node]), float(self.threshold[node])
        low, high, share = path.get(feature, (-np.inf, np.inf, 1.0))
        left, right = int(self.left[node]), int(self.right[node])
        passing = float(self.cover[left] / (self.cover[left] + self.cover[right]))
        yield left, {**path, feature: (low, min(high, threshold), share * passing)}
        yield right, {**path, feature: (max(low, threshold), high, share * (1 - passing))}


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


def stacked(ways: Iterable[Way]) -> dict[int, Paths]:
    """Ways to leaves as arrays, by the number of their features."""
    found: dict[int, list[Any]] = {}
    for leaf, path in ways:
        bounds = np.array(list(path.values()), dtype=np.float64).reshape(-1, 3)
        found.setdefault(len(path), []).append((leaf, np.array(list(path), dtype=np.int64), bounds))
    return {
        size: Paths(
            np.array([leaf for leaf, _, _ in paths]),
            np.stack([features for _, features, _ in paths]),
            *np.moveaxis(np.stack([bounds for _, _, bounds in paths]), 2, 0),
        )
        for size, paths in found.items()
    }


def bounds_of(ways: Iterable[Way]) -> dict[int, Matrix]:
    """The thresholds of each feature on these ways."""
    told = [(feature, bound) for _, path in ways for feature, way in path.items() for bound in way[:2]]
    return grid(np.array([feature for feature, _ in told]), np.array([bound for _, bound in told]))


def quadrature(size: int) -> tuple[Matrix, Matrix]:
    """Points and weights on 0..1, exact for polynomials of degree `size` - 1."""
    points, weights = np.polynomial.legendre.leggauss(size // 2 + 1)
    return (points + 1) / 2, weights / 2
