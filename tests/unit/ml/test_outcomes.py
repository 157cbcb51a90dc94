"""Only dates that a version has not seen tell what its scores were worth."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ml.estimators.purchase import Propensity
from ml.outcomes import FORESEES, realised
from ml.registry import Manifest, Model, Training
from ml.scorers import make_scorer
from tests.unit.ml.test_tasks import NAME, make_rows


def test_each_unseen_date_of_a_source_is_an_outcome() -> None:
    rows = make_rows(sources=("a", "b"))
    dates = {source: sorted(set(rows.dates[rows.sources == source])) for source in ("a", "b")}
    scorer = make_scorer(Propensity().fit(rows.frame, rows.labels).to_artefact())
    seen = {"a": dates["a"][-3], "b": dates["b"][-1]}
    model = Model(Manifest(NAME, "v4", "", (), Training(seen, 0, {}, {}), ""), scorer)
    found = list(realised(model, rows))
    assert [(one.source, one.as_of_date) for one in found] == [
        ("a", date.fromisoformat(day)) for day in dates["a"][-2:]
    ]
    assert {(one.version, one.row_count) for one in found} == {("v4", 400)}
    chosen = (rows.sources == "a") & (rows.dates == dates["a"][-1])
    metrics = found[-1].metrics
    assert metrics["base_rate"] == pytest.approx(rows.labels[chosen].mean())
    assert metrics["mean_chance"] == pytest.approx(scorer.score(rows.frame[chosen].to_numpy())[0].mean())
    assert metrics["lift_at_10"] > 1.2


def test_carts_of_the_last_seen_day_are_seen_and_few_rows_tell_nothing() -> None:
    rows = make_rows()
    last = max(rows.dates)
    times = np.array([f"{day}T12:00:00" for day in rows.dates], dtype=object)
    scorer = make_scorer(Propensity().fit(rows.frame, rows.labels).to_artefact())
    for seen, count in ((last, 0), ("2000-01-01", 6)):
        model = Model(Manifest(NAME, "v1", "", (), Training({"a": seen}, 0, {}, {}), ""), scorer)
        assert len(list(realised(model, replace(rows, dates=times)))) == count
    few = replace(
        rows,
        frame=rows.frame[-49:],
        labels=rows.labels[-49:],
        dates=rows.dates[-49:],
        sources=rows.sources[-49:],
    )
    assert list(realised(model, few)) == []


def test_what_has_no_later_truth_is_not_asked() -> None:
    assert set(FORESEES) == {
        "purchase_probability",
        "churn_probability",
        "cart_conversion_probability",
        "lifetime_value",
    }
