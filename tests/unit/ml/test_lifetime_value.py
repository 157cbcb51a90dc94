"""Lifetime value of the lake's customers: the scorer is the published formula, judged on later time."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import hyp2f1

from ml import kernel
from ml.estimators.value_lifetime import LifetimeValue
from ml.features import FeatureRows, names
from ml.lifetime_value import NEGLIGIBLE, LifetimeValueScorer
from ml.registry import Manifest, Model, Training
from ml.scorers import make_scorer
from ml.tasks import TASKS
from tests.unit.ml.test_estimators import HISTORIES

NAME = "lifetime_value"
R, ALPHA, A, B = 0.9, 5.0, 1.6, 4.2
P, Q, GAMMA = 3.0, 4.0, 20.0
ARTEFACT: dict[str, Any] = {
    "kind": NAME,
    "features": list(names(NAME)),
    "labels": ["low", "medium", "high"],
    "cuts": [5.0, 50.0],
    "purchases": [R, ALPHA, A, B],
    "spend": [P, Q, GAMMA],
    "days": 90,
}
# recency, tenure, days with an order, revenue
CUSTOMERS = np.array(
    [[0, 0, 1, 30], [200, 200, 1, 15], [10, 300, 6, 240], [290, 300, 6, 240], [1, 700, 350, 9_000]],
    dtype=float,
)


@pytest.fixture
def scorer() -> LifetimeValueScorer:
    return LifetimeValueScorer(ARTEFACT)


def published(row: Any) -> float:
    """Equation 10 of Fader, Hardie and Lee (2005)."""
    recency, tenure, bought, _ = row
    x, last, end, ahead = bought - 1, (tenure - recency) / 7, tenure / 7, 90 / 7
    z = ahead / (ALPHA + end + ahead)
    share = ((ALPHA + end) / (ALPHA + end + ahead)) ** (R + x) * hyp2f1(R + x, B + x, A + B + x - 1, z)
    dropped = A / (B + x - 1) * ((ALPHA + end) / (ALPHA + last)) ** (R + x) if x else 0.0
    return float((A + B + x - 1) / (A - 1) * (1 - share) / (1 + dropped))


def test_purchases_are_those_of_the_published_formula(scorer: LifetimeValueScorer) -> None:
    found = scorer.transform(CUSTOMERS)[:, 0]
    expected = [published(row) for row in CUSTOMERS]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=10 * NEGLIGIBLE)


def test_a_purchase_is_worth_the_mean_of_customer_and_population(scorer: LifetimeValueScorer) -> None:
    worth = scorer.transform(CUSTOMERS)[:, 1]
    population = P * GAMMA / (Q - 1)
    own = CUSTOMERS[:, 3] / CUSTOMERS[:, 2]
    weight = P * CUSTOMERS[:, 2] / (P * CUSTOMERS[:, 2] + Q - 1)
    np.testing.assert_allclose(worth, weight * own + (1 - weight) * population, rtol=1e-12)


def test_who_has_long_been_away_is_likely_gone(scorer: LifetimeValueScorer) -> None:
    alive = scorer.transform(CUSTOMERS)[:, 2]
    assert alive[0] == alive[1] == 1.0
    assert alive[2] > 0.8 > 0.05 > alive[3]


def test_the_most_eager_customers_have_a_finite_value(scorer: LifetimeValueScorer) -> None:
    rows = np.array([[0, 20_000, 20_000, 1e9], [0, 0, 1e5, 1e9], [1e4, 0, 0, -5]], dtype=float)
    assert np.isfinite(scorer.score(rows)[0]).all()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("purchases", [R, ALPHA, A], "has shape"),
        ("purchases", [R, 0, A, B], "'purchases' of the artefact is not positive"),
        ("spend", [0.3, 0.4, 1], "'spend' of the artefact has no mean"),
        ("days", float("nan"), "holds NaN"),
        ("cuts", [2, 1], "'cuts' of the artefact do not ascend"),
        ("features", ["revenue"], "features are not recency_days"),
    ],
)
def test_an_artefact_that_cannot_be_is_refused(field: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_scorer({**ARTEFACT, field: value})


def test_the_kernel_tells_what_a_value_is_made_of(scorer: LifetimeValueScorer) -> None:
    manifest = Manifest(
        NAME, "v3", "", tuple((n, "DOUBLE") for n in names(NAME)), Training({}, 0, {}, {}), ""
    )
    rows = pa.array([*CUSTOMERS.tolist(), None, [1.0, 2.0, None, 4.0]], pa.list_(pa.float64()))
    told = kernel.explain_one(Model(manifest, scorer), rows).to_pylist()
    assert told[5] is told[6] is None
    assert [row["score"] for row in told[:5]] == scorer.score(CUSTOMERS)[0].tolist()
    assert {row["version"] for row in told[:5]} == {"v3"}
    assert told[3]["reasons"][2].endswith("% likely to buy at all any more")


def test_estimates_are_the_likeliest_and_foresee_what_comes() -> None:
    """Rates, stops and amounts are drawn by the model's own story; the days ahead by it, too."""
    random = np.random.default_rng(3)
    rows, ahead = [], []
    for tenure in random.integers(30, 400, 3_000):
        rate, stop, mean = random.gamma(2.0, 1 / 60), random.beta(1.5, 9), 40 / random.gamma(5.0)
        day, bought, spent, later, last = 0.0, 0, 0.0, 0.0, 0.0
        while day < tenure + 90:
            worth = random.gamma(3.0, mean)
            if day <= tenure:
                bought, spent, last = bought + 1, spent + worth, day
            else:
                later += worth
            if day and random.random() < stop:
                break
            day += random.exponential(1 / rate)
        rows.append((tenure - last, tenure, bought, spent))
        ahead.append(later)
    frame = pd.DataFrame(rows, columns=list(names(NAME)), dtype=float)
    model = LifetimeValue().fit(frame)
    assert model.purchases_.is_converged
    found = list(model.purchases_.parameters.values())
    assert found == pytest.approx([2.0, 60 / 7, 1.5, 9], rel=0.35)
    expected, truth = model.predict(frame), np.array(ahead)
    assert expected.sum() == pytest.approx(truth.sum(), rel=0.08)
    assert np.corrcoef(expected, truth)[0, 1] > 0.4


def make_rows(labels: Any) -> FeatureRows:
    """Histories on two dates, of which the earlier one must not matter."""
    size = len(HISTORIES)
    dates = np.repeat(["2024-01-31", "2024-02-29"], [size // 4, size - size // 4])
    return FeatureRows(
        frame=HISTORIES,
        as_of={"a": "2024-02-29"},
        row_count=size,
        table_versions={},
        labels=labels,
        dates=dates,
        sources=np.repeat("a", size),
        usual=labels * 3,
    )


def test_a_value_is_judged_on_the_latest_date_beside_trivial_forecasts() -> None:
    task, labels = TASKS[NAME], np.linspace(0, 50, len(HISTORIES))
    rows = make_rows(labels)
    artefact = task.fit(NAME, rows)
    assert artefact == task.fit(NAME, make_rows(labels[::-1]))  # no label is learned from
    metrics = task.metrics(NAME, make_scorer(artefact), rows)
    assert metrics["test_rows"] == 300
    assert metrics["relative_mae: last days again"] == pytest.approx(2)
    assert metrics["actual"] == pytest.approx(labels[100:].sum())
    assert {"relative_mae", "relative_mae: all alike"} <= set(metrics)


def test_a_challenger_must_be_nearer_beyond_noise() -> None:
    task = TASKS[NAME]
    scorer = make_scorer(task.fit(NAME, make_rows(np.zeros(len(HISTORIES)))))
    far = make_scorer({**ARTEFACT, "spend": [P, Q, GAMMA * 1e4]})
    rows = make_rows(scorer.score(HISTORIES.to_numpy())[0])
    assert task.better(NAME, scorer, far, rows)[0]
    assert not task.better(NAME, far, scorer, rows)[0]
    assert not task.better(NAME, scorer, scorer, rows)[0]


@pytest.mark.parametrize(
    ("usual", "may_serve", "said"),
    [(30.0, True, "better than"), (1.0, True, "no better beyond noise than"), (0.0, False, "worse than")],
)
def test_a_first_version_serves_unless_it_is_surely_worse(usual: float, may_serve: bool, said: str) -> None:
    """Where the last days again miss by 30, by as much as the model, and by nothing."""
    task = TASKS[NAME]
    scorer = make_scorer(task.fit(NAME, make_rows(np.zeros(len(HISTORIES)))))
    error = np.random.default_rng(1).normal(0, 5, len(HISTORIES))
    labels = scorer.score(HISTORIES.to_numpy())[0] + error
    shuffled = np.random.default_rng(2).permutation(np.abs(error))
    rows = replace(make_rows(labels), usual=labels + (30.0 if usual == 30.0 else usual * shuffled))
    assert task.first(NAME, scorer, rows)[0] == may_serve
    assert task.first(NAME, scorer, rows)[1].startswith(f"first version, {said} the last days again")


def test_too_few_customers_are_said() -> None:
    rows = make_rows(np.zeros(len(HISTORIES)))
    few = FeatureRows(**{**vars(rows), "dates": np.array(["2024-01-31"] * 390 + ["2024-02-29"] * 10)})
    with pytest.raises(ValueError, match="the 10 of the latest date are too few"):
        TASKS[NAME].fit(NAME, few)
