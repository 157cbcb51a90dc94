"""A model of sequences in a folder: manifest.json and weights.npz, arrays alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.folders import arrays_of, packed, read_folder, write_folder
from ml.recurrent import NextItemScorer

FORMAT = "lakehouse model of sequences"
WEIGHTS = "weights.npz"


def write(folder: Path, artefact: Mapping[str, Any]) -> None:
    """Keep an artefact as manifest.json and weights.npz, with their hashes."""
    weights = {name: np.asarray(value, dtype=np.float32) for name, value in artefact["weights"].items()}
    card = {name: value for name, value in artefact.items() if name != "weights"}
    write_folder(folder, FORMAT, card, {WEIGHTS: packed(weights)})


def read(folder: Path) -> NextItemScorer:
    """A scorer from its folder; UserError says why it is refused."""

    def made(card: dict[str, Any], files: dict[str, bytes]) -> NextItemScorer:
        return NextItemScorer({**card, "weights": arrays_of(files[WEIGHTS])})

    return read_folder(folder, FORMAT, (WEIGHTS,), made)
