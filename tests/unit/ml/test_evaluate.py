"""Metrics say good of good clusters and bad of bad ones."""

import numpy as np
import pytest

from ml.evaluate import cluster_metrics, davies_bouldin, silhouette

FAR = np.vstack([np.random.default_rng(0).normal(centre, 0.1, (50, 2)) for centre in (0, 5, 10)])
CODES = np.repeat([0, 1, 2], 50)


def test_well_separated_clusters_score_well() -> None:
    assert silhouette(FAR, CODES) > 0.95
    assert davies_bouldin(FAR, CODES) < 0.1


def test_labels_by_chance_score_badly() -> None:
    chance = np.random.default_rng(1).permutation(CODES)
    assert silhouette(FAR, chance) < 0
    assert davies_bouldin(FAR, chance) > 5


def test_one_cluster_for_all_is_the_worst() -> None:
    one = np.zeros(len(FAR), dtype=int)
    assert silhouette(FAR, one) == -1
    assert davies_bouldin(FAR, one) == float("inf")


def test_a_sample_is_the_same_each_time() -> None:
    assert silhouette(FAR, CODES, sample_size=40) == silhouette(FAR, CODES, sample_size=40)


def test_sizes_add_up_and_an_empty_cluster_shows() -> None:
    metrics = cluster_metrics(FAR, CODES, ("Low value", "Medium value", "High value", "Other"))
    sizes = [value for name, value in metrics.items() if name.startswith("size: ")]
    assert sizes == [50, 50, 50, 0]
    assert metrics["smallest_share"] == 0
    assert metrics["silhouette"] == pytest.approx(silhouette(FAR, CODES))
