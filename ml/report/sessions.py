"""The next item of published sessions: learned from the first 80 % of them in time, judged on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.estimators.next_item import NextItem, windows
from ml.estimators.sequence import Markov, SessionNeighbours, rank_of
from ml.evaluate import ranking_metrics
from ml.recurrent import last_items
from ml.registry import encoded
from ml.report.lines import Cost, Line, speed, spent
from ml.report.offers import ranked

GAP, LEARNED, LENGTH = 1_800, 0.8, 8  # seconds, share of the sessions, items before the next one
SCORED = 200  # cases by which the speed is measured

Sessions = tuple[list[list[str]], list[Any]]  # in order of their beginning, and whose they are
Case = tuple[list[str], str]  # what came before, and the next item


def rees46(path: Path, item: str) -> Sessions:
    """Sessions as the file names them."""
    events = pd.read_csv(path, dtype=str).sort_values("event_time", kind="stable")
    by = events.groupby("user_session", sort=False)
    found = by.agg(items=(item, list), user=("user_id", "first"))
    return found["items"].tolist(), found["user"].tolist()


def taobao(path: Path, item: str) -> Sessions:
    """Sessions that end after 30 minutes without an event; an item right after itself is left out."""
    events = pd.read_parquet(path).sort_values(["user_id", "timestamp"], kind="stable")
    new = (events["user_id"].diff() != 0) | (events["timestamp"].diff() > GAP)
    events = events.assign(session=new.cumsum(), item=events[item].astype(str))
    by = events.groupby("session")
    found = by.agg(items=("item", list), user=("user_id", "first"), start=("timestamp", "first"))
    found = found.sort_values("start", kind="stable")
    kept = [[i for n, i in enumerate(s) if n == 0 or i != s[n - 1]] for s in found["items"]]
    return kept, found["user"].tolist()


def each_of(model: Any, sessions: list[list[str]]) -> list[Mapping[str, float]]:
    """Scores of each session in turn."""
    return [model.scores(session) for session in sessions]


class Common:
    """Popularity: the same scores for every session."""

    def fit(self, sessions: Any) -> Common:
        self.common_ = Markov().fit(sessions).common_
        return self

    def scores(self, session: Any) -> Mapping[str, float]:
        return self.common_


MODELS: dict[str, Callable[[], Any]] = {
    "popularity": Common,
    "Markov chain": Markov,
    "session neighbours": SessionNeighbours,
}


@dataclass(frozen=True)
class NextItems:
    """Models of sequences on sessions of a file; the network knows items that came next `least` times."""

    data: str
    file: str
    item: str
    read: Callable[[Path, str], Sessions]
    least: int

    def lines(self, path: Path) -> Iterator[Line]:
        """Hit rate and NDCG of the next item that is not the last one again; intervals draw people."""
        sessions, users = self.read(path, self.item)
        size = int(LEARNED * len(sessions))
        past = sessions[:size]
        found = [
            ((session[:n], session[n]), user)
            for session, user in zip(sessions[size:], users[size:], strict=True)
            for n in range(1, len(session))
            if session[n] != session[n - 1]
        ]
        cases, people = [case for case, _ in found], np.array([user for _, user in found])
        usual: dict[str, float] = {}
        for name, make in MODELS.items():
            with spent() as seconds:
                model = make().fit(past)
            ranks = np.array([rank_of(model.scores(before), item, before[-1]) for before, item in cases])
            usual = usual or ranking_metrics(ranks)
            some = [before for before, _ in cases[:SCORED]]
            rate = speed(partial(each_of, model, some), len(some))
            yield from ranked(self.data, name, ranks, usual, Cost(seconds(), speed=rate), people)
        yield from self._network(past, cases, people, usual)

    def _network(
        self, past: list[list[str]], cases: list[Case], people: Any, usual: dict[str, float]
    ) -> Iterator[Line]:
        """The LSTM, all cases at once."""
        rows, target = windows(past, LENGTH)
        with spent() as seconds, threadpool_limits(1):
            network = NextItem(least=self.least).fit(rows, target)
        given = np.array([last_items(before, LENGTH) for before, _ in cases], dtype=object)
        scorer = network.scorer()
        chances = scorer.transform(given)
        ranks = np.array(
            [
                rank_of(dict(zip(network.classes_, row, strict=True)), item, before[-1])
                for row, (before, item) in zip(chances, cases, strict=True)
            ]
        )
        rate = speed(partial(scorer.transform, given[:SCORED]), len(given[:SCORED]))
        cost = Cost(seconds(), len(encoded(network.to_artefact())), rate)
        yield from ranked(self.data, "LSTM", ranks, usual, cost, people)
