"""Sentiment on real servers: reviews land, are built, teach a model, and SQL answers as Python does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import catalog
from ml.features import names
from ml.registry import hdfs_registry
from tests.conftest import NO_TESTS
from tests.made import event

pytestmark = pytest.mark.engine

NAME, SOURCE = "sentiment", "sentiment_test"
WORDS = {1: "awful torn scratchy", 3: "okay average plain", 5: "lovely soft perfect"}
ABOUT = ("dress", "shirt", "skirt", "coat", "scarf")
REVIEWS = 1_200


def reviews() -> list[dict[str, Any]]:
    """Stars by turns, with words that go with them; one without text teaches nothing."""
    found = []
    for number in range(REVIEWS):
        rating = (1, 3, 5)[number % 3]
        words = WORDS[rating].split()
        text = f"this {ABOUT[number % 5]} is {words[number % 2]} and {words[2]} number{number}"
        told = {"product_id": f"p{number % 9}", "rating": rating, "title": words[1], "text": text}
        at = f"2025-01-{1 + number // 40:02}T08:00:00Z"
        found.append(event(f"sentiment-{number}", "review", told, source=SOURCE, occurred_at=at))
    silent = {"product_id": "p1", "rating": 5}
    return [*found, event("sentiment-silent", "review", silent, source=SOURCE)]


@pytest.fixture(scope="module")
def trained(stack: Any) -> Iterator[str]:
    """The version that `lakehouse train` makes of them."""
    before = catalog.champions(stack.settings)
    stack.publish(reviews())
    stack.wait_landed()
    try:
        stack.dbt("build", *NO_TESTS, "--select", "+fct_feedback", target="local")
        stack.run("lakehouse", "train", NAME)
        yield catalog.champions(stack.settings)[NAME]
    finally:
        stack.query(f"alter view ml.champion as {catalog.values(before)}")
        stack.set_aside(f"source = '{SOURCE}'")


def test_the_version_is_judged_on_the_latest_reviews(stack: Any, trained: str) -> None:
    row = stack.query(
        f"""select as_of['{SOURCE}'] as until, metrics['macro_f1'] as f1, metrics['test_rows'] as judged,
            metrics['training_rows'] as learned, size(as_of) as sources,
            table_versions['marts.fct_feedback'] as read
            from ml.model_versions where name = '{NAME}' and version = '{trained}'"""
    )[0]
    assert row["until"] == "2025-01-30"
    assert row["f1"] > 0.6
    assert row["judged"] == pytest.approx(row["learned"] / 4, abs=row["sources"])
    assert row["read"] is not None


def test_every_function_equals_the_python_model(stack: Any, trained: str) -> None:
    rows = pd.DataFrame(
        stack.query(
            f"""select text, rating, ml.sentiment(text) as label, ml.sentiment_score(text) as score,
                ml.sentiment_explained(text) as answer, answer.score as told, answer.band as band,
                answer.version as version, size(answer.reasons) as reasons
                from marts.fct_feedback where source = '{SOURCE}' and text is not null"""
        )
    )
    assert len(rows) == REVIEWS
    scorer: Any = hdfs_registry(stack.settings.webhdfs).load(NAME, trained, names(NAME)).scorer
    scores, codes = scorer.score(rows["text"].to_numpy())
    np.testing.assert_allclose(rows["score"], scores, atol=1e-9)
    assert (rows["label"] == np.array(scorer.labels)[codes]).all()
    assert (rows["told"] == rows["score"]).all()
    assert (rows["band"] == rows["label"]).all()
    assert set(rows["version"]) == {trained}
    assert set(rows["reasons"]) == {3}
    meant = rows["rating"].map({1: "negative", 3: "neutral", 5: "positive"})
    assert (rows["label"] == meant).mean() > 0.9


@pytest.mark.usefixtures("trained")
def test_no_text_has_no_sentiment(stack: Any) -> None:
    asked = "select ml.sentiment(null) as label, ml.sentiment_score('') as empty, ml.sentiment('zzz') as odd"
    row = stack.query(asked)[0]
    assert row["label"] is None
    assert -1 < row["empty"] < 1
    assert row["odd"] in ("negative", "neutral", "positive")
