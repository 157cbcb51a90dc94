"""Made customers: some of three kinds, and some who buy by a model's own story."""

from typing import Any

import numpy as np
import pandas as pd

from ml.estimators.value_cnbd import BetaGeometric


def make_groups(size: int = 600, seed: int = 3) -> pd.DataFrame:
    """Three kinds of customers, far apart in the logarithms."""
    random = np.random.default_rng(seed)
    centres = np.array([[5.0, 1.0, 3.0], [3.0, 2.5, 5.5], [1.0, 4.0, 8.0]])
    logs = centres[np.arange(size) % 3] + random.normal(0, 0.25, (size, 3))
    return pd.DataFrame(np.expm1(np.abs(logs)), columns=["recency_days", "order_count", "revenue"])


def simulate(model: BetaGeometric, params: Any, size: int, weeks: float, seed: int = 1) -> pd.DataFrame:
    """Purchases by the model's own story, in continuous time."""
    random = np.random.default_rng(seed)
    r, alpha, a, b = params
    rows = []
    for customer in range(size):
        rate, stop = random.gamma(r, 1 / alpha), random.beta(a, b)
        time, first = 0.0, True
        while time < weeks:
            rows.append((customer, time))
            if (not first or model.drops_at_first) and random.random() < stop:
                break
            time, first = time + random.gamma(model.k, 1 / max(rate, 1e-12)), False
    return pd.DataFrame(rows, columns=["customer", "time"])
