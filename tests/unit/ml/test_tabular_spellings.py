"""What is the same is the same however a file spells it: numbers, truths, days, classes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lakehouse.cli import main
from ml.tabular.columns import inferred
from ml.tabular.fit import fit
from ml.tabular.folds import Target, told
from ml.tabular.serve import evaluate, predict

X = np.arange(60) % 7 + np.linspace(0, 1, 60)
BOUGHT = X > 3


def written(path: Path, **columns: object) -> Path:
    """By its ending: values as Python prints them in CSV, with their types in Parquet."""
    frame = pd.DataFrame(columns)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spelled")
    fit(written(folder / "d.csv", x=X, y=BOUGHT.astype(int)), "y", folder / "m", folds=3)
    return folder / "m"


@pytest.mark.parametrize(
    "values",
    [BOUGHT, BOUGHT.astype(float), np.where(BOUGHT, "TRUE", "false"), np.where(BOUGHT, "1", "0.0")],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_truth_may_be_spelled_otherwise(model: Path, values: object, ending: str, tmp_path: Path) -> None:
    data = written(tmp_path / f"d.{ending}", x=X, y=values)
    assert evaluate(model, data)["metrics"]["base_rate"] == pytest.approx(BOUGHT.mean())


def test_one_is_the_positive_class_with_decimals_too(tmp_path: Path) -> None:
    mostly = np.arange(60) % 5 > 0
    found = fit(written(tmp_path / "d.csv", x=X, y=mostly.astype(float)), "y", tmp_path / "m", folds=3)
    assert found["classes"] == ["0.0", "1.0"]
    assert found["metrics"]["base_rate"] == pytest.approx(0.8)


def test_a_class_in_two_spellings_is_one(tmp_path: Path) -> None:
    spelled = np.where(BOUGHT, "1.0", np.where(np.arange(60) % 2, "0", "0.0"))
    found = fit(written(tmp_path / "d.csv", x=X, y=spelled), "y", tmp_path / "m", folds=3)
    assert found["classes"] == ["0", "1"]


def test_true_and_false_are_numbers_in_every_file(tmp_path: Path) -> None:
    csv = written(tmp_path / "d.csv", x=X, f=BOUGHT, y=np.arange(60) % 2)
    fit(csv, "y", tmp_path / "m", folds=3)
    other = written(tmp_path / "d.parquet", x=X, f=BOUGHT, y=np.arange(60) % 2)
    pd.testing.assert_frame_equal(predict(tmp_path / "m", csv), predict(tmp_path / "m", other))
    assert inferred(pd.Series(BOUGHT, name="f")).kind == "number"
    assert inferred(pd.Series(np.where(BOUGHT, "true", "False"), name="f")).kind == "number"


def test_words_that_mean_the_clock_are_no_dates() -> None:
    assert inferred(pd.Series(["now", "today"] * 20, name="at")).kind == "category"


def test_days_far_away_are_days(tmp_path: Path) -> None:
    days = np.array(["2024-01-01", "9999-12-31"], dtype="datetime64[us]")
    data = written(tmp_path / "d.parquet", at=pd.Series(np.tile(days, 30)), x=X, y=BOUGHT.astype(int))
    fit(data, "y", tmp_path / "m", folds=3)
    assert predict(tmp_path / "m", data)["probability_1"].notna().all()


def test_rows_without_a_target_are_counted(tmp_path: Path) -> None:
    levels = np.array(["low", "none", "high"])[np.arange(60) % 3]
    asked = ["model", "fit", "--data", str(written(tmp_path / "d.csv", x=X, y=levels)), "--target", "y"]
    done = CliRunner().invoke(main, [*asked, "--out", str(tmp_path / "m"), "--folds", "3"])
    assert "20 rows without a y were left out." in done.stdout


def test_counts_are_numbers_where_a_model_of_numbers_is_asked_for(tmp_path: Path) -> None:
    data = written(tmp_path / "d.csv", x=X, y=np.minimum(np.arange(60), 11))
    assert fit(data, "y", tmp_path / "m", model="linear", folds=3)["task"] == "number"


def test_there_are_never_more_folds_than_rows(tmp_path: Path) -> None:
    data = written(tmp_path / "d.csv", x=X[:12], y=X[:12] * 1.5)
    assert fit(data, "y", tmp_path / "m", folds=20)["folds"] == 12


def test_a_bad_cell_is_told_by_its_row_in_the_file(model: Path, tmp_path: Path) -> None:
    x, y = [str(value) for value in X], [str(int(value)) for value in BOUGHT]
    x[20], y[:10] = "bad", [""] * 10
    done = CliRunner().invoke(
        main,
        ["model", "evaluate", "--model", str(model), "--data", str(written(tmp_path / "d.csv", x=x, y=y))],
    )
    assert done.exit_code == 1
    assert "row 21 holds 'bad'" in done.output


def test_json_has_all_digits_of_small_numbers(tmp_path: Path) -> None:
    data = written(tmp_path / "d.csv", x=X, y=(X + 1) * 1e-12)
    fit(data, "y", tmp_path / "m", folds=3)
    asked = ["model", "predict", "--model", str(tmp_path / "m"), "--data", str(data), "--json"]
    done = CliRunner().invoke(main, asked)
    assert [row["prediction"] for row in json.loads(done.stdout)] == list(
        predict(tmp_path / "m", data)["prediction"]
    )


def test_the_rarer_class_is_the_same_in_every_sample() -> None:
    """A third of the samples have no row of it; who never says it has found none in any of them."""
    truth, chances = np.array([1, *[0] * 11]), np.tile([0.9, 0.1], (12, 1))
    found = told(Target("y", truth, ("0", "1")), chances, {"threshold": 0.5})
    assert found["minority_class"] == "1"
    assert found["intervals"]["minority_f1"] == [0.0, 0.0]
