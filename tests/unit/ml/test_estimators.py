"""What every estimator keeps: scikit-learn's manners, its artefact, and whatever order rows come in."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ml.estimators.churn import Cox, kaplan_meier
from ml.estimators.clusters import ALGORITHMS, Clusters
from ml.estimators.next_item import NextItem, windows
from ml.estimators.purchase import MODELS, Propensity
from ml.estimators.purchase_weeks import WeeklyPropensity
from ml.estimators.segments import ValueClusters
from ml.estimators.sentiment import Sentiment, Topics, of_ratings
from ml.estimators.value_lifetime import LifetimeValue
from ml.evaluate import binary_metrics, class_metrics
from ml.features import names
from ml.propensity import in_words
from ml.scorers import make_scorer
from tests.customers import make_groups


def make_buyers(size: int = 1_200, seed: int = 2) -> tuple[pd.DataFrame, Any]:
    """Customers with gaps in one column, and whether they buy."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "recency_days": random.exponential(60, size).round(),
            "order_count": 1.0 + random.poisson(3, size),
            "revenue": random.lognormal(4, 1, size).round(2),
        }
    )
    odds = 1 - rows["recency_days"] / 40 + rows["order_count"] / 4
    rows.loc[rows["order_count"] == 1, "revenue"] = np.nan
    return rows, (random.random(size) < 1 / (1 + np.exp(-odds))).astype(int)


BUYERS, BUYS = make_buyers()
FULL = BUYERS.fillna(0.0)
STAYED = np.random.default_rng(1).exponential(10 + FULL["order_count"].to_numpy())
WORDS = [
    "lovely",
    "soft",
    "great",
    "fine",
    "usual",
    "itchy",
    "small",
    "returned",
    "dress",
    "colour",
    "sleeve",
]


def make_reviews(size: int = 600, seed: int = 4) -> tuple[pd.DataFrame, Any]:
    """Texts, one in twenty without words, and how they are meant: 0, 1 or 2."""
    random = np.random.default_rng(seed)
    meant = random.choice(3, size, p=[0.2, 0.3, 0.5])
    lead = 3 * (2 - meant)  # good words come first in the list, bad ones last
    said = [
        [*(WORDS[first + n] for n in random.integers(0, 3, 2)), *random.choice(WORDS, 3)] for first in lead
    ]
    texts = [" ".join(words) if n % 20 else "" for n, words in enumerate(said)]
    return pd.DataFrame({"text": texts}), meant


def make_histories(size: int = 400, seed: int = 5) -> pd.DataFrame:
    """Customers by the model's own story: some stop, all buy at rates and for amounts of their own."""
    random = np.random.default_rng(seed)
    rows = []
    for tenure in random.integers(0, 700, size):
        day, days, stops = 0.0, [0], random.beta(1, 6)
        while random.random() > stops and (day := day + random.exponential(40)) < tenure:
            days.append(int(day))
        bought = len(set(days))
        spent = random.gamma(2.0, random.lognormal(2, 0.6), bought).sum()
        rows.append((tenure - max(days), tenure, bought, round(spent, 2)))
    return pd.DataFrame(rows, columns=list(names("lifetime_value")), dtype=np.float64)


def make_weeks(size: int = 500, seed: int = 6) -> tuple[pd.DataFrame, Any]:
    """Orders and money of eight weeks; who bought in the last two mostly comes again."""
    random = np.random.default_rng(seed)
    orders = random.poisson(0.4, (size, 8))
    money = orders * random.gamma(2.0, 20.0, (size, 8)).round(2)
    columns = [f"{what}_{week}w" for week in range(8, 0, -1) for what in ("orders", "money")]
    rows = np.stack([orders, money], axis=2).reshape(size, -1)
    comes = random.random(size) < np.where(orders[:, -2:].sum(axis=1) > 0, 0.8, 0.1)
    return pd.DataFrame(rows, columns=columns, dtype=np.float64), comes.astype(int)


HISTORIES = make_histories()
GROUPS = make_groups()
REVIEWS, MEANT = make_reviews()
WEEKS, RETURNS = make_weeks()
STEPS, NEXT = windows([["a", "b", "c", "a"], ["b", "a", "d"], ["x", "c", "a", "b"], ["d", "b"]] * 10, 3)
ESTIMATORS: dict[str, tuple[Callable[[], Any], pd.DataFrame, Any]] = {
    "sentiment": (Sentiment, REVIEWS, MEANT),
    "topics": (lambda: Topics(n_topics=3), REVIEWS, None),
    "clusters": (ValueClusters, FULL, None),
    "lifetime value": (LifetimeValue, HISTORIES, None),
    "cox": (Cox, FULL, STAYED),
    "weeks": (lambda: WeeklyPropensity(units=6, epochs=3), WEEKS, RETURNS),
    "next item": (lambda: NextItem(units=8, epochs=15), STEPS, NEXT),
    **{
        f"clusters by {name}": ((lambda name=name: Clusters(name, n_clusters=3)), GROUPS, None)
        for name in ALGORITHMS
    },
    **{f"propensity {name}": ((lambda model=name: Propensity(model)), BUYERS, BUYS) for name in MODELS},
}
SINGLE = ("propensity xgboost",)  # computes in single precision itself
SERVED = [name for name in ESTIMATORS if hasattr(ESTIMATORS[name][0](), "to_artefact")]


@pytest.fixture(scope="module")
def fitted() -> Callable[[str], Any]:
    found: dict[str, Any] = {}

    def fit(name: str) -> Any:
        if name not in found:
            make, rows, y = ESTIMATORS[name]
            found[name] = make().fit(rows, y)
        return found[name]

    return fit


def output(estimator: Any, rows: pd.DataFrame) -> Any:
    return estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else estimator.predict(rows)


@pytest.mark.parametrize("name", ESTIMATORS)
class TestEvery:
    def test_it_only_stores_what_it_is_given(self, name: str) -> None:
        estimator = ESTIMATORS[name][0]()
        given = set(inspect.signature(type(estimator).__init__).parameters) - {"self", "args", "kwargs"}
        assert set(vars(estimator)) <= given
        assert clone(estimator).get_params() == estimator.get_params()

    def test_it_cites_its_method_or_says_what_it_does(self, name: str) -> None:
        assert len(inspect.getdoc(type(ESTIMATORS[name][0]())) or "") > 100

    def test_before_fit_it_says_so(self, name: str) -> None:
        with pytest.raises(NotFittedError):
            ESTIMATORS[name][0]().predict(ESTIMATORS[name][1])

    def test_fit_returns_itself_and_leaves_its_input(self, name: str) -> None:
        make, rows, y = ESTIMATORS[name]
        copy, estimator = rows.copy(), make()
        assert estimator.fit(rows, y) is estimator
        pd.testing.assert_frame_equal(rows, copy)
        assert list(estimator.feature_names_in_) == list(rows.columns)
        assert estimator.n_features_in_ == rows.shape[1]

    def test_another_width_is_an_error(self, name: str, fitted: Callable[[str], Any]) -> None:
        with pytest.raises(ValueError, match="feature"):
            fitted(name).predict(ESTIMATORS[name][1].assign(extra=0.0))

    def test_the_order_of_rows_changes_nothing(self, name: str, fitted: Callable[[str], Any]) -> None:
        make, rows, y = ESTIMATORS[name]
        order = np.random.default_rng(0).permutation(len(rows))
        again = make().fit(rows.iloc[order], None if y is None else y[order])
        found, expected = output(again, rows), output(fitted(name), rows)
        if found.dtype == object or found.dtype.kind == "U":
            assert (found == expected).all()
        else:
            np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("name", SERVED)
class TestEveryServed:
    def test_its_artefact_alone_scores_as_it_does(self, name: str, fitted: Callable[[str], Any]) -> None:
        estimator, rows = fitted(name), ESTIMATORS[name][1]
        artefact = json.loads(json.dumps(estimator.to_artefact(), allow_nan=False))
        assert artefact["features"] == list(rows.columns)
        scorer = make_scorer(artefact)
        scores, codes = scorer.score(rows.to_numpy())
        if name == "sentiment":
            np.testing.assert_allclose(
                scorer.transform(rows), estimator.predict_proba(rows), atol=1e-9, rtol=0
            )
            assert (np.array(scorer.labels)[codes] == estimator.predict(rows)).all()
        elif name == "next item":
            np.testing.assert_allclose(scores, estimator.predict_proba(rows).max(axis=1), atol=1e-9, rtol=0)
            assert (np.array(scorer.labels)[codes] == estimator.predict(rows)).all()
        elif name == "lifetime value":
            np.testing.assert_allclose(scores, estimator.predict(rows), atol=1e-9, rtol=1e-9)
            assert set(np.array(scorer.labels)[codes]) == {"low", "medium", "high"}
        elif hasattr(estimator, "predict_proba"):
            atol = 1e-6 if name in SINGLE else 1e-9
            np.testing.assert_allclose(scores, estimator.predict_proba(rows)[:, 1], atol=atol, rtol=0)
            assert set(np.array(scorer.labels)[codes]) == {"low", "medium", "high"}
        else:
            assert (np.array(scorer.labels)[codes] == estimator.predict(rows)).all()

    def test_a_refit_makes_the_same_artefact(self, name: str, fitted: Callable[[str], Any]) -> None:
        make, rows, y = ESTIMATORS[name]
        assert make().fit(rows, y).to_artefact() == fitted(name).to_artefact()


@pytest.mark.parametrize("model", MODELS)
def test_reasons_of_a_chance_add_up_to_it(model: str, fitted: Callable[[str], Any]) -> None:
    scorer: Any = make_scorer(fitted(f"propensity {model}").to_artefact())
    rows = BUYERS.to_numpy()
    base, parts = scorer.explain(rows)
    assert parts.shape == rows.shape
    total = base + parts.sum(axis=1)
    chances = 1 / (1 + np.exp(-total)) if scorer.link == "logistic" else total
    np.testing.assert_allclose(chances, scorer.score(rows)[0], atol=1e-9, rtol=0)


def test_reasons_are_told_in_words() -> None:
    rows = np.array([[3.0, 2.0, np.nan, 1e6], [0.5, 2.0, 1.0, 7.0]])
    parts = np.array([[0.41, 0, -1.5, 0], [0.1, -0.1, 0.2, 0.3]])
    assert in_words(["recency_days", "orders", "gap", "revenue"], rows, parts) == [
        ["gap missing lowers it by 1.5", "recency_days 3 raises it by 0.41"],
        ["revenue 7 raises it by 0.3", "gap 1 raises it by 0.2", "recency_days 0.5 raises it by 0.1"],
    ]


def test_two_classes_and_a_known_model_are_needed() -> None:
    with pytest.raises(ValueError, match="two classes are needed, not 1"):
        Propensity().fit(BUYERS, np.zeros(len(BUYERS)))
    with pytest.raises(ValueError, match="no model 'magic', only linear"):
        Propensity("magic").fit(BUYERS, BUYS)


def test_what_is_foretold_exactly_has_no_rate() -> None:
    with pytest.raises(ValueError, match="a feature orders all durations by itself"):
        Cox().fit(FULL, 1 + FULL["recency_days"].to_numpy())


def test_a_worked_example_of_kaplan_and_meier() -> None:
    times, stays, error = kaplan_meier([1, 2, 2, 3, 4, 5], [1, 1, 0, 1, 0, 1])
    assert times.tolist() == [1, 2, 3, 5]
    np.testing.assert_allclose(stays, [5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3, 0])
    np.testing.assert_allclose(error[0], np.sqrt((5 / 6) * (1 / 6) / 6))  # as of a share without censoring


def test_hazards_are_found_again() -> None:
    random = np.random.default_rng(8)
    rows = random.normal(size=(3_000, 2))
    leaves = random.exponential(1 / (0.1 * np.exp(rows @ [0.7, -0.4])))
    watched = random.uniform(2, 30, len(rows))
    cox = Cox().fit(rows, np.minimum(leaves, watched), left=leaves <= watched)
    assert np.abs(cox.coef_ - [0.7, -0.4]).max() < 3 * cox.standard_errors_.max()
    assert cox.standard_errors_.max() < 0.05
    assert cox.predict_survival(np.zeros((1, 2)), 5.0)[0] == pytest.approx(np.exp(-0.5), abs=0.03)
    assert cox.predict_survival(np.zeros((1, 2)), 0.0)[0] == pytest.approx(1, abs=0.01)


def test_stars_are_feelings() -> None:
    assert of_ratings([1, 2, 3, 4, 5]).tolist() == [0, 0, 1, 2, 2]


def test_a_text_is_judged_by_its_words(fitted: Callable[[str], Any]) -> None:
    scorer = fitted("sentiment").scorer()
    scores, codes = scorer.score(["lovely soft dress", "returned small dress", ""])
    assert scores[0] > 0.5 > -0.5 > scores[1]
    assert [scorer.labels[code] for code in codes[:2]] == ["positive", "negative"]
    assert scorer.reasons("returned small dress")[0].startswith(("returned", "small"))
    assert " against it by " in scorer.reasons("returned small dress")[0]
    assert scorer.reasons("") == []


def test_topics_are_named_by_their_words_and_a_text_without_words_has_none(
    fitted: Callable[[str], Any],
) -> None:
    topics = fitted("topics")
    assert len(set(topics.names_)) == 3
    assert set(", ".join(topics.names_).split(", ")) <= set(WORDS)
    assert topics.predict([""]).tolist() == [None]
    assert topics.predict(["zzz lovely lovely"])[0] in topics.names_


def test_reviews_are_judged_as_their_stars(shared: Callable[[str], Path]) -> None:
    reviews = pd.read_parquet(shared("clothing_reviews/train.parquet")).dropna(subset=["Review Text"])
    texts = (reviews["Title"].fillna("") + ". " + reviews["Review Text"]).to_frame("text")
    meant = of_ratings(reviews["Rating"])
    train, test = texts.index[::2], texts.index[1::2]
    codes = pd.Series(meant, texts.index)
    model = Sentiment().fit(texts.loc[train], codes[train].to_numpy())
    chances, truth = model.predict_proba(texts.loc[test]), codes[test].to_numpy()
    found = class_metrics(truth, chances, ("negative", "neutral", "positive"))
    decided = truth != 1
    polar = binary_metrics(truth[decided] == 2, chances[decided, 2] - chances[decided, 0])
    assert found["macro_f1"] > 0.62
    assert polar["roc_auc"] > 0.955
