"""The rule by which a new version takes over."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.store import DirectoryStore
from ml.features import FEATURES, FeatureRows
from ml.registry import Model, Registry, Training
from ml.scorers import make_scorer
from ml.train import decide, fit, load_champion, train

MODEL = "customer_segment"
TYPED = tuple((feature.name, feature.type) for feature in FEATURES[MODEL])


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(DirectoryStore(tmp_path))


def save(registry: Registry, artefact: dict[str, Any], until: str = "2020-01-31") -> Model:
    training = Training({"shop": until}, 1500, {}, {})
    return Model(registry.save(MODEL, artefact, TYPED, training), make_scorer(artefact))


def rows_of(customers: pd.DataFrame) -> FeatureRows:
    return FeatureRows(customers, {}, len(customers), {})


def worse(artefact: dict[str, Any]) -> dict[str, Any]:
    """All customers nearest to one far-fetched centre or another."""
    centres = np.array(artefact["centres"])
    return {**artefact, "centres": (centres.mean(axis=0) + 0.01 * centres).tolist()}


def test_an_equal_one_takes_over(
    registry: Registry, artefact: dict[str, Any], customers: pd.DataFrame
) -> None:
    champion, challenger = save(registry, artefact), save(registry, artefact)
    is_promoted, why = decide(champion, challenger, rows_of(customers))
    assert is_promoted
    assert "the champion is v1" in why


def test_a_worse_one_does_not(registry: Registry, artefact: dict[str, Any], customers: pd.DataFrame) -> None:
    champion, challenger = save(registry, artefact), save(registry, worse(artefact))
    is_promoted, why = decide(champion, challenger, rows_of(customers))
    assert not is_promoted
    assert "silhouette" in why


def test_one_that_knows_less_of_the_time_does_not(
    registry: Registry, artefact: dict[str, Any], customers: pd.DataFrame
) -> None:
    champion = save(registry, artefact, until="2020-02-29")
    early = save(registry, artefact, until="2020-01-31")
    decision = decide(champion, early, rows_of(customers))
    assert decision == (False, "champion v1 has seen later features of shop")


def test_a_champion_that_is_refused_is_no_champion(registry: Registry, artefact: dict[str, Any]) -> None:
    save(registry, artefact)
    found, fault = load_champion(registry, MODEL, "v1")
    assert found is not None
    assert fault is None
    registry.store.write(f"{MODEL}/v1/model.json", b"{}")
    found, fault = load_champion(registry, MODEL, "v1")
    assert found is None
    assert fault is not None
    assert "sha256" in fault


def test_rows_that_allow_no_model_are_a_sentence(customers: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="customer_segment cannot be trained on 2 rows"):
        fit(MODEL, FeatureRows(customers.head(2), {}, 2, {}))


def test_what_has_no_parameters_is_not_searched(tmp_path: Path) -> None:
    for name in (MODEL, "recommendations"):
        with pytest.raises(UserError, match=f"{name} has no parameters to search for; cart_con.*, churn"):
            train(name, Settings(state=tmp_path), trials=5)


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model 'weather'; there are association_rules, cart"):
        train("weather", Settings(state=tmp_path))
