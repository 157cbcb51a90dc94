"""The next item of a session."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml.estimators.sequence import Markov, SessionNeighbours, rank_of
from ml.evaluate import ranking_metrics
from ml.report.sessions import rees46

SESSIONS = [["a", "b", "c"], ["a", "b", "d"], ["x", "b", "c"], ["a", "b", "c"], ["y", "z"]]


@pytest.mark.parametrize("model", [Markov(), SessionNeighbours()])
def test_what_followed_most_often_comes_first(model: Markov | SessionNeighbours) -> None:
    scores = model.fit(SESSIONS).scores(["a", "b"])
    assert scores["c"] > scores["d"]
    assert "z" not in scores
    assert rank_of(scores, "c", "b") == 0


@pytest.mark.parametrize("model", [Markov(), SessionNeighbours()])
def test_an_unknown_item_is_followed_by_the_commonest(model: Markov | SessionNeighbours) -> None:
    scores = model.fit(SESSIONS).scores(["new"])
    assert max(scores, key=lambda item: scores[item]) == "b"


def test_neighbours_read_the_whole_session() -> None:
    sessions = [["a", "m", "p"], ["b", "m", "q"]] * 3
    assert rank_of(Markov().fit(sessions).scores(["b", "m"]), "q", "m") == 1  # tied with p: the worse place
    assert rank_of(SessionNeighbours().fit(sessions).scores(["b", "m"]), "q", "m") == 0


def test_ranks_share_ties_and_skip_the_last_item() -> None:
    assert rank_of({"a": 3.0, "b": 2.0, "c": 2.0}, "b", "a") == 1
    assert rank_of({"a": 3.0}, "z", "a") == -1


def test_the_next_product_of_rees46_is_foreseen_better_than_by_popularity(
    shared: Callable[[str], Path],
) -> None:
    sessions, _ = rees46(shared("rees46_events/2019-Oct_first_170min.csv.gz"), "product_id")
    size = int(0.8 * len(sessions))
    past, later = sessions[:size], sessions[size:]
    cases = [(s[:n], s[n]) for s in later for n in range(1, len(s)) if s[n] != s[n - 1]]

    def hits(model: Markov | SessionNeighbours) -> float:
        ranks = [rank_of(model.scores(before), item, before[-1]) for before, item in cases]
        return ranking_metrics(np.array(ranks))["hit_rate_at_10"]

    neighbours = SessionNeighbours().fit(past)
    common = neighbours.markov_.common_
    popular = ranking_metrics(np.array([rank_of(common, item, before[-1]) for before, item in cases]))
    found = hits(neighbours)
    assert found > 3 * popular["hit_rate_at_10"]
    assert found > hits(neighbours.markov_)
