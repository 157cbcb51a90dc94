"""Searches for parameters: each model as it comes first, then better ones, the same each time."""

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBRegressor

from ml.estimators.purchase import MODELS, Propensity
from ml.tabular.models import FOR_CLASSES, FOR_NUMBERS
from ml.tabular.models import MODELS as TABLE_MODELS
from ml.tuning import search, space_of

ESTIMATORS = {"tree": DecisionTreeClassifier(), "linear": LogisticRegression()}


def test_each_model_comes_first_as_it_is_and_the_best_trial_wins() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def score(model: str, parameters: dict[str, Any]) -> float:
        seen.append((model, parameters))
        return -abs(parameters.get("max_depth", 100) - 6)

    found = search(ESTIMATORS, score, 40)
    assert seen[:2] == [("tree", {}), ("linear", {})]
    assert len(seen) == 40
    assert (found.model, found.parameters["max_depth"], found.score) == ("tree", 6, 0)
    assert found.tried["tree"] == 0
    later = [model for model, _ in seen[20:]]
    assert later.count("tree") > later.count("linear")  # it looks where it was good


def test_a_search_is_the_same_each_time_and_may_make_a_loss_least() -> None:
    def score(model: str, parameters: dict[str, Any]) -> float:
        return float(parameters.get("C", 50.0))

    first, again = (search({"linear": LogisticRegression()}, score, 12, is_loss=True) for _ in range(2))
    assert first == again
    assert first.score == first.parameters["C"] < 1


def test_what_comes_best_as_it_is_keeps_its_parameters() -> None:
    found = search(ESTIMATORS, lambda model, parameters: float(not parameters), 6)
    assert (found.model, found.parameters) == ("tree", {})


@pytest.mark.parametrize(
    "estimator",
    [
        *(Propensity(model).unfitted() for model in MODELS),
        *(TABLE_MODELS[name].make(True) for name in FOR_CLASSES),
        *(TABLE_MODELS[name].make(False) for name in FOR_NUMBERS),
        Ridge(),
        XGBRegressor(),
    ],
)
def test_every_model_has_parameters_to_search(estimator: Any) -> None:
    assert set(space_of(estimator)) <= set(estimator.get_params())
    assert all(least < most for least, most, _ in space_of(estimator).values())
