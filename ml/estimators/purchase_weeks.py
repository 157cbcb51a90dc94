"""Propensity from what came week by week, by a recurrent network: keras on jax fits it, numpy serves it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from lakehouse.settings import keras_on_jax
from ml.arrays import Matrix
from ml.estimators.purchase import BANDS, QUANTILES, ByChance
from ml.recurrent import WeeksScorer

NAMES = ("kernel", "recurrent", "bias", "output", "output_bias")  # as keras lists them


class WeeklyPropensity(ByChance, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Chance of a yes from `channels` numbers of each week, such as orders and money, the latest week last.

    One LSTM layer over logarithms: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
    Computation 9 (1997). Rows are sorted before fitting, so their order does not matter. Bands as of
    `Propensity`.
    """

    def __init__(
        self,
        channels: int = 2,
        units: int = 16,
        epochs: int = 6,
        learning_rate: float = 0.005,
        batch_size: int = 512,
        random_state: int = 0,
    ) -> None:
        self.channels = channels
        self.units = units
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn; ValueError when there are not two classes, or a week lacks a number."""
        rows, target = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = np.unique(target, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"two classes are needed, not {len(self.classes_)}")
        if rows.shape[1] % self.channels:
            raise ValueError(f"{rows.shape[1]} features are no weeks of {self.channels}")
        order = np.lexsort((codes, *rows.T))
        rows, codes = rows[order], codes[order]
        logs = np.log1p(np.maximum(rows, 0.0)).reshape(-1, self.channels)
        spread = logs.std(axis=0)
        self.mean_, self.scale_ = logs.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.cuts_ = np.zeros(len(QUANTILES))
        self.weights_ = self._learned(rows, codes)
        self.cuts_ = np.quantile(self.scorer().score(rows)[0], QUANTILES)
        return self

    def predict_proba(self, X: Any) -> Matrix:  # noqa: N803
        """Chances of no and of yes, n x 2."""
        check_is_fitted(self)
        chances = self.scorer().score(validate_data(self, X, dtype=np.float64, reset=False))[0]
        return np.column_stack([1 - chances, chances])

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        return self._artefact({name: np.asarray(value).tolist() for name, value in self.weights_.items()})

    def scorer(self) -> WeeksScorer:
        """The same as numpy computes it."""
        return WeeksScorer(self._artefact(self.weights_))

    def network(self) -> Any:
        """The untrained keras model, from scaled weeks to log odds."""
        keras_on_jax()
        import keras  # here: it takes seconds to import, and only fitting needs it

        glorot, seed = keras.initializers.GlorotUniform, self.random_state
        recurrent = keras.initializers.Orthogonal(seed=seed + 1)
        lstm = keras.layers.LSTM(self.units, kernel_initializer=glorot(seed), recurrent_initializer=recurrent)
        weeks = keras.Input((self.n_features_in_ // self.channels, self.channels))
        return keras.Sequential([weeks, lstm, keras.layers.Dense(1, kernel_initializer=glorot(seed + 2))])

    def _learned(self, rows: Matrix, codes: Any) -> dict[str, Any]:
        network = self.network()
        import keras

        network.compile(
            keras.optimizers.Adam(self.learning_rate), keras.losses.BinaryCrossentropy(from_logits=True)
        )
        blank = dict(zip(NAMES, network.get_weights(), strict=True))
        weeks = WeeksScorer(self._artefact(blank)).transform(rows).astype(np.float32)
        wanted = codes[:, None].astype(np.float32)
        random, size = np.random.default_rng(self.random_state), min(self.batch_size, len(codes))
        for _ in range(self.epochs):
            # whole batches alone: another size would be compiled anew
            chosen = np.resize(random.permutation(len(codes)), -(-len(codes) // size) * size)
            network.fit(weeks[chosen], wanted[chosen], size, shuffle=False, verbose=0)
        return dict(zip(NAMES, network.get_weights(), strict=True))

    def _artefact(self, weights: Any) -> dict[str, Any]:
        columns = getattr(self, "feature_names_in_", range(self.n_features_in_))
        return {
            "kind": "weeks",
            "features": [str(name) for name in columns],
            "labels": list(BANDS),
            "cuts": self.cuts_.tolist(),
            "mean": self.mean_.tolist(),
            "scale": self.scale_.tolist(),
            "weights": dict(weights),
        }
