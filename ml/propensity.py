"""Scorers of a chance: customer features in, probability, band and reasons out, by numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, probabilities, whole
from ml.linear import Linear
from ml.trees import Trees


def signed_log(rows: Matrix) -> Matrix:
    """sign(x) log(1 + |x|): amounts and counts on one scale, whatever the currency."""
    logs: Matrix = np.sign(rows) * np.log1p(np.abs(rows))
    return logs


class PropensityScorer:
    """A linear model or trees over features; `score` is the chance, the label its band.

    Fields beside those of the model: `optional` (1 for features that may be missing), `medians` (what
    stands for a missing one), `cuts` (ascending, one fewer than `labels`). A flag follows the features
    for each optional one.
    """

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        width = len(artefact["features"])
        self.labels = tuple(str(label) for label in artefact["labels"])
        self.optional = whole(artefact, "optional", (width,), 0, 2).astype(bool)
        self.medians = numbers(artefact, "medians", (width,))
        self.cuts = numbers(artefact, "cuts", (len(self.labels) - 1,))
        if (np.diff(self.cuts) < 0).any():
            raise ValueError("'cuts' of the artefact do not ascend")
        self._flagged = np.flatnonzero(self.optional)
        inputs = width + len(self._flagged)
        self.is_linear = artefact["kind"] == "linear"
        self.model: Linear | Trees = (Linear if self.is_linear else Trees)(artefact["model"], inputs)
        self.link = str(artefact["link"])
        self._output = self.model.outputs - 1
        if self.link not in ("logistic", "identity") or self.model.outputs != 1 + (self.link == "identity"):
            raise ValueError("the artefact's model does not give one probability")

    def transform(self, rows: Matrix) -> Matrix:
        """Features as the model sees them: gaps filled and flagged, logarithms for a linear one."""
        missing = np.isnan(rows)
        filled = np.where(missing, self.medians, rows)
        filled = signed_log(filled) if self.is_linear else filled
        return np.hstack([filled, missing[:, self._flagged].astype(np.float64)])

    def chances(self, rows: Matrix) -> Matrix:
        """Probability of each row."""
        found = probabilities(self.model.margins(self.transform(rows)), self.link)
        return np.clip(found[:, 1], 0.0, 1.0)

    def score(self, rows: Matrix) -> tuple[Matrix, Codes]:
        chances = self.chances(rows)
        return chances, np.searchsorted(self.cuts, chances, side="right").astype(np.int64)

    def explain(self, rows: Matrix) -> tuple[float, Matrix]:
        """(base, n x features), which add up to the score before the link: log odds of a linear or
        boosted model, the probability itself of a tree or forest."""
        base, parts = self.model.contributions(self.transform(rows), self._output)
        width = len(self.medians)
        told = parts[:, :width].copy()
        for place, feature in enumerate(self._flagged):
            told[:, feature] += parts[:, width + place]  # being missing is a value of the feature
        return base, told


def in_words(names: Sequence[str], rows: Matrix, parts: Matrix, count: int = 3) -> list[list[str]]:
    """The strongest reasons of each row, such as `recency_days 3 raises it by 0.41`."""
    order = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :count]
    told = zip(
        order.tolist(),
        np.take_along_axis(rows, order, axis=1).tolist(),
        np.take_along_axis(parts, order, axis=1).tolist(),
        strict=True,
    )
    return [
        [
            f"{names[place]} {'missing' if value != value else f'{value:g}'}"
            f" {'raises' if part > 0 else 'lowers'} it by {abs(part):.2g}"
            for place, value, part in zip(*each, strict=True)
            if part
        ]
        for each in told
    ]
