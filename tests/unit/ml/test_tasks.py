"""Chances are learned on earlier dates and judged on later ones; nothing of the test is seen."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.features import LABELS, FeatureRows, names
from ml.scorers import make_scorer
from ml.splits import split
from ml.tasks import TASKS, Chances
from ml.tuning import METHOD, folds_in_time

NAME = "purchase_probability"
CHANCES = TASKS[NAME]


def make_rows(
    customers: int = 400, months: int = 6, sources: tuple[str, ...] = ("a",), leak: Any = None
) -> Any:
    """Customers at each month end. With `leak` the label of the given date is a feature on that date."""
    random = np.random.default_rng(6)
    parts = []
    for source in sources:
        for month in range(months):
            day = date(2024 + (source == "b"), 1, 31) + timedelta(days=30 * month)
            part = pd.DataFrame(
                random.lognormal(2, 1, (customers, len(names(NAME)))), columns=list(names(NAME))
            )
            odds = 1.5 - part["recency_days"] / 5
            part["label"] = (random.random(customers) < 1 / (1 + np.exp(-odds))).astype(int)
            part["date"], part["source"] = day.isoformat(), source
            part["customer"] = [f"{source}{number}" for number in range(customers)]
            if leak == month:
                part["revenue_90d"] = part["label"] * 1e4
            parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[::5, "days_between_orders"] = np.nan
    return FeatureRows(
        frame=frame[list(names(NAME))],
        as_of={source: max(frame["date"][frame["source"] == source]) for source in sources},
        row_count=len(frame),
        table_versions={},
        labels=frame["label"].to_numpy(),
        dates=frame["date"].to_numpy(),
        sources=frame["source"].to_numpy(),
        customers=frame["customer"].to_numpy(),
    )


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_the_training_end_before_the_test(name: str) -> None:
    rows = make_rows(sources=("a", "b"))
    train, test = split(name, rows)
    for source in ("a", "b"):
        of_train, of_test = train[rows.sources[train] == source], test[rows.sources[test] == source]
        assert set(rows.dates[of_test]) == {max(rows.dates[rows.sources == source])}
        last = date.fromisoformat(max(rows.dates[of_train])) + timedelta(days=LABELS[name].days)
        assert last.isoformat() <= rows.dates[of_test][0]


def test_a_chance_is_judged_beside_base_rate_and_the_trivial_ranking() -> None:
    rows = make_rows()
    scorer = make_scorer(CHANCES.fit(NAME, rows))
    metrics = CHANCES.metrics(NAME, scorer, rows)
    assert metrics["test_rows"] == 400
    assert metrics["training_rows"] == 2_000
    assert metrics["average_precision"] > metrics["base_rate"] + 0.1
    assert {"roc_auc", "brier", "lift_at_10", "average_precision: recency alone"} <= set(metrics)
    assert scorer.optional.tolist() == [name == "days_between_orders" for name in names(NAME)]


def test_a_leak_into_the_test_date_is_not_learned() -> None:
    clean = CHANCES.fit(NAME, make_rows())
    assert CHANCES.fit(NAME, make_rows(leak=5)) == clean


@pytest.mark.parametrize("leak", [lambda label: label * 50.0, lambda label: np.where(label, np.nan, 3.0)])
def test_a_feature_that_knows_the_label_is_refused_by_name(leak: Any) -> None:
    rows = make_rows()
    rows.frame["days_between_orders"] = leak(rows.labels)
    with pytest.raises(ValueError, match="feature days_between_orders alone tells the label"):
        CHANCES.fit(NAME, rows)


def test_a_challenger_must_be_better_beyond_noise() -> None:
    rows = make_rows()
    good = make_scorer(CHANCES.fit(NAME, rows))
    shuffled = FeatureRows(**{**vars(rows), "labels": np.random.default_rng(0).permutation(rows.labels)})
    bad = make_scorer(CHANCES.fit(NAME, shuffled))
    assert CHANCES.better(NAME, good, bad, rows)[0]
    assert not CHANCES.better(NAME, bad, good, rows)[0]
    is_better, why = CHANCES.better(NAME, good, good, rows)
    assert not is_better
    assert "difference +0.0000 to +0.0000" in why


def test_a_first_version_that_is_worse_than_the_trivial_ranking_says_so() -> None:
    rows = make_rows()  # whose labels hang on recency alone
    may_serve, why = CHANCES.first(NAME, make_scorer(CHANCES.fit(NAME, rows)), rows)
    assert may_serve
    assert why.startswith("first version, worse than recency_days alone, average precision: gain -0.0")


def test_too_little_time_is_said() -> None:
    with pytest.raises(ValueError, match="the 0 to learn from are too few"):
        CHANCES.fit("churn_probability", make_rows(months=2))


def test_folds_go_back_in_time_and_keep_customers_apart() -> None:
    rows = make_rows(sources=("a", "b"))
    train, _ = split(NAME, rows)
    folds = folds_in_time(lambda kept: split(NAME, rows, kept), train, rows.customers, rows.labels)
    assert len(folds) == 4
    judged = []
    for learned, test in folds:
        assert set(learned) | set(test) <= set(train)
        assert not set(rows.customers[learned]) & set(rows.customers[test])
        for source in ("a", "b"):
            dates = [rows.dates[side[rows.sources[side] == source]] for side in (learned, test)]
            last = date.fromisoformat(max(dates[0])) + timedelta(days=LABELS[NAME].days)
            assert last.isoformat() <= min(dates[1])
        judged.append(max(rows.dates[test]))
    assert judged == sorted(judged, reverse=True)
    assert len(set(judged)) == 4


@pytest.fixture(scope="module")
def tuned() -> dict[str, Any]:
    assert isinstance(CHANCES, Chances)
    return CHANCES.tuned(NAME, make_rows(), trials=7)


class TestSearch:
    """Parameters of a chance by trials."""

    def test_it_tells_what_it_chose_and_how(self, tuned: dict[str, Any]) -> None:
        told = tuned["parameters"]
        assert (told["search"], told["trials"], told["folds"]) == (METHOD, 7, 4)
        assert 0 < told["average_precision"] < 1
        assert CHANCES.metrics(NAME, make_scorer(tuned), make_rows())["test_rows"] == 400

    def test_it_finds_the_same_again_and_does_not_see_the_test(self, tuned: dict[str, Any]) -> None:
        assert isinstance(CHANCES, Chances)
        assert CHANCES.tuned(NAME, make_rows(leak=5), trials=7) == tuned

    def test_too_little_time_to_search_is_said(self) -> None:
        assert isinstance(CHANCES, Chances)
        with pytest.raises(ValueError, match="too little time, or too few customers"):
            CHANCES.tuned(NAME, make_rows(months=2), trials=7)
