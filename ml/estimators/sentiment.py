"""Sentiment of texts, and the topics that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from ml.arrays import Codes, Matrix
from ml.sentiment import LABELS, SentimentScorer


def texts_of(X: Any) -> list[str]:  # noqa: N803  # scikit-learn's name
    """Texts of a list, an array or a table of one column; ValueError for another width."""
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] != 1:
        raise ValueError(f"texts are one feature, not {values.shape[1]} features")
    return ["" if text is None or text != text else str(text) for text in values.ravel()]


def of_ratings(ratings: Any) -> Codes:
    """Classes of one to five stars: 1 and 2 are negative, 3 neutral, 4 and 5 positive."""
    stars = np.asarray(ratings, dtype=np.float64)
    return (np.sign(stars - 3) + 1).astype(np.int64)


class Sentiment(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """TF-IDF of words and pairs, and logistic regression of three classes that count alike.

    `y` are codes of `LABELS`: negative, neutral, positive. B. Pang, L. Lee and S. Vaithyanathan,
    "Thumbs up?", EMNLP (2002).
    """

    def __init__(self, terms: int = 10_000, C: float = 1.0) -> None:  # noqa: N803
        self.terms = terms
        self.C = C

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn; ValueError unless there are texts of all three classes."""
        texts, codes = texts_of(X), np.asarray(y)
        if not np.array_equal(np.unique(codes), np.arange(len(LABELS))):
            raise ValueError(f"texts of {', '.join(LABELS)} are needed, all three")
        # a sum of floats hangs on their order, and so would the last digits of the weights
        order = sorted(range(len(texts)), key=lambda place: (texts[place], codes[place]))
        texts, codes = [texts[place] for place in order], codes[order]
        self.vectorizer_ = TfidfVectorizer(
            ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=self.terms
        )
        rows = self.vectorizer_.fit_transform(texts)
        self.model_ = LogisticRegression(C=self.C, class_weight="balanced", max_iter=2_000).fit(rows, codes)
        self.classes_ = np.array(LABELS)
        self.n_features_in_ = 1
        self.feature_names_in_ = np.array(["text"], dtype=object)
        return self

    def predict_proba(self, X: Any) -> Matrix:  # noqa: N803
        """Chances of negative, neutral and positive, n x 3."""
        check_is_fitted(self)
        chances: Matrix = self.model_.predict_proba(self.vectorizer_.transform(texts_of(X)))
        return chances

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The likeliest class of each text."""
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]

    def to_artefact(self) -> dict[str, Any]:
        """All that serving needs, as plain JSON values."""
        check_is_fitted(self)
        return {
            "kind": "sentiment",
            "features": ["text"],
            "labels": list(LABELS),
            "vocabulary": [str(term) for term in self.vectorizer_.get_feature_names_out()],
            "idf": self.vectorizer_.idf_.tolist(),
            "longest": 2,
            "weights": self.model_.coef_.tolist(),
            "intercept": self.model_.intercept_.tolist(),
        }

    def scorer(self) -> SentimentScorer:
        """What serves it."""
        return SentimentScorer(self.to_artefact())


class Topics(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """What texts are about: non-negative factors of their TF-IDF, each named by its strongest words.

    D. Lee and S. Seung, "Learning the parts of objects by non-negative matrix factorization", Nature
    401 (1999), from a deterministic start (NNDSVD: Boutsidis and Gallopoulos 2008).
    """

    def __init__(self, n_topics: int = 10, words: int = 4, terms: int = 5_000) -> None:
        self.n_topics = n_topics
        self.words = words
        self.terms = terms

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803
        """Learn the topics, numbered from the most common one; ValueError with too few words."""
        texts = sorted(texts_of(X))
        self.vectorizer_ = TfidfVectorizer(
            min_df=2, max_df=0.5, stop_words=sorted(ENGLISH_STOP_WORDS), max_features=self.terms
        )
        rows = self.vectorizer_.fit_transform(texts)
        if min(rows.shape) < self.n_topics:
            raise ValueError(
                f"{rows.shape[1]} words in {rows.shape[0]} texts are too few for {self.n_topics} topics"
            )
        self.model_ = NMF(self.n_topics, init="nndsvd", max_iter=400, tol=1e-4)
        shares = self.model_.fit_transform(rows)
        self.order_ = np.argsort(-np.bincount(shares.argmax(axis=1), minlength=self.n_topics), kind="stable")
        terms = self.vectorizer_.get_feature_names_out()
        self.names_ = [self._name(terms, self.model_.components_[place]) for place in self.order_]
        self.n_features_in_ = 1
        self.feature_names_in_ = np.array(["text"], dtype=object)
        return self

    def _name(self, terms: Sequence[str], weights: Matrix) -> str:
        return ", ".join(str(terms[place]) for place in np.argsort(-weights, kind="stable")[: self.words])

    def transform(self, X: Any) -> Matrix:  # noqa: N803
        """Weight of each topic in each text, in the order of `names_`."""
        check_is_fitted(self)
        weights: Matrix = self.model_.transform(self.vectorizer_.transform(texts_of(X)))[:, self.order_]
        return weights

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Name of each text's strongest topic; None where it has no known word."""
        weights = self.transform(X)
        names = np.array(self.names_, dtype=object)[weights.argmax(axis=1)]
        return np.where(weights.sum(axis=1) > 0, names, None)
