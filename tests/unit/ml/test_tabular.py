"""Models of any file: fitted, written without pickles, served as scikit-learn would, refused when wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from lakehouse.cli import main
from lakehouse.errors import UserError
from ml.files import read_table
from ml.tabular.choose import by_search, kept_out
from ml.tabular.columns import infer
from ml.tabular.encode import learn_encoder
from ml.tabular.fit import fit, split_target
from ml.tabular.models import FOR_CLASSES, FOR_NUMBERS, Served, learn
from ml.tabular.serve import evaluate, predict
from ml.tuning import METHOD
from tests.tables import TARGETS, data_for, make_table


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
