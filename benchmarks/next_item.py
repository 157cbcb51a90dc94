"""The next item of Taobao's sessions by popularity, Markov chain, session neighbours and LSTM.

`python -m benchmarks.next_item [FILE]`: hit rate and NDCG at 10 of the same cases, with 95 % intervals by
bootstrap over people. Sessions end after 30 minutes; the first 80 % of them in time are learned.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.estimators.next_item import NextItem, windows
from ml.estimators.sequence import SessionNeighbours, rank_of
from ml.evaluate import ranking_metrics
from ml.recurrent import last_items

FILE = Path("../shared/data/taobao_events/user_histories.parquet")
GAP, LEARNED, LENGTH, CASES = 1_800, 0.8, 8, 2_000
LEAST = {"category_id": 2, "item_id": 3}  # times that an item came next, for the LSTM to know it


def sessions_of(events: Any, item: str) -> tuple[list[list[str]], list[int]]:
    """Sessions in order of their beginning, without an item right after itself, and whose they are."""
    events = events.sort_values(["user_id", "timestamp"], kind="stable")
    new = (events["user_id"].diff() != 0) | (events["timestamp"].diff() > GAP)
    events = events.assign(session=new.cumsum(), item=events[item].astype(str))
    found = events.groupby("session").agg(
        items=("item", list), user=("user_id", "first"), start=("timestamp", "first")
    )
    found = found.sort_values("start", kind="stable")
    kept = [[i for n, i in enumerate(s) if n == 0 or i != s[n - 1]] for s in found["items"]]
    return kept, found["user"].tolist()


def ranks(model: Any, cases: list[tuple[list[str], str]]) -> Any:
    """Places of the true items."""
    answers = (model.scores(before) for before, _ in cases)
    if isinstance(model, NextItem):  # all at once
        rows = pd.DataFrame([last_items(before, LENGTH) for before, _ in cases], dtype=object)
        chances = model.scorer().transform(rows.to_numpy())
        answers = (dict(zip(model.classes_, row, strict=True)) for row in chances)
    return np.array(
        [rank_of(scores, item, before[-1]) for scores, (before, item) in zip(answers, cases, strict=True)]
    )


def told(places: Any, users: Any, rounds: int = 500) -> dict[str, str]:
    """Metrics with their intervals; whole people are drawn, since a person's cases go together."""
    random, people = np.random.default_rng(0), np.unique(users)
    rows = {user: np.flatnonzero(users == user) for user in people}
    drawn = [
        np.concatenate([rows[user] for user in random.choice(people, len(people))]) for _ in range(rounds)
    ]
    found = {}
    for name, value in ranking_metrics(places).items():
        if name != "cases":
            low, high = np.quantile([ranking_metrics(places[d])[name] for d in drawn], [0.025, 0.975])
            found[name] = f"{value:.3f} ({low:.3f} to {high:.3f})"
    return found


class Common:
    """Popularity."""

    def __init__(self, scores: Any) -> None:
        self.common = scores

    def scores(self, session: Any) -> Any:
        return self.common


def main() -> None:
    events = pd.read_parquet(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
    for item, least in LEAST.items():
        sessions, users = sessions_of(events, item)
        size = int(LEARNED * len(sessions))
        later = [
            (s[:n], s[n], user)
            for s, user in zip(sessions[size:], users[size:], strict=True)
            for n in range(1, len(s))
        ]
        chosen = np.random.default_rng(0).permutation(len(later))[:CASES]
        cases, whose = [later[n][:2] for n in chosen], np.array([later[n][2] for n in chosen])
        neighbours = SessionNeighbours().fit(sessions[:size])
        rows, target = windows(sessions[:size], LENGTH)
        began, cpu = time.perf_counter(), time.process_time()
        with threadpool_limits(1):
            lstm = NextItem(least=least).fit(rows, target)
        spent = f"{time.perf_counter() - began:.0f} s, {time.process_time() - cpu:.0f} of the processor"
        print(
            f"{item}: {size:,} sessions, {len(rows):,} steps learned, {len(cases):,} of {len(later):,} cases"
        )
        print(f"LSTM of {len(lstm.classes_):,} items fitted in {spent}", flush=True)
        models = {
            "popularity": Common(neighbours.markov_.common_),
            "Markov": neighbours.markov_,
            "session neighbours": neighbours,
            "LSTM": lstm,
        }
        for name, model in models.items():
            print(f"  {name:<20}{told(ranks(model, cases), whose)}", flush=True)


if __name__ == "__main__":
    main()
