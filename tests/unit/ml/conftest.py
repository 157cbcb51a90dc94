"""A few thousand made-up customers, and models of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.estimators.segments import ValueClusters
from ml.features import names


def make_customers(size: int = 1_500, seed: int = 7) -> pd.DataFrame:
    """Three kinds of customers whose money, orders and recency go together."""
    random = np.random.default_rng(seed)
    kind = random.choice(3, size, p=[0.6, 0.3, 0.1])
    orders = 1 + random.poisson(np.array([0.4, 4, 25])[kind])
    recency = random.exponential(np.array([200, 60, 10])[kind])
    revenue = orders * random.lognormal(np.array([2, 3, 4])[kind], 0.4)
    columns = np.column_stack([recency.round(), orders.astype(float), revenue.round(2)])
    return pd.DataFrame(columns, columns=list(names("customer_segment")))


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    return make_customers()


@pytest.fixture(scope="session")
def fitted(customers: pd.DataFrame) -> ValueClusters:
    return ValueClusters().fit(customers)


@pytest.fixture
def artefact(fitted: ValueClusters) -> dict[str, Any]:
    return fitted.to_artefact()
