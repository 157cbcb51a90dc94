"""Churn over time: how long customers stay, and what makes them leave sooner.

Whether a customer is lost by a date is a matter for `Propensity` (ml/estimators/purchase.py).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from ml.arrays import Matrix

STEPS = 50
ENOUGH = 1e-10  # relative gain of the likelihood below which Newton's method stops
RIDGE = 1e-6  # keeps the Hessian invertible when features say the same


def kaplan_meier(duration: Any, left: Any) -> tuple[Any, Any, Any]:
    """(times, share that stays beyond each, its standard error by Greenwood).

    `left` is 1 where the customer left at `duration`, 0 where they were only watched until then.
    E. Kaplan and P. Meier, J. of the American Statistical Association 53 (1958).
    """
    duration, left = np.asarray(duration, dtype=np.float64), np.asarray(left, dtype=bool)
    times = np.unique(duration[left])
    at_risk = len(duration) - np.searchsorted(np.sort(duration), times, side="left")
    events = np.searchsorted(np.sort(duration[left]), times, side="right")
    events = np.diff(np.concatenate([[0], events]))
    stays = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(events / (at_risk * (at_risk - events)))
        error = np.where(stays > 0, stays * np.sqrt(spread), 0.0)
    return times, stays, error


class Cox(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Proportional hazards: features multiply the rate at which customers leave.

    Partial likelihood by Newton's method, ties after Breslow; the baseline is Breslow's too.
    D. Cox, "Regression models and life-tables", J. of the Royal Statistical Society B 34 (1972).
    """

    def fit(self, X: Any, y: Any, left: Any = None) -> Self:  # noqa: N803  # scikit-learn's name
        """`y` are durations; `left` is 1 where the customer left then, 0 where watching ended (default:
        all left). ValueError when nobody left, or a feature tells when exactly."""
        rows, duration = check_X_y(X, y, dtype=np.float64)
        validate_data(self, X, dtype=np.float64)
        ended = np.ones(len(rows), dtype=bool) if left is None else np.asarray(left, dtype=bool)
        if not ended.any():
            raise ValueError("nobody left: there is nothing to learn from")
        order = np.lexsort((ended, *rows.T, duration))
        self.scaler_ = StandardScaler().fit(rows)
        scaled, duration, ended = self.scaler_.transform(rows)[order], duration[order], ended[order]
        first = np.searchsorted(duration, duration[ended], side="left")  # who is at risk begins here
        weights, before = np.zeros(scaled.shape[1]), -np.inf
        for _ in range(STEPS):
            with np.errstate(all="ignore"):
                value, slope, curve = partial_likelihood(weights, scaled, ended, first)
            if not np.isfinite(value):
                raise ValueError("a feature orders all durations by itself: no rate fits")
            if value - before <= ENOUGH * abs(value):
                break
            before = value
            weights = weights + np.linalg.solve(curve + RIDGE * np.eye(len(weights)), slope)
        self.coef_ = weights / self.scaler_.scale_
        self.standard_errors_ = np.sqrt(np.diag(np.linalg.pinv(curve))) / self.scaler_.scale_
        self.log_likelihood_ = float(value)
        risk = np.exp(scaled @ weights)
        at_risk = np.cumsum(risk[::-1])[::-1][first]
        self.times_, place = np.unique(duration[ended], return_inverse=True)
        self.hazard_ = np.cumsum(np.bincount(place, 1 / at_risk))
        return self

    def predict(self, X: Any) -> Matrix:  # noqa: N803
        """Logarithm of each row's relative rate of leaving; 0 at the training's means."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray((rows - self.scaler_.mean_) @ self.coef_, dtype=np.float64)

    def predict_survival(self, X: Any, time: float) -> Matrix:  # noqa: N803
        """Probability that each row stays beyond `time`."""
        rate = self.predict(X)
        place = int(np.searchsorted(self.times_, time, side="right"))
        hazard = float(self.hazard_[place - 1]) if place else 0.0
        return np.asarray(np.exp(-hazard * np.exp(rate)), dtype=np.float64)


def partial_likelihood(weights: Matrix, rows: Matrix, ended: Any, first: Any) -> tuple[float, Matrix, Matrix]:
    """Value, gradient and negative Hessian, for rows in order of duration; all who are still there
    are at risk, from `first` on for each who left."""
    margin = rows @ weights
    risk = np.exp(margin)[:, None]

    def still(values: Matrix) -> Matrix:
        sums: Matrix = np.cumsum(values[::-1], axis=0)[::-1][first]
        return sums

    total, mean = still(risk), still(risk * rows)
    mean = mean / total
    size = rows.shape[1]
    squares = still((risk * rows)[:, :, None].reshape(len(rows), size, 1) * rows[:, None, :])
    curve = (squares / total[:, :, None]).sum(axis=0) - mean.T @ mean
    value = float((margin[ended] - np.log(total[:, 0])).sum())
    return value, (rows[ended] - mean).sum(axis=0), curve
