"""Fitting a model to a table: what it is for, cross-validated metrics, the artefact."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from lakehouse.errors import UserError
from ml.files import Frame, read_table
from ml.tabular import artefact
from ml.tabular.choose import by_folds, by_search
from ml.tabular.columns import as_texts, infer, known, parsed_numbers, refuse, refuse_huge, same
from ml.tabular.encode import learn_encoder
from ml.tabular.folds import Target, told
from ml.tabular.models import FOR_CLASSES, FOR_NUMBERS, MODELS, learn

MOST_CLASSES = 100
MISTYPED = 0.1  # a share of words below which a column is one of numbers with mistakes
CLASSES = 20  # whole numbers with more different values are a number to predict
POSITIVE = (("0", "1"), ("no", "yes"), ("false", "true"), ("n", "y"), ("f", "t"))
NAMES = ("auto", *MODELS)


def fit(
    data: Path,
    target: str,
    out: Path,
    *,
    model: str | None = None,
    folds: int = 5,
    tune: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fit a model of a file's column and write it to a folder; gives the manifest.

    `auto` takes the model with the best cross-validated log loss, or squared error, of all; `tune` is the
    number of trials of a search for better parameters.
    """
    frame = read_table(data)
    if target not in frame.columns:
        there = ", ".join(frame.columns)
        raise UserError(f"{data} has no column {target} to predict; it has {there}.")
    row_count = len(frame)
    frame, wanted = split_target(frame, target, data, model in FOR_NUMBERS and model not in FOR_CLASSES)
    names = chosen_models(model, wanted)
    columns = infer(frame, target)
    folds = possible_folds(wanted, folds, data)
    with threadpool_limits(1):  # scikit-learn's threads only wait for each other on so little data
        if tune:
            choice = by_search(frame, columns, wanted, names, folds, tune, progress)
        else:
            choice = by_folds(frame, columns, wanted, names, folds, progress)
        progress(f"{choice.model}: all rows")
        started = time.process_time()
        encoder = learn_encoder(frame, columns)
        rows = encoder.transform(frame, str(data))
        fields, _ = learn(choice.model, rows, wanted.values, wanted.is_class, choice.parameters)
        seconds = time.process_time() - started
    manifest: dict[str, Any] = {
        "model": choice.model,
        "parameters": choice.parameters,
        "target": target,
        "task": "number" if not wanted.is_class else "binary" if len(wanted.classes) == 2 else "classes",
        "classes": list(wanted.classes),
        "threshold": choice.threshold,
        "usual": None if wanted.is_class else float(wanted.values.mean()),
        "rows": len(frame),
        "rows_without_target": row_count - len(frame),
        "folds": folds,
        "dropped": {column.name: column.reason for column in encoder.columns if column.kind == "dropped"},
        "data_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in ("scikit-learn", "xgboost-cpu", "numpy", "pandas")},
    }
    manifest["metrics"] = told(wanted.of(choice.rows), choice.found, manifest)
    manifest |= choice.card
    artefact.write(out, manifest, encoder, fields)
    return {**manifest, "out": str(out), "training_cpu_seconds": round(seconds, 3)}


def split_target(frame: Frame, target: str, data: Path, is_number: bool = False) -> tuple[Frame, Target]:
    """Rows whose target is known, and the target; UserError when it teaches nothing.

    Whole numbers of few values are classes unless `is_number`.
    """
    texts = as_texts(frame[target])
    kept = known(texts)
    if kept.sum() < 10:
        raise UserError(f"{data} has {kept.sum()} rows with a {target}; 10 are needed at least.")
    numbers = parsed_numbers(texts)
    words = kept & np.isnan(numbers)
    if words.sum() < MISTYPED * kept.sum() and len(np.unique(numbers[kept])) > MOST_CLASSES:
        refuse(words, texts, target, str(data), "numbers")
    if not words.any():
        refuse_huge(numbers, texts, target, str(data))
    texts, numbers, frame = texts[kept], numbers[kept], frame[kept].reset_index(drop=True)
    if not words.any():
        distinct = np.unique(numbers)
        is_broken = len(distinct) > 2 and bool((distinct != np.floor(distinct)).any())
        if is_broken or len(distinct) > (2 if is_number else CLASSES):
            return frame, Target(target, numbers, ())
    spelled = Counter(texts)
    # One class may be written in several ways, as 1 and 1.0.
    counts = Counter(map(same, texts))
    if len(counts) == len(spelled):
        counts = spelled
    else:
        texts = np.array([same(text) for text in texts], dtype=object)
    if len(counts) == 1:
        raise UserError(f"Column {target} of {data} is {texts[0]!r} in every row: nothing to tell apart.")
    if len(counts) > MOST_CLASSES:
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
    if len(names) == 2 and tuple(same(name).lower() for name in names) not in POSITIVE:
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
    """As many folds as asked for, or as there are rows, of the rarest class where there are classes."""
    if not 2 <= folds <= 50:
        raise UserError(f"There can be 2 to 50 folds, not {folds}.")
    if not target.is_class:
        return min(folds, len(target.values))
    counts = np.bincount(target.values)
    if counts.min() < 2:
        rare = target.classes[int(counts.argmin())]
        raise UserError(f"Class {rare!r} of {target.name} has one row in {data}: two are needed at least.")
    return min(folds, int(counts.min()))
