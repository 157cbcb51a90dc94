"""Drift is told when a spread has changed beyond chance, and training is due for it or for age."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.drift import SCORE, Drift, bins_of, counts, drifts, judge
from ml.evaluate import stability_index
from ml.features import FeatureRows, names
from ml.registry import Manifest, Model, Training
from ml.scorers import make_scorer
from ml.watch import has_drifted, too_old

NAME = "customer_segment"


def rows_of(frame: pd.DataFrame) -> FeatureRows:
    return FeatureRows(frame, {}, len(frame), {})


@pytest.fixture
def model(artefact: dict[str, Any]) -> Model:
    made = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
    return Model(Manifest(NAME, "v2", made, (), Training({}, 0, {}, {}), ""), make_scorer(artefact))


def found_in(model: Model, then: pd.DataFrame, now: pd.DataFrame) -> dict[str, Drift]:
    kept = bins_of(model.scorer, rows_of(then), np.arange(len(then)))
    return {row.column_name: row for row in drifts(model, kept, rows_of(now), 0.25)}


def test_the_index_is_the_published_sum() -> None:
    index, _ = stability_index([499.5, 499.5], [799.5, 199.5])
    assert index == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5))
    assert stability_index([10, 0, 5], [10, 0, 5])[0] == 0
    assert np.isfinite(stability_index([10, 0], [0, 10])[0])


def test_chance_alone_exceeds_the_noise_once_in_twenty_times() -> None:
    random = np.random.default_rng(4)
    then, now = (random.multinomial(size, np.full(10, 0.1), 2_000) for size in (400, 300))
    found = [stability_index(*both) for both in zip(then, now, strict=True)]
    assert np.mean([index > noise for index, noise in found]) == pytest.approx(0.05, abs=0.015)


def test_bins_end_with_their_edge_and_the_missing_are_one() -> None:
    values = np.array([0, 1, 1, 2, 3, np.nan])
    assert counts(values, np.array([1.0, 2.0])) == [3, 1, 1, 1]
    assert counts(np.array([np.nan]), np.array([])) == [0, 1]


def test_a_feature_and_the_score_drift_when_it_moves(model: Model, customers: pd.DataFrame) -> None:
    same = found_in(model, customers[::2], customers[1::2])
    assert list(same) == [*names(NAME), SCORE]
    assert {row.judged for row in same.values()} == {"stable"}
    later = customers[1::2].assign(recency_days=customers["recency_days"] * 9)
    far = found_in(model, customers[::2], later)
    assert far["recency_days"].judged == far[SCORE].judged == "drifted"
    assert far["revenue"].judged == "stable"
    assert sum(far[SCORE].expected) == sum(far[SCORE].actual) == 750
    assert far[SCORE].version == "v2"


def test_a_constant_feature_that_goes_missing_has_drifted(model: Model, customers: pd.DataFrame) -> None:
    then = customers.assign(order_count=1.0)
    gone = found_in(model, then, then.assign(order_count=np.nan))
    assert gone["order_count"].judged == "drifted"
    assert gone["order_count"].actual[-1] == len(then)


def test_few_rows_are_no_drift() -> None:
    assert judge(0.9, 0.1, 49, 0.25) == "too few rows"
    assert judge(0.3, 0.4, 60, 0.25) == "stable"
    assert [judge(psi, 0.02, 900, 0.25) for psi in (0.05, 0.15, 0.3)] == ["stable", "shifted", "drifted"]


def test_the_score_decides_and_features_say_why(model: Model, customers: pd.DataFrame) -> None:
    found = found_in(model, customers, customers.assign(recency_days=customers["recency_days"] * 9))
    drifted, said = has_drifted(list(found.values()))
    assert drifted
    assert "its scores are drifted" in said
    assert "recency_days (" in said
    calm = replace(found[SCORE], judged="stable")
    assert not has_drifted([*[row for row in found.values() if row.column_name != SCORE], calm])[0]


def test_age_counts_from_the_last_training(model: Model) -> None:
    manifest = model.manifest
    before, after = (datetime(2026, *day, tzinfo=UTC) for day in ((3, 30), (4, 2)))
    assert too_old(manifest, before, 30) == (False, "v2 was trained 29 days ago")
    assert too_old(manifest, after, 30) == (True, "v2 was trained 32 days ago")
    assert too_old(replace(manifest, created_at="2026-03-01T00:00:00"), after, 30)[0]  # of ml.model_versions
