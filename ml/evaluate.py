"""Metrics: the only place that makes them, so that every model is judged by the same ones."""

from typing import Any

import numpy as np
from sklearn.metrics import davies_bouldin_score, silhouette_score

from ml.scorers import Codes, Matrix

SAMPLE = 3_000  # silhouette compares all pairs: 9 M distances


def silhouette(space: Matrix, codes: Codes, sample_size: int = SAMPLE, random_state: int = 0) -> float:
    """Mean silhouette of a sample, -1 to 1, higher is better; -1 when all rows share one cluster.

    P. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", J. Computational and Applied Mathematics 20 (1987).
    """
    if len(space) > sample_size:
        chosen = np.random.default_rng(random_state).choice(len(space), sample_size, replace=False)
        space, codes = space[chosen], codes[chosen]
    if not 2 <= len(np.unique(codes)) < len(space):
        return -1.0
    return float(silhouette_score(space, codes))


def davies_bouldin(space: Matrix, codes: Codes) -> float:
    """Mean likeness of each cluster to its nearest other, 0 or more, lower is better.

    D. Davies and D. Bouldin, "A cluster separation measure", IEEE Trans. PAMI 1 (1979).
    """
    if not 2 <= len(np.unique(codes)) < len(space):
        return float("inf")  # one cluster separates nothing
    return float(davies_bouldin_score(space, codes))


def cluster_metrics(space: Matrix, codes: Codes, labels: tuple[str, ...]) -> dict[str, float]:
    """How well a clustering separates rows of `space`, and how large each cluster is."""
    sizes: Any = np.bincount(codes, minlength=len(labels))
    return {
        "silhouette": silhouette(space, codes),
        "davies_bouldin": davies_bouldin(space, codes),
        "clusters": float(len(labels)),
        "smallest_share": float(sizes.min() / sizes.sum()),
        **{f"size: {label}": float(size) for label, size in zip(labels, sizes, strict=True)},
    }
