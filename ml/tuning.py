"""Parameters of an estimator by search: judged on later dates and other customers, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.estimators.purchase import MODELS, Propensity
from ml.evaluate import binary_metrics
from ml.features import FeatureRows

FOLDS = 4
LEAST = 50  # rows on either side of a fold
SEED = 0
METHOD = "TPE, optuna"

Rows = NDArray[np.int64]
Parameters = dict[str, Any]
Fold = tuple[Rows, Rows]

# (least, most, whether small differences count only among small ones), by the estimator's class
SPACES: dict[str, dict[str, tuple[Any, Any, bool]]] = {
    "LogisticRegression": {"C": (1e-3, 1e2, True)},
    "Ridge": {"alpha": (1e-3, 1e3, True)},
    "DecisionTree": {"max_depth": (2, 10, False), "min_samples_leaf": (5, 200, True)},
    "RandomForest": {"max_features": (0.1, 1.0, False), "min_samples_leaf": (1, 100, True)},
    "HistGradientBoosting": {
        "max_iter": (40, 300, True),
        "learning_rate": (0.02, 0.2, True),
        "max_leaf_nodes": (4, 32, True),
        "min_samples_leaf": (5, 100, True),
        "l2_regularization": (0.01, 30.0, True),
    },
    "XGB": {
        "n_estimators": (40, 300, True),
        "learning_rate": (0.02, 0.2, True),
        "max_depth": (2, 7, False),
        "min_child_weight": (1.0, 50.0, True),
        "subsample": (0.5, 1.0, False),
        "colsample_bytree": (0.3, 1.0, False),
        "reg_lambda": (0.1, 30.0, True),
    },
}


@dataclass(frozen=True)
class Tuned:
    """What a search found; `parameters` are those that differ from the estimator's own."""

    model: str
    parameters: Parameters
    score: float
    tried: Mapping[str, float]  # the best score of each model


def search(
    estimators: Mapping[str, Any],
    score: Callable[[str, Parameters], float],
    trials: int,
    *,
    is_loss: bool = False,
) -> Tuned:
    """The best of `trials` choices of a model and its parameters; each model is tried first as it comes,
    as far as trials go.

    Tree-structured Parzen estimator, seeded: J. Bergstra et al., "Algorithms for hyper-parameter
    optimization", NeurIPS (2011); T. Akiba et al., "Optuna", KDD (2019).
    """
    import optuna  # here: only a search needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    models = list(estimators)
    study = optuna.create_study(
        direction="minimize" if is_loss else "maximize", sampler=optuna.samplers.TPESampler(seed=SEED)
    )
    for model in models:
        study.enqueue_trial({"model": model})
    chosen: list[tuple[str, Parameters, float]] = []

    def objective(trial: Any) -> float:
        model = trial.suggest_categorical("model", models)
        own = trial.number < len(models)
        parameters = {} if own else suggested(trial, model, space_of(estimators[model]))
        chosen.append((model, parameters, score(model, parameters)))
        return chosen[-1][2]

    study.optimize(objective, n_trials=trials)
    found: dict[str, list[float]] = {}
    for tried, _, value in chosen:
        found.setdefault(tried, []).append(value)
    best = min if is_loss else max
    tops = {tried: best(values) for tried, values in found.items()}
    return Tuned(*chosen[study.best_trial.number], tops)


def suggested(trial: Any, model: str, space: Mapping[str, tuple[Any, Any, bool]]) -> Parameters:
    """Parameters of one trial."""
    found: Parameters = {}
    for name, (least, most, log) in space.items():
        suggest = trial.suggest_int if isinstance(least, int) else trial.suggest_float
        found[name] = suggest(f"{model}.{name}", least, most, log=log)
    return found


def space_of(estimator: Any) -> Mapping[str, tuple[Any, Any, bool]]:
    """Parameters of an estimator that a search may choose."""
    return SPACES[type(estimator).__name__.removesuffix("Classifier").removesuffix("Regressor")]


def folds_in_time(
    split: Callable[[Rows], Fold], chosen: Rows, customers: Sequence[Any], labels: Any, count: int = FOLDS
) -> list[Fold]:
    """Up to `count` folds of the chosen rows, the latest first: each is judged on the latest dates that
    are left, and learned from those whose label had ended by then. Nobody is on both sides.

    ValueError when there is too little time for any.
    """
    group = pd.util.hash_array(np.asarray(customers, dtype=object)) % count
    rest, found = chosen, []
    for number in range(count):
        try:
            train, test = split(rest)
        except ValueError:  # earlier there is too little
            break
        rest = np.setdiff1d(rest, test)
        sides = train[group[train] != number], test[group[test] == number]
        if all(len(side) >= LEAST and len(np.unique(labels[side])) == 2 for side in sides):
            found.append(sides)
    if not found:
        raise ValueError("there is too little time, or too few customers, to choose parameters by")
    return found


def tuned_chances(
    split: Callable[[Rows], Fold], rows: FeatureRows, chosen: Rows, trials: int
) -> dict[str, Any]:
    """The artefact of the model and parameters with the best mean average precision over folds in time,
    fitted on all chosen rows; `parameters` tell of the search."""
    folds = folds_in_time(split, chosen, rows.customers, rows.labels)
    values, truth = rows.frame.to_numpy(dtype=np.float64), rows.labels

    def score(model: str, parameters: Parameters) -> float:
        found = []
        for learned, judged in folds:
            fitted = Propensity(model, parameters).fit(values[learned], truth[learned])
            chances = fitted.predict_proba(values[judged])[:, 1]
            found.append(binary_metrics(truth[judged] == 1, chances)["average_precision"] or 0.0)
        return float(np.mean(found))

    best = search({model: Propensity(model).unfitted() for model in MODELS}, score, trials)
    fitted = Propensity(best.model, best.parameters).fit(rows.frame.iloc[chosen], truth[chosen])
    artefact = fitted.to_artefact()
    told = {"search": METHOD, "trials": trials, "folds": len(folds), "average_precision": best.score}
    return {**artefact, "parameters": {**artefact["parameters"], **told}}
