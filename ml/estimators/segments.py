"""Value clusters: customers grouped by recency, frequency and money spent."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.arrays import Codes, Matrix
from ml.evaluate import silhouette

# From the least money spent to the most.
NAMES = {
    3: ("Low value", "Medium value", "High value"),
    4: ("Low value", "Medium value", "Upper value", "High value"),
    5: ("Lowest value", "Low value", "Medium value", "Upper value", "High value"),
    6: ("Lowest value", "Low value", "Medium value", "Upper value", "High value", "Highest value"),
}


def log_of_positive(rows: Matrix) -> Matrix:
    """log(1 + x), with negative amounts (refunds beyond purchases) counted as 0."""
    logs: Matrix = np.log1p(np.maximum(rows, 0.0))
    return logs


class ValueClusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """K-means on scaled logarithms of RFM, with k chosen by silhouette.

    The last column must be the money spent: clusters are numbered and named by its centre, so a
    refit keeps the names. Rows are sorted before fitting, so their order does not matter either.

    References: A. Hughes, "Strategic Database Marketing" (1994) for RFM; D. Arthur and
    S. Vassilvitskii, "k-means++: the advantages of careful seeding" (2007).
    """

    def __init__(
        self,
        n_clusters: Sequence[int] = (3, 4, 5, 6),
        sample_size: int = 3_000,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.sample_size = sample_size
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn the centres; ValueError when there are too few different customers to cluster."""
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=4)
        rows = rows[np.lexsort(rows.T)]
        distinct = len(np.unique(rows, axis=0))
        choices = [k for k in self.n_clusters if k < distinct]
        if not choices:
            raise ValueError(
                f"{distinct} different customers are too few for {min(self.n_clusters)} clusters"
            )
        candidates = {k: self._pipeline(k).fit(rows) for k in choices}
        self.silhouettes_ = {k: self._silhouette(fitted, rows) for k, fitted in candidates.items()}
        best = max(choices, key=lambda k: (self.silhouettes_[k], -k))
        self.n_clusters_ = best
        self.pipeline_ = candidates[best]
        centres = self.pipeline_[-1].cluster_centers_
        # money first; the other columns only break ties
        self.order_ = np.lexsort((*centres.T,))
        self.rank_ = np.argsort(self.order_)
        self.classes_ = np.array(NAMES[best])
        self.labels_ = self.predict(X)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Name of each row's cluster."""
        codes = self.predict_codes(X)
        return self.classes_[codes]

    def predict_codes(self, X: Any) -> Codes:  # noqa: N803
        """Number of each row's cluster, from the least money spent to the most."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        codes: Codes = self.rank_[self.pipeline_.predict(rows)]
        return codes

    def transform(self, X: Any) -> Matrix:  # noqa: N803
        """Distance of each row to each centre, in the order of `classes_`."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        distances: Matrix = self.pipeline_.transform(rows)[:, self.order_]
        return distances

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        scaler = self.pipeline_[-2]
        return {
            "kind": "value_clusters",
            "features": [str(name) for name in self.feature_names_in_],
            "labels": [str(name) for name in self.classes_],
            "mean": scaler.mean_.tolist(),
            "scale": scaler.scale_.tolist(),
            "centres": self.pipeline_[-1].cluster_centers_[self.order_].tolist(),
        }

    def _pipeline(self, k: int) -> Pipeline:
        logs = FunctionTransformer(log_of_positive, feature_names_out="one-to-one")
        return make_pipeline(logs, StandardScaler(), KMeans(k, n_init=4, random_state=self.random_state))

    def _silhouette(self, fitted: Pipeline, rows: Matrix) -> float:
        return silhouette(
            fitted[:-1].transform(rows), fitted.predict(rows), self.sample_size, self.random_state
        )
