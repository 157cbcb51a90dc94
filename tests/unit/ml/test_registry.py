"""The registry: versions appear whole, never change, and are refused when something is wrong."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.errors import UserError
from lakehouse.store import DirectoryStore
from ml.features import FEATURES, names
from ml.registry import Manifest, Registry, Training

MODEL = "customer_segment"
TYPED = tuple((feature.name, feature.type) for feature in FEATURES[MODEL])
TRAINING = Training({"shop": "2020-01-31"}, 1500, {"marts.t": 3}, {"silhouette": 0.4})


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(DirectoryStore(tmp_path))


@pytest.fixture
def saved(registry: Registry, artefact: dict[str, Any]) -> Manifest:
    return registry.save(MODEL, artefact, TYPED, TRAINING)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any], *, rehash: bool = True) -> None:
    """Change model.json, and the hash in manifest.json with it unless told otherwise."""
    model, card = folder / "model.json", folder / "manifest.json"
    artefact = json.loads(model.read_text())
    change(artefact)
    model.write_text(json.dumps(artefact))
    if rehash:
        manifest = json.loads(card.read_text())
        manifest["sha256"] = hashlib.sha256(model.read_bytes()).hexdigest()
        card.write_text(json.dumps(manifest))


def test_what_is_saved_can_be_loaded_and_scores(registry: Registry, saved: Manifest) -> None:
    model = registry.load(MODEL, "v1", names(MODEL))
    assert model.manifest == saved
    assert saved.training == TRAINING
    assert saved.features[0] == ("recency_days", "DOUBLE")
    scores, codes = model.scorer.score(np.array([[1.0, 50.0, 5000.0]]))
    assert scores[0] >= 0
    assert model.scorer.labels[codes[0]] == model.scorer.labels[-1]


def test_a_card_tells_parameters_and_an_older_one_has_none(
    registry: Registry, artefact: dict[str, Any], tmp_path: Path
) -> None:
    training = dataclasses.replace(TRAINING, parameters={"model": "xgboost", "max_depth": 4, "trials": 30})
    registry.save(MODEL, artefact, TYPED, training)
    assert registry.load(MODEL, "v1", names(MODEL)).manifest.training == training
    card = tmp_path / MODEL / "v1" / "manifest.json"
    older = json.loads(card.read_text())
    del older["training"]["parameters"]
    card.write_text(json.dumps(older))
    assert registry.load(MODEL, "v1", names(MODEL)).manifest.training.parameters == {}


def test_versions_count_up_as_numbers(registry: Registry, artefact: dict[str, Any], tmp_path: Path) -> None:
    for _ in range(11):
        registry.save(MODEL, artefact, TYPED, TRAINING)
    assert registry.versions(MODEL) == [f"v{number}" for number in range(1, 12)]
    assert {path.name for path in (tmp_path / MODEL / "v11").iterdir()} == {
        "manifest.json",
        "model.json",
    }


def test_two_trainings_at_once_get_two_versions(
    registry: Registry, artefact: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.save(MODEL, artefact, TYPED, TRAINING)
    real, answers = registry.versions, [[]]
    monkeypatch.setattr(registry, "versions", lambda name: answers.pop() if answers else real(name))
    assert registry.save(MODEL, artefact, TYPED, TRAINING).version == "v2"


def test_a_failed_write_leaves_nothing(
    registry: Registry, artefact: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: str, target: str) -> None:
        raise UserError("HDFS is full")

    monkeypatch.setattr(registry.store, "rename", fail)
    with pytest.raises(UserError, match="full"):
        registry.save(MODEL, artefact, TYPED, TRAINING)
    assert list((tmp_path / MODEL).iterdir()) == []


def test_weights_that_are_not_numbers_are_never_saved(
    registry: Registry, artefact: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="NaN"):
        registry.save(MODEL, {**artefact, "mean": [0, float("nan"), 0]}, TYPED, TRAINING)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("saved")
class TestRefusals:
    """Each fault of a version is one sentence with the model's name."""

    def refused(self, registry: Registry, reason: str) -> None:
        with pytest.raises(UserError, match=f"customer_segment v1 is refused: .*{reason}"):
            registry.load(MODEL, "v1", names(MODEL))

    def test_a_changed_model(self, registry: Registry, tmp_path: Path) -> None:
        folder = tmp_path / MODEL / "v1"
        rewrite(folder, lambda model: model.update(mean=[9, 9, 9]), rehash=False)
        self.refused(registry, "sha256")

    def test_nan_weights(self, registry: Registry, tmp_path: Path) -> None:
        rewrite(tmp_path / MODEL / "v1", lambda model: model.update(mean=[0, float("nan"), 0]))
        self.refused(registry, "NaN")

    def test_weights_too_large_for_a_double(self, registry: Registry, tmp_path: Path) -> None:
        model = tmp_path / MODEL / "v1" / "model.json"
        rewrite(model.parent, lambda artefact: artefact.update(mean=["MEAN", 0, 0]))
        model.write_text(model.read_text().replace('"MEAN"', "1e999"))
        rewrite(model.parent, lambda artefact: None)
        self.refused(registry, "infinite|Infinity")

    def test_other_features_in_the_artefact(self, registry: Registry, tmp_path: Path) -> None:
        folder = tmp_path / MODEL / "v1"
        rewrite(folder, lambda model: model.update(features=["recency_days", "age", "revenue"]))
        self.refused(registry, "artefact has the features recency_days, age, revenue")

    def test_features_in_another_order(self, registry: Registry, tmp_path: Path) -> None:
        card = tmp_path / MODEL / "v1" / "manifest.json"
        manifest = json.loads(card.read_text())
        manifest["features"].reverse()
        card.write_text(json.dumps(manifest))
        self.refused(registry, "manifest has the features revenue, order_count, recency_days")

    def test_a_missing_field(self, registry: Registry, tmp_path: Path) -> None:
        rewrite(tmp_path / MODEL / "v1", lambda model: model.pop("centres"))
        self.refused(registry, "lacks 'centres'")

    def test_the_manifest_of_another_version(self, registry: Registry, tmp_path: Path) -> None:
        card = tmp_path / MODEL / "v1" / "manifest.json"
        card.write_text(card.read_text().replace('"v1"', '"v7"'))
        self.refused(registry, "manifest is that of customer_segment v7")

    def test_a_manifest_of_a_later_schema(self, registry: Registry, tmp_path: Path) -> None:
        card = tmp_path / MODEL / "v1" / "manifest.json"
        card.write_text(card.read_text().replace('"schema_version": 1', '"schema_version": 2'))
        self.refused(registry, "schema version 2")

    @pytest.mark.parametrize("name", ["manifest.json", "model.json"])
    def test_a_file_that_is_not_json(self, registry: Registry, tmp_path: Path, name: str) -> None:
        (tmp_path / MODEL / "v1" / name).write_text("{")
        self.refused(registry, "")

    def test_an_unknown_version_names_those_there_are(self, registry: Registry) -> None:
        with pytest.raises(UserError, match="has no version v9; it has v1"):
            registry.load(MODEL, "v9", names(MODEL))


@pytest.mark.parametrize("version", ["../v1", "v1/..", "v0", "v", "1", "v1\n", "", "V1", "v１"])
def test_a_version_is_never_a_path(registry: Registry, version: str) -> None:
    with pytest.raises(UserError, match="is not a model version"):
        registry.load(MODEL, version, names(MODEL))


@pytest.mark.parametrize("name", ["..", "a/b", "Customer", "", "a b", "customer_segment\n"])
def test_a_name_is_never_a_path(registry: Registry, name: str, artefact: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="is not a model name"):
        registry.load(name, "v1", names(MODEL))
    with pytest.raises(UserError, match="is not a model name"):
        registry.save(name, artefact, TYPED, TRAINING)
