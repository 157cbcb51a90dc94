"""A model of a table in a folder: manifest.json, encoder.json and weights.npz. No pickle, ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lakehouse.errors import UserError
from ml.arrays import Codes, Matrix
from ml.files import Frame
from ml.folders import MANIFEST, arrays_of, as_json, packed, read_folder, write_folder
from ml.tabular.columns import check_columns
from ml.tabular.encode import Encoder
from ml.tabular.models import MODELS, Served

FORMAT = "lakehouse model of a table"
ENCODER, WEIGHTS = "encoder.json", "weights.npz"


@dataclass(frozen=True)
class TableModel:
    """A model that passed every check and can predict. `classes` is empty when it predicts a number."""

    manifest: Mapping[str, Any]
    encoder: Encoder
    served: Served

    @property
    def target(self) -> str:
        return str(self.manifest["target"])

    @property
    def classes(self) -> list[str]:
        return list(self.manifest["classes"])

    def predict(self, frame: Frame, where: str) -> Matrix:
        """Probabilities of the classes (n x classes), or a number (n x 1)."""
        check_columns(frame, self.encoder.columns, self.target, where)
        return self.served.predict(self.encoder.transform(frame, where))

    def labels(self, chances: Matrix) -> Codes:
        """Class of each row: of two, the second from the threshold on; of more, the likeliest."""
        if len(self.classes) == 2:
            said: Codes = (chances[:, 1] >= float(self.manifest["threshold"])).astype(np.int64)
            return said
        likeliest: Codes = chances.argmax(axis=1)
        return likeliest


def write(folder: Path, manifest: Mapping[str, Any], encoder: Encoder, arrays: Mapping[str, Any]) -> None:
    """Write a model; one that is there is replaced, any other folder left alone by a UserError."""
    kept = {name: value for name, value in arrays.items() if name != "link"}
    fields = json.dumps(encoder.fields, allow_nan=False, default=listed, ensure_ascii=False).encode()
    files = {ENCODER: fields, WEIGHTS: packed(kept)}
    write_folder(folder, FORMAT, {**manifest, "link": arrays["link"]}, files)


def read(folder: Path) -> TableModel:
    """A model from its folder; UserError says why it is refused."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"There is no model in {folder}: `lakehouse model fit` makes one.")
    return read_folder(folder, FORMAT, (ENCODER, WEIGHTS), made_of)


def made_of(card: dict[str, Any], contents: dict[str, bytes]) -> TableModel:
    """The model of a manifest and its files; ValueError, TypeError or KeyError where it cannot serve."""
    encoder = Encoder(as_json(contents[ENCODER], ENCODER))
    fields = {**arrays_of(contents[WEIGHTS]), "link": card["link"]}
    sizes = tuple(len(text) for text in encoder.texts.values())
    served = Served(MODELS[card["model"]].kind, fields, encoder.width, sizes)
    outputs = 1 if card["link"] == "logistic" else max(len(card["classes"]), 1)
    if served.model.outputs != outputs:
        raise ValueError(f"it has {served.model.outputs} outputs where its classes need {outputs}")
    return TableModel(card, encoder, served)


def listed(value: Any) -> Any:
    """Arrays as lists, for JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")
