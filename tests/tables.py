"""A made table with every kind of column, to try models of any file on."""

from pathlib import Path

import numpy as np
import pandas as pd

WORDS = ["lovely", "soft", "great fit", "too small", "itchy", "returned it", "colour", "dress", "shirt"]


def make_table(size: int = 300, seed: int = 5) -> pd.DataFrame:
    """Every kind of column, with holes, and targets that hang on them."""
    random = np.random.default_rng(seed)
    said = random.integers(0, len(WORDS), (size, 5))
    liked = (said < 3).sum(axis=1) - ((said >= 3) & (said < 6)).sum(axis=1)
    age = random.normal(40, 12, size).round(1)
    plan = random.choice(["basic", "plus", "pro"], size)
    score = liked + (plan == "pro") + (age - 40) / 20 + random.normal(0, 0.7, size)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(size)],
            "age": age,
            "plan": plan,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, size), unit="D"),
            "review": [" ".join(WORDS[word] for word in words) for words in said],
            "country": "FR",
            "is_new": random.random(size) > 0.5,
            "bought": np.where(score > 0.6, "yes", "no"),
            "mood": np.array(["bad", "fine", "good"])[np.digitize(score, [-0.5, 1.0])],
            "spent": (20 + 5 * score).round(2),
        }
    )
    table.loc[::17, "age"] = np.nan
    table.loc[::23, "plan"] = None
    table.loc[::29, "review"] = None
    return table


TARGETS = ("bought", "mood", "spent")


def data_for(target: str, folder: Path, suffix: str = ".csv", seed: int = 5) -> Path:
    path = folder / f"{target}{seed}{suffix}"
    table = make_table(seed=seed).drop(columns=[name for name in TARGETS if name != target])
    if suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path
