"""Carts are learned at earlier moments and judged at later ones; nothing of the test is seen."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.carts import HORIZON, split_carts
from ml.features import FeatureRows, names
from ml.scorers import make_scorer
from ml.tasks import TASKS

NAME = "cart_conversion_probability"
CARTS = TASKS[NAME]


def make_rows(count: int = 4_000, days: float = 20, sources: tuple[str, ...] = ("a",)) -> FeatureRows:
    """Carts whose chance falls with their idle minutes; every third has no price."""
    random = np.random.default_rng(7)
    parts = []
    for number, source in enumerate(sources):
        part = pd.DataFrame(random.lognormal(2, 1, (count, len(names(NAME)))), columns=list(names(NAME)))
        odds = 1.5 - part["idle_minutes"] / 5
        part["label"] = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(int)
        start = datetime(2024 + number, 1, 1)
        seconds = np.sort(random.integers(0, int(days * 86_400), count))
        part["moment"] = [(start + timedelta(seconds=int(s))).isoformat() for s in seconds]
        part["source"] = source
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[::3, "cart_value"] = np.nan
    return FeatureRows(
        frame=frame[list(names(NAME))],
        as_of={},
        row_count=len(frame),
        table_versions={},
        labels=frame["label"].to_numpy(),
        dates=frame["moment"].to_numpy(),
        sources=frame["source"].to_numpy(),
    )


def test_the_day_of_what_is_learned_ends_before_the_test() -> None:
    rows = make_rows(sources=("a", "b"))
    train, test = split_carts(NAME, rows)
    for source in ("a", "b"):
        of_train, of_test = (side[rows.sources[side] == source] for side in (train, test))
        assert len(of_test) == 800
        first = datetime.fromisoformat(min(rows.dates[of_test]))
        assert datetime.fromisoformat(max(rows.dates[of_train])) + HORIZON <= first


def test_moments_at_the_same_second_are_on_one_side() -> None:
    rows = make_rows()
    dates = rows.dates.copy()
    dates[3_000:3_500] = dates[3_250]
    _, test = split_carts(NAME, FeatureRows(**{**vars(rows), "dates": dates}))
    assert len(test) == 1_000


def test_a_cart_is_judged_beside_base_rate_and_the_trivial_ranking() -> None:
    rows = make_rows()
    scorer = make_scorer(CARTS.fit(NAME, rows))
    metrics = CARTS.metrics(NAME, scorer, rows)
    assert metrics["test_rows"] == 800
    assert metrics["average_precision"] > metrics["base_rate"] + 0.1
    assert {"roc_auc", "brier", "lift_at_10", "average_precision: idle alone"} <= set(metrics)
    assert scorer.optional.tolist() == [name == "cart_value" for name in names(NAME)]


def test_labels_of_the_test_change_nothing_that_is_learned() -> None:
    rows = make_rows()
    _, test = split_carts(NAME, rows)
    changed = rows.labels.copy()
    changed[test] = 1 - changed[test]
    assert CARTS.fit(NAME, FeatureRows(**{**vars(rows), "labels": changed})) == CARTS.fit(NAME, rows)


@pytest.mark.parametrize(("count", "days"), [(900, 20), (4_000, 1.0)])
def test_too_few_or_too_short_is_said(count: int, days: Any) -> None:
    with pytest.raises(ValueError, match="are too few, or all alike"):
        CARTS.fit(NAME, make_rows(count, days))
