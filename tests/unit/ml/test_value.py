"""Lifetime value: likelihoods are the models', parameters are found again, figures are those published."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_distribution
from scipy.stats import gamma as gamma_distribution

from ml.estimators import value_spend
from ml.estimators.value import Histories, fit, histories
from ml.estimators.value_cnbd import BG_NBD, MBG_NBD, BetaGeometric, fit_regular
from ml.estimators.value_pareto import PARETO_NBD
from tests.customers import simulate

PARAMS = np.array([0.8, 4.0, 0.7, 2.5])
K = 2


def one(x: float, t_x: float, T: float, log_intervals: float = 0.0) -> Histories:  # noqa: N803
    values = [np.array([value]) for value in (x, t_x, T, log_intervals, np.nan)]
    return Histories(np.array(["c"]), *values)


HISTORIES = [one(0, 0, 20), one(1, 3, 20), one(4, 19, 20, 3.1), one(6, 30, 30, 7.0), one(3, 2.5, 52, -0.4)]


@pytest.mark.parametrize("params", [(0.8, 4.0, 0.7, 12.0), (0.8, 12.0, 0.7, 4.0), (0.5, 6.0, 1.0, 6.0)])
@pytest.mark.parametrize("seen", HISTORIES)
def test_pareto_is_its_integral_over_the_time_of_death(params: Any, seen: Histories) -> None:
    r, alpha, s, b = params
    x, t_x, end = seen.x[0], seen.t_x[0], seen.T[0]
    died, _ = quad(lambda y: s * (alpha + y) ** -(r + x) * (b + y) ** -(s + 1), t_x, end, epsabs=0)
    lives = (alpha + end) ** -(r + x) * (b + end) ** -s
    rising = np.prod(r + np.arange(x))
    expected = np.log(rising * alpha**r * b**s * (lives + died))
    assert PARETO_NBD.log_likelihood(np.array(params), seen)[0] == pytest.approx(expected, rel=1e-9)
    assert PARETO_NBD.alive(np.array(params), seen)[0] == pytest.approx(lives / (lives + died), rel=1e-9)


@pytest.mark.parametrize("purchases", [300.0, 2_000.0])
def test_pareto_stays_finite_for_customers_who_buy_very_often(purchases: float) -> None:
    for params in ((0.5, 5.0, 0.4, 11.0), (0.5, 11.0, 0.4, 0.01)):
        seen = one(purchases, 50.0, 52.0)
        assert np.isfinite(PARETO_NBD.log_likelihood(np.array(params), seen)[0])
        assert np.isfinite(PARETO_NBD.expected(np.array(params), seen, 52.0)[0])


@pytest.mark.parametrize("seen", HISTORIES)
@pytest.mark.parametrize("model", [BG_NBD, MBG_NBD, BetaGeometric("k", drops_at_first=True, k=K)])
def test_a_geometric_model_is_its_integral_over_rate_and_chance_to_stop(
    model: BetaGeometric, seen: Histories
) -> None:
    r, alpha, a, b = PARAMS
    x, t_x, end, logs = seen.x[0], seen.t_x[0], seen.T[0], seen.log_intervals[0]
    chances = x + model.drops_at_first

    def over_rate(ticks_since: bool, until: float) -> float:
        def at(rate: float) -> float:
            since = rate * (end - t_x)
            none_since = 1 + since if ticks_since and model.k == 2 else 1
            buys = rate ** (model.k * x) * np.exp(-rate * until + (model.k - 1) * logs)
            return float(buys * none_since * gamma_distribution.pdf(rate, r, scale=1 / alpha))

        return float(quad(at, 0, 1, epsabs=0)[0] + quad(at, 1, np.inf, epsabs=0)[0])

    def over_stop(stops: int) -> float:
        if chances < stops:
            return 0.0
        share = lambda p: p**stops * (1 - p) ** (chances - stops) * beta_distribution.pdf(p, a, b)  # noqa: E731
        return float(quad(share, 0, 1, epsabs=0)[0])

    alive, stopped = over_stop(0) * over_rate(True, end), over_stop(1) * over_rate(False, t_x)
    assert model.log_likelihood(PARAMS, seen)[0] == pytest.approx(np.log(alive + stopped), rel=1e-6)
    assert model.alive(PARAMS, seen)[0] == pytest.approx(alive / (alive + stopped), rel=1e-6)


def seen_until(purchases: pd.DataFrame, weeks: float) -> Histories:
    kept = purchases[purchases["time"] <= weeks]
    gaps = kept.groupby("customer")["time"].diff()
    by = kept.assign(log=np.log(gaps)).groupby("customer")
    size = by.size().to_numpy(dtype=float) - 1
    last = by["time"].max().to_numpy()
    return Histories(
        np.arange(len(size)), size, last, np.full(len(size), weeks), by["log"].sum().to_numpy(), last * np.nan
    )


@pytest.mark.parametrize("k", [1, 3])
def test_what_is_simulated_is_found_again_and_foreseen(k: int) -> None:
    truth = BetaGeometric("mbg_cnbd_k", drops_at_first=True, k=k)
    purchases = simulate(truth, (1.2, 3.0, 0.8, 3.5), size=3_000, weeks=104)
    seen = seen_until(purchases, 52)
    model, fitted = fit_regular(seen)
    assert (model.k, fitted.fixed) == (k, {"k": k})
    for value, (name, found) in zip((1.2, 3.0, 0.8, 3.5), fitted.parameters.items(), strict=True):
        error = fitted.standard_errors[name]
        assert error is not None
        assert abs(found - value) < 3.5 * error
    later = len(purchases[purchases["time"] > 52])
    assert model.expected(fitted.vector, seen, 52).sum() == pytest.approx(later, rel=0.05)


def test_expected_purchases_of_bg_nbd_are_those_of_the_published_formula() -> None:
    r, alpha, a, b = 0.243, 4.414, 0.793, 2.426  # CDNOW, Fader, Hardie and Lee (2005)
    x, t_x, end, t = 2.0, 30.43, 38.86, 39.0  # their customer: 1.226 expected
    ratio = (alpha + end) / (alpha + end + t)
    series = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + end + t))
    alive = 1 / (1 + a / (b + x - 1) * ((alpha + end) / (alpha + t_x)) ** (r + x))
    published = (a + b + x - 1) / (a - 1) * (1 - ratio ** (r + x) * series) * alive
    found = BG_NBD.expected(np.array([r, alpha, a, b]), one(x, t_x, end), t)[0]
    assert found == pytest.approx(published, rel=1e-6)
    assert found == pytest.approx(1.226, abs=5e-4)


def test_a_standard_error_is_the_spread_of_estimates() -> None:
    found = []
    for seed in range(12):
        purchases = simulate(MBG_NBD, (1.2, 3.0, 0.8, 3.5), size=400, weeks=52, seed=seed)
        found.append(fit(MBG_NBD, seen_until(purchases, 52)))
    for name in ("r", "alpha"):
        spread = np.std([np.log(one.parameters[name]) for one in found], ddof=1)
        told = np.mean([one.standard_errors[name] / one.parameters[name] for one in found])
        assert 0.5 < spread / told < 2


def test_spend_is_found_again_in_any_currency() -> None:
    random = np.random.default_rng(4)
    x = 1 + random.poisson(3, 4_000).astype(float)
    rate = random.gamma(4.0, 1 / 15.0, len(x))
    spend = random.gamma(6.0 * x) / rate / x
    seen = Histories(np.arange(len(x)), x, x, x + 1, x, spend)
    fitted = value_spend.fit(seen)
    for name, truth in (("p", 6.0), ("q", 4.0), ("gamma", 15.0)):
        assert abs(fitted.parameters[name] - truth) < 3.5 * fitted.standard_errors[name]
    mean = value_spend.expected(fitted.vector, seen)
    assert mean.mean() == pytest.approx(6 * 15 / 3, rel=0.05)
    cents = value_spend.fit(Histories(seen.customers, x, x, x + 1, x, spend * 100))
    assert cents.parameters["gamma"] == pytest.approx(fitted.parameters["gamma"] * 100, rel=1e-3)
    np.testing.assert_allclose(value_spend.expected(cents.vector, seen) > mean, True)


def test_histories_merge_days_and_measure_weeks() -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-08", "2020-01-22", "2020-02-05", "2020-01-29"])
    rows = pd.DataFrame({"customer": list("aaaab"), "day": days, "spend": [9.0, 2.0, 4.0, 50.0, 1.0]})
    seen = histories(rows, pd.Timestamp("2020-01-29"))
    assert seen.customers.tolist() == ["a", "b"]
    assert seen.x.tolist() == [2, 0]
    assert seen.t_x.tolist() == [3, 0]
    assert seen.T.tolist() == [4, 0]
    assert seen.log_intervals.tolist() == pytest.approx([np.log(2), 0])
    assert seen.spend[0] == 3  # of repeat purchases
    assert np.isnan(seen.spend[1])
