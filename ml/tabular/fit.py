"""Fitting a model to a table: what it is for, cross-validated metrics, the artefact."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from lakehouse.errors import UserError
from ml.arrays import Matrix
from ml.evaluate import best_threshold, class_metrics, intervals, number_metrics
from ml.files import Frame, read_table
from ml.tabular import artefact
from ml.tabular.columns import Column, as_texts, infer, known, parsed_numbers
from ml.tabular.encode import learn_encoder
from ml.tabular.models import FOR_CLASSES, FOR_NUMBERS, MODELS, Served, learn

CLASSES = 20  # whole numbers with more different values are a number to predict
POSITIVE = (("0", "1"), ("no", "yes"), ("false", "true"), ("n", "y"), ("f", "t"))
NAMES = ("auto", *MODELS)


@dataclass(frozen=True)
class Target:
    """What is to be predicted. With classes `values` are their codes; of two the second is positive."""

    name: str
    values: NDArray[Any]
    classes: tuple[str, ...]

    @property
    def is_class(self) -> bool:
        return bool(self.classes)


def fit(
    data: Path,
    target: str,
    out: Path,
    *,
    model: str | None = None,
    folds: int = 5,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fit a model of a file's column and write it to a folder; gives the manifest.

    `auto` takes the model with the best cross-validated log loss, or squared error, of all.
    """
    frame = read_table(data)
    if target not in frame.columns:
        there = ", ".join(map(str, frame.columns))
        raise UserError(f"{data} has no column {target} to predict; it has {there}.")
    frame.columns = [str(name) for name in frame.columns]
    if len(set(frame.columns)) < len(frame.columns):
        raise UserError(f"{data} names a column twice.")
    frame, wanted = split_target(frame, target, data)
    names = chosen_models(model, wanted)
    columns = infer(frame, target)
    folds = possible_folds(wanted, folds, data)
    with threadpool_limits(1):  # scikit-learn's threads only wait for each other on so little data
        tried = {}
        for name in names:
            progress(f"{name}: {folds} folds")
            tried[name] = cross_validated(frame, columns, wanted, name, folds)
        best = min(tried, key=lambda name: loss(wanted, tried[name]))
        progress(f"{best}: all rows")
        started = time.process_time()
        encoder = learn_encoder(frame, columns)
        fields, _ = learn(best, encoder.transform(frame, str(data)), wanted.values, wanted.is_class)
        seconds = time.process_time() - started
    manifest: dict[str, Any] = {
        "model": best,
        "target": target,
        "task": "number" if not wanted.is_class else "binary" if len(wanted.classes) == 2 else "classes",
        "classes": list(wanted.classes),
        "threshold": best_threshold(wanted.values, tried[best][:, 1]) if len(wanted.classes) == 2 else None,
        "usual": None if wanted.is_class else float(wanted.values.mean()),
        "rows": len(frame),
        "folds": folds,
        "dropped": {column.name: column.reason for column in encoder.columns if column.kind == "dropped"},
        "data_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in ("scikit-learn", "xgboost-cpu", "numpy", "pandas")},
    }
    manifest["metrics"] = told(wanted, tried[best], manifest)
    if len(tried) > 1:
        manifest["tried"] = {name: loss(wanted, found) for name, found in tried.items()}
    artefact.write(out, manifest, encoder, fields)
    return {**manifest, "out": str(out), "training_cpu_seconds": round(seconds, 3)}


def split_target(frame: Frame, target: str, data: Path) -> tuple[Frame, Target]:
    """Rows whose target is known, and the target; UserError when it teaches nothing."""
    texts = as_texts(frame[target])
    kept = known(texts)
    texts, frame = texts[kept], frame[kept].reset_index(drop=True)
    if len(frame) < 10:
        raise UserError(f"{data} has {len(frame)} rows with a {target}; 10 are needed at least.")
    numbers = parsed_numbers(texts)
    if np.isfinite(numbers).all():
        distinct = np.unique(numbers)
        if len(distinct) > CLASSES or (len(distinct) > 2 and (distinct != np.floor(distinct)).any()):
            return frame, Target(target, numbers, ())
    counts = Counter(texts)
    if len(counts) == 1:
        raise UserError(f"Column {target} of {data} is {texts[0]!r} in every row: nothing to tell apart.")
    if len(counts) > 100:
        raise UserError(
            f"Column {target} of {data} has {len(counts):,} different texts: too many for classes."
        )
    classes = ordered_classes(counts)
    places = {name: code for code, name in enumerate(classes)}
    return frame, Target(target, np.array([places[text] for text in texts], dtype=np.int64), classes)


def ordered_classes(counts: Counter[str]) -> tuple[str, ...]:
    """Classes in order: numbers by value, else texts; of two the positive one comes last: 1, yes, true
    and the like, else the rarer one."""
    try:
        names = sorted(counts, key=float)
    except ValueError:
        names = sorted(counts)
    if len(names) == 2 and tuple(name.lower() for name in names) not in POSITIVE:
        names = sorted(names, key=lambda name: -counts[name])
    return tuple(names)


def chosen_models(model: str | None, target: Target) -> Sequence[str]:
    """The models to try; the baseline when none is named."""
    able = FOR_CLASSES if target.is_class else FOR_NUMBERS
    if model is None:
        return able[:1]
    if model == "auto":
        return able
    if model not in MODELS:
        raise UserError(f"There is no model {model!r}; there are {', '.join(NAMES)}.")
    if model not in able:
        what = "classes" if target.is_class else "a number"
        raise UserError(
            f"Column {target.name} is {what}, which {model} does not predict; {', '.join(able)} do."
        )
    return (model,)


def possible_folds(target: Target, folds: int, data: Path) -> int:
    """As many folds as asked for, or as the rarest class has rows."""
    if not 2 <= folds <= 50:
        raise UserError(f"There can be 2 to 50 folds, not {folds}.")
    if not target.is_class:
        return folds
    counts = np.bincount(target.values)
    if counts.min() < 2:
        rare = target.classes[int(counts.argmin())]
        raise UserError(f"Class {rare!r} of {target.name} has one row in {data}: two are needed at least.")
    return min(folds, int(counts.min()))


def cross_validated(frame: Frame, columns: Sequence[Column], target: Target, name: str, folds: int) -> Matrix:
    """What the model says of each row when it has not seen it; everything is learned anew each time."""
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = StratifiedKFold if target.is_class else KFold
    found = np.zeros((len(frame), max(len(target.classes), 1)))
    splits = splitter(folds, shuffle=True, random_state=0).split(np.zeros(len(frame)), target.values)
    for seen, unseen in splits:
        known_rows = frame.iloc[seen].reset_index(drop=True)
        encoder = learn_encoder(known_rows, columns)
        rows = encoder.transform(known_rows, "the data")
        fields, _ = learn(name, rows, target.values[seen], target.is_class)
        sizes = tuple(len(text) for text in encoder.texts.values())
        served = Served(MODELS[name].kind, fields, encoder.width, sizes)
        found[unseen] = served.predict(encoder.transform(frame.iloc[unseen], "the data"))
    return found


def loss(target: Target, found: Matrix) -> float:
    """What `auto` makes least: log loss of classes, root mean squared error of a number."""
    if target.is_class:
        return float(class_metrics(target.values, found, target.classes)["log_loss"])
    return float(number_metrics(target.values, found[:, 0], float(target.values.mean()))["rmse"])


def told(target: Target, found: Matrix, manifest: dict[str, Any]) -> dict[str, Any]:
    """Metrics of predictions, each with its interval where it has one."""

    def metrics(rows: Any) -> dict[str, Any]:
        if target.is_class:
            threshold = manifest["threshold"] or 0.5
            return class_metrics(target.values[rows], found[rows], target.classes, threshold)
        return number_metrics(target.values[rows], found[rows, 0], manifest["usual"])

    size = len(found)
    return {**metrics(np.arange(size)), "intervals": intervals(metrics, size)}
