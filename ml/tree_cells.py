"""Reasons of many rows at once: what features add is the same for all rows of a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix
from ml.tree_masks import ROWS, places_of

MOST = 1_024  # cells that are worked out together


@dataclass(frozen=True)
class Cells:
    """A tree, or a part of one, cuts space at the thresholds on the ways to its leaves, each through the
    whole of it. Within a cell all conditions hold for every row or for none, so `values` (features x
    cells) are exact for each.

    `offsets` are, by feature, what a number of thresholds of all trees below the value adds to the number of
    the cell. After J. Yang, "Fast TreeSHAP: accelerating SHAP value computation for trees" (2021), which
    keeps a table for each leaf.
    """

    offsets: dict[int, Codes]
    values: Matrix

    def add(self, places: list[Any], parts: Matrix) -> None:
        """Add what each feature adds (width x rows); `places` are how many thresholds are below each row."""
        cell = np.zeros(parts.shape[1], dtype=np.int64)
        for feature, offsets in self.offsets.items():
            cell += offsets[places[feature]]
        for feature, values in zip(self.offsets, self.values, strict=True):
            parts[feature] += values[cell]


def grid(features: Any, bounds: Any) -> dict[int, Matrix]:
    """The thresholds of each feature that these leaves ask for, ascending."""
    asked = np.isfinite(bounds)
    return {int(f): np.unique(bounds[(features == f) & asked]) for f in np.unique(features)}


def count(thresholds: dict[int, Matrix]) -> float:
    """How many cells they make."""
    return float(np.prod([len(each) + 1.0 for each in thresholds.values()]))


def cells_of(thresholds: dict[int, Matrix], steps: list[Matrix], exact: Callable[[Matrix], Matrix]) -> Cells:
    """Cells by their own thresholds, those of all trees, and an exact function of rows (n x width, and so
    its result)."""
    used = list(thresholds)
    # of a cell its upper corner, which still belongs to it
    corners = np.array(list(product(*(np.append(each, np.inf) for each in thresholds.values()))))
    rows = np.zeros((len(corners), len(steps)))
    rows[:, used] = corners
    offsets, stride = {}, len(corners)
    for feature, own in thresholds.items():
        stride //= len(own) + 1
        below = np.searchsorted(own, np.append(steps[feature], np.inf))
        offsets[feature] = below.astype(np.int64) * stride
    return Cells(offsets, exact(rows)[:, used].T.copy())


def contributions(cells: list[Cells], steps: list[Matrix], rows: Matrix) -> Matrix:
    """What features add over all of these trees, n x width."""
    total = np.zeros((rows.shape[1], len(rows)))
    for start in range(0, len(rows), ROWS):
        places = places_of(steps, rows[start : start + ROWS])
        for each in cells:
            each.add(places, total[:, start : start + ROWS])
    return total.T
