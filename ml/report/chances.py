"""Every kind of model of a chance on the same rows, beside a ranking by one feature alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Matrix
from ml.estimators.purchase import MODELS, Propensity
from ml.evaluate import binary_metrics, intervals
from ml.registry import encoded
from ml.report.lines import Cost, Line, speed, spent
from ml.scorers import make_scorer

NAMES = {"roc_auc": "AUC", "average_precision": "AP"}


@dataclass(frozen=True)
class Judged:
    """Rows that are judged: features, what came, whose they are, and the trivial ranking."""

    values: Matrix
    truth: Any
    people: Any
    alone: Matrix


def lines_of(
    data: str, name: str, frame: Any, labels: Any, test: Judged, published: Mapping[str, float]
) -> Iterator[Line]:
    """AUC and average precision of each kind of model; intervals draw people, who are there several times."""
    places = [np.flatnonzero(test.people == person) for person in pd.unique(test.people)]
    alone = binary_metrics(test.truth, test.alone)
    for model in MODELS:
        with spent() as seconds:
            fitted = Propensity(model).fit(frame, labels).to_artefact()
        scorer = make_scorer(fitted)
        chances = scorer.score(test.values)[0]

        def metrics(chosen: Any, chances: Any = chances) -> dict[str, Any]:
            rows = np.concatenate([places[place] for place in chosen])
            return binary_metrics(test.truth[rows], chances[rows])

        found, between = binary_metrics(test.truth, chances), intervals(metrics, len(places))
        rate = speed(partial(scorer.score, test.values), len(test.values))
        cost = Cost(seconds(), len(encoded(fitted)), rate)
        for key, metric in NAMES.items():
            yield Line(
                data,
                f"{name}, {model}",
                metric,
                float(found[key] or 0.0),
                between[key],
                alone[key],
                float(test.truth.mean()),
                published.get(key),
                cost if key == "roc_auc" else None,
            )
