"""Lifetime value: what all its models share, purchase histories and maximum likelihood."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

Vector = NDArray[np.float64]

DAYS = 7  # in a week, the unit of time
IMPOSSIBLE = 1e12  # loss where there is no likelihood
LOG_BOUND = 14.0  # parameters lie between e^-14 and e^14: beyond, a likelihood is flat


@dataclass(frozen=True)
class Histories:
    """One entry per customer, up to a day; times in weeks, purchases of one day merged.

    `x` repeat purchases, `t_x` time of the last one after the first, `T` time observed after the
    first, `log_intervals` the sum of the logarithms of the times between purchases, `spend` the mean
    of repeat purchases (NaN where there are none, or no money is known).
    """

    customers: Any
    x: Vector
    t_x: Vector
    T: Vector
    log_intervals: Vector
    spend: Vector

    def __len__(self) -> int:
        return len(self.x)


class PurchaseModel(Protocol):
    """A model of when customers come and when they stop; `params` in the order of `names`."""

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def starts(self) -> Sequence[Sequence[float]]: ...

    def log_likelihood(self, params: Vector, seen: Histories) -> Vector:
        """Of each customer's history."""

    def alive(self, params: Vector, seen: Histories) -> Vector:
        """Probability that a customer still buys at the end of their history."""

    def expected(self, params: Vector, seen: Histories, weeks: float) -> Vector:
        """Purchases to expect of each customer in the next weeks."""


@dataclass(frozen=True)
class Fitted:
    """Estimates with standard errors (None where the likelihood is flat or at a border)."""

    parameters: dict[str, float]
    standard_errors: dict[str, float | None]
    log_likelihood: float
    is_converged: bool
    fixed: dict[str, int] = field(default_factory=dict)

    @property
    def vector(self) -> Vector:
        return np.array(list(self.parameters.values()))


def histories(days: pd.DataFrame, until: pd.Timestamp) -> Histories:
    """Histories up to and with `until`, of rows with `customer`, `day` and `spend`, one a day."""
    seen = days[days["day"] <= until].sort_values(["customer", "day"])
    weeks = (until - seen["day"]).dt.days / DAYS
    gap = seen.groupby("customer")["day"].diff().dt.days / DAYS
    seen = seen.assign(weeks=weeks, log_gap=np.log(gap), repeat_spend=seen["spend"].where(gap.notna()))
    by = seen.groupby("customer", sort=True)
    first, last = by["weeks"].max(), by["weeks"].min()
    return Histories(
        customers=first.index.to_numpy(),
        x=np.asarray(by.size(), dtype=np.float64) - 1,
        t_x=(first - last).to_numpy(dtype=np.float64),
        T=first.to_numpy(dtype=np.float64),
        log_intervals=by["log_gap"].sum().to_numpy(dtype=np.float64),
        spend=by["repeat_spend"].mean().to_numpy(dtype=np.float64),
    )


def maximise(
    log_likelihood: Callable[[Vector], Vector], names: Sequence[str], starts: Sequence[Sequence[float]]
) -> Fitted:
    """Maximum likelihood of positive parameters, searched in their logarithms from several starts.

    Standard errors come from the inverse of the Hessian there, carried over to the parameters.
    """

    def loss(logs: Vector) -> float:
        with np.errstate(all="ignore"):
            total = -float(log_likelihood(np.exp(logs)).sum())
        return total if np.isfinite(total) else IMPOSSIBLE

    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(names)
    found = [minimize(loss, np.log(start), method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(found, key=lambda result: float(result.fun))
    # the gradient is by differences, so the last digits are left to a simplex
    options = {"xatol": 1e-7, "fatol": 1e-8, "maxiter": 4_000}
    polished = minimize(loss, best.x, method="Nelder-Mead", bounds=bounds, options=options)
    logs: Vector = polished.x if polished.fun <= best.fun else best.x
    if loss(logs) >= IMPOSSIBLE:
        raise ValueError("no parameters give these histories a likelihood")
    values = np.exp(logs)
    inside = bool((np.abs(logs) < LOG_BOUND - 1e-3).all())
    return Fitted(
        parameters=dict(zip(names, values.tolist(), strict=True)),
        standard_errors=dict(zip(names, errors(loss, logs) if inside else [None] * len(names), strict=True)),
        log_likelihood=-loss(logs),
        is_converged=inside and bool(polished.success),
    )


def errors(loss: Callable[[Vector], float], logs: Vector, step: float = 5e-3) -> list[float | None]:
    """Standard errors of exp(logs); None throughout when the minimum is not strict."""
    size = len(logs)
    moves = np.eye(size) * step
    hessian = np.empty((size, size))
    for i in range(size):
        for j in range(i, size):
            far = loss(logs + moves[i] + moves[j]) + loss(logs - moves[i] - moves[j])
            near = loss(logs + moves[i] - moves[j]) + loss(logs - moves[i] + moves[j])
            hessian[i, j] = hessian[j, i] = (far - near) / (4 * step**2)
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return [None] * size
    # the gradient is 0, so the parameters' own Hessian differs by their scale alone
    return [float(e) for e in np.exp(logs) * np.sqrt(np.diag(np.linalg.inv(hessian)))]


def fit(model: PurchaseModel, seen: Histories) -> Fitted:
    """Estimates of a model on histories; ValueError when nobody came back."""
    if not (seen.x > 0).any():
        raise ValueError(f"none of {len(seen):,} customers bought again, on another day")
    return maximise(lambda params: model.log_likelihood(params, seen), model.names, model.starts)


def regularity(days: pd.DataFrame, until: pd.Timestamp) -> float | None:
    """How regular purchases are: 1 at random, more when regular; None with too few customers.

    R. Wheat and D. Morrison, "Estimating purchase regularity with two interpurchase times", J. of
    Marketing Research 27 (1990), on each customer's last two intervals.
    """
    seen = days[days["day"] <= until].sort_values(["customer", "day"])
    gaps = seen.assign(gap=seen.groupby("customer")["day"].diff().dt.days).dropna(subset=["gap"])
    last: Mapping[Any, Any] = {name: g.tail(2).to_numpy() for name, g in gaps.groupby("customer")["gap"]}
    shares = np.array([pair[0] / pair.sum() for pair in last.values() if len(pair) == 2])
    if len(shares) < 10 or not shares.var():
        return None
    return float((1 - 4 * shares.var(ddof=1)) / (8 * shares.var(ddof=1)))
