"""Value clusters: what they learn, what they are called, and that numpy alone serves the same."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ml.estimators.segments import NAMES, ValueClusters
from ml.scorers import ValueClusterScorer


def test_it_follows_scikit_learn() -> None:
    estimator = ValueClusters(sample_size=500)
    assert estimator.get_params()["sample_size"] == 500
    assert clone(estimator).get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        estimator.predict(np.ones((1, 3)))


def test_fit_learns_and_returns_itself(customers: pd.DataFrame) -> None:
    estimator = ValueClusters()
    assert estimator.fit(customers) is estimator
    assert list(estimator.feature_names_in_) == list(customers.columns)
    assert (estimator.labels_ == estimator.predict(customers)).all()


def test_k_is_the_one_with_the_best_silhouette(fitted: ValueClusters) -> None:
    assert set(fitted.silhouettes_) == {3, 4, 5, 6}
    assert fitted.silhouettes_[fitted.n_clusters_] == max(fitted.silhouettes_.values())


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_names_follow_the_money(customers: pd.DataFrame, k: int) -> None:
    labels = ValueClusters(n_clusters=[k]).fit_predict(customers)
    typical = np.log1p(customers["revenue"]).groupby(labels).mean().sort_values()
    assert tuple(typical.index) == NAMES[k]


def test_a_refit_on_reshuffled_customers_keeps_every_name(
    customers: pd.DataFrame, fitted: ValueClusters
) -> None:
    again = ValueClusters().fit(customers.sample(frac=1, random_state=3))
    assert (again.predict(customers) == fitted.predict(customers)).all()


def test_a_refit_on_other_customers_of_the_same_kind_keeps_nearly_every_name(
    customers: pd.DataFrame, fitted: ValueClusters
) -> None:
    half = ValueClusters(n_clusters=[fitted.n_clusters_]).fit(customers.sample(frac=0.5, random_state=1))
    assert (half.predict(customers) == fitted.predict(customers)).mean() > 0.95


def test_refunds_beyond_purchases_count_as_no_money(fitted: ValueClusters) -> None:
    rows = [[10.0, 1.0, -50.0], [10.0, 1.0, 0.0]]
    refunded, none = fitted.transform(pd.DataFrame(rows, columns=fitted.feature_names_in_))
    assert (refunded == none).all()


def test_too_few_different_customers_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 different customers are too few for 3 clusters"):
        ValueClusters().fit(np.repeat([[1.0, 2.0, 3.0], [2.0, 2.0, 3.0]], 10, axis=0))


def test_few_customers_still_get_the_smallest_number_of_clusters() -> None:
    rows = np.array([[1, 9, 900], [30, 4, 90], [200, 1, 9], [210, 1, 8]], dtype=float)
    assert ValueClusters().fit(rows).n_clusters_ == 3


def test_a_column_that_never_varies_does_no_harm(customers: pd.DataFrame) -> None:
    same = customers.assign(recency_days=30.0)
    assert np.isfinite(ValueClusters().fit(same).transform(same)).all()


def test_the_artefact_is_plain_json(artefact: dict[str, Any]) -> None:
    assert json.loads(json.dumps(artefact, allow_nan=False)) == artefact


def test_the_artefact_alone_scores_as_the_estimator_does(
    customers: pd.DataFrame, fitted: ValueClusters, artefact: dict[str, Any]
) -> None:
    rows = customers.to_numpy()
    scorer = ValueClusterScorer(json.loads(json.dumps(artefact)))
    scores, codes = scorer.score(rows)
    assert (np.array(scorer.labels)[codes] == fitted.predict(customers)).all()
    np.testing.assert_allclose(scorer.distances(rows), fitted.transform(customers), atol=1e-9, rtol=0)
    np.testing.assert_allclose(scores, fitted.transform(customers).min(axis=1), atol=1e-9, rtol=0)
