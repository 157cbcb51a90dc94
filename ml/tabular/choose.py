"""Which model is fitted to a table, with which parameters: by folds as they come, or by a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lakehouse.errors import UserError
from ml.arrays import Codes, Matrix
from ml.evaluate import best_threshold
from ml.files import Frame
from ml.tabular.columns import Column
from ml.tabular.folds import Target, loss, make_fold, make_folds, unseen_predictions
from ml.tabular.models import MODELS
from ml.tuning import METHOD, Parameters, search

KEPT_OUT = 5  # one row of so many is kept out of a search
ENOUGH = 50  # rows that are kept out at least


@dataclass(frozen=True)
class Choice:
    """The model, and what it says (`found`) of rows that neither it nor its choice has seen."""

    model: str
    parameters: Parameters
    rows: Codes
    found: Matrix
    threshold: float | None
    card: Mapping[str, Any] = field(default_factory=dict)  # what the manifest tells of the choice


def by_folds(
    frame: Frame,
    columns: Sequence[Column],
    target: Target,
    names: Sequence[str],
    count: int,
    progress: Callable[[str], None],
) -> Choice:
    """The model with the best cross-validated loss, as it comes; of several it is a little flattered."""
    folds, tried = make_folds(frame, columns, target, count), {}
    for name in names:
        progress(f"{name}: {count} folds")
        tried[name] = unseen_predictions(folds, target, name, {})
    losses = {name: loss(target, found) for name, found in tried.items()}
    best = min(losses, key=lambda name: losses[name])
    card = {"tried": losses} if len(losses) > 1 else {}
    threshold = threshold_of(target, tried[best])
    return Choice(best, {}, np.arange(len(frame)), tried[best], threshold, card)


def by_search(
    frame: Frame,
    columns: Sequence[Column],
    target: Target,
    names: Sequence[str],
    count: int,
    trials: int,
    progress: Callable[[str], None],
) -> Choice:
    """The best of some trials by the cross-validated loss of four fifths of the rows; the last fifth, which
    the search never sees, tells how good it is."""
    inside, outside = kept_out(target)
    if target.is_class:
        count = min(count, int(np.bincount(target.values[inside]).min()))
    part, own = frame.iloc[inside].reset_index(drop=True), target.of(inside)
    folds = make_folds(part, columns, own, count)

    def score(name: str, parameters: Parameters) -> float:
        progress(f"{name}: {count} folds, {parameters or 'as it comes'}")
        return loss(own, unseen_predictions(folds, own, name, parameters))

    estimators = {name: MODELS[name].make(target.is_class) for name in names}
    best = search(estimators, score, trials, is_loss=True)
    threshold = threshold_of(own, unseen_predictions(folds, own, best.model, best.parameters))
    last = [make_fold(frame, columns, inside, outside)]
    found = unseen_predictions(last, target, best.model, best.parameters)[outside]
    card = {"search": METHOD, "trials": trials, "kept_out": len(outside), "tried": best.tried}
    return Choice(best.model, best.parameters, outside, found, threshold, card)


def kept_out(target: Target) -> tuple[Codes, Codes]:
    """Rows to search on, and every fifth, of each class, to be judged on; UserError when they are few."""
    from sklearn.model_selection import KFold, StratifiedKFold

    size = len(target.values)
    if size < KEPT_OUT * ENOUGH:
        raise UserError(f"{size} rows are too few to search for parameters: {KEPT_OUT * ENOUGH} are needed.")
    if target.is_class and np.bincount(target.values).min() < KEPT_OUT:
        raise UserError(f"A class of {target.name} has too few rows to search: {KEPT_OUT} are needed.")
    splitter = StratifiedKFold if target.is_class else KFold
    inside, outside = next(
        splitter(KEPT_OUT, shuffle=True, random_state=1).split(np.zeros(size), target.values)
    )
    return inside, outside


def threshold_of(target: Target, found: Matrix) -> float | None:
    """From which probability on the label is the positive one, where there are two."""
    return best_threshold(target.values, found[:, 1]) if len(target.classes) == 2 else None
