"""Buying within 7 days, learned until October 2011 and judged on November: Online Retail."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml.estimators.purchase import Propensity
from ml.evaluate import binary_metrics
from ml.features import names
from ml.report.retail import WEEK, as_of, orders_of

NAMES = list(names("purchase_probability"))


@pytest.mark.parametrize("model", ["linear", "boosting", "xgboost"])
def test_november_is_foreseen_as_well_as_published(shared: Callable[[str], Path], model: str) -> None:
    """Published: AUC .731, average precision .320 at a base rate of 11 %."""
    orders = orders_of(shared("online_retail/online_retail.parquet"))
    weeks = pd.date_range("2011-02-28", "2011-11-28", freq="7D")
    train = pd.concat([as_of(orders, day) for day in weeks if day + WEEK <= pd.Timestamp("2011-10-31")])
    test = pd.concat([as_of(orders, day) for day in weeks if day >= pd.Timestamp("2011-10-31")])
    chances = Propensity(model).fit(train[NAMES], train["buys"]).predict_proba(test[NAMES])[:, 1]
    truth = test["buys"].to_numpy() == 1
    found = binary_metrics(truth, chances)
    trivial = binary_metrics(truth, -test["recency_days"].to_numpy(dtype=float))
    assert truth.mean() == pytest.approx(0.1075, abs=1e-3)
    assert found["roc_auc"] > 0.733
    assert found["average_precision"] > 0.319
    assert found["average_precision"] > 2 * trivial["average_precision"]
    assert found["lift_at_10"] > 3.2
