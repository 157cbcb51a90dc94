"""Propensity: the chance that a customer does something soon, such as buying within 7 days."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.arrays import Matrix
from ml.linear import linear_fields
from ml.propensity import signed_log
from ml.tree_arrays import fields_of

BANDS = ("low", "medium", "high")
QUANTILES = (0.6, 0.9)  # of the training's chances, from which a band begins
MODELS = ("linear", "tree", "forest", "boosting", "xgboost")


class ByChance(ClassifierMixin):  # type: ignore[misc]  # scikit-learn is untyped
    """Decides between no and yes by the chance of a yes."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The likelier class."""
        chances = self.predict_proba(X)[:, 1]
        return self.classes_[(chances >= 0.5).astype(int)]


class Propensity(ByChance, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Chance of a yes, from numbers of which some may be missing (NaN).

    `model`: `linear` (logistic regression on signed logarithms), `tree`, `forest`, `boosting` or
    `xgboost` (T. Chen and C. Guestrin, KDD 2016). Rows are sorted before fitting, so their order does
    not matter. Bands are quantiles of the training's chances: `high` is the top tenth. `parameters` replace
    some of the model's own.
    """

    def __init__(
        self, model: str = "linear", parameters: dict[str, Any] | None = None, random_state: int = 0
    ) -> None:
        self.model = model
        self.parameters = parameters
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn; ValueError when there are not two classes, or the model is unknown."""
        if self.model not in MODELS:
            raise ValueError(f"there is no model {self.model!r}, only {', '.join(MODELS)}")
        rows, target = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(target)
        self.classes_, codes = np.unique(target, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"two classes are needed, not {len(self.classes_)}")
        order = np.lexsort((codes, *rows.T))
        rows, codes = rows[order], codes[order]
        missing = np.isnan(rows)
        self.optional_ = missing.any(axis=0)
        with np.errstate(all="ignore"):
            self.medians_ = np.array(
                [
                    0.0 if gaps.all() else np.median(column[~gaps])
                    for column, gaps in zip(rows.T, missing.T, strict=True)
                ]
            )
        self.model_ = self.unfitted()
        inputs = self._inputs(rows)
        self.scaler_ = StandardScaler().fit(inputs) if self.model == "linear" else None
        self.model_.fit(self._scaled(inputs), codes)
        self.cuts_ = np.quantile(self._chances(rows), QUANTILES)
        return self

    def predict_proba(self, X: Any) -> Matrix:  # noqa: N803
        """Chances of no and of yes, n x 2."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        chances = self._chances(rows)
        return np.column_stack([1 - chances, chances])

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        if self.scaler_ is not None:
            fields = linear_fields(
                self.scaler_.mean_, self.scaler_.scale_, self.model_.coef_, self.model_.intercept_
            )
        else:
            fields = fields_of(self.model_)
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(self.n_features_in_)])
        return {
            "kind": "linear" if self.model == "linear" else "trees",
            "features": [str(name) for name in names],
            "labels": list(BANDS),
            "cuts": self.cuts_.tolist(),
            "optional": self.optional_.astype(int).tolist(),
            "medians": self.medians_.tolist(),
            "parameters": {"model": self.model, **(self.parameters or {})},
            "link": "identity" if self.model in ("tree", "forest") else "logistic",
            "model": {name: np.asarray(value).tolist() for name, value in fields.items()},
        }

    def unfitted(self) -> Any:
        """The estimator behind it, with its parameters."""
        return self._model({"random_state": self.random_state}).set_params(**(self.parameters or {}))

    def _model(self, options: dict[str, Any]) -> Any:
        if self.model == "linear":
            return LogisticRegression(max_iter=2_000, **options)
        if self.model == "tree":
            return DecisionTreeClassifier(max_depth=5, min_samples_leaf=50, **options)
        if self.model == "forest":
            return RandomForestClassifier(100, max_depth=8, min_samples_leaf=20, **options)
        if self.model == "xgboost":
            from xgboost import XGBClassifier  # here: it takes seconds to import

            return XGBClassifier(
                n_estimators=100,
                learning_rate=0.07,
                max_depth=3,
                min_child_weight=5.0,
                subsample=0.8,
                colsample_bytree=0.8,
                reg_lambda=5.0,
                n_jobs=1,
                **options,
            )
        return HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.07, max_leaf_nodes=8, early_stopping=False, **options
        )

    def _inputs(self, rows: Matrix) -> Matrix:
        missing = np.isnan(rows)
        filled = np.where(missing, self.medians_, rows)
        filled = signed_log(filled) if self.model == "linear" else filled
        return np.hstack([filled, missing[:, self.optional_].astype(np.float64)])

    def _scaled(self, inputs: Matrix) -> Matrix:
        scaled: Matrix = inputs if self.scaler_ is None else self.scaler_.transform(inputs)
        return scaled

    def _chances(self, rows: Matrix) -> Matrix:
        chances: Matrix = self.model_.predict_proba(self._scaled(self._inputs(rows)))[:, 1]
        return chances

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags
