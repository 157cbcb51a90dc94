"""Clusters of customers by any algorithm: compared by how well they separate and how stable they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.arrays import Codes, Matrix
from ml.evaluate import davies_bouldin, silhouette
from ml.propensity import signed_log

ALGORITHMS = ("kmeans", "gmm", "hierarchical", "dbscan", "hdbscan")
SAMPLE = 2_000  # rows of algorithms that compare all pairs
ROUNDS = 10  # bootstraps of the stability


class Clusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Clusters of scaled signed logarithms, or of their principal axes; a new row belongs to the nearest
    centre. `dbscan` and `hdbscan` find their own number of clusters, and noise goes to the nearest too.

    With `previous` centres (in units of the input's logarithms) clusters are numbered as the nearest of
    those, so that names do not flip (H. Kuhn's assignment, 1955); without, from the least to the most
    of the last column. Rows are sorted before fitting: their order does not matter.
    """

    def __init__(
        self,
        algorithm: str = "kmeans",
        n_clusters: int = 4,
        axes: int | None = None,
        previous: Any = None,
        random_state: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.n_clusters = n_clusters
        self.axes = axes
        self.previous = previous
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn the centres; ValueError for an unknown algorithm, or when no two clusters are found."""
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"there is no algorithm {self.algorithm!r}, only {', '.join(ALGORITHMS)}")
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=4)
        logs = signed_log(rows[np.lexsort(rows.T)])
        self.scaler_ = StandardScaler().fit(logs)
        self.pca_ = PCA(self.axes, svd_solver="full").fit(self.scaler_.transform(logs)) if self.axes else None
        space = self._space(logs)
        codes = self._codes(space)
        found = [code for code in np.unique(codes) if code >= 0]
        if len(found) < 2:
            raise ValueError(f"{self.algorithm} finds {len(found)} clusters in {len(rows)} rows")
        centres = np.stack([logs[codes == code].mean(axis=0) for code in found])
        self.centres_ = centres[self._order(centres)]
        self.labels_ = self.predict(X)
        return self

    def predict(self, X: Any) -> Codes:  # noqa: N803
        """Number of the nearest centre."""
        codes: Codes = self.transform(X).argmin(axis=1)
        return codes

    def transform(self, X: Any) -> Matrix:  # noqa: N803
        """Distance to each centre, in standard deviations (or along the principal axes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        distances: Matrix = cdist(self.space(rows), self._space(self.centres_))
        return distances

    def space(self, rows: Matrix) -> Matrix:
        """Rows where distances are measured."""
        return self._space(signed_log(rows))

    def _space(self, logs: Matrix) -> Matrix:
        scaled: Matrix = self.scaler_.transform(logs)
        return scaled if self.pca_ is None else np.asarray(self.pca_.transform(scaled), dtype=np.float64)

    def _codes(self, space: Matrix) -> Codes:
        """Cluster of each row, -1 for noise."""
        if self.algorithm == "kmeans":
            found = KMeans(self.n_clusters, n_init=4, random_state=self.random_state).fit_predict(space)
        elif self.algorithm == "gmm":
            mixture = GaussianMixture(self.n_clusters, n_init=2, random_state=self.random_state)
            found = mixture.fit_predict(space)
        elif self.algorithm == "hierarchical":
            # Ward compares all pairs: every so-manieth of the sorted rows, and the others by the centres
            chosen = np.linspace(0, len(space) - 1, min(SAMPLE, len(space))).astype(int)
            part = AgglomerativeClustering(self.n_clusters).fit_predict(space[chosen])
            centres = np.stack([space[chosen][part == code].mean(axis=0) for code in np.unique(part)])
            found = cdist(space, centres).argmin(axis=1)
        else:
            least = max(5, len(space) // 100)
            if self.algorithm == "dbscan":
                # as far as most rows have to go to `least` others
                far = NearestNeighbors(n_neighbors=least).fit(space).kneighbors(space)[0][:, -1]
                found = DBSCAN(eps=float(np.quantile(far, 0.8)) or 1e-9, min_samples=least).fit_predict(space)
            else:
                found = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(space)
        return np.asarray(found, dtype=np.int64)

    def _order(self, centres: Matrix) -> Codes:
        """The places of the centres in the order of their numbers."""
        if self.previous is None:
            return np.lexsort((*centres.T,))
        old = np.asarray(self.previous, dtype=np.float64)
        _, mine = linear_sum_assignment(cdist(old / self.scaler_.scale_, centres / self.scaler_.scale_))
        left = [place for place in np.lexsort((*centres.T,)) if place not in mine]
        return np.array([*mine, *left], dtype=np.int64)


@dataclass(frozen=True)
class Candidate:
    """One choice and how it does; `stability` is the mean adjusted Rand index between clusters of the
    data and of bootstrap samples, on all rows: 1 is the same each time, 0 chance."""

    algorithm: str
    n_clusters: int
    silhouette: float
    davies_bouldin: float
    stability: float


def compare(
    rows: Any,
    algorithms: Sequence[str] = ALGORITHMS,
    sizes: Sequence[int] = (3, 4, 5, 6),
    axes: int | None = None,
) -> list[Candidate]:
    """Every algorithm with every number of clusters, the best first: stable ones (at least .8) before the
    others, then by silhouette. What finds no clusters is left out.

    C. Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis
    52 (2007).
    """
    matrix, found = np.asarray(rows, dtype=np.float64), []
    for algorithm in algorithms:
        for size in sizes if algorithm in ("kmeans", "gmm", "hierarchical") else sizes[:1]:
            try:
                fitted = Clusters(algorithm, size, axes).fit(matrix)
            except ValueError:
                continue
            codes, space = fitted.labels_, fitted.space(matrix)
            found.append(
                Candidate(
                    algorithm,
                    len(fitted.centres_),
                    silhouette(space, codes),
                    davies_bouldin(space, codes),
                    stability(fitted, matrix),
                )
            )
    return sorted(found, key=lambda one: (one.stability < 0.8, -one.silhouette))


def stability(fitted: Clusters, rows: Matrix, rounds: int = ROUNDS, random_state: int = 0) -> float:
    """Mean adjusted Rand index of the clusters with those of bootstrap samples."""
    random = np.random.default_rng(random_state)
    scores = []
    for _ in range(rounds):
        try:
            again = clone(fitted).fit(rows[random.integers(0, len(rows), len(rows))])
        except ValueError:  # no clusters at all: as unstable as can be
            scores.append(0.0)
            continue
        scores.append(float(adjusted_rand_score(fitted.labels_, again.predict(rows))))
    return float(np.mean(scores))
