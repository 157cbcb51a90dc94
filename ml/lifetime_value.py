"""Scorer of lifetime value: what a customer is to spend in the coming days, by numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers

FEATURES = ("recency_days", "tenure_days", "order_day_count", "revenue")
PURCHASES, SPEND = ("r", "alpha", "a", "b"), ("p", "q", "gamma")
WEEK = 7.0
NEGLIGIBLE = 1e-12  # of one customer's expected purchases


class LifetimeValueScorer:
    """BG/NBD for purchases and Gamma-Gamma for what each is worth; `score` is the money of both, the
    label its band. A day with an order is one purchase, worth all of that day.

    Fields: `purchases` (r, alpha, a, b; weeks), `spend` (p, q, gamma), `days` to look ahead, `cuts`
    (ascending, one fewer than `labels`).
    """

    def __init__(self, artefact: Mapping[str, Any]) -> None:
        if tuple(artefact["features"]) != FEATURES:
            raise ValueError(f"the artefact's features are not {', '.join(FEATURES)}")
        self.labels = tuple(str(label) for label in artefact["labels"])
        self.optional = np.zeros(len(FEATURES), dtype=bool)
        self.cuts = numbers(artefact, "cuts", (len(self.labels) - 1,))
        self.purchases = numbers(artefact, "purchases", (len(PURCHASES),))
        self.spend = numbers(artefact, "spend", (len(SPEND),))
        self.days = float(numbers(artefact, "days", ()))
        for field, values in (("purchases", self.purchases), ("spend", self.spend), ("days", self.days)):
            if np.min(values) <= 0:
                raise ValueError(f"{field!r} of the artefact is not positive throughout")
        if self.spend[0] + self.spend[1] <= 1:
            raise ValueError("'spend' of the artefact has no mean")
        if (np.diff(self.cuts) < 0).any():
            raise ValueError("'cuts' of the artefact do not ascend")

    def transform(self, rows: Matrix) -> Matrix:
        """Purchases to expect, what each is worth, and the chance to buy still (n x 3)."""
        recency, tenure, order_days, revenue = np.maximum(rows, 0.0).T
        bought = np.maximum(order_days, 1.0)
        again, end = bought - 1, tenure / WEEK
        last = np.where(again > 0, np.maximum(tenure - recency, 0.0) / WEEK, 0.0)
        alive = self._alive(again, last, end)
        p, q, gamma = self.spend
        worth = p * (gamma + revenue) / (p * bought + q - 1)
        return np.column_stack([self._expected(again, end, alive), worth, alive])

    def score(self, rows: Matrix) -> tuple[Matrix, Codes]:
        expected, worth, _ = self.transform(rows).T
        values: Matrix = expected * worth
        return values, np.searchsorted(self.cuts, values, side="right").astype(np.int64)

    def reasons(self, rows: Matrix) -> list[list[str]]:
        """What each score is made of, in words."""
        return [
            [
                f"{expected:.3g} purchase days to expect",
                f"{worth:.4g} to be spent on each",
                f"{100 * alive:.3g} % likely to buy at all any more",
            ]
            for expected, worth, alive in self.transform(rows)
        ]

    def _alive(self, again: Matrix, last: Matrix, end: Matrix) -> Matrix:
        """Chance that a customer did not stop at the last purchase; nobody stops at the first one."""
        r, alpha, a, b = self.purchases
        stopped = np.log(a) - np.log(b + np.maximum(again, 1) - 1)
        stopped = stopped + (r + again) * np.log((alpha + end) / (alpha + np.minimum(last, end)))
        return np.where(again > 0, np.exp(-np.logaddexp(0.0, stopped)), 1.0)

    def _expected(self, again: Matrix, end: Matrix, alive: Matrix) -> Matrix:
        """The sum over the coming purchases of the chance of each: m or more fall into the time ahead,
        by a negative binomial, and the customer did not stop at one of the m - 1 before."""
        r, alpha, a, b = self.purchases
        shape, ahead = r + again, self.days / WEEK
        reached = ahead / (alpha + end + ahead)
        log_reached = np.log(reached)
        log_share = shape * np.log1p(-reached)  # of exactly m - 1; its logarithm does not underflow
        rest, goes_on, total = 1.0 - np.exp(log_share), alive.copy(), np.zeros(len(again))
        usual = shape * reached / (1 - reached)
        rows, m = np.arange(len(again)), 0
        while len(rows):
            m += 1
            part = goes_on * rest
            total[rows] += part
            # beyond the usual count a share so small means that only rounding is left
            kept = (part > NEGLIGIBLE) & ((m < usual) | (log_share > -37))
            if not kept.all():
                rows, shape, log_reached, log_share, rest, goes_on, usual, again = (
                    each[kept] for each in (rows, shape, log_reached, log_share, rest, goes_on, usual, again)
                )
            log_share = log_share + np.log((shape + m - 1) / m) + log_reached
            rest = np.maximum(rest - np.exp(log_share), 0.0)
            stays = b + again + m - 1
            goes_on = goes_on * stays / (a + stays)
        return total
