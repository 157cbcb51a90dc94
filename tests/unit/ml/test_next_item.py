"""The next item by an LSTM: numpy says what keras says, from arrays that are checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import UserError
from ml import folders
from ml.estimators.next_item import NextItem, windows
from ml.recurrent import NextItemScorer
from ml.sequences import FORMAT, read, write

# what comes after b hangs on what came before it, which the last item alone does not tell
SESSIONS = [["a", "b", "c", "e"], ["x", "b", "d", "e"], ["e", "a", "b", "c"], ["e", "x", "b", "d"]] * 15
ROWS, AFTER = windows(SESSIONS, 4)


@pytest.fixture(scope="module")
def fitted() -> NextItem:
    return NextItem(units=12, epochs=25, learning_rate=0.02, batch_size=32).fit(ROWS, AFTER)


def test_windows_are_what_came_before_each_step() -> None:
    rows, after = windows([["a", "a", "b", "c", "d", "e"], ["z"]], 3)
    assert after.tolist() == ["b", "c", "d", "e"]
    assert rows.to_numpy().tolist() == [
        [None, "a", "a"],
        ["a", "a", "b"],
        ["a", "b", "c"],
        ["b", "c", "d"],
    ]


def test_it_reads_the_whole_session(fitted: NextItem) -> None:
    assert max((s := fitted.scores(["a", "b"])), key=lambda item: s[item]) == "c"
    assert max((s := fitted.scores(["x", "b"])), key=lambda item: s[item]) == "d"
    assert fitted.score(ROWS, AFTER) > 0.9


def test_numpy_says_what_keras_says(fitted: NextItem) -> None:
    rows = ROWS.copy()
    rows.iloc[::7, -1] = "never seen"
    rows.iloc[0] = None  # nothing came before
    network = fitted.network(len(fitted.classes_))
    network.set_weights(list(fitted.weights_.values()))
    import keras

    said = network(fitted.scorer().codes(rows.to_numpy()).astype(np.int32))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(said))
    np.testing.assert_allclose(fitted.predict_proba(rows), expected, atol=1e-6, rtol=0)
    assert keras.backend.backend() == "jax"


def test_an_item_that_came_next_too_seldom_is_no_answer() -> None:
    rows = pd.concat([ROWS, ROWS.head(1)])
    model = NextItem(units=4, epochs=1, least=2).fit(rows, np.append(AFTER, "rare"))
    assert "rare" not in model.classes_
    with pytest.raises(ValueError, match="two items that come next 1000 times are needed, not 0"):
        NextItem(least=1000).fit(ROWS, AFTER)


class TestFolder:
    """Weights as an npz with its hash."""

    @pytest.fixture
    def folder(self, fitted: NextItem, tmp_path: Path) -> Path:
        write(tmp_path / "m", fitted.to_artefact())
        return tmp_path / "m"

    def rewrite(self, folder: Path, **changed: Any) -> None:
        """Other arrays, with a hash that fits."""
        content = folders.packed(dict(np.load(folder / "weights.npz")) | changed)
        (folder / "weights.npz").write_bytes(content)
        card = json.loads((folder / "manifest.json").read_text())
        card["files"]["weights.npz"] = folders.sha256(content)
        card["sha256"] = folders.digest(card)
        (folder / "manifest.json").write_text(json.dumps(card))

    def test_it_says_the_same_again(self, fitted: NextItem, folder: Path) -> None:
        again = read(folder)
        assert (again.transform(ROWS.to_numpy()) == fitted.predict_proba(ROWS)).all()
        assert folders.is_model(folder, FORMAT)

    def test_nan_weights_are_refused(self, folder: Path) -> None:
        self.rewrite(folder, bias=np.full(48, np.nan))
        with pytest.raises(UserError, match="is refused: 'bias' of the artefact holds NaN"):
            read(folder)

    def test_weights_of_another_shape_are_refused(self, folder: Path) -> None:
        self.rewrite(folder, recurrent=np.zeros((12, 12)))
        with pytest.raises(UserError, match="is refused: 'recurrent' of the artefact has shape"):
            read(folder)

    def test_a_changed_file_is_refused(self, folder: Path) -> None:
        content = bytearray((folder / "weights.npz").read_bytes())
        content[len(content) // 2] ^= 1
        (folder / "weights.npz").write_bytes(content)
        with pytest.raises(UserError, match="does not have the sha256 of its manifest"):
            read(folder)


def test_a_row_without_items_is_told_the_commonest(fitted: NextItem) -> None:
    scorer = NextItemScorer(fitted.to_artefact())
    assert scorer.transform([[None] * 4]).sum() == pytest.approx(1)
    assert scorer.codes([["", None, float("nan"), "never"]]).tolist() == [[0, 0, 0, 1]]
