"""Models are judged by group of people, and a gap is told only when it is beyond tolerance and chance."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import groups
from ml.estimators.purchase import Propensity
from ml.evaluate import auc_error, group_metrics
from ml.features import FeatureRows
from ml.scorers import make_scorer
from ml.tasks import TASKS
from tests.unit.ml.test_tasks import CHANCES, NAME, make_rows

TOLERANCE = 0.1


def made(size: int = 4_000) -> tuple[Any, Any, pd.DataFrame]:
    """Chances that tell men's labels well and women's not at all, in two groups and a tiny one."""
    random = np.random.default_rng(2)
    gender = random.choice(["F", "M"], size, p=[0.4, 0.6]).astype(object)
    chance = random.random(size)
    truth = np.where(gender == "M", random.random(size) < chance, random.random(size) < 0.5)
    gender[:20], gender[20:60] = "X", None
    country = np.where(random.random(size) < 0.3, "FR", "DE")
    return truth, chance, pd.DataFrame({"gender": gender, "country": country, "age_band": None})


def test_each_group_has_its_own_metrics_and_small_ones_have_none() -> None:
    truth, chance, people = made()
    found = group_metrics(truth, chance, chance > 0.9, people)
    assert set(groups.by_column(found)["gender"]) == {"F", "M"}
    assert set(groups.by_column(found)) == {"gender", "country"}
    women = (people["gender"] == "F").to_numpy()
    assert found["gender=F: rows"] == women.sum()
    assert found["gender=F: base_rate"] == pytest.approx(truth[women].mean())
    assert found["gender=F: selection_rate"] == pytest.approx((chance[women] > 0.9).mean())
    assert found["gender=F: brier"] == pytest.approx(((chance - truth)[women] ** 2).mean())
    assert found["gender=M: roc_auc"] > 0.8 > 0.55 > found["gender=F: roc_auc"]


def test_only_what_is_beyond_tolerance_and_chance_is_a_gap() -> None:
    truth, chance, people = made()
    found = group_metrics(truth, chance, chance > 0.9, people)
    found |= groups.judged(found, TOLERANCE)
    told = {key for key in found if key.startswith(groups.GAP)}
    assert told == {f"{groups.GAP}roc_auc, gender=F", f"{groups.GAP}brier, gender=F"}
    assert found[groups.BEYOND] == 2
    assert [" !" in row["roc auc"] for row in groups.table(found)] == [True, False, False, False]
    said = groups.sentence({**found, "base_rate": 0.5})
    assert said.startswith("2 gaps between groups of people beyond the tolerance of 0.1")
    assert groups.judged(found, 0.5)[groups.BEYOND] == 0
    few = people[:400]
    of_few = group_metrics(truth[:400], chance[:400], chance[:400] > 0.9, few)
    assert groups.judged(of_few, 0.25)[groups.BEYOND] == 0  # a gap of .3 that 400 rows do not prove


def test_many_groups_of_chance_alone_find_no_gap() -> None:
    random = np.random.default_rng(5)
    found = 0.0
    for _ in range(40):
        people = pd.DataFrame({"country": random.integers(0, 20, 4_000).astype(str)})
        chance = random.random(4_000)
        metrics = group_metrics(random.random(4_000) < chance, chance, chance > 0.9, people)
        found += bool(groups.judged(metrics, 1e-9)[groups.BEYOND])
    assert found <= 12  # four measures, each by chance in one of twenty


def test_the_error_of_an_auc_is_how_far_it_scatters() -> None:
    random = np.random.default_rng(1)
    aucs, errors = [], []
    for _ in range(300):
        truth = random.random(200) < 0.3
        chance = random.normal(truth * 1.0, 1)
        aucs.append(
            group_metrics(truth, chance, truth, pd.DataFrame({"a": ["x", "y"] * 100}))["a=x: roc_auc"]
        )
        errors.append(auc_error(truth[::2], chance[::2]))
    assert np.mean(errors) == pytest.approx(np.std(aucs), rel=0.12)


def test_training_judges_by_group_on_the_rows_of_the_test() -> None:
    rows = make_rows()
    people = pd.DataFrame({"gender": np.where(np.arange(len(rows.labels)) % 2, "F", "M")})
    rows = FeatureRows(**{**vars(rows), "groups": people})
    scorer = make_scorer(Propensity().fit(rows.frame, rows.labels).to_artefact())
    metrics = CHANCES.metrics(NAME, scorer, rows)
    assert metrics["gender=F: rows"] + metrics["gender=M: rows"] == metrics["test_rows"]
    assert "gender=F: rows" not in groups.without_groups(metrics)
    told = metrics | groups.judged(metrics, TOLERANCE)
    assert groups.sentence(told) == "No gap between groups of people beyond the tolerance of 0.1."


def test_without_groups_it_is_said() -> None:
    rows = make_rows()
    metrics = TASKS[NAME].metrics(
        NAME, make_scorer(Propensity().fit(rows.frame, rows.labels).to_artefact()), rows
    )
    assert groups.judged(metrics, TOLERANCE) == {}
    assert groups.table(metrics) == []
    assert groups.sentence(metrics).startswith("No group of people is large enough")
    assert groups.sentence({"silhouette": 0.3}) == ""
