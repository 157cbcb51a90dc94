"""Groups of customers: found, numbered, matched with earlier ones, compared."""

import numpy as np
import pytest

from ml.estimators.clusters import ALGORITHMS, Clusters, compare
from tests.customers import make_groups

GROUPS = make_groups()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_finds_what_is_there(name: str) -> None:
    codes = Clusters(name, n_clusters=3).fit(GROUPS).labels_
    assert len(np.unique(codes)) == 3
    assert (codes == np.arange(len(GROUPS)) % 3).mean() > 0.98  # numbered by the money


def test_names_do_not_flip_when_customers_change() -> None:
    first = Clusters("kmeans", 3).fit(GROUPS)
    richer = GROUPS.assign(revenue=np.where(first.labels_ == 0, 1e6, GROUPS["revenue"]))
    alone = Clusters("kmeans", 3).fit(richer)
    matched = Clusters("kmeans", 3, previous=first.centres_).fit(richer)
    assert (alone.labels_ == first.labels_).mean() < 0.5  # by money they would change places
    assert (matched.labels_ == first.labels_).mean() > 0.95
    half = Clusters("gmm", 3, previous=first.centres_).fit(GROUPS.sample(frac=0.5, random_state=2))
    assert (half.predict(GROUPS) == first.labels_).mean() > 0.95


def test_the_best_choice_is_stable_and_separates() -> None:
    best, *others = compare(GROUPS, ("kmeans", "hierarchical", "gmm"), (3, 5))
    assert best.n_clusters == 3
    assert best.stability > 0.95
    assert best.silhouette == max(one.silhouette for one in (best, *others))
    assert min(one.stability for one in others if one.n_clusters == 5) < best.stability


def test_clusters_may_lie_on_principal_axes() -> None:
    assert Clusters(axes=2, n_clusters=3).fit(GROUPS).transform(GROUPS).shape == (600, 3)


def test_no_clusters_are_an_error() -> None:
    with pytest.raises(ValueError, match="no algorithm 'magic'"):
        Clusters("magic").fit(GROUPS)
    with pytest.raises(ValueError, match="dbscan finds 1 clusters in 200 rows"):
        Clusters("dbscan").fit(np.random.default_rng(0).normal(5, 0.1, (200, 3)))
