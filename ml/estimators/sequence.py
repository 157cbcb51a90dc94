"""The next item of a session, from the items before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np

Session = Sequence[str]


class Markov:
    """The items that followed the last one, the more often the better.

    Where nothing ever followed it, the commonest items of all.
    """

    def fit(self, sessions: Sequence[Session]) -> Self:
        counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        common: dict[str, float] = defaultdict(float)
        for session in sessions:
            for item in session:
                common[item] += 1
            for before, after in pairwise(session):
                if before != after:
                    counts[before][after] += 1
        self.next_ = {item: dict(after) for item, after in counts.items()}
        self.common_ = dict(common)
        return self

    def scores(self, session: Session) -> Mapping[str, float]:
        """Score of each item that may come next; what is not named has none."""
        return self.next_.get(session[-1], self.common_) if session else self.common_


class SessionNeighbours:
    """Items of the past sessions that are most like this one; recent items weigh more.

    M. Ludewig and D. Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 28
    (2018): V-SKNN. Sessions are given in order of time; only the latest `sample` that share an item
    are compared.
    """

    def __init__(self, neighbours: int = 100, sample: int = 1_000) -> None:
        self.neighbours = neighbours
        self.sample = sample

    def fit(self, sessions: Sequence[Session]) -> Self:
        self.sessions_ = [tuple(dict.fromkeys(session)) for session in sessions]
        self.holders_: dict[str, list[int]] = defaultdict(list)
        for place, session in enumerate(self.sessions_):
            for item in session:
                self.holders_[item].append(place)
        self.idf_ = {
            item: float(np.log1p(len(self.sessions_) / len(places))) for item, places in self.holders_.items()
        }
        self.markov_ = Markov().fit(sessions)
        return self

    def scores(self, session: Session) -> Mapping[str, float]:
        """Score of each item that may come next; the commonest where no item is known."""
        recent = list(dict.fromkeys(reversed(session)))  # the latest first, each once
        weights = {item: 1 / (1 + place) for place, item in enumerate(recent)}
        likeness: dict[int, float] = defaultdict(float)
        for item in recent:
            for place in self.holders_.get(item, ())[-self.sample :]:
                likeness[place] += weights[item]
        if not likeness:
            return self.markov_.common_
        best = sorted(likeness, key=lambda place: (-likeness[place], -place))[: self.neighbours]
        found: dict[str, float] = defaultdict(float)
        for place in best:
            size = np.sqrt(len(self.sessions_[place]))
            for item in self.sessions_[place]:
                found[item] += likeness[place] / size * self.idf_[item]
        # what came right after the last item is the likeliest of them
        after = self.markov_.next_.get(session[-1], {})
        total = sum(after.values()) or 1.0
        top = max(found.values())
        for item, count in after.items():
            found[item] = found.get(item, 0.0) + top * count / total
        return dict(found)


def rank_of(scores: Mapping[str, float], item: str, last: str) -> int:
    """Place of an item from 0 on, -1 when it has no score; the last item itself does not count."""
    if item not in scores:
        return -1
    own = scores[item]
    ties = sum(1 for other, value in scores.items() if value == own and other not in (item, last))
    return sum(1 for other, value in scores.items() if value > own and other != last) + -(-ties // 2)
