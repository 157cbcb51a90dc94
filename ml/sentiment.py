"""Scorer of texts: how well somebody speaks of something, by numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, probabilities
from ml.text import TfIdf

LABELS = ("negative", "neutral", "positive")


class SentimentScorer:
    """TF-IDF and a linear model of three classes. `score` is the chance of positive less that of
    negative, from -1 to 1; the label is the likeliest class.

    Fields: those of TfIdf, `weights` (3 x terms), `intercept` (3).
    """

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self.labels: tuple[str, ...] = LABELS
        if tuple(artefact["labels"]) != LABELS:
            raise ValueError(f"'labels' of the artefact are not {', '.join(LABELS)}")
        self.optional = np.zeros(1, dtype=bool)
        self.terms = TfIdf(artefact)
        self.weights = numbers(artefact, "weights", (len(LABELS), len(self.terms)))
        self.intercept = numbers(artefact, "intercept", (len(LABELS),))

    def transform(self, rows: Any) -> Matrix:
        """Chances of the three classes, texts x 3."""
        return self.chances([str(text) for text in np.asarray(rows, dtype=object).ravel()])

    def chances(self, texts: Sequence[str]) -> Matrix:
        """Chances of the three classes, texts x 3."""
        margins = self.terms.transform(texts).dot(self.weights.T) + self.intercept
        return probabilities(margins, "softmax")

    def score(self, rows: Any) -> tuple[Matrix, Codes]:
        chances = self.transform(rows)
        return chances[:, 2] - chances[:, 0], chances.argmax(axis=1).astype(np.int64)

    def reasons(self, text: str, count: int = 3) -> list[str]:
        """The words that speak the most for positive or for negative, such as `love speaks for it`."""
        row = self.terms.transform([text])
        parts = row.values * (self.weights[2] - self.weights[0])[row.terms]
        order = np.argsort(-np.abs(parts), kind="stable")[:count]
        told = [(self.terms.vocabulary[row.terms[place]], parts[place]) for place in order if parts[place]]
        return [
            f"{term} speaks {'for' if part > 0 else 'against'} it by {abs(part):.2g}" for term, part in told
        ]
