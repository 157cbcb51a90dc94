"""What is to be predicted, and how well a model does on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Codes, Matrix
from ml.evaluate import class_metrics, intervals, number_metrics
from ml.files import Frame
from ml.tabular.columns import Column
from ml.tabular.encode import Encoded, learn_encoder
from ml.tabular.models import MODELS, Served, learn


@dataclass(frozen=True)
class Target:
    """What is to be predicted. With classes `values` are their codes; of two the second is positive."""

    name: str
    values: NDArray[Any]
    classes: tuple[str, ...]

    @property
    def is_class(self) -> bool:
        return bool(self.classes)

    def of(self, rows: Any) -> Target:
        """The target of some rows."""
        return Target(self.name, self.values[rows], self.classes)


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to be judged on, encoded by what the first teach."""

    seen: Codes
    unseen: Codes
    learned: Encoded
    judged: Encoded
    width: int
    texts: tuple[int, ...]


def make_fold(frame: Frame, columns: Sequence[Column], seen: Codes, unseen: Codes) -> Fold:
    """Both sides of a fold; medians, levels and vocabularies are learned anew from the seen rows."""
    known = frame.iloc[seen].reset_index(drop=True)
    encoder = learn_encoder(known, columns)
    sizes = tuple(len(text) for text in encoder.texts.values())
    judged = encoder.transform(frame.iloc[unseen], "the data")
    return Fold(seen, unseen, encoder.transform(known, "the data"), judged, encoder.width, sizes)


def make_folds(frame: Frame, columns: Sequence[Column], target: Target, count: int) -> list[Fold]:
    """Folds of a cross-validation, classes in their shares."""
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = StratifiedKFold if target.is_class else KFold
    splits = splitter(count, shuffle=True, random_state=0).split(np.zeros(len(frame)), target.values)
    return [make_fold(frame, columns, seen, unseen) for seen, unseen in splits]


def unseen_predictions(
    folds: Sequence[Fold], target: Target, name: str, parameters: Mapping[str, Any]
) -> Matrix:
    """What a model says of each row when it has not seen it; rows of no fold stay 0."""
    found = np.zeros((len(target.values), max(len(target.classes), 1)))
    for fold in folds:
        fields, _ = learn(name, fold.learned, target.values[fold.seen], target.is_class, parameters)
        served = Served(MODELS[name].kind, fields, fold.width, fold.texts)
        found[fold.unseen] = served.predict(fold.judged)
    return found


def loss(target: Target, found: Matrix) -> float:
    """What a choice makes least: log loss of classes, root mean squared error of a number."""
    if target.is_class:
        return float(class_metrics(target.values, found, target.classes)["log_loss"])
    return float(number_metrics(target.values, found[:, 0], float(target.values.mean()))["rmse"])


def told(target: Target, found: Matrix, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of predictions, each with its interval where it has one."""

    # As the whole has it: another sample's rarest may be another class.
    counts = np.bincount(target.values) if target.is_class else np.ones(1)
    rarest = int(np.argmin(np.where(counts > 0, counts, np.inf)))

    def metrics(rows: Any) -> dict[str, Any]:
        if target.is_class:
            threshold = manifest["threshold"] or 0.5
            return class_metrics(target.values[rows], found[rows], target.classes, threshold, rarest)
        return number_metrics(target.values[rows], found[rows, 0], manifest["usual"])

    size = len(found)
    return {**metrics(np.arange(size)), "intervals": intervals(metrics, size)}
