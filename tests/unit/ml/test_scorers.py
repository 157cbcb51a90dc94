"""Artefacts that are not fit to serve are refused by name."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ml.scorers import make_scorer


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "pickle"}, "kind is 'pickle'"),
        ({"mean": [0.0, float("nan"), 0.0]}, "'mean' of the artefact holds NaN"),
        ({"scale": [1.0, float("inf"), 1.0]}, "'scale' of the artefact holds NaN or infinite"),
        ({"scale": [1.0, 0.0, 1.0]}, "'scale' of the artefact is not positive"),
        ({"mean": [0.0]}, r"'mean' of the artefact has shape \(1,\), expected \(3,\)"),
        ({"centres": [[0.0, 0.0, 0.0]]}, "'centres' of the artefact has shape"),
        ({"centres": [[1.0], [1.0, 2.0]]}, "'centres' of the artefact is not a table of numbers"),
        ({"mean": ["a", "b", "c"]}, "'mean' of the artefact is not a table of numbers"),
    ],
)
def test_an_unfit_artefact_is_refused(artefact: dict[str, Any], change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make_scorer({**artefact, **change})


def test_a_missing_field_is_named(artefact: dict[str, Any]) -> None:
    del artefact["scale"]
    with pytest.raises(ValueError, match="lacks 'scale'"):
        make_scorer(artefact)


def test_scoring_leaves_its_input_as_it_was(artefact: dict[str, Any]) -> None:
    rows = np.array([[1.0, 2.0, 3.0]])
    make_scorer(artefact).score(rows)
    assert rows.tolist() == [[1.0, 2.0, 3.0]]


def test_what_serves_imports_nothing_that_only_fits() -> None:
    told = "import sys, ml.kernel, ml.tabular.serve, lakehouse.cli; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert "ml.trees" in found.stdout.split()
    assert not {"xgboost", "optuna", "keras", "jax"} & set(found.stdout.split())
