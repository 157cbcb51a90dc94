"""Gamma-Gamma: what a purchase of each customer is worth."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ml.estimators.value import Fitted, Histories, Vector, maximise

NAMES = ("p", "q", "gamma")
LEAST = 10  # customers without whom three parameters mean nothing


def has_spend(seen: Histories) -> NDArray[np.bool_]:
    """Which customers the model can learn from: those with repeat purchases of positive value."""
    known: NDArray[np.bool_] = (seen.x > 0) & (np.nan_to_num(seen.spend, nan=0.0) > 0)
    return known


def log_likelihood(params: Vector, x: Vector, spend: Vector) -> Vector:
    """Of the mean `spend` over `x` purchases, each Gamma(p, v) with v of Gamma(q, gamma)."""
    p, q, gamma = params
    total: Vector = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * x - 1) * np.log(spend)
        + p * x * np.log(x)
        - (p * x + q) * np.log(gamma + x * spend)
    )
    return total


def fit(seen: Histories) -> Fitted:
    """Estimates; ValueError when too few customers have repeat purchases of positive value.

    P. Fader and B. Hardie, "The Gamma-Gamma model of monetary value" (2013).
    """
    known = has_spend(seen)
    if known.sum() < LEAST:
        raise ValueError(f"{known.sum()} customers with repeat spend are too few, {LEAST} are needed")
    x, spend = seen.x[known], seen.spend[known]
    typical = float(np.mean(spend))
    # searched in units of the typical spend: then one set of starts fits every currency
    scaled = maximise(
        lambda params: log_likelihood(params, x, spend / typical),
        NAMES,
        ((1.0, 3.0, 2.0), (6.0, 4.0, 0.5), (3.0, 2.0, 0.3)),
    )
    error = scaled.standard_errors["gamma"]
    return Fitted(
        parameters={**scaled.parameters, "gamma": scaled.parameters["gamma"] * typical},
        standard_errors={**scaled.standard_errors, "gamma": None if error is None else error * typical},
        log_likelihood=scaled.log_likelihood - len(x) * float(np.log(typical)),
        is_converged=scaled.is_converged,
    )


def expected(params: Vector, seen: Histories) -> Vector:
    """Mean spend to expect of each customer's purchases; NaN where q <= 1 leaves it without a mean."""
    p, q, gamma = params
    known = has_spend(seen)
    x = np.where(known, seen.x, 0.0)
    total = np.where(known, x * np.nan_to_num(seen.spend, nan=0.0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Vector = p * (gamma + total) / (p * x + q - 1)
    return np.where(p * x + q > 1, mean, np.nan)
