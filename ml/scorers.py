"""Scorers: a model's artefact, a plain dict, turned into numbers by numpy alone.

The gateway's Python workers import this file, so it imports nothing heavier than numpy.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Codes, Matrix, numbers
from ml.lifetime_value import LifetimeValueScorer
from ml.propensity import PropensityScorer
from ml.recurrent import NextItemScorer, WeeksScorer
from ml.sentiment import SentimentScorer


class Scorer(Protocol):
    """What serves a model version. `score` gives one number and one index into `labels` per row;
    features that are `optional` may be NaN."""

    labels: tuple[str, ...]
    optional: NDArray[np.bool_]

    def transform(self, rows: Matrix) -> Matrix:
        """Features as the model sees them: scaled, on comparable axes."""

    def score(self, rows: Matrix) -> tuple[Matrix, Codes]: ...


class ValueClusterScorer:
    """Nearest centre of scaled log features: score is the distance to it, label its name."""

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        width = len(artefact["features"])
        self.labels = tuple(str(label) for label in artefact["labels"])
        self.optional = np.zeros(width, dtype=bool)
        self.mean = numbers(artefact, "mean", (width,))
        self.scale = numbers(artefact, "scale", (width,))
        self.centres = numbers(artefact, "centres", (len(self.labels), width))
        if not (self.scale > 0).all():
            raise ValueError("'scale' of the artefact is not positive throughout")
        self._half_norms = (self.centres**2).sum(axis=1) / 2

    def transform(self, rows: Matrix) -> Matrix:
        """Features in the space where distances are measured."""
        scaled = np.log1p(np.maximum(rows, 0.0))
        scaled -= self.mean
        scaled /= self.scale
        return scaled

    def distances(self, rows: Matrix) -> Matrix:
        """Distance of each row to each centre, in the order of `labels`."""
        offsets = self.transform(rows)[:, None, :] - self.centres[None, :, :]
        distances: Matrix = np.sqrt((offsets**2).sum(axis=2))
        return distances

    def score(self, rows: Matrix) -> tuple[Matrix, Codes]:
        scaled = self.transform(rows)
        # |x - c|^2 / 2 without its constant |x|^2: one matrix product, as scikit-learn does
        codes: Codes = (self._half_norms - scaled @ self.centres.T).argmin(axis=1)
        scaled -= self.centres[codes]
        return np.sqrt(np.einsum("ij,ij->i", scaled, scaled)), codes


SCORERS: dict[str, Callable[[Mapping[str, Any]], Scorer]] = {
    "lifetime_value": LifetimeValueScorer,
    "linear": PropensityScorer,
    "lstm": NextItemScorer,
    "sentiment": SentimentScorer,
    "trees": PropensityScorer,
    "value_clusters": ValueClusterScorer,
    "weeks": WeeksScorer,
}


def make_scorer(artefact: Mapping[str, Any]) -> Scorer:
    """The scorer of an artefact; ValueError names what is missing, misshapen or not a number."""
    kind = artefact.get("kind")
    if kind not in SCORERS:
        raise ValueError(f"the artefact's kind is {kind!r}, known are {', '.join(sorted(SCORERS))}")
    try:
        return SCORERS[kind](artefact)
    except KeyError as missing:
        raise ValueError(f"the {kind} artefact lacks {missing}") from None
