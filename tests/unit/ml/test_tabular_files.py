"""Models of published files, on rows that they had not seen, against what is published of the same files."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ml.tabular.fit import fit


def test_telco_churn(shared: Callable[[str], Path], tmp_path: Path) -> None:
    data = shared("telco_churn/telco.csv.gz")
    made = fit(data, "Churn", tmp_path / "m", folds=10)
    assert made["dropped"] == {"customerID": "an id"}
    assert made["metrics"]["roc_auc"] > 0.845  # published: .8455
    assert made["metrics"]["ece"] < 0.03


def test_online_shoppers(shared: Callable[[str], Path], tmp_path: Path) -> None:
    data = shared("online_shoppers/train.csv.gz")
    made = fit(data, "Revenue", tmp_path / "m", model="boosting", folds=5)
    assert made["metrics"]["roc_auc"] > 0.932  # published: .935 and .755 by ten folds
    assert made["metrics"]["average_precision"] > 0.74


def test_reviews_by_their_words_alone(shared: Callable[[str], Path], tmp_path: Path) -> None:
    reviews = pd.read_parquet(shared("clothing_reviews/train.parquet"))
    words = reviews[["Title", "Review Text", "Recommended IND"]]
    words.to_parquet(tmp_path / "words.parquet", index=False)
    made = fit(tmp_path / "words.parquet", "Recommended IND", tmp_path / "m", folds=2)
    assert made["metrics"]["roc_auc"] > 0.94  # published: .959; with the rating it is .98
    assert made["metrics"]["minority_f1"] > 0.735
