"""Lifetime value of the lake's customers: purchases by BG/NBD, what each is worth by Gamma-Gamma."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.arrays import Matrix
from ml.estimators import value_spend
from ml.estimators.purchase import BANDS, QUANTILES
from ml.estimators.value import DAYS, Histories, Vector, fit
from ml.estimators.value_cnbd import BG_NBD
from ml.lifetime_value import FEATURES


class LifetimeValue(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Money to expect of customers in the next `days`, from when they bought and how much.

    P. Fader, B. Hardie and K. L. Lee, "RFM and CLV: using iso-value curves for customer base
    analysis", J. of Marketing Research 42 (2005). Columns are `recency_days`, `tenure_days`,
    `order_day_count` and `revenue`. Estimates are made without any label, on `sample_size` customers at
    most; rows are sorted first, so their order does not matter. Bands are quantiles of the training's
    values: `high` is the top tenth.
    """

    def __init__(self, days: int = 90, sample_size: int = 5_000, random_state: int = 0) -> None:
        self.days = days
        self.sample_size = sample_size
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn; ValueError when nobody came back, or too few spent anything."""
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=value_spend.LEAST)
        if rows.shape[1] != len(FEATURES):
            raise ValueError(f"the features must be {', '.join(FEATURES)}, not {rows.shape[1]} others")
        rows = rows[np.lexsort(rows.T)]
        if len(rows) > self.sample_size:
            random = np.random.default_rng(self.random_state)
            rows = rows[np.sort(random.choice(len(rows), self.sample_size, replace=False))]
        self.purchases_ = fit(BG_NBD, repeats(rows))
        self.spend_ = value_spend.fit(spending(rows))
        p, q, _ = self.spend_.vector
        if p + q <= 1:
            raise ValueError("what customers spend is too uneven to have a mean")
        self.cuts_ = np.quantile(self._values(rows), QUANTILES)
        return self

    def predict(self, X: Any) -> Matrix:  # noqa: N803
        """Money to expect of each row."""
        check_is_fitted(self)
        return self._values(validate_data(self, X, dtype=np.float64, reset=False))

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        return {
            "kind": "lifetime_value",
            "features": [str(name) for name in getattr(self, "feature_names_in_", FEATURES)],
            "labels": list(BANDS),
            "cuts": self.cuts_.tolist(),
            "purchases": self.purchases_.vector.tolist(),
            "spend": self.spend_.vector.tolist(),
            "days": self.days,
        }

    def _values(self, rows: Matrix) -> Vector:
        seen = spending(rows)
        p, q, gamma = self.spend_.vector
        worth = p * (gamma + seen.x * seen.spend) / (p * seen.x + q - 1)
        values: Vector = BG_NBD.expected(self.purchases_.vector, repeats(rows), self.days / DAYS) * worth
        return values


def repeats(rows: Matrix) -> Histories:
    """Purchases after the first, as BG/NBD counts them: days with an order, in weeks."""
    recency, tenure, order_days, _ = np.maximum(rows, 0.0).T
    x = np.maximum(order_days, 1.0) - 1
    last = np.where(x > 0, np.maximum(tenure - recency, 0.0), 0.0)
    unknown = np.zeros(len(rows))  # BG/NBD needs no times between purchases, nor what they were worth
    return Histories(np.arange(len(rows)), x, last / DAYS, tenure / DAYS, unknown, unknown)


def spending(rows: Matrix) -> Histories:
    """All purchases with their mean worth: the first one is as much a sample of it as later ones."""
    seen, revenue = repeats(rows), np.maximum(rows[:, 3], 0.0)
    bought = seen.x + 1
    return Histories(seen.customers, bought, seen.t_x, seen.T, seen.log_intervals, revenue / bought)
