"""Drift: whether features and scores of a champion are still spread as in what it learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Matrix
from ml.evaluate import stability_index
from ml.features import FeatureRows
from ml.registry import Model
from ml.scorers import Scorer

SCORE = "score"
BINS = 10
MODERATE = 0.1  # from which an index is worth a look: Siddiqi (2006)
LEAST = 50  # rows that tell anything

Bins = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Drift:
    """A column of a version, then and now: counts by bin, up to each edge, then above, then missing."""

    name: str
    version: str
    column_name: str
    psi: float
    noise: float
    judged: str
    edges: tuple[float, ...]
    expected: tuple[int, ...]
    actual: tuple[int, ...]


def bins_of(scorer: Scorer, rows: FeatureRows, learned: Any) -> dict[str, dict[str, Any]]:
    """What a version keeps of the rows that it learned from: tenths of each feature and of its score."""
    found = {}
    for name, values in columns_of(scorer, rows).items():
        chosen = values[learned]
        known = chosen[~np.isnan(chosen)]
        edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else known
        found[name] = {"edges": edges.tolist(), "counts": counts(chosen, edges)}
    return found


def columns_of(scorer: Scorer, rows: FeatureRows) -> dict[str, Matrix]:
    """The features that are numbers, and what the scorer says of them."""
    text = rows.frame.dtypes.eq(object).any()
    given = rows.frame.to_numpy() if text else rows.frame.to_numpy(dtype=np.float64)
    columns = {} if text else dict(zip(rows.frame.columns, given.T, strict=True))
    scores = scorer.score(given[:, 0] if text else given)[0]
    return {**columns, SCORE: scores}


def counts(values: Matrix, edges: Matrix) -> list[int]:
    """How many values are up to each edge, above the last one, and missing."""
    missing = np.isnan(values)
    found = np.bincount(np.searchsorted(edges, values[~missing]), minlength=len(edges) + 1)
    return [*found.tolist(), int(missing.sum())]


def drifts(model: Model, kept: Bins, now: FeatureRows, limit: float) -> list[Drift]:
    """A row per column of the version, the score last: `kept` are the bins of what it learned from."""
    manifest = model.manifest
    found = []
    for name, values in columns_of(model.scorer, now).items():
        edges = np.array(kept[name]["edges"], dtype=np.float64)
        expected, actual = kept[name]["counts"], counts(values, edges)
        psi, noise = stability_index(expected, actual)
        judged = judge(psi, noise, sum(actual), limit)
        found.append(
            Drift(
                manifest.name,
                manifest.version,
                name,
                psi,
                noise,
                judged,
                tuple(kept[name]["edges"]),
                tuple(expected),
                tuple(actual),
            )
        )
    return found


def judge(psi: float, noise: float, rows: int, limit: float) -> str:
    """An index in a word; what chance alone may give is no drift."""
    if rows < LEAST:
        return "too few rows"
    if psi > max(limit, noise):
        return "drifted"
    return "shifted" if psi > max(min(MODERATE, limit), noise) else "stable"
