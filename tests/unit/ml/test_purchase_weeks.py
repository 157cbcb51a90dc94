"""Chances by an LSTM over weeks: numpy says what keras says, and what came when matters."""

from typing import Any

import numpy as np
import pytest

from ml.estimators.purchase_weeks import WeeklyPropensity
from ml.recurrent import WeeksScorer

WEEKS, SIZE = 6, 400


def bought_in(week: int) -> Any:
    """Customers who ordered once, in one week of six: -1 is the last."""
    rows = np.zeros((SIZE, WEEKS, 2))
    rows[:, week] = 1, 30
    return rows.reshape(SIZE, -1)


@pytest.fixture(scope="module")
def fitted() -> WeeklyPropensity:
    """Who bought lately comes again, who bought long ago does not: the sums of both are the same."""
    rows = np.concatenate([bought_in(-1), bought_in(0)])
    comes = np.arange(2 * SIZE) < SIZE
    return WeeklyPropensity(units=8, epochs=15, learning_rate=0.02, batch_size=100).fit(rows, comes)


def test_what_came_when_matters(fitted: WeeklyPropensity) -> None:
    chances = [fitted.predict_proba(bought_in(week))[0, 1] for week in (-1, 0)]
    assert chances[0] > 0.9
    assert chances[1] < 0.1


def test_numpy_says_what_keras_says(fitted: WeeklyPropensity) -> None:
    rows = np.random.default_rng(0).gamma(0.5, 20, (300, 2 * WEEKS))
    network = fitted.network()
    network.set_weights(list(fitted.weights_.values()))
    import keras

    said = network(fitted.scorer().transform(rows).astype(np.float32))
    expected = keras.ops.convert_to_numpy(keras.ops.sigmoid(said))[:, 0]
    np.testing.assert_allclose(fitted.predict_proba(rows)[:, 1], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scale": [1.0, 0.0]}, "on a scale above 0"),
        ({"mean": [0.0] * 5, "scale": [1.0] * 5}, "do not have the same features"),
        ({"cuts": [float("nan"), 1.0]}, "'cuts' of the artefact holds NaN"),
    ],
)
def test_an_artefact_that_is_wrong_is_refused(
    fitted: WeeklyPropensity, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        WeeksScorer(fitted.to_artefact() | change)


def test_rows_that_are_no_weeks_or_of_one_class_are_an_error() -> None:
    with pytest.raises(ValueError, match="12 features are no weeks of 5"):
        WeeklyPropensity(channels=5).fit(bought_in(0), np.arange(SIZE) % 2)
    with pytest.raises(ValueError, match="two classes are needed, not 1"):
        WeeklyPropensity().fit(bought_in(0), np.ones(SIZE))
