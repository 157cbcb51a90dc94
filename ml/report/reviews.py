"""Sentiment of the clothing reviews, by their stars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.estimators.sentiment import Sentiment, of_ratings
from ml.evaluate import binary_metrics, class_metrics, intervals
from ml.registry import encoded
from ml.report.lines import Cost, Line, speed, spent
from ml.sentiment import LABELS

HELD_OUT = 5  # one of so many


@dataclass(frozen=True)
class Reviews:
    """A random fifth held out: the file tells no dates."""

    data: str = "clothing reviews, stars"
    file: str = "clothing_reviews/train.parquet"

    def lines(self, path: Path) -> Iterator[Line]:
        """How the held out texts are told apart; baselines are chance and the commonest class."""
        reviews = pd.read_parquet(path).dropna(subset=["Review Text"])
        texts = (reviews["Title"].fillna("") + ". " + reviews["Review Text"]).to_numpy()
        codes = of_ratings(reviews["Rating"])
        order = np.random.default_rng(0).permutation(len(texts))
        test, train = np.split(order, [len(texts) // HELD_OUT])
        with spent() as seconds:
            model = Sentiment().fit(texts[train], codes[train])
        scorer, artefact = model.scorer(), encoded(model.to_artefact())
        chances, truth = scorer.transform(texts[test]), codes[test]

        def metrics(chosen: Any) -> dict[str, Any]:
            told, said = truth[chosen], chances[chosen]
            decided = told != 1
            polar = binary_metrics(told[decided] == 2, said[decided, 2] - said[decided, 0])
            return class_metrics(told, said, LABELS) | {"polar": polar["roc_auc"]}

        found, between = metrics(np.arange(len(test))), intervals(metrics, len(test))
        usual = np.tile(np.bincount(codes[train], minlength=3) / len(train), (len(test), 1))
        always = class_metrics(truth, usual, LABELS)
        rate = speed(partial(scorer.transform, texts[test][:500]), 500)
        for key, name, baseline, cost in (
            ("polar", "AUC, positive against negative", 0.5, Cost(seconds(), len(artefact), rate)),
            ("macro_f1", "macro F1", always["macro_f1"], None),
            ("accuracy", "accuracy", always["commonest_class_share"], None),
        ):
            yield Line(self.data, "sentiment", name, found[key], between[key], baseline, cost=cost)
