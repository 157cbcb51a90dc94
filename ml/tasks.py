"""What training does for each kind of model: which rows it reads, how it fits, judges and compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np

from ml.arrays import Matrix
from ml.carts import read_carts, read_recent_carts, split_carts
from ml.estimators.purchase import MODELS, Propensity
from ml.estimators.segments import ValueClusters
from ml.estimators.sentiment import Sentiment, of_ratings
from ml.estimators.value_lifetime import LifetimeValue
from ml.evaluate import (
    binary_metrics,
    class_metrics,
    cluster_metrics,
    count_metrics,
    group_metrics,
    paired_interval,
    silhouette,
)
from ml.features import LABELS as LABELS_OF
from ml.features import RECENT_DAYS, FeatureRows, read_customers, read_labelled, read_rated
from ml.scorers import Scorer
from ml.sentiment import LABELS
from ml.splits import Rows, beside_trivial, latest, latest_fifth, refuse_leaks, split, sure_gain
from ml.tuning import tuned_chances

NOISE = 0.005  # by which the silhouette of a sample differs by chance


class Task(Protocol):
    """A kind of model. `fit` and `metrics` raise ValueError when the rows do not allow one.

    `headline` is the metric that tells most, where there is room for one.
    """

    headline: str

    def read(self, spark: Any, name: str, as_of: date | None) -> FeatureRows: ...

    def fit(self, name: str, rows: FeatureRows) -> Mapping[str, Any]:
        """The artefact of a fresh estimator."""

    def learned(self, name: str, rows: FeatureRows) -> Rows:
        """Which of the rows `fit` learns from."""

    def now(self, spark: Any, name: str) -> FeatureRows:
        """What is scored these days, whether its label is known or not: to be held against `learned`."""

    def metrics(self, name: str, scorer: Scorer, rows: FeatureRows) -> dict[str, float]: ...

    def better(self, name: str, new: Scorer, old: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        """Whether a new version shall take over from an old one, and the comparison in words."""

    def first(self, name: str, scorer: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        """Whether a version may serve where none does, and how it compares with a trivial answer: not
        when it is worse beyond noise, since anybody has the trivial one for nothing."""


class Clusters:
    """Value clusters: no truth to be judged by, so a new version must separate as well as the old."""

    headline = "silhouette"

    def read(self, spark: Any, name: str, as_of: date | None) -> FeatureRows:
        return read_customers(spark, name, as_of)

    def fit(self, name: str, rows: FeatureRows) -> dict[str, Any]:
        return ValueClusters().fit(rows.frame).to_artefact()

    def learned(self, name: str, rows: FeatureRows) -> Rows:
        return np.arange(len(rows.frame))

    def now(self, spark: Any, name: str) -> FeatureRows:
        return read_customers(spark, name)

    def metrics(self, name: str, scorer: Scorer, rows: FeatureRows) -> dict[str, float]:
        matrix = rows.frame.to_numpy(dtype=np.float64)
        return cluster_metrics(scorer.transform(matrix), scorer.score(matrix)[1], scorer.labels)

    def better(self, name: str, new: Scorer, old: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        matrix = rows.frame.to_numpy(dtype=np.float64)
        space = new.transform(matrix)
        found, needed = silhouette(space, new.score(matrix)[1]), silhouette(space, old.score(matrix)[1])
        return found >= needed - NOISE, f"silhouette {found:.4f}, the champion has {needed:.4f}"

    def first(self, name: str, scorer: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        return True, "first version"


@dataclass(frozen=True)
class Chances:
    """Propensities: learned on earlier times, judged on each source's latest whose label is known.

    A training row's label ends before the test begins, so that nothing of the test was seen. Of the
    models the one with the best average precision on the last times before is taken.
    """

    source: Callable[[Any, str, date | None], FeatureRows]
    split: Callable[..., tuple[Rows, Rows]]
    trivial: tuple[str, int]  # a feature that ranks by itself, and the sign with which it does
    recent: Callable[[Any, str], FeatureRows] = read_customers

    headline = "average_precision"

    def read(self, spark: Any, name: str, as_of: date | None) -> FeatureRows:
        return self.source(spark, name, as_of)

    def fit(self, name: str, rows: FeatureRows) -> dict[str, Any]:
        train, _ = self.split(name, rows)
        refuse_leaks(rows, train)
        try:
            inner, last = self.split(name, rows, train)
        except ValueError:  # too little time to choose by: take the baseline
            return self._fitted("linear", rows, train)
        values, labels = rows.frame.to_numpy(dtype=np.float64), rows.labels
        found = {}
        for model in MODELS:
            fitted = Propensity(model).fit(values[inner], labels[inner])
            found[model] = binary_metrics(labels[last] == 1, fitted.predict_proba(values[last])[:, 1])
        best = max(MODELS, key=lambda model: (found[model]["average_precision"] or 0.0, -MODELS.index(model)))
        return self._fitted(best, rows, train)

    def tuned(self, name: str, rows: FeatureRows, trials: int) -> dict[str, Any]:
        """The same by a search over all models and their parameters."""
        train, _ = self.split(name, rows)
        refuse_leaks(rows, train)
        return tuned_chances(lambda kept: self.split(name, rows, kept), rows, train, trials)

    def learned(self, name: str, rows: FeatureRows) -> Rows:
        return self.split(name, rows)[0]

    def now(self, spark: Any, name: str) -> FeatureRows:
        return self.recent(spark, name)

    def _fitted(self, model: str, rows: FeatureRows, chosen: Any) -> dict[str, Any]:
        return Propensity(model).fit(rows.frame.iloc[chosen], rows.labels[chosen]).to_artefact()

    def metrics(self, name: str, scorer: Scorer, rows: FeatureRows) -> dict[str, float]:
        train, test = self.split(name, rows)
        values, truth = rows.frame.to_numpy(dtype=np.float64)[test], rows.labels[test] == 1
        chances, bands = scorer.score(values)
        found: dict[str, Any] = binary_metrics(truth, chances)
        groups = {}
        if rows.groups is not None:  # selected is who is in the highest band
            selected = bands == len(scorer.labels) - 1
            groups = group_metrics(truth, chances, selected, rows.groups.iloc[test])
        # the trivial ranking: who was active last will be first again
        feature, sign = self.trivial
        alone = feature.split("_")[0]
        trivial = binary_metrics(truth, sign * rows.frame[feature].to_numpy(dtype=np.float64)[test])
        return {
            **{key: value for key, value in found.items() if value is not None},
            "base_rate": float(truth.mean()),
            "test_rows": float(len(test)),
            "training_rows": float(len(train)),
            **{
                f"{key}: {alone} alone": float(trivial[key] or 0.0)
                for key in ("average_precision", "roc_auc", "lift_at_10")
            },
            **groups,
        }

    def better(self, name: str, new: Scorer, old: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        _, test = self.split(name, rows)
        values, truth = rows.frame.to_numpy(dtype=np.float64)[test], rows.labels[test] == 1
        chances = [scorer.score(values)[0] for scorer in (new, old)]
        found, needed = (float(binary_metrics(truth, c)["average_precision"] or 0.0) for c in chances)
        low, high = paired_interval(truth, chances[0], chances[1])
        said = f"average precision {found:.4f}, the champion has {needed:.4f}"
        return low > 0, f"{said}: difference {low:+.4f} to {high:+.4f}"

    def first(self, name: str, scorer: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        _, test = self.split(name, rows)
        feature, sign = self.trivial
        values, truth = rows.frame.to_numpy(dtype=np.float64)[test], rows.labels[test] == 1
        alone = sign * rows.frame[feature].to_numpy(dtype=np.float64)[test]
        gain = paired_interval(truth, scorer.score(values)[0], alone)
        # a ranking is no chance: nobody has that for nothing, so it serves, and its record says what it adds
        return True, beside_trivial(gain, f"{feature} alone, average precision")[1]


class Values:
    """Lifetime value: estimated without labels on each source's latest date whose label is known, and
    judged by what came in the days after it."""

    headline = "relative_mae"

    def read(self, spark: Any, name: str, as_of: date | None) -> FeatureRows:
        return read_labelled(spark, name, as_of)

    def fit(self, name: str, rows: FeatureRows) -> dict[str, Any]:
        return LifetimeValue(LABELS_OF[name].days).fit(rows.frame.iloc[latest(rows)]).to_artefact()

    def learned(self, name: str, rows: FeatureRows) -> Rows:
        return latest(rows)

    def now(self, spark: Any, name: str) -> FeatureRows:
        return read_customers(spark, name)

    def metrics(self, name: str, scorer: Scorer, rows: FeatureRows) -> dict[str, float]:
        chosen = latest(rows)
        values, truth = rows.frame.to_numpy(dtype=np.float64)[chosen], rows.labels[chosen]
        found = count_metrics(scorer.score(values)[0], truth)
        # the trivial forecast: as many days again as in the features
        trivial = count_metrics(rows.usual[chosen], truth)
        alike = count_metrics(np.full(len(truth), truth.mean()), truth)
        return {
            **found,
            "test_rows": float(len(chosen)),
            **{f"{key}: last days again": trivial[key] for key in ("mae", "relative_mae") if key in trivial},
            **{f"{key}: all alike": alike[key] for key in ("mae", "relative_mae") if key in alike},
        }

    def better(self, name: str, new: Scorer, old: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        chosen = latest(rows)
        values, truth = rows.frame.to_numpy(dtype=np.float64)[chosen], rows.labels[chosen]
        errors = [np.abs(scorer.score(values)[0] - truth) for scorer in (new, old)]
        low = sure_gain(errors[1] - errors[0])
        said = f"mean error {errors[0].mean():.4g}, the champion has {errors[1].mean():.4g}"
        return low > 0, f"{said}: better by at least {low:+.4g}"

    def first(self, name: str, scorer: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        chosen = latest(rows)
        values, truth = rows.frame.to_numpy(dtype=np.float64)[chosen], rows.labels[chosen]
        gains = np.abs(rows.usual[chosen] - truth) - np.abs(scorer.score(values)[0] - truth)
        return beside_trivial((sure_gain(gains), -sure_gain(-gains)), "the last days again, mean error")


class Feelings:
    """Sentiment: learned from earlier rated texts, judged on the latest fifth of each source."""

    headline = "macro_f1"

    def read(self, spark: Any, name: str, as_of: date | None) -> FeatureRows:
        return read_rated(spark, as_of)

    def fit(self, name: str, rows: FeatureRows) -> dict[str, Any]:
        train, _ = latest_fifth(rows)
        return Sentiment().fit(rows.frame.iloc[train], of_ratings(rows.labels[train])).to_artefact()

    def learned(self, name: str, rows: FeatureRows) -> Rows:
        return latest_fifth(rows)[0]

    def now(self, spark: Any, name: str) -> FeatureRows:
        return read_rated(spark, days=RECENT_DAYS)

    def metrics(self, name: str, scorer: Scorer, rows: FeatureRows) -> dict[str, float]:
        train, test = latest_fifth(rows)
        truth, chances = self._judged(scorer, rows, test)
        found = class_metrics(truth, chances, LABELS)
        decided = truth != 1
        polar = binary_metrics(truth[decided] == 2, chances[decided, 2] - chances[decided, 0])
        return {
            **{key: value for key, value in found.items() if isinstance(value, float)},
            "roc_auc: positive against negative": float(polar["roc_auc"] or 0.0),
            "test_rows": float(len(test)),
            "training_rows": float(len(train)),
        }

    def better(self, name: str, new: Scorer, old: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        _, test = latest_fifth(rows)
        losses = []
        for scorer in (new, old):
            truth, chances = self._judged(scorer, rows, test)
            losses.append(-np.log(np.clip(chances[np.arange(len(truth)), truth], 1e-15, 1.0)))
        low = sure_gain(losses[1] - losses[0])
        said = f"log loss {losses[0].mean():.4f}, the champion has {losses[1].mean():.4f}"
        return low > 0, f"{said}: better by at least {low:+.4f}"

    def first(self, name: str, scorer: Scorer, rows: FeatureRows) -> tuple[bool, str]:
        return True, "first version"

    def _judged(self, scorer: Scorer, rows: FeatureRows, test: Rows) -> tuple[Any, Matrix]:
        return of_ratings(rows.labels[test]), scorer.transform(rows.frame.iloc[test].to_numpy())


TASKS: dict[str, Task] = {
    "customer_segment": Clusters(),
    "purchase_probability": Chances(read_labelled, split, ("recency_days", -1)),
    "churn_probability": Chances(read_labelled, split, ("recency_days", 1)),
    "cart_conversion_probability": Chances(read_carts, split_carts, ("idle_minutes", -1), read_recent_carts),
    "lifetime_value": Values(),
    "sentiment": Feelings(),
}
