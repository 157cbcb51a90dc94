"""What is no model, or teaches nothing, is refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.errors import UserError
from ml import folders
from ml.tabular import artefact
from ml.tabular.fit import fit
from tests.tables import data_for


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_for("bought", tmp_path_factory.mktemp("refusals"))


@pytest.fixture(scope="module")
def fitted(data: Path) -> Path:
    out = data.parent / "fitted"
    fit(data, "bought", out, folds=3)
    return out


class TestRefusals:
    """A model in which something was changed does not serve."""

    @pytest.fixture
    def copy(self, fitted: Path, tmp_path: Path) -> Path:
        copy = tmp_path / "m"
        copy.mkdir()
        for file in fitted.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        return copy

    def refused(self, copy: Path, reason: str) -> None:
        with pytest.raises(UserError, match=f"is refused: .*{reason}"):
            artefact.read(copy)

    def rewrite(self, copy: Path, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change the manifest and give it a hash that fits."""
        card = json.loads((copy / "manifest.json").read_text())
        change(card)
        card["sha256"] = folders.digest(card)
        (copy / "manifest.json").write_text(json.dumps(card))

    def with_weights(self, copy: Path, allow: bool, **changed: Any) -> None:
        """Other arrays, with a hash that fits."""
        arrays = dict(np.load(copy / "weights.npz")) | changed
        np.savez(copy / "weights.npz", allow_pickle=allow, **arrays)
        content = (copy / "weights.npz").read_bytes()
        self.rewrite(copy, lambda card: card["files"].update({"weights.npz": folders.sha256(content)}))

    @pytest.mark.parametrize("name", ["encoder.json", "weights.npz"])
    def test_a_changed_file(self, copy: Path, name: str) -> None:
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        self.refused(copy, f"{name} does not have the sha256 of its manifest")

    def test_a_changed_manifest(self, copy: Path) -> None:
        text = (copy / "manifest.json").read_text().replace('"threshold": 0.', '"threshold": 1.')
        (copy / "manifest.json").write_text(text)
        self.refused(copy, "manifest.json does not have the sha256 that it names")

    @pytest.mark.parametrize("name", ["encoder.json", "weights.npz"])
    def test_a_missing_file(self, copy: Path, name: str) -> None:
        (copy / name).unlink()
        self.refused(copy, f"{name} is missing")

    def test_nan_weights(self, copy: Path) -> None:
        self.with_weights(copy, False, intercept=np.array([np.nan]))
        self.refused(copy, "'intercept' of the artefact holds NaN")

    def test_a_pickle_among_the_weights(self, copy: Path) -> None:
        self.with_weights(copy, True, intercept=np.array([{"evil": 1}], dtype=object))
        self.refused(copy, "allow_pickle")

    def test_weights_of_another_shape(self, copy: Path) -> None:
        self.with_weights(copy, False, mean=np.zeros(2))
        self.refused(copy, "'mean' of the artefact has shape")

    def test_another_schema(self, copy: Path) -> None:
        self.rewrite(copy, lambda card: card.update(schema_version=2))
        self.refused(copy, "not that of a model that this version knows")

    def test_a_manifest_that_is_not_json(self, copy: Path) -> None:
        (copy / "manifest.json").write_text("{")
        self.refused(copy, "")

    def test_no_model_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"There is no model in .*model fit"):
            artefact.read(tmp_path)


def test_only_a_model_is_overwritten(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="is there already and holds no model"):
        fit(data, "bought", tmp_path, folds=2)
    assert (tmp_path / "mine.txt").exists()
    out = tmp_path / "m"
    for name in ("logistic", "tree"):
        fit(data, "bought", out, model=name, folds=2)
    assert artefact.read(out).manifest["model"] == "tree"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m", "mine.txt"]


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("a,y\n" + "1,0\n2,1\n" * 10, {"target": "z"}, "has no column z to predict; it has a, y."),
        ("a,y\n" + "1,0\n2,1\n" * 10, {"model": "magic"}, "There is no model 'magic'; there are auto,"),
        ("a,y\n" + "1,0\n2,1\n" * 10, {"model": "linear"}, "is classes, which linear does not predict"),
        ("a,y\n" + "1,0\n2,1\n" * 10, {"folds": 1}, "There can be 2 to 50 folds, not 1."),
        ("a,y\n" + "1,0\n" * 20, {}, "is '0' in every row: nothing to tell apart."),
        ("a,y\n1,0\n2,1\n", {}, "has 2 rows with a y; 10 are needed at least."),
        ("a,y\n" + "1,0\n1,1\n" * 10, {}, "No column beside y can be learned from: a is constant."),
        ("y\n" + "0\n1\n" * 10, {}, "No column beside y can be learned from: there is no other."),
        ("a,y\n" + "1,0\n2,0\n" * 10 + "3,1\n", {}, "Class '1' of y has one row in"),
        ("a,y\n" + "1,1\n2,1.0\n" * 10, {}, "is '1' in every row: nothing to tell apart."),
        ("a,y\n" + "".join(f"1,{n}.5\n" for n in range(200)) + "2,x\n", {}, "row 201 holds 'x'"),
        ("a,y\n" + "".join(f"1,{n}.5\n" for n in range(20)) + "2,inf\n", {}, "row 21 holds 'inf'"),
        ("a,y\n" + "1,0\n2,1\n" * 10 + "1e39,1\n", {}, "numbers within 1e37; row 21 holds '1e39'"),
        ("a,y\n" + "1,0\n2,1\n" * 10 + "inf,1\n", {}, "numbers within 1e37; row 21 holds 'inf'"),
    ],
)
def test_data_that_teach_nothing_are_one_sentence(
    tmp_path: Path, content: str, options: dict[str, Any], said: str
) -> None:
    (tmp_path / "d.csv").write_text(content)
    asked = {"target": "y", **options}
    with pytest.raises(UserError) as told:
        fit(tmp_path / "d.csv", out=tmp_path / "m", **asked)
    assert said in str(told.value)
    assert not (tmp_path / "m").exists()
