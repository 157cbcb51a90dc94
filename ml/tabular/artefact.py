"""A model of a table in a folder: manifest.json, encoder.json and weights.npz. No pickle, ever."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.errors import UserError
from ml.arrays import Codes, Matrix
from ml.files import Frame
from ml.registry import refuse_constant
from ml.tabular.columns import check_columns
from ml.tabular.encode import Encoder
from ml.tabular.models import MODELS, Served

FORMAT = "lakehouse model of a table"
SCHEMA_VERSION = 1
MANIFEST, ENCODER, WEIGHTS = "manifest.json", "encoder.json", "weights.npz"


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
    """Write a model: complete in a folder beside, visible by one rename. A model that is there is
    replaced; any other folder with something in it is left alone by a UserError."""
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or is_model(folder))):
        raise UserError(f"{folder} is there already and holds no model: name another folder with --out.")
    kept = {name: value for name, value in arrays.items() if name != "link"}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **kept)
    fields = json.dumps(encoder.fields, allow_nan=False, default=listed, ensure_ascii=False).encode()
    card = dict(manifest) | {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "link": arrays["link"],
        "files": {ENCODER: sha256(fields), WEIGHTS: sha256(buffer.getvalue())},
    }
    card["sha256"] = digest(card)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        (temporary / ENCODER).write_bytes(fields)
        (temporary / WEIGHTS).write_bytes(buffer.getvalue())
        text = json.dumps(card, allow_nan=False, indent=1, ensure_ascii=False)
        (temporary / MANIFEST).write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(temporary, folder)
    except OSError as reason:
        raise UserError(f"{folder} cannot be written ({reason.strerror}).") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read(folder: Path) -> TableModel:
    """A model from its folder; UserError says why it is refused."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"There is no model in {folder}: `lakehouse model fit` makes one.")
    try:
        card = as_json((folder / MANIFEST).read_bytes(), MANIFEST)
        if card.get("format") != FORMAT or card.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"{MANIFEST} is not that of a model that this version knows")
        if card["sha256"] != digest(card):
            raise ValueError(f"{MANIFEST} does not have the sha256 that it names")
        contents = {}
        for name in (ENCODER, WEIGHTS):
            contents[name] = (folder / name).read_bytes()
            if sha256(contents[name]) != card["files"][name]:
                raise ValueError(f"{name} does not have the sha256 of its manifest")
        encoder = Encoder(as_json(contents[ENCODER], ENCODER))
        fields = {**arrays_of(contents[WEIGHTS]), "link": card["link"]}
        sizes = tuple(len(text) for text in encoder.texts.values())
        served = Served(MODELS[card["model"]].kind, fields, encoder.width, sizes)
        outputs = 1 if card["link"] == "logistic" else max(len(card["classes"]), 1)
        if served.model.outputs != outputs:
            raise ValueError(f"it has {served.model.outputs} outputs where its classes need {outputs}")
        return TableModel(card, encoder, served)
    except FileNotFoundError as missing:
        raise UserError(
            f"The model in {folder} is refused: {Path(missing.filename).name} is missing."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, OSError, zipfile.BadZipFile) as reason:
        said = f"it lacks {reason}" if isinstance(reason, KeyError) else str(reason)
        raise UserError(f"The model in {folder} is refused: {said}.") from None


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model of ours, good or not."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def arrays_of(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an npz; ValueError for one that only a pickle could hold."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def as_json(content: bytes, name: str) -> Any:
    """A JSON object; ValueError when it is none, or holds NaN."""
    found = json.loads(content, parse_constant=refuse_constant)
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no JSON object")
    return found


def listed(value: Any) -> Any:
    """Arrays as lists, for JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(card: Mapping[str, Any]) -> str:
    """The hash that a manifest names of all that it says beside it."""
    said = {name: value for name, value in card.items() if name != "sha256"}
    return sha256(json.dumps(said, allow_nan=False, sort_keys=True).encode())
