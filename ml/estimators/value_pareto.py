"""Pareto/NBD: customers buy at random and stop at random, at any time."""

import numpy as np
from scipy.special import gammaln, hyp2f1

from ml.estimators.value import Histories, Vector


class ParetoNBD:
    """Purchases are Poisson with rate Gamma(r, alpha), lifetimes exponential with rate Gamma(s, beta).

    D. Schmittlein, D. Morrison and R. Colombo, "Counting your customers", Management Science 33
    (1987), in the form of P. Fader and B. Hardie, "A note on deriving the Pareto/NBD model" (2005).
    """

    name = "pareto_nbd"
    names = ("r", "alpha", "s", "beta")
    starts = ((1.0, 5.0, 0.5, 10.0), (0.5, 10.0, 0.5, 10.0), (2.0, 20.0, 1.0, 50.0))

    def log_likelihood(self, params: Vector, seen: Histories) -> Vector:
        r, alpha, s, beta = params
        constant = gammaln(r + seen.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive, dead = self._states(params, seen)
        total: Vector = constant + np.logaddexp(alive, dead)
        return total

    def alive(self, params: Vector, seen: Histories) -> Vector:
        alive, dead = self._states(params, seen)
        chance: Vector = np.exp(alive - np.logaddexp(alive, dead))
        return chance

    def expected(self, params: Vector, seen: Histories, weeks: float) -> Vector:
        r, alpha, s, beta = params
        rate = (r + seen.x) * (beta + seen.T) / (alpha + seen.T)
        ratio = np.log((beta + seen.T) / (beta + seen.T + weeks))
        # (1 - e^((s-1) ratio)) / (s-1), whose limit for s = 1 is -ratio
        lived = -ratio if abs(s - 1) < 1e-9 else -np.expm1((s - 1) * ratio) / (s - 1)
        total: Vector = self.alive(params, seen) * rate * lived
        return total

    def _states(self, params: Vector, seen: Histories) -> tuple[Vector, Vector]:
        """Logarithms of the weights of living at T and of having died between t_x and T."""
        r, alpha, s, beta = params
        alive = -(r + seen.x) * np.log(alpha + seen.T) - s * np.log(beta + seen.T)
        early = self._log_tail(params, seen, seen.t_x)
        late = self._log_tail(params, seen, seen.T)
        with np.errstate(divide="ignore"):  # nobody dies in no time
            between = early + np.log(-np.expm1(np.minimum(late - early, 0.0)))
        return alive, np.log(s) - np.log(r + s + seen.x) + between

    def _log_tail(self, params: Vector, seen: Histories, time: Vector) -> Vector:
        """log of (r+s+x) times the integral from `time` to infinity of
        (alpha+y)^-(r+x) (beta+y)^-(s+1) dy.

        It is 2F1(a, b; a+1; z) / (larger + time)^a with a = r+s+x. Euler's transformation to
        (1-z)^(1-b) 2F1(1, a+1-b; a+1; z) leaves a series whose terms fall like z^n, so that large
        counts neither overflow nor cancel.
        """
        r, alpha, s, beta = params
        a = r + s + seen.x
        if alpha >= beta:
            larger, smaller, b = alpha, beta, s + 1
        else:
            larger, smaller, b = beta, alpha, r + seen.x
        z = (larger - smaller) / (larger + time)
        series = hyp2f1(1.0, a + 1 - b, a + 1, z)
        tail: Vector = (1 - b) * np.log1p(-z) + np.log(series) - a * np.log(larger + time)
        return tail


PARETO_NBD = ParetoNBD()
