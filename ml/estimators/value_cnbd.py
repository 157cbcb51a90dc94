"""Models in which a customer may stop after each purchase: BG/NBD, MBG/NBD, MBG/CNBD-k."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import betainc, betaln, gammaln, logsumexp, xlogy

from ml.estimators.value import Fitted, Histories, Vector, fit

MOST_K = 12
NEGLIGIBLE = 1e-12  # of one customer's expected purchases


class BetaGeometric:
    """Times between purchases are Erlang-k with rate Gamma(r, alpha); after each purchase a customer
    stops with a probability of Beta(a, b).

    With k = 1, and nobody stopping after the first purchase, BG/NBD: P. Fader, B. Hardie and K. L.
    Lee, "Counting your customers the easy way", Marketing Science 24 (2005). With `drops_at_first`
    MBG/NBD: E. Batislam, M. Denizel and A. Filiztekin, Int. J. of Research in Marketing 24 (2007).
    With k > 1 MBG/CNBD-k: M. Platzer and T. Reutterer, "Ticking away the moments", Marketing Science
    35 (2016), and R. Reutterer, M. Platzer and N. Schröder, Int. J. of Research in Marketing (2021).
    """

    names = ("r", "alpha", "a", "b")
    starts = ((1.0, 3.0, 1.0, 3.0), (0.3, 8.0, 0.5, 3.0), (1.0, 10.0, 2.0, 30.0))

    def __init__(self, name: str, *, drops_at_first: bool, k: int = 1) -> None:
        self.name = name
        self.drops_at_first = drops_at_first
        self.k = k

    def log_likelihood(self, params: Vector, seen: Histories) -> Vector:
        r, alpha, a, b = params
        chances = seen.x + self.drops_at_first  # how often a customer could have stopped
        intervals = (self.k - 1) * seen.log_intervals - seen.x * gammaln(self.k)
        survived = betaln(a, b + chances) - betaln(a, b)
        shape = r + self.k * seen.x
        rate = gammaln(shape) - gammaln(r) + r * np.log(alpha) - shape * np.log(alpha + seen.T)
        weights, dropped = self._states(params, seen)
        total: Vector = intervals + survived + rate + np.logaddexp(logsumexp(weights, axis=0), dropped)
        return total

    def alive(self, params: Vector, seen: Histories) -> Vector:
        weights, dropped = self._states(params, seen)
        kept = logsumexp(weights, axis=0)
        chance: Vector = np.exp(kept - np.logaddexp(kept, dropped))
        return chance

    def expected(self, params: Vector, seen: Histories, weeks: float) -> Vector:
        """Exact, by summing over the coming purchases: the m-th happens when a negative binomial
        count of ticks is large enough and the customer did not stop at one of the m - 1 before."""
        r, alpha, a, b = params
        weights, dropped = self._states(params, seen)
        shares = np.exp(weights - np.logaddexp(logsumexp(weights, axis=0), dropped))  # alive, j ticks in
        chances = seen.x + self.drops_at_first
        reached = weeks / (alpha + seen.T + weeks)
        total = np.zeros(len(seen))
        for j in range(self.k):
            shape = r + self.k * seen.x + j
            rows = np.flatnonzero(shares[j] > NEGLIGIBLE)
            goes_on = np.ones(len(rows))
            m = 0
            while len(rows):
                m += 1
                ticks = m * self.k - j
                part = shares[j][rows] * goes_on * betainc(ticks, shape[rows], reached[rows])
                total[rows] += part
                stays = b + chances[rows] + m - 1
                goes_on = goes_on * stays / (a + stays)
                kept = part > NEGLIGIBLE
                rows, goes_on = rows[kept], goes_on[kept]
        return total

    def _states(self, params: Vector, seen: Histories) -> tuple[Any, Vector]:
        """Logarithms of the weights of being alive with 0..k-1 ticks since the last purchase (k x n),
        and of having stopped right after it (n), relative to each other."""
        r, alpha, a, b = params
        shape = r + self.k * seen.x
        since = (seen.T - seen.t_x) / (alpha + seen.T)
        weights = np.stack(
            [gammaln(shape + j) - gammaln(shape) + xlogy(j, since) - gammaln(j + 1) for j in range(self.k)]
        )
        chances = seen.x + self.drops_at_first
        with np.errstate(divide="ignore", invalid="ignore"):
            dropped = np.log(a) - np.log(b + chances - 1)
            dropped = dropped + shape * np.log((alpha + seen.T) / (alpha + seen.t_x))
        return weights, np.where(chances > 0, dropped, -np.inf)


BG_NBD = BetaGeometric("bg_nbd", drops_at_first=False)
MBG_NBD = BetaGeometric("mbg_nbd", drops_at_first=True)


def fit_regular(seen: Histories) -> tuple[BetaGeometric, Fitted]:
    """MBG/CNBD-k with the k from 1 on that is the most likely: the first from which it falls."""
    best: tuple[BetaGeometric, Fitted] | None = None
    for k in range(1, MOST_K + 1):
        model = BetaGeometric("mbg_cnbd_k", drops_at_first=True, k=k)
        fitted = replace(fit(model, seen), fixed={"k": k})
        if best and fitted.log_likelihood <= best[1].log_likelihood:
            break
        best = model, fitted
    assert best
    return best
