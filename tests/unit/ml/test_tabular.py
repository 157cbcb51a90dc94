"""Models of any file: fitted, written without pickles, served as scikit-learn would, refused when wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from lakehouse.cli import main
from lakehouse.errors import UserError
from ml import folders
from ml.files import read_table
from ml.tabular import artefact
from ml.tabular.choose import by_search, kept_out
from ml.tabular.columns import infer
from ml.tabular.encode import learn_encoder
from ml.tabular.fit import fit, split_target
from ml.tabular.models import FOR_CLASSES, FOR_NUMBERS, Served, learn
from ml.tabular.serve import evaluate, predict
from ml.tuning import METHOD

WORDS = ["lovely", "soft", "great fit", "too small", "itchy", "returned it", "colour", "dress", "shirt"]


def make_table(size: int = 300, seed: int = 5) -> pd.DataFrame:
    """Every kind of column, with holes, and targets that hang on them."""
    random = np.random.default_rng(seed)
    said = random.integers(0, len(WORDS), (size, 5))
    liked = (said < 3).sum(axis=1) - ((said >= 3) & (said < 6)).sum(axis=1)
    age = random.normal(40, 12, size).round(1)
    plan = random.choice(["basic", "plus", "pro"], size)
    score = liked + (plan == "pro") + (age - 40) / 20 + random.normal(0, 0.7, size)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(size)],
            "age": age,
            "plan": plan,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, size), unit="D"),
            "review": [" ".join(WORDS[word] for word in words) for words in said],
            "country": "FR",
            "is_new": random.random(size) > 0.5,
            "bought": np.where(score > 0.6, "yes", "no"),
            "mood": np.array(["bad", "fine", "good"])[np.digitize(score, [-0.5, 1.0])],
            "spent": (20 + 5 * score).round(2),
        }
    )
    table.loc[::17, "age"] = np.nan
    table.loc[::23, "plan"] = None
    table.loc[::29, "review"] = None
    return table


TARGETS = ("bought", "mood", "spent")


def data_for(target: str, folder: Path, suffix: str = ".csv", seed: int = 5) -> Path:
    path = folder / f"{target}{seed}{suffix}"
    table = make_table(seed=seed).drop(columns=[name for name in TARGETS if name != target])
    if suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tabular")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return data_for("bought", folder)


@pytest.fixture(scope="module")
def fitted(data: Path, folder: Path) -> Path:
    out = folder / "fitted"
    fit(data, "bought", out, folds=3)
    return out


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", sorted({*FOR_CLASSES, *FOR_NUMBERS}))
def test_arrays_alone_predict_as_the_fitted_model(target: str, name: str, tmp_path: Path) -> None:
    path = data_for(target, tmp_path)
    frame, wanted = split_target(read_table(path), target, path)
    if name not in (FOR_CLASSES if wanted.is_class else FOR_NUMBERS):
        return
    encoder = learn_encoder(frame, infer(frame, target))
    rows = encoder.transform(frame, "the data")
    fields, (model, inputs) = learn(name, rows, wanted.values, wanted.is_class)
    kind = "linear" if name in ("logistic", "linear") else "trees"
    served = Served(kind, fields, encoder.width, tuple(len(text) for text in encoder.texts.values()))
    expected = model.predict_proba(inputs) if wanted.is_class else model.predict(inputs).reshape(-1, 1)
    atol = 1e-9
    if name == "xgboost":  # it adds up in single precision, by the size of what it adds
        atol = 1e-6 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(served.predict(rows), expected, atol=atol, rtol=0)


@pytest.mark.parametrize("target", TARGETS)
def test_a_written_model_predicts_what_the_fitted_one_did(target: str, tmp_path: Path) -> None:
    path = data_for(target, tmp_path, ".parquet")
    made = fit(path, target, tmp_path / "m", model="boosting", folds=2)
    assert made["dropped"] == {"customer_id": "an id", "country": "constant"}
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == [
        "encoder.json",
        "manifest.json",
        "weights.npz",
    ]
    table = predict(tmp_path / "m", path)
    assert len(table) == 300
    truth = make_table()[target]
    if target == "spent":
        assert np.corrcoef(table["prediction"], truth)[0, 1] > 0.9
    else:
        assert (table["prediction"] == truth).mean() > 0.8
        np.testing.assert_allclose(table.filter(like="probability_").sum(axis=1), 1, atol=1e-12)


def test_the_same_data_give_the_same_files(data: Path, fitted: Path, tmp_path: Path) -> None:
    fit(data, "bought", tmp_path / "again", folds=3)
    for file in fitted.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_csv_and_parquet_teach_the_same(fitted: Path, folder: Path, tmp_path: Path) -> None:
    fit(data_for("bought", tmp_path, ".parquet"), "bought", tmp_path / "m", folds=3)
    other = data_for("bought", folder, seed=6)
    pd.testing.assert_frame_equal(predict(tmp_path / "m", other), predict(fitted, other))


def test_auto_takes_the_best_and_says_what_it_tried(data: Path, tmp_path: Path) -> None:
    made = fit(data, "bought", tmp_path / "m", model="auto", folds=2)
    assert set(made["tried"]) == set(FOR_CLASSES)
    assert made["tried"][made["model"]] == min(made["tried"].values())


class TestSearch:
    """Parameters by trials on four fifths of the rows."""

    def test_it_tells_what_it_chose_and_is_judged_by_the_last_fifth(self, data: Path, tmp_path: Path) -> None:
        made = fit(data, "bought", tmp_path / "m", model="auto", folds=2, tune=7)
        assert (made["search"], made["trials"], made["kept_out"]) == (METHOD, 7, 60)
        assert made["metrics"]["rows"] == 60
        assert set(made["tried"]) == set(FOR_CLASSES)
        assert made["tried"][made["model"]] == min(made["tried"].values())
        assert made["metrics"]["roc_auc"] > 0.8
        assert len(predict(tmp_path / "m", data)) == 300
        again = fit(data, "bought", tmp_path / "again", model="auto", folds=2, tune=7)
        assert (tmp_path / "m" / "weights.npz").read_bytes() == (
            tmp_path / "again" / "weights.npz"
        ).read_bytes()
        assert again["parameters"] == made["parameters"]

    def test_the_rows_that_judge_it_choose_nothing(self, data: Path, tmp_path: Path) -> None:
        frame, target = split_target(read_table(data), "bought", data)
        columns, (_, outside) = infer(frame, "bought"), kept_out(target)
        changed = frame.copy()
        changed.loc[outside, ["plan", "review"]] = None
        one, other = (by_search(rows, columns, target, ["tree"], 2, 6, str) for rows in (frame, changed))
        assert (one.parameters, one.threshold, one.card) == (other.parameters, other.threshold, other.card)
        assert (one.found != other.found).any()

    def test_a_number_is_searched_for_too(self, tmp_path: Path) -> None:
        made = fit(data_for("spent", tmp_path), "spent", tmp_path / "m", folds=2, tune=4)
        assert set(made["parameters"]) <= {"alpha"}
        assert made["tried"]["linear"] > 0

    def test_too_few_rows_are_said(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_text("a,y\n" + "1,0\n2,1\n" * 50)
        with pytest.raises(UserError, match="100 rows are too few to search for parameters: 250 are needed"):
            fit(tmp_path / "d.csv", "y", tmp_path / "m", tune=3)


def test_metrics_of_later_data_agree_with_those_of_the_fit(fitted: Path, folder: Path) -> None:
    told = evaluate(fitted, data_for("bought", folder, seed=6))["metrics"]
    promised = json.loads((fitted / "manifest.json").read_text())["metrics"]
    low, high = told["intervals"]["roc_auc"]
    assert low < promised["roc_auc"] < high
    assert told["roc_auc"] > 0.85
    assert {"average_precision", "brier", "log_loss", "lift_at_10", "ece", "minority_f1", "base_rate"} <= set(
        told
    )


def test_the_truth_and_dropped_columns_may_be_there_or_not(fitted: Path, data: Path, tmp_path: Path) -> None:
    table = read_table(data)
    table.drop(columns=["bought", "customer_id", "country"]).to_csv(tmp_path / "few.csv", index=False)
    pd.testing.assert_frame_equal(predict(fitted, tmp_path / "few.csv"), predict(fitted, data))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="age"), "lacks the column age, which the model needs"),
        (lambda t: t.drop(columns=["age", "plan"]), "lacks the columns age, plan, which"),
        (lambda t: t.assign(shoe=1), "has the column shoe, which the model does not know"),
        (lambda t: t.assign(age="old"), "Column age of .* must hold numbers; row 1 holds 'old'"),
        (lambda t: t.assign(since="once"), "Column since of .* must hold dates; row 1 holds 'once'"),
        (lambda t: t.assign(since=1.5), "Column since of .* must hold dates, not numbers"),
        (lambda t: t.assign(plan=1.5), "Column plan of .* must hold text, not numbers"),
        (lambda t: t.assign(age=pd.Timestamp("2020-01-01")), "Column age of .* must hold numbers, not dates"),
    ],
)
def test_a_column_that_is_wrong_is_named(
    fitted: Path, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    table = change(make_table().drop(columns=["mood", "spent"]))
    table.to_parquet(tmp_path / "wrong.parquet", index=False)
    with pytest.raises(UserError, match=said):
        predict(fitted, tmp_path / "wrong.parquet")


def test_unknown_levels_and_empty_cells_are_no_error(fitted: Path, tmp_path: Path) -> None:
    table = make_table(5).assign(plan="gold", age=np.nan, review=None).drop(columns=list(TARGETS))
    table.to_csv(tmp_path / "odd.csv", index=False)
    found = predict(fitted, tmp_path / "odd.csv")
    assert found["probability_yes"].between(0, 1).all()


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


class TestCommands:
    """The same through the command line."""

    def ask(self, *arguments: Path | str) -> Result:
        return CliRunner().invoke(main, ["model", *map(str, arguments)])

    def test_fit_predict_evaluate(self, data: Path, tmp_path: Path) -> None:
        out = tmp_path / "m"
        done = self.ask("fit", "--data", data, "--target", "bought", "--out", out, "--folds", "2", "--json")
        assert done.exit_code == 0, done.output
        made = json.loads(done.stdout)
        assert made["classes"] == ["no", "yes"]
        assert made["metrics"]["base_rate"] == pytest.approx((make_table()["bought"] == "yes").mean())
        done = self.ask("predict", "--model", out, "--data", data, "--json")
        rows = json.loads(done.stdout)
        assert set(rows[0]) == {"prediction", "probability_no", "probability_yes"}
        written = tmp_path / "p.parquet"
        assert self.ask("predict", "--model", out, "--data", data, "--out", written).exit_code == 0
        assert len(pd.read_parquet(written)) == len(rows) == 300
        assert self.ask("predict", "--model", out, "--data", data).stdout.startswith("prediction,prob")
        done = self.ask("evaluate", "--model", out, "--data", data, "--json")
        assert json.loads(done.stdout)["metrics"]["roc_auc"] > 0.85
        assert "logistic for bought (binary)." in self.ask("evaluate", "--model", out, "--data", data).stdout

    def test_a_class_that_was_never_seen_is_named(self, fitted: Path, data: Path, tmp_path: Path) -> None:
        read_table(data).assign(bought="maybe").to_csv(tmp_path / "m.csv", index=False)
        done = self.ask("evaluate", "--model", fitted, "--data", tmp_path / "m.csv")
        assert done.exit_code == 1
        assert "holds 'maybe', which is no class of the model (no, yes)." in done.stderr
