"""The kernel: batches as Spark's Arrow workers hand them over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lakehouse.errors import UserError
from lakehouse.store import DirectoryStore
from ml import kernel
from ml.estimators.purchase import Propensity
from ml.estimators.segments import ValueClusters
from ml.estimators.sentiment import Sentiment
from ml.features import FEATURES, names
from ml.registry import Registry, Training

MODEL = "customer_segment"


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, artefact: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """v1 as fitted, v2 with other names."""
    registry = Registry(DirectoryStore(tmp_path))
    typed = tuple((feature.name, feature.type) for feature in FEATURES[MODEL])
    renamed = [f"{label} 2" for label in artefact["labels"]]
    for model in (artefact, {**artefact, "labels": renamed}):
        registry.save(MODEL, model, typed, Training({}, 0, {}, {}))
    monkeypatch.setattr(kernel, "hdfs_registry", lambda url: registry)
    kernel.load.cache_clear()
    yield registry
    kernel.load.cache_clear()


def k_score(names: Any, versions: Any, features: Any) -> pd.DataFrame:
    """The kernel on Python lists, as pandas; a row without a score has neither field."""
    run = kernel.make_kernel("http://nowhere")
    scored = run(pa.array(names), pa.array(versions), pa.array(features))
    rows = [row or {"score": None, "label": None} for row in scored.to_pylist()]
    assert len(rows) == len(features)
    return pd.DataFrame(rows, columns=["score", "label"])


def test_it_equals_the_estimator(customers: pd.DataFrame, fitted: ValueClusters) -> None:
    size = len(customers)
    scored = k_score([MODEL] * size, ["v1"] * size, customers.to_numpy().tolist())
    assert (scored["label"] == fitted.predict(customers)).all()
    expected = fitted.transform(customers).min(axis=1)
    np.testing.assert_allclose(scored["score"].astype(float), expected, atol=1e-9, rtol=0)


def test_a_missing_feature_gives_null_and_leaves_its_neighbours_alone() -> None:
    good = [10.0, 5.0, 300.0]
    bad = [None, [None, 5.0, 300.0], [10.0, float("nan"), 300.0], [10.0, 5.0, float("inf")]]
    rows = [good, *bad, good]
    scored = k_score([MODEL] * 6, ["v1"] * 6, rows)
    assert scored["label"].isna().tolist() == [False, True, True, True, True, False]
    assert scored["score"].iloc[0] == scored["score"].iloc[5]


def test_without_a_version_there_is_no_score_and_nothing_is_loaded() -> None:
    scored = k_score([MODEL] * 2, [None, None], [[1.0, 2.0, 3.0]] * 2)
    assert scored["label"].isna().all()
    assert kernel.load.cache_info().misses == 0


def test_versions_may_be_mixed_in_one_batch() -> None:
    row = [10.0, 5.0, 300.0]
    scored = k_score([MODEL, MODEL, None, MODEL], ["v2", "v1", "v1", None], [row] * 4)
    assert scored["label"].tolist()[0] == f"{scored['label'][1]} 2"
    assert scored["label"].isna().tolist() == [False, False, True, True]


def test_an_empty_batch_is_no_error() -> None:
    empty = kernel.make_kernel("http://nowhere")(
        pa.array([], pa.string()), pa.array([], pa.string()), pa.array([], pa.list_(pa.float64()))
    )
    assert empty.type == kernel.SCORE_TYPE
    assert len(empty) == 0


def test_a_slice_of_a_larger_batch_is_scored_as_such() -> None:
    features = pa.array([[1.0, 1.0, 1.0], [10.0, 50.0, 9000.0], [300.0, 1.0, 2.0]]).slice(1, 1)
    run = kernel.make_kernel("http://nowhere")
    label = run(pa.array([MODEL]), pa.array(["v1"]), features)[0]["label"].as_py()
    assert label.startswith("High")


@pytest.mark.parametrize("features", [[1, 2, 3], [None, None, None]])
def test_literals_of_other_types_are_taken(features: list[Any]) -> None:
    scored = k_score([MODEL], ["v1"], [features])
    assert scored["label"].isna().tolist() == [features[0] is None]


def test_a_model_is_read_once(registry: Registry, tmp_path: Path) -> None:
    first = k_score([MODEL], ["v1"], [[1.0, 2.0, 3.0]])
    registry.store.delete(f"{MODEL}/v1")
    assert k_score([MODEL], ["v1"], [[1.0, 2.0, 3.0]]).equals(first)


def test_the_wrong_number_of_features_is_an_error_that_names_them() -> None:
    with pytest.raises(UserError, match=r"takes 3 features \(recency_days, .*\), not 2"):
        k_score([MODEL], ["v1"], [[1.0, 2.0]])


def test_an_unknown_model_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(UserError, match=r"no model '\.\./x'; there are cart_conversion_probability, churn"):
        k_score(["../x"], ["v1"], [[1.0, 2.0, 3.0]])


class TestReasons:
    """k_explain, on the chance of an order."""

    NAME = "purchase_probability"

    @pytest.fixture
    def chance(self, registry: Registry) -> Propensity:
        random = np.random.default_rng(0)
        rows = pd.DataFrame(random.lognormal(2, 1, (500, 9)), columns=list(names(self.NAME)))
        rows.loc[::3, "days_between_orders"] = np.nan
        model = Propensity("boosting").fit(rows, rows["recency_days"] < 6 + random.normal(0, 2, 500))
        typed = tuple((feature.name, feature.type) for feature in FEATURES[self.NAME])
        registry.save(self.NAME, model.to_artefact(), typed, Training({}, 0, {}, {}))
        return model

    def test_they_come_with_score_band_and_version(self, chance: Propensity) -> None:
        row = [2.0, 50.0, 3.0, 20.0, None, 1.0, 20.0, 2.0, 40.0]
        run = kernel.make_explain_kernel("http://nowhere")
        batch = [row, [None, *row[1:]], None, row]
        told = run(pa.array([self.NAME] * 4), pa.array(["v1"] * 4), pa.array(batch)).to_pylist()
        assert told[1] is None
        assert told[2] is None
        assert told[0] == told[3]
        expected = chance.predict_proba(pd.DataFrame([row], columns=list(names(self.NAME))).astype(float))
        assert told[0]["score"] == pytest.approx(expected[0, 1], abs=1e-9)
        assert told[0]["band"] in ("low", "medium", "high")
        assert told[0]["version"] == "v1"
        assert len(told[0]["reasons"]) == 3
        assert told[0]["reasons"][0].startswith("recency_days 2 raises it by ")

    def test_an_optional_feature_may_be_null_in_scores_too(self, chance: Propensity) -> None:
        row = [2.0, 50.0, 3.0, 20.0, None, 1.0, 20.0, 2.0, 40.0]
        scored = k_score([self.NAME] * 2, ["v1"] * 2, [row, [None, *row[1:]]])
        assert scored["score"].isna().tolist() == [False, True]

    def test_a_model_without_reasons_says_so(self) -> None:
        run = kernel.make_explain_kernel("http://nowhere")
        with pytest.raises(UserError, match="customer_segment gives no reasons"):
            run(pa.array([MODEL]), pa.array(["v1"]), pa.array([[1.0, 2.0, 3.0]]))


class TestTexts:
    """Models that read a text instead of numbers."""

    @pytest.fixture(autouse=True)
    def feeling(self, registry: Registry) -> Sentiment:
        texts = ["lovely dress", "usual dress", "itchy dress"] * 20
        model = Sentiment().fit(texts, [2, 1, 0] * 20)
        registry.save("sentiment", model.to_artefact(), (("text", "STRING"),), Training({}, 0, {}, {}))
        return model

    def test_they_are_scored_and_explained(self, feeling: Sentiment) -> None:
        texts = ["lovely dress", None, "itchy", ""]
        scored = k_score(["sentiment"] * 4, ["v1"] * 4, texts)
        assert scored["label"].tolist()[:3] == ["positive", None, "negative"]
        chances = feeling.predict_proba(["lovely dress"])[0]
        assert scored["score"][0] == pytest.approx(chances[2] - chances[0], abs=1e-9)
        run = kernel.make_explain_kernel("http://nowhere")
        told = run(pa.array(["sentiment"] * 4), pa.array(["v1"] * 4), pa.array(texts)).to_pylist()
        assert told[1] is None
        assert told[0]["reasons"][0].startswith("lovely")
        assert (told[2]["band"], told[3]["reasons"]) == ("negative", [])

    def test_an_untyped_null_has_no_score(self) -> None:
        assert k_score(["sentiment"], ["v1"], [None])["label"].isna().all()

    def test_numbers_for_a_text_and_a_text_for_numbers_are_errors(self) -> None:
        with pytest.raises(UserError, match=r"sentiment takes a text \(text\)"):
            k_score(["sentiment"], ["v1"], [[1.0]])
        with pytest.raises(UserError, match=r"customer_segment takes numbers \(recency_days"):
            k_score([MODEL], ["v1"], ["lovely"])
