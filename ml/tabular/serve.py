"""A table's model at work: predictions of a file, and how good they are where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lakehouse.errors import UserError
from ml.files import Frame, read_table
from ml.tabular import artefact
from ml.tabular.artefact import TableModel
from ml.tabular.columns import TRUTH, as_texts, known, number_values, same
from ml.tabular.folds import Target, told


def predict(folder: Path, data: Path) -> Frame:
    """One row per row of a file: `prediction`, and for classes a probability of each."""
    model = artefact.read(folder)
    return as_frame(model, model.predict(read_table(data), str(data)))


def as_frame(model: TableModel, found: Any) -> Frame:
    """Predictions as columns."""
    if not model.classes:
        return pd.DataFrame({"prediction": found[:, 0]})
    names = np.array(model.classes, dtype=object)
    columns: dict[str, Any] = {"prediction": names[model.labels(found)]}
    columns |= {f"probability_{name}": found[:, code] for code, name in enumerate(model.classes)}
    return pd.DataFrame(columns)


def evaluate(folder: Path, data: Path) -> dict[str, Any]:
    """Metrics of a model on a file that holds the target, with 95 % intervals."""
    model = artefact.read(folder)
    frame = read_table(data)
    if model.target not in frame.columns:
        raise UserError(f"{data} has no column {model.target} to compare with.")
    kept = known(as_texts(frame[model.target]))
    if not kept.any():
        raise UserError(f"Column {model.target} of {data} is empty in every row.")
    found = model.predict(frame, str(data))[kept]  # of all rows, so that a bad one is told by its place
    target = truth(model, frame[kept], data)
    metrics = told(target, found, dict(model.manifest))
    card = {name: model.manifest[name] for name in ("model", "target", "task", "classes", "threshold")}
    return {**card, "metrics": metrics}


def truth(model: TableModel, frame: Frame, data: Path) -> Target:
    """The target of a file, in the model's classes; UserError for a class that it never saw."""
    if not model.classes:
        return Target(model.target, number_values(frame[model.target], str(data)), ())
    texts = [same(text) for text in as_texts(frame[model.target])]
    places = {same(name): code for code, name in enumerate(model.classes)}
    for word, digit in TRUTH.items():
        code = places.get(word, places.get(digit))
        places |= {} if code is None else {word: code, digit: code}
    if unknown := sorted({text for text in texts if text not in places}):
        raise UserError(
            f"Column {model.target} of {data} holds {unknown[0]!r}, which is no class of the model "
            f"({', '.join(model.classes)})."
        )
    codes = np.array([places[text] for text in texts], dtype=np.int64)
    return Target(model.target, codes, tuple(model.classes))
