"""Models as plain arrays: the same numbers as scikit-learn's, and reasons that add up to them."""

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from xgboost import DMatrix, XGBClassifier, XGBRegressor

from ml.arrays import probabilities
from ml.linear import Linear, linear_fields
from ml.text import TfIdf
from ml.tree_arrays import fields_of
from ml.trees import Trees

WIDTH = 6


def make_rows(size: int = 600, seed: int = 3) -> tuple[Any, Any]:
    """Rows, some with equal values, and three classes that hang on some of the columns."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(size, WIDTH))
    rows[:, 2] = rows[:, 2].round(1)
    rows[:, 4] = rows[:, 4] > 0
    score = rows[:, 0] + np.abs(rows[:, 1]) * rows[:, 2] + random.normal(0, 0.5, size)
    return rows, np.digitize(score, [-0.5, 0.7])


ROWS, CLASSES = make_rows()


def ensemble(model: Any, y: Any) -> tuple[Any, Trees]:
    model.fit(ROWS, y)
    return model, Trees(fields_of(model), WIDTH)


@pytest.mark.parametrize(
    ("model", "classes", "link"),
    [
        (DecisionTreeClassifier(random_state=0), 3, "identity"),
        (RandomForestClassifier(20, random_state=0), 2, "identity"),
        (RandomForestClassifier(20, random_state=0, class_weight="balanced"), 3, "identity"),
        (HistGradientBoostingClassifier(max_iter=40, early_stopping=False), 2, "logistic"),
        (HistGradientBoostingClassifier(max_iter=20, early_stopping=False), 3, "softmax"),
    ],
)
def test_trees_give_the_probabilities_of_scikit_learn(model: Any, classes: int, link: str) -> None:
    y = CLASSES if classes == 3 else CLASSES > 0
    model, trees = ensemble(model, y)
    unseen = make_rows(400, seed=9)[0]
    unseen[:50] = ROWS[:50]  # and rows that lie on the thresholds
    found = probabilities(trees.margins(unseen), link)
    np.testing.assert_allclose(found, model.predict_proba(unseen), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    "model", [RandomForestRegressor(15, random_state=0), HistGradientBoostingRegressor(max_iter=30)]
)
def test_trees_give_the_numbers_of_scikit_learn(model: Any) -> None:
    model, trees = ensemble(model, ROWS[:, 0] * 3 + ROWS[:, 1] ** 2)
    np.testing.assert_allclose(trees.margins(ROWS)[:, 0], model.predict(ROWS), atol=1e-9, rtol=0)


XGBOOST: dict[str, Any] = {"n_estimators": 60, "max_depth": 5, "subsample": 0.8, "n_jobs": 1}


@pytest.mark.parametrize(("classes", "link"), [(2, "logistic"), (3, "softmax")])
def test_trees_give_the_probabilities_of_xgboost(classes: int, link: str) -> None:
    model, trees = ensemble(XGBClassifier(**XGBOOST), CLASSES if classes == 3 else CLASSES > 0)
    unseen = make_rows(400, seed=9)[0]
    unseen[:50] = ROWS[:50]
    places = np.arange(50, 350)  # and rows that lie on the thresholds, where it goes the other way
    inner = np.flatnonzero(~trees.is_leaf)[:300]
    unseen[places, trees.feature[inner]] = np.nextafter(trees.threshold[inner].astype(np.float32), np.inf)
    found = probabilities(trees.margins(unseen), link)
    np.testing.assert_allclose(found, model.predict_proba(unseen), atol=1e-6, rtol=0)  # its own is single


def test_trees_give_the_numbers_of_xgboost() -> None:
    model, trees = ensemble(XGBRegressor(**XGBOOST), ROWS[:, 0] * 3 + ROWS[:, 1] ** 2)
    np.testing.assert_allclose(trees.margins(ROWS)[:, 0], model.predict(ROWS), atol=1e-5, rtol=1e-6)


def test_reasons_of_xgboost_are_its_own() -> None:
    model, trees = ensemble(XGBClassifier(**XGBOOST), CLASSES > 0)
    expected = model.get_booster().predict(DMatrix(ROWS), pred_contribs=True)
    base, parts = trees.contributions(ROWS)
    np.testing.assert_allclose(parts, expected[:, :-1], atol=1e-4, rtol=0)
    np.testing.assert_allclose(base, expected[:, -1], atol=1e-4, rtol=0)


def expectation(trees: Trees, row: Any, known: set[int], node: int) -> float:
    """Value of the game: known features decide, the others go where training rows went."""
    if trees.is_leaf[node]:
        return float(trees.values[node, 0])
    left, right = int(trees.left[node]), int(trees.right[node])
    if int(trees.feature[node]) in known:
        goes_left = row[trees.feature[node]] <= trees.threshold[node]
        return expectation(trees, row, known, left if goes_left else right)
    share = trees.cover[left] / (trees.cover[left] + trees.cover[right])
    return share * expectation(trees, row, known, left) + (1 - share) * expectation(trees, row, known, right)


def test_reasons_of_trees_are_the_shapley_values() -> None:
    _, trees = ensemble(HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=8), CLASSES > 0)
    base, parts = trees.contributions(ROWS[:3])
    every = range(WIDTH)
    for row, found in zip(ROWS[:3], parts, strict=True):
        values = {
            chosen: sum(expectation(trees, row, set(chosen), int(root)) for root in trees.roots)
            for size in range(WIDTH + 1)
            for chosen in combinations(every, size)
        }
        assert base == pytest.approx(values[()] + trees.base[0], abs=1e-12)
        for feature in every:
            share = 0.0
            for chosen in [chosen for chosen in values if feature not in chosen]:
                weight = factorial(len(chosen)) * factorial(WIDTH - len(chosen) - 1) / factorial(WIDTH)
                share += weight * (values[tuple(sorted((*chosen, feature)))] - values[chosen])
            assert found[feature] == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(10, random_state=0),
        HistGradientBoostingClassifier(max_iter=30, early_stopping=False),
    ],
)
def test_base_and_reasons_of_trees_add_up_to_the_score(model: Any) -> None:
    _, trees = ensemble(model, CLASSES > 0)
    output = trees.outputs - 1
    base, parts = trees.contributions(ROWS, output)
    np.testing.assert_allclose(base + parts.sum(axis=1), trees.margins(ROWS)[:, output], atol=1e-9, rtol=0)


def test_linear_is_scikit_learn_and_its_reasons_add_up() -> None:
    mean, scale = ROWS.mean(axis=0), ROWS.std(axis=0)
    model = LogisticRegression().fit((ROWS - mean) / scale, CLASSES)
    linear = Linear(linear_fields(mean, scale, model.coef_, model.intercept_), WIDTH)
    found = probabilities(linear.margins(ROWS), "softmax")
    np.testing.assert_allclose(found, model.predict_proba((ROWS - mean) / scale), atol=1e-9, rtol=0)
    base, parts = linear.contributions(ROWS, 1)
    np.testing.assert_allclose(base + parts.sum(axis=1), linear.margins(ROWS)[:, 1], atol=1e-9, rtol=0)


@pytest.mark.parametrize("margin", [-800.0, -1.0, 0.0, 1.0, 800.0])
def test_probabilities_neither_overflow_nor_lose_their_sum(margin: float) -> None:
    both = probabilities(np.array([[margin]]), "logistic")
    assert both.sum() == 1
    np.testing.assert_allclose(both, probabilities(np.array([[0.0, margin]]), "softmax"), atol=1e-15)


TEXTS = [
    "The dress is lovely, the colour is lovely!",
    "Runs small; the colour is off.",
    "",
    "A b c 1",
    "Ünïcode dress — lovely colour, lovely dress",
    "unheard-of words only",
] * 2


@pytest.mark.parametrize("longest", [1, 2])
def test_texts_weigh_as_scikit_learn_weighs_them(longest: int) -> None:
    vectorizer = TfidfVectorizer(ngram_range=(1, longest), min_df=2, sublinear_tf=True).fit(TEXTS[:10])
    fields = {
        "vocabulary": vectorizer.get_feature_names_out().tolist(),
        "idf": vectorizer.idf_,
        "longest": longest,
    }
    found = TfIdf(fields).transform(TEXTS)
    expected = vectorizer.transform(TEXTS)
    made = csr_matrix((found.values, found.terms, found.starts), shape=(len(found), found.width))
    np.testing.assert_allclose(made.toarray(), expected.toarray(), atol=1e-12)
    weights = np.random.default_rng(0).normal(size=(found.width, 3))
    np.testing.assert_allclose(found.dot(weights), expected @ weights, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": [[float("nan")]] * 3}, "'values' of the artefact holds NaN"),
        ({"feature": [9, 0, 0]}, "'feature' of the artefact is not whole numbers from 0 to 5"),
        ({"left": [0, 1, 2]}, "do not lead down a tree"),
        ({"right": [7, 1, 2]}, "'right' of the artefact is not whole numbers from 0 to 2"),
        ({"cover": [1, 0, 1]}, "'cover' of the artefact is not positive"),
        ({"threshold": [0.5]}, "'threshold' of the artefact has shape"),
        ({"base": [0.0, 1.0]}, "'base' of the artefact has shape"),
    ],
)
def test_trees_that_lead_nowhere_are_refused(change: dict[str, Any], reason: str) -> None:
    stump: dict[str, Any] = {
        "feature": [1, 0, 0],
        "threshold": [0.5, 0, 0],
        "left": [1, 1, 2],
        "right": [2, 1, 2],
        "cover": [3, 2, 1],
        "values": [[0.0], [1.0], [2.0]],
        "roots": [0],
        "base": [0.0],
        "is_single": 0,
    }
    assert Trees(stump, WIDTH).margins(np.zeros((1, WIDTH)))[0, 0] == 1
    with pytest.raises(ValueError, match=reason):
        Trees({**stump, **change}, WIDTH)
