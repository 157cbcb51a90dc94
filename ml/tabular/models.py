"""Models of a table: how each is fitted by scikit-learn or XGBoost, and the plain arrays that serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Matrix, numbers, probabilities
from ml.linear import Linear, linear_fields
from ml.tabular.encode import Encoded
from ml.text import Sparse
from ml.tree_arrays import fields_of
from ml.trees import Trees

TOPICS = 50  # dimensions in which trees see a text
Fields = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """One model by name; `make(is_class)` gives an estimator."""

    kind: str
    make: Callable[[bool], Any]


def linear(is_class: bool) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if is_class:
        return LogisticRegression(C=1.0, max_iter=2_000)
    return Ridge(alpha=1.0, solver="lsqr", tol=1e-10)


def tree(is_class: bool) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    options: Any = {"max_depth": 6, "min_samples_leaf": 10, "random_state": 0}
    return DecisionTreeClassifier(**options) if is_class else DecisionTreeRegressor(**options)


def forest(is_class: bool) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    options: Any = {"n_estimators": 200, "min_samples_leaf": 3, "random_state": 0, "n_jobs": 1}
    return RandomForestClassifier(**options) if is_class else RandomForestRegressor(**options)


def boosting(is_class: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options: Any = {
        "max_iter": 200,
        "learning_rate": 0.04,
        "max_depth": 4,
        "max_features": 0.3,
        "min_samples_leaf": 20,
        "l2_regularization": 5.0,
        "early_stopping": False,
        "random_state": 0,
    }
    return HistGradientBoostingClassifier(**options) if is_class else HistGradientBoostingRegressor(**options)


def xgboost(is_class: bool) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    options: Any = {
        "n_estimators": 200,
        "learning_rate": 0.04,
        "max_depth": 4,
        "min_child_weight": 5.0,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "reg_lambda": 5.0,
        "random_state": 0,
        "n_jobs": 1,
    }
    return XGBClassifier(**options) if is_class else XGBRegressor(**options)


MODELS = {
    "logistic": Choice("linear", linear),
    "linear": Choice("linear", linear),
    "tree": Choice("trees", tree),
    "forest": Choice("trees", forest),
    "boosting": Choice("trees", boosting),
    "xgboost": Choice("trees", xgboost),
}
FOR_CLASSES = ("logistic", "tree", "forest", "boosting", "xgboost")
FOR_NUMBERS = ("linear", "tree", "forest", "boosting", "xgboost")


def learn(
    name: str, rows: Encoded, y: NDArray[Any], is_class: bool, parameters: Mapping[str, Any] | None = None
) -> tuple[Fields, Any]:
    """Arrays of a model fitted on encoded rows, and the fitted model itself with its inputs."""
    model = MODELS[name].make(is_class).set_params(**(parameters or {}))
    if MODELS[name].kind == "linear":
        mean, scale = rows.dense.mean(axis=0), rows.dense.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        inputs = joined((rows.dense - mean) / scale, rows.texts)
        model.fit(inputs, y)
        weights = np.atleast_2d(model.coef_)
        width = rows.dense.shape[1]
        fields = linear_fields(mean, scale, weights[:, :width], model.intercept_)
        fields["text_weights"] = weights[:, width:]
    else:
        topics = learn_topics(rows.texts)
        inputs = np.hstack([rows.dense, *in_topics(rows.texts, topics)])
        model.fit(inputs, y)
        fields = fields_of(model)
        fields |= {f"topics_{number}": topic for number, topic in enumerate(topics)}
    fields["link"] = link_of(model, is_class)
    return fields, (model, inputs)


def link_of(model: Any, is_class: bool) -> str:
    """From sums to predictions; trees and forests already hold shares of classes."""
    has_shares = not hasattr(model, "decision_function") and not hasattr(model, "get_booster")
    if not is_class or has_shares:
        return "identity"
    return "logistic" if len(model.classes_) == 2 else "softmax"


def joined(dense: Matrix, texts: tuple[Sparse, ...]) -> Any:
    """One matrix of all inputs, sparse as soon as there is text."""
    if not texts:
        return dense
    from scipy.sparse import csr_matrix, hstack

    parts = [
        csr_matrix((text.values, text.terms, text.starts), shape=(len(text), text.width)) for text in texts
    ]
    return hstack([csr_matrix(dense), *parts], format="csr")


def learn_topics(texts: tuple[Sparse, ...]) -> list[Matrix]:
    """Of each text column, the directions (width x topics) in which its rows differ most."""
    if not texts:
        return []
    from sklearn.decomposition import TruncatedSVD

    found = []
    for text in texts:
        size = max(1, min(TOPICS, text.width - 1, len(text) - 1))
        svd = TruncatedSVD(size, random_state=0).fit(joined(np.empty((len(text), 0)), (text,)))
        found.append(np.ascontiguousarray(svd.components_.T))
    return found


def in_topics(texts: tuple[Sparse, ...], topics: list[Matrix]) -> list[Matrix]:
    return [text.dot(topic) for text, topic in zip(texts, topics, strict=True)]


class Served:
    """A model from its arrays alone."""

    def __init__(self, kind: str, fields: Mapping[str, Any], width: int, texts: tuple[int, ...]) -> None:
        """`width` of the dense inputs, `texts` the sizes of the vocabularies."""
        self.link = str(fields["link"])
        self.topics: list[Matrix] = []
        self.text_weights: list[Matrix] = []
        self.model: Linear | Trees
        if kind == "linear":
            self.model = Linear(fields, width)
            weights = numbers(fields, "text_weights", (self.model.outputs, sum(texts)))
            self.text_weights = [part.T for part in np.split(weights, np.cumsum(texts)[:-1], axis=1)]
        elif kind == "trees":
            self.topics = [numbers(fields, f"topics_{n}", (size, None)) for n, size in enumerate(texts)]
            self.model = Trees(fields, width + sum(topic.shape[1] for topic in self.topics))
        else:
            raise ValueError(f"the artefact's kind is {kind!r}, known are linear, trees")

    def predict(self, rows: Encoded) -> Matrix:
        """Probabilities of the classes (n x classes), or a number (n x 1)."""
        margins = self.model.margins(self._inputs(rows))
        if self.text_weights and rows.texts:
            margins = margins + sum(t.dot(w) for t, w in zip(rows.texts, self.text_weights, strict=True))
        return probabilities(margins, self.link)

    def _inputs(self, rows: Encoded) -> Matrix:
        return np.hstack([rows.dense, *in_topics(rows.texts, self.topics)]) if self.topics else rows.dense
