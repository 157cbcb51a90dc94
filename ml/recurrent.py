"""What comes next in a sequence, by an LSTM's plain weights: numpy alone, so that serving needs no keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, probabilities

NOTHING, OTHER = 0, 1  # codes of a place before the beginning, and of an item that is not known


class NextItemScorer:
    """An embedding, one LSTM layer, a softmax over `labels`; rows are the last items, the latest last.

    Fields: `features`, `labels` and `weights`: `embedding` (labels + 2, x), `kernel` (x, 4 units),
    `recurrent` (units, 4 units), `bias` (gates in the order input, forget, cell, output), `output`
    (units, labels), `output_bias`.
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).
    """

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self.labels = tuple(str(label) for label in artefact["labels"])
        self.optional = np.ones(len(artefact["features"]), dtype=bool)
        weights, size = artefact["weights"], len(self.labels)
        self.output = numbers(weights, "output", (None, size))
        units = len(self.output)
        self.output_bias = numbers(weights, "output_bias", (size,))
        embedding = numbers(weights, "embedding", (size + 2, None))
        kernel = numbers(weights, "kernel", (embedding.shape[1], 4 * units))
        bias = numbers(weights, "bias", (4 * units,))
        self.recurrent = numbers(weights, "recurrent", (units, 4 * units))
        self._inputs: Matrix = embedding @ kernel + bias  # of each item, once
        self._codes = {label: code + 2 for code, label in enumerate(self.labels)}

    def codes(self, rows: Any) -> Codes:
        """Items as numbers (n x length)."""
        rows = np.asarray(rows, dtype=object)
        known = [[self._code(item) for item in row] for row in rows]
        return np.array(known, dtype=np.int64).reshape(rows.shape)

    def _code(self, item: Any) -> int:
        if item is None or item != item or item == "":
            return NOTHING
        return self._codes.get(str(item), OTHER)

    def transform(self, rows: Any) -> Matrix:
        """Chance of each label to come next, n x labels."""
        # before the beginning of a row nothing happens
        steps = ((self._inputs[place], (place != NOTHING)[:, None]) for place in self.codes(rows).T)
        hidden = last_state(steps, self.recurrent)
        return probabilities(hidden @ self.output + self.output_bias, "softmax")

    def score(self, rows: Any) -> tuple[Matrix, Codes]:
        """The likeliest next item of each row, and its chance."""
        chances = self.transform(rows)
        best: Codes = chances.argmax(axis=1)
        return chances[np.arange(len(best)), best], best


class WeeksScorer:
    """Chance by what came week by week, through one LSTM layer; `score` is the chance, the label its band.

    Fields: `features` (all of a week's in turn, the latest week last), `labels`, `cuts` (ascending, one
    fewer), `mean` and `scale` of a week's features in logarithms, and `weights`: `kernel` (features of a
    week, 4 units), `recurrent`, `bias`, `output` (units, 1), `output_bias`, as NextItemScorer has them.
    """

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        self.labels = tuple(str(label) for label in artefact["labels"])
        self.optional = np.zeros(len(artefact["features"]), dtype=bool)
        self.cuts = numbers(artefact, "cuts", (len(self.labels) - 1,))
        self.mean = numbers(artefact, "mean", (None,))
        channels = len(self.mean)
        self.scale = numbers(artefact, "scale", (channels,))
        if not (self.scale > 0).all() or len(artefact["features"]) % channels:
            raise ValueError("the artefact's weeks do not have the same features, on a scale above 0")
        weights = artefact["weights"]
        self.output = numbers(weights, "output", (None, 1))
        units = len(self.output)
        self.output_bias = numbers(weights, "output_bias", (1,))
        self.kernel = numbers(weights, "kernel", (channels, 4 * units))
        self.recurrent = numbers(weights, "recurrent", (units, 4 * units))
        self.bias = numbers(weights, "bias", (4 * units,))

    def transform(self, rows: Any) -> Any:
        """Weeks as the network sees them: n x weeks x features of a week."""
        weeks = np.log1p(np.maximum(rows, 0.0)).reshape(len(rows), -1, len(self.mean))
        return (weeks - self.mean) / self.scale

    def score(self, rows: Matrix) -> tuple[Matrix, Codes]:
        weeks = self.transform(rows)
        steps = ((week @ self.kernel + self.bias, True) for week in np.moveaxis(weeks, 1, 0))
        margins = last_state(steps, self.recurrent) @ self.output + self.output_bias
        chances = probabilities(margins, "logistic")[:, 1]
        return chances, np.searchsorted(self.cuts, chances, side="right").astype(np.int64)


def last_state(steps: Iterable[tuple[Matrix, Any]], recurrent: Matrix) -> Matrix:
    """What an LSTM holds after the last step; of each step what enters its gates (n x 4 units), and for which
    rows it takes place."""
    hidden: Any = 0.0
    cell: Any = 0.0
    for inputs, there in steps:
        gates = inputs + hidden @ recurrent if isinstance(hidden, np.ndarray) else inputs
        enter, forget, change, leave = np.split(gates, 4, axis=1)
        new = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(change)
        cell = np.where(there, new, cell)
        hidden = np.where(there, sigmoid(leave) * np.tanh(new), hidden)
    result: Matrix = hidden
    return result


def sigmoid(values: Matrix) -> Matrix:
    """1 / (1 + exp(-x)), which never overflows in this form."""
    result: Matrix = (np.tanh(values / 2) + 1) / 2
    return result


def last_items(session: Sequence[str], length: int) -> list[str | None]:
    """The latest items of a session as a row, padded in front."""
    recent = list(session[-length:])
    return [None] * (length - len(recent)) + recent
