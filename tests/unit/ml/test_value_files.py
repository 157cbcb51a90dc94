"""Lifetime value of any file: what the command tells, and the figures that are published of the grocer."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from scipy.special import hyp2f1

from lakehouse.cli import main
from lakehouse.errors import UserError
from ml.estimators.value import Histories, histories
from ml.estimators.value_cnbd import MBG_NBD, BetaGeometric
from ml.lifetime import Value, estimate, read_purchases
from tests.customers import simulate


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clv") / "shop.csv"
    purchases = simulate(MBG_NBD, (1.2, 3.0, 0.8, 3.5), size=250, weeks=60)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta((purchases["time"] * 7).astype(int), unit="D")
    spend = np.random.default_rng(0).gamma(6, 5, len(days)).round(2)
    pd.DataFrame({"who": purchases["customer"], "at": days, "paid": spend}).to_csv(path, index=False)
    return path


def ask(file: Path | str, *options: str, **changed: str) -> Result:
    asked = {"customer": "who", "date": "at", "until": "2020-09-30", **changed}
    named = [part for name, value in asked.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(main, ["clv", str(file), *named, *options])


def test_the_command_tells_parameters_errors_and_what_came_true(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "customers.csv"
    done = ask(shop, "--json", "--out", str(out), spend="paid")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert set(told["models"]) == {"bg_nbd", "pareto_nbd", "mbg_nbd", "mbg_cnbd_k", "gamma_gamma"}
    for model in told["models"].values():
        assert set(model["parameters"]) == set(model["standard_errors"])
        assert model["log_likelihood"] < 0
    assert told["models"]["mbg_cnbd_k"]["fixed"] == {"k": 1}
    assert told["horizon"]["actual"] == told["models"]["bg_nbd"]["prediction"]["actual"] > 0
    customers = pd.read_csv(out)
    assert len(customers) == told["customer_count"] == 250
    assert customers["alive_pareto_nbd"].between(0, 1).all()
    expected = told["models"]["pareto_nbd"]["prediction"]["expected"]
    assert customers["purchases_pareto_nbd"].sum() == pytest.approx(expected)


def test_the_future_has_no_actual(shop: Path) -> None:
    done = ask(shop, "--json", "--predict", "700")
    prediction = json.loads(done.stdout)["models"]["bg_nbd"]["prediction"]
    assert set(prediction) == {"expected"}
    assert "Gamma" not in ask(shop).stdout
    assert "customers until 2020-09-30" in ask(shop).stdout


@pytest.mark.parametrize(
    ("content", "changed", "said"),
    [
        ("who,at\n1,2020-01-01\n", {"customer": "buyer"}, "has no column buyer; it has who, at."),
        ("who,at\n1,soon\n", {}, "'soon' in column at of"),
        ("who,at\n1,31/01/2020\n", {}, "(row 1) is no date: write 2024-01-31"),
        ("who,at,paid\n1,2020-01-01,dear\n", {"spend": "paid"}, "'dear' in column paid of"),
        ("who,at\n1,2021-01-01\n", {}, "begins on 2021-01-01, after --until 2020-09-30."),
        ("who,at\n1,2020-01-01\n1,2020-01-01\n", {}, "none of 1 customers bought again, on another day."),
        ("who,at,paid\n1,2020-01-01,-5\n", {"spend": "paid"}, "No row of"),
        ("who,at\n", {}, "has no rows."),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, content: str, changed: dict[str, str], said: str) -> None:
    (tmp_path / "shop.csv").write_text(content)
    done = ask(tmp_path / "shop.csv", **changed)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.fixture(scope="module")
def grocery(shared: Callable[[str], Path]) -> Path:
    return shared("grocery_elog/groceryElog.csv.gz")


@pytest.fixture(scope="module")
def told(grocery: Path) -> Value:
    """1,525 customers of a grocer in 2006, and what they did in 2007."""
    return estimate(grocery, "cust", "date", date(2006, 12, 31))


def test_the_holdout_year_of_the_grocer_is_the_known_one(told: Value) -> None:
    assert told.customer_count == 1525
    assert told.horizon is not None
    assert (told.horizon["days"], told.horizon["actual"]) == (364, 3389)
    assert told.regularity is not None
    assert 1.5 < told.regularity < 3  # more regular than chance, whence k = 2


def test_pareto_foresees_the_grocer_no_worse_than_published(told: Value) -> None:
    """Published are 4,018 and .688: those of parameters some 4 below the likelihood's maximum."""
    model = told.models["pareto_nbd"]
    assert model["log_likelihood"] == pytest.approx(-15782.4, abs=0.1)
    assert model["prediction"]["expected"] == pytest.approx(3991, abs=2)
    assert model["prediction"]["relative_mae"] == pytest.approx(0.679, abs=1e-3)


def test_the_regular_model_foresees_the_grocer_better_than_published(told: Value) -> None:
    """Published are 3,970 and .644, by an approximation for k > 1; here the expectation is exact."""
    model = told.models["mbg_cnbd_k"]
    assert model["fixed"] == {"k": 2}
    assert model["prediction"]["expected"] == pytest.approx(3812, abs=2)
    assert model["prediction"]["relative_mae"] == pytest.approx(0.630, abs=1e-3)


def test_the_published_approximation_gives_the_published_figures(told: Value, grocery: Path) -> None:
    """Its formula is that of MBG/NBD with alpha times k, scaled to what the cohort is expected to buy."""
    seen = histories(read_purchases(grocery, "cust", "date", None).days, pd.Timestamp("2006-12-31"))
    params = np.array(list(told.models["mbg_cnbd_k"]["parameters"].values()))
    (r, alpha, a, b), k, weeks = params, 2, 52.0
    model = BetaGeometric("mbg_cnbd_k", drops_at_first=True, k=k)
    waited = k * alpha + seen.T
    series = hyp2f1(r + seen.x, b + seen.x + 1, a + b + seen.x, weeks / (waited + weeks))
    shares = 1 - (waited / (waited + weeks)) ** (r + seen.x) * series
    expected = (a + b + seen.x) / (a - 1) * shares * model.alive(params, seen)

    def cohort(ends: Any) -> float:
        nothing = np.zeros(1)
        new = Histories(nothing, nothing, nothing, nothing, nothing, nothing)
        each = {end: model.expected(params, new, end)[0] for end in np.unique(ends)}
        return float(sum(each[end] for end in ends))

    expected = expected * (cohort(seen.T + weeks) - cohort(seen.T)) / expected.sum()
    later = pd.read_csv(grocery)
    later = later[later["date"] > "2006-12-31"].drop_duplicates().groupby("cust").size()
    actual = later.rename(index=str).reindex(seen.customers, fill_value=0).to_numpy(dtype=float)
    assert expected.sum() == pytest.approx(3970, abs=1)
    assert np.abs(expected - actual).sum() / actual.sum() == pytest.approx(0.644, abs=5e-4)


def test_a_horizon_in_which_hardly_anybody_buys_has_metrics(tmp_path: Path) -> None:
    rows = "".join(f"c{n},2024-01-0{1 + n % 7}\nc{n},2024-02-{10 + n % 15}\n" for n in range(30))
    path = tmp_path / "few.csv"
    path.write_text(f"who,at\n{rows}c3,2024-03-09\n")
    found = estimate(path, "who", "at", date(2024, 3, 1))
    assert found.horizon is not None
    assert found.horizon["actual"] == 1
    told = found.models["bg_nbd"]["prediction"]
    assert told["intervals"].keys() >= {"expected", "mae", "relative_mae"}


def test_customers_whose_value_cannot_be_told_are_counted(shop: Path, tmp_path: Path) -> None:
    """Means of spending so spread out that there is no mean of them: q is below 1."""
    frame = pd.read_csv(shop)
    customers = frame["who"].unique()
    random = np.random.default_rng(1)
    rate = dict(zip(customers, random.gamma(0.6, 1 / 20, len(customers)), strict=True))
    frame["paid"] = random.gamma(6, 1 / frame["who"].map(rate).to_numpy()) + 0.01
    frame.to_csv(tmp_path / "spread.csv", index=False)
    found = estimate(tmp_path / "spread.csv", "who", "at", date(2020, 9, 30), spend="paid")
    assert found.models["gamma_gamma"]["parameters"]["q"] < 1
    told = found.models["bg_nbd"]["prediction"]
    assert told["customers_without_value"] == found.customers["value_bg_nbd"].isna().sum() > 0
    assert told["value"] == pytest.approx(found.customers["value_bg_nbd"].sum())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("who,at,paid\na,today,1\n", "'today' in column at of .* is no date"),
        ("who,at,paid\na,2024-01-01,inf\n", "'inf' in column paid of .* is no finite number"),
        ("who,at,paid\na,2024-01-01,-3\n", "has who and at and paid above 0"),
    ],
)
def test_days_and_amounts_that_are_none_are_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(UserError, match=said):
        read_purchases(tmp_path / "x.csv", "who", "at", "paid")


def test_a_day_past_what_can_be_counted_is_one_sentence(tmp_path: Path) -> None:
    at = pd.Series(np.array(["2024-01-01", "9999-12-31"], dtype="datetime64[us]"))
    pd.DataFrame({"who": ["a", "a"], "at": at}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"row 2\) is past 2262-04-11"):
        read_purchases(tmp_path / "x.parquet", "who", "at", None)
