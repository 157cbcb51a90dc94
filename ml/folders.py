"""A model in a folder: manifest.json, and the files that it names by their sha256. No pickle, ever."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lakehouse.errors import UserError
from ml.registry import refuse_constant

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"

Made = TypeVar("Made")


def write_folder(folder: Path, form: str, card: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a model: complete in a folder beside, visible by one rename. A model of its form that is there
    is replaced; any other folder with something in it is left alone by a UserError."""
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or is_model(folder, form))):
        raise UserError(f"{folder} is there already and holds no model: name another folder with --out.")
    card = dict(card) | {
        "format": form,
        "schema_version": SCHEMA_VERSION,
        "files": {name: sha256(content) for name, content in files.items()},
    }
    card["sha256"] = digest(card)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        text = json.dumps(card, allow_nan=False, indent=1, ensure_ascii=False)
        (temporary / MANIFEST).write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(temporary, folder)
    except OSError as reason:
        raise UserError(f"{folder} cannot be written ({reason.strerror}).") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_folder(
    folder: Path,
    form: str,
    names: Sequence[str],
    make: Callable[[dict[str, Any], dict[str, bytes]], Made],
) -> Made:
    """What `make` makes of the manifest and the contents of its files; UserError says why it is refused."""
    try:
        card = as_json((folder / MANIFEST).read_bytes(), MANIFEST)
        if card.get("format") != form or card.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"{MANIFEST} is not that of a model that this version knows")
        if card["sha256"] != digest(card):
            raise ValueError(f"{MANIFEST} does not have the sha256 that it names")
        contents = {}
        for name in names:
            contents[name] = (folder / name).read_bytes()
            if sha256(contents[name]) != card["files"][name]:
                raise ValueError(f"{name} does not have the sha256 of its manifest")
        return make(card, contents)
    except FileNotFoundError as missing:
        raise UserError(
            f"The model in {folder} is refused: {Path(missing.filename).name} is missing."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, OSError, zipfile.BadZipFile) as reason:
        said = f"it lacks {reason}" if isinstance(reason, KeyError) else str(reason)
        raise UserError(f"The model in {folder} is refused: {said}.") from None


def is_model(folder: Path, form: str) -> bool:
    """Whether a folder holds a model of this form, good or not."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["format"] == form)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def packed(arrays: Mapping[str, Any]) -> bytes:
    """Arrays as an npz."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


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


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(card: Mapping[str, Any]) -> str:
    """The hash that a manifest names of all that it says beside it."""
    said = {name: value for name, value in card.items() if name != "sha256"}
    return sha256(json.dumps(said, allow_nan=False, sort_keys=True).encode())
