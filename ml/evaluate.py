"""Metrics: the only place that makes them, so that every model is judged by the same ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata
from sklearn.metrics import (
    average_precision_score,
    davies_bouldin_score,
    roc_auc_score,
    silhouette_score,
)

from ml.arrays import Codes, Matrix

SAMPLE = 3_000  # silhouette compares all pairs: 9 M distances
LEAST_OF_GROUP = 50  # rows of a group of people by which a model is judged
LEAST_OF_CLASS = 10  # of them with and without the label, for an AUC


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


def count_metrics(expected: Matrix, actual: Matrix | None) -> dict[str, float]:
    """How far expected counts of each customer are from what happened, where that is known.

    `relative_mae` is the sum of all errors over that of all counts, as papers of the field report it.
    """
    metrics = {"expected": float(expected.sum())}
    if actual is not None:
        error = expected - actual
        metrics |= {
            "actual": float(actual.sum()),
            "mae": float(np.abs(error).mean()),
            "rmse": float(np.sqrt((error**2).mean())),
        }
        if actual.any():
            metrics["relative_mae"] = float(np.abs(error).sum() / actual.sum())
    return metrics


def class_metrics(
    truth: Codes, chances: Matrix, classes: Sequence[str], threshold: float = 0.5, rarest: int | None = None
) -> dict[str, Any]:
    """How good probabilities of classes (n x classes) are, held against the true class of each row.

    With two classes the second is the positive one, a label from `threshold` on; `minority_f1` is of the
    rarer one, or of class `rarest`. Accuracy stands beside the share of the commonest class.
    """
    shares = np.bincount(truth, minlength=len(classes)) / len(truth)
    clipped, hits = np.clip(chances, 1e-15, 1.0), np.eye(len(classes))[truth]
    metrics: dict[str, Any] = {
        "rows": len(truth),
        "log_loss": float(-np.log(clipped[np.arange(len(truth)), truth]).mean()),
    }
    if len(classes) == 2:
        positive, chance = truth == 1, chances[:, 1]
        labels = (chance >= threshold).astype(int)
        metrics |= {
            "base_rate": float(positive.mean()),
            **binary_metrics(positive, chance),
            "calibration": calibration(positive, chance),
        }
    else:
        labels = chances.argmax(axis=1)
        seen = shares > 0
        aucs = [roc_auc_score(truth == c, chances[:, c]) for c in np.flatnonzero(seen & (shares < 1))]
        metrics |= {
            "roc_auc": float(np.mean(aucs)) if aucs else None,
            "brier": float(((chances - hits) ** 2).sum(axis=1).mean()),
        }
    rarest = int(np.argmin(np.where(shares > 0, shares, 2.0))) if rarest is None else rarest
    scores = [f1(truth == c, labels == c) for c in range(len(classes))]
    metrics |= {
        "minority_class": classes[rarest],
        "minority_f1": scores[rarest],
        "macro_f1": float(np.mean(scores)),
        "accuracy": float((labels == truth).mean()),
        "commonest_class_share": float(shares.max()),
    }
    return metrics


def binary_metrics(positive: NDArray[np.bool_], chance: Matrix) -> dict[str, float | None]:
    """Ranking and probability metrics of one class; the ranking ones are None when all rows are alike.

    Average precision as scikit-learn defines it; Brier score: G. Brier (1950); lift at 10 %: share of
    positives among the tenth with the highest probability, over the base rate; ECE over ten bins of
    equal size: M. Pakdaman Naeini et al., AAAI (2015).
    """
    mixed = bool(positive.any() and not positive.all())
    return {
        "average_precision": float(average_precision_score(positive, chance)) if mixed else None,
        "roc_auc": float(roc_auc_score(positive, chance)) if mixed else None,
        "brier": float(((chance - positive) ** 2).mean()),
        "lift_at_10": lift(positive, chance) if positive.any() else None,
        "ece": sum(bin["rows"] * abs(bin["expected"] - bin["seen"]) for bin in calibration(positive, chance))
        / len(chance),
    }


def group_metrics(
    positive: NDArray[np.bool_], chance: Matrix, selected: NDArray[np.bool_], groups: Any
) -> dict[str, float]:
    """How good chances are for each group of people: `gender=F: roc_auc`, and its standard error.

    `groups` is a frame with a column per way to group; a column without two groups of
    `LEAST_OF_GROUP` rows is left out. `bias` is the mean chance less the base rate.
    """
    found: dict[str, float] = {}
    for column in groups.columns:
        sizes = groups[column].value_counts().sort_index()
        names = [name for name, size in sizes.items() if size >= LEAST_OF_GROUP]
        for name in names if len(names) > 1 else ():
            rows = (groups[column] == name).to_numpy()
            told, of_group = positive[rows], chance[rows]
            means = {
                "selection_rate": selected[rows].astype(np.float64),
                "bias": of_group - told,
                "brier": (of_group - told) ** 2,
            }
            measured = {
                measure: (float(values.mean()), float(values.std() / np.sqrt(len(values))))
                for measure, values in means.items()
            }
            if min(told.sum(), (~told).sum()) >= LEAST_OF_CLASS:
                measured["roc_auc"] = (float(roc_auc_score(told, of_group)), auc_error(told, of_group))
            key = f"{column}={name}: "
            found |= {f"{key}rows": float(rows.sum()), f"{key}base_rate": float(told.mean())}
            for measure, (value, error) in measured.items():
                found |= {f"{key}{measure}": value, f"{key}{measure} se": error}
    return found


def auc_error(positive: NDArray[np.bool_], chance: Matrix) -> float:
    """Standard error of the AUC: E. DeLong et al., Biometrics 44 (1988), by ranks as X. Sun and
    W. Xu, IEEE Signal Processing Letters 21 (2014)."""
    ranks = rankdata(chance)
    above = (ranks[positive] - rankdata(chance[positive])) / (~positive).sum()
    below = (ranks[~positive] - rankdata(chance[~positive])) / positive.sum()
    return float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))


def lift(positive: NDArray[np.bool_], chance: Matrix, share: float = 0.1) -> float:
    """Share of positives among the likeliest `share` of rows, over that of all; ties count in part."""
    size = max(1, round(share * len(chance)))
    cut = np.partition(chance, len(chance) - size)[len(chance) - size]
    above, at = chance > cut, chance == cut
    found = positive[above].sum() + (size - above.sum()) * positive[at].mean()
    return float(found / size / positive.mean())


def calibration(positive: NDArray[np.bool_], chance: Matrix, bins: int = 10) -> list[dict[str, float]]:
    """Expected and seen share of positives, in bins of equal size from the least likely on."""
    parts = np.array_split(np.argsort(chance, kind="stable"), min(bins, len(chance)))
    return [
        {"expected": float(chance[p].mean()), "seen": float(positive[p].mean()), "rows": len(p)}
        for p in parts
    ]


def stability_index(expected: Any, actual: Any) -> tuple[float, float]:
    """PSI of counts in the same bins, and what chance alone exceeds once in twenty times.

    Index: N. Siddiqi, Credit Risk Scorecards (2006); its distribution where nothing has changed:
    B. Yurdakul and J. Naranjo, J. of Risk Model Validation 14 (2020). Half a row more in each bin, so
    that an empty one has a logarithm.
    """
    old, new = (np.asarray(counts, dtype=np.float64) + 0.5 for counts in (expected, actual))
    shares = old / old.sum(), new / new.sum()
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return index, float(chi2.ppf(0.95, len(old) - 1) * (1 / old.sum() + 1 / new.sum()))


def f1(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall, 0 when both are."""
    hits = int((truth & said).sum())
    return 2 * hits / max(int(truth.sum() + said.sum()), 1)


def best_threshold(truth: Codes, chance: Matrix) -> float:
    """The least probability of the positive class from which a label says so, so that the rarer class
    has the best F1; half-way between two rows, and so no row's own."""
    rarer = 1 if (truth == 1).mean() <= 0.5 else 0
    order = np.argsort(-chance, kind="stable")
    ordered, values = truth[order], chance[order]
    positives = np.concatenate([[0], np.cumsum(ordered == 1)])
    said = np.arange(len(truth) + 1)
    if rarer == 1:
        score = 2 * positives / (said + positives[-1])
    else:
        negatives = len(truth) - positives[-1]
        left = negatives - (said - positives)
        score = 2 * left / np.maximum(len(truth) - said + negatives, 1)
    edges = np.concatenate([[np.inf], values]) > np.concatenate([values, [-np.inf]])
    cut = int(np.argmax(np.where(edges, score, -1.0)))
    above = values[cut - 1] if cut else 1.0
    below = values[cut] if cut < len(values) else 0.0
    return float((above + below) / 2)


def number_metrics(truth: Matrix, expected: Matrix, usual: float) -> dict[str, Any]:
    """Errors of a predicted number, beside those of always saying `usual`, the mean in training."""
    error = expected - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "rows": len(truth),
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).sum()) / spread if spread else None,
        "baseline_rmse": float(np.sqrt(((truth - usual) ** 2).mean())),
        "baseline_mae": float(np.abs(truth - usual).mean()),
    }


def intervals(
    metrics: Callable[[Any], Mapping[str, Any]], size: int, *, rounds: int = 200, random_state: int = 0
) -> dict[str, list[float]]:
    """95 % intervals of the metrics by bootstrap over rows; `metrics` takes chosen rows.

    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979).
    """
    random = np.random.default_rng(random_state)
    found = [metrics(random.integers(0, size, size)) for _ in range(rounds)]
    names = dict.fromkeys(name for each in found for name in each)  # one may lack what is rare
    values = {name: [each[name] for each in found if isinstance(each.get(name), float)] for name in names}
    return {
        name: [float(bound) for bound in np.quantile(numbers, [0.025, 0.975])]
        for name, numbers in values.items()
        if numbers
    }


def paired_interval(
    positive: NDArray[np.bool_], new: Matrix, old: Matrix, rounds: int = 300, random_state: int = 0
) -> tuple[float, float]:
    """95 % interval of the difference of average precision, new less old, by bootstrap over rows."""
    random = np.random.default_rng(random_state)
    found = []
    for _ in range(rounds):
        rows = random.integers(0, len(positive), len(positive))
        if positive[rows].any():
            truth = positive[rows]
            found.append(
                average_precision_score(truth, new[rows]) - average_precision_score(truth, old[rows])
            )
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def ranking_metrics(ranks: Codes, k: int = 10) -> dict[str, float]:
    """Of recommenders: `ranks` are places of the true item from 0 on, -1 where it was not found.

    Hit rate, mean reciprocal rank and NDCG with one true item: K. Järvelin and J. Kekäläinen, ACM
    TOIS 20 (2002).
    """
    hit = (ranks >= 0) & (ranks < k)
    places = ranks[hit] + 1
    size = max(len(ranks), 1)
    return {
        "cases": float(len(ranks)),
        f"hit_rate_at_{k}": float(hit.sum() / size),
        f"mrr_at_{k}": float((1 / places).sum() / size),
        f"ndcg_at_{k}": float((1 / np.log2(places + 1)).sum() / size),
    }
