"""The next item of a session by a recurrent network, fitted by keras on jax and served by numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lakehouse.settings import keras_on_jax
from ml.arrays import Matrix
from ml.recurrent import NextItemScorer, last_items

NAMES = ("embedding", "kernel", "recurrent", "bias", "output", "output_bias")  # as keras lists them


class NextItem(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """The next item from a row of the last ones, the latest in the last column, None before the first.

    One LSTM layer with a softmax over the items that came next `least` times at least, after
    B. Hidasi et al., "Session-based recommendations with recurrent neural networks", ICLR (2016). Rows are
    sorted before fitting, so their order does not matter.
    """

    def __init__(
        self,
        units: int = 48,
        epochs: int = 8,
        learning_rate: float = 0.005,
        dropout: float = 0.3,
        least: int = 1,
        batch_size: int = 256,
        random_state: int = 0,
    ) -> None:
        self.units = units
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.least = least
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn from rows (n x length) and what came next; ValueError where too little recurs."""
        rows = self._rows(X, reset=True)
        target = np.array([str(item) for item in y], dtype=object)
        counts = Counter(target)
        labels = sorted(item for item, count in counts.items() if count >= self.least)
        if len(labels) < 2:
            raise ValueError(f"two items that come next {self.least} times are needed, not {len(labels)}")
        places = {label: code for code, label in enumerate(labels)}
        learned = np.array([item in places for item in target])
        wanted = np.array([places[item] for item in target[learned]], dtype=np.int64)
        blank = {name: np.zeros(shape) for name, shape in self._shapes(len(labels)).items()}
        codes = NextItemScorer(self._artefact(labels, blank)).codes(rows[learned])
        order = np.lexsort((wanted, *codes.T))
        self.classes_ = np.array(labels, dtype=object)
        self.weights_ = self._learned(codes[order], wanted[order])
        return self

    def predict_proba(self, X: Any) -> Matrix:  # noqa: N803
        """Chances of `classes_` to come next."""
        check_is_fitted(self)
        return self.scorer().transform(self._rows(X, reset=False))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The likeliest next item."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def scores(self, session: Sequence[str]) -> Mapping[str, float]:
        """Chance of each item to come next in one session, as the other models of sequences tell it."""
        row = pd.DataFrame([last_items(session, self.n_features_in_)], columns=self.feature_names_in_)
        return dict(zip(self.classes_, self.predict_proba(row)[0].tolist(), strict=True))

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        weights = {name: value.tolist() for name, value in self.weights_.items()}
        return self._artefact([str(label) for label in self.classes_], weights)

    def scorer(self) -> NextItemScorer:
        """The same as numpy computes it."""
        return NextItemScorer(self._artefact([str(label) for label in self.classes_], self.weights_))

    def network(self, labels: int) -> Any:
        """The untrained keras model of so many labels, from codes to what the softmax takes."""
        keras_on_jax()
        import keras  # here: it takes seconds to import, and only fitting needs it

        seed = self.random_state
        glorot = keras.initializers.GlorotUniform
        layers = [
            keras.Input((self.n_features_in_,), dtype="int32"),
            keras.layers.Embedding(
                labels + 2, self.units, mask_zero=True, embeddings_initializer=glorot(seed)
            ),
            keras.layers.Dropout(self.dropout, seed=seed),
            keras.layers.LSTM(
                self.units,
                kernel_initializer=glorot(seed + 1),
                recurrent_initializer=keras.initializers.Orthogonal(seed=seed + 2),
            ),
            keras.layers.Dense(labels, kernel_initializer=glorot(seed + 3)),
        ]
        return keras.Sequential(layers)

    def _learned(self, codes: Any, wanted: Any) -> dict[str, Any]:
        network = self.network(int(wanted.max()) + 1)
        import keras

        network.compile(
            keras.optimizers.Adam(self.learning_rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        random = np.random.default_rng(self.random_state)
        size = min(self.batch_size, len(codes))
        for _ in range(self.epochs):
            # whole batches alone: another size would be compiled anew
            chosen = np.resize(random.permutation(len(codes)), -(-len(codes) // size) * size)
            network.fit(codes[chosen].astype(np.int32), wanted[chosen], size, shuffle=False, verbose=0)
        return dict(zip(NAMES, network.get_weights(), strict=True))

    def _rows(self, X: Any, *, reset: bool) -> Any:  # noqa: N803
        return validate_data(self, X, dtype=None, ensure_all_finite=False, reset=reset).astype(object)

    def _shapes(self, labels: int) -> dict[str, tuple[int, ...]]:
        gates = 4 * self.units
        sizes = ((labels + 2, self.units), (self.units, gates), (self.units, gates), (gates,))
        return dict(zip(NAMES, (*sizes, (self.units, labels), (labels,)), strict=True))

    def _artefact(self, labels: list[str], weights: Mapping[str, Any]) -> dict[str, Any]:
        columns = getattr(self, "feature_names_in_", range(self.n_features_in_))
        features = [str(name) for name in columns]
        return {"kind": "lstm", "features": features, "labels": labels, "weights": dict(weights)}


def windows(sessions: Sequence[Sequence[str]], length: int = 8) -> tuple[Any, Any]:
    """Rows of the last items and what came next, for each step of a session to another item."""
    rows, target = [], []
    for session in sessions:
        for place, (before, after) in enumerate(pairwise(session), start=1):
            if before != after:
                rows.append(last_items(session[:place], length))
                target.append(after)
    columns = [f"{length - place} before" for place in range(length)]
    return pd.DataFrame(rows, columns=columns, dtype=object), np.array(target, dtype=object)
