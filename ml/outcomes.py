"""Realised outcomes: what a version that serves says of rows it has never seen, and what then happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime

import numpy as np

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from ml.catalog import MODEL_OUTCOMES
from ml.drift import LEAST
from ml.evaluate import binary_metrics, count_metrics
from ml.features import FeatureRows
from ml.registry import Model
from ml.tasks import TASKS, Chances, Values
from ml.watch import serving_models

FORESEES = tuple(name for name, task in TASKS.items() if isinstance(task, Chances | Values))


@dataclass(frozen=True)
class Outcome:
    """How good the scores of one day were, once what they foresaw was known."""

    name: str
    version: str
    source: str
    as_of_date: date
    row_count: int
    metrics: dict[str, float]


def look(name: str | None, settings: Settings) -> list[Outcome]:
    """Hold a model that serves, or each of them, against what came; new ones join ml.model_outcomes."""
    if name in TASKS and name not in FORESEES:
        raise UserError(f"{name} foresees nothing that could come true; {', '.join(sorted(FORESEES))} do.")
    models = [model for model in serving_models(name, settings) if model.manifest.name in FORESEES]
    spark = remote_session(settings)
    try:
        found = [
            outcome
            for model in models
            for outcome in realised(model, TASKS[model.manifest.name].read(spark, model.manifest.name, None))
        ]
        at = datetime.now(UTC)
        if found:
            schema = spark.table(MODEL_OUTCOMES.name).schema
            rows = spark.createDataFrame([(*astuple(outcome), at) for outcome in found], schema)
            rows.writeTo(MODEL_OUTCOMES.name).append()
        return found
    finally:
        spark.stop()


def realised(model: Model, rows: FeatureRows) -> Iterator[Outcome]:
    """One for each source and day after the last one that the version has seen, from 50 rows on."""
    manifest = model.manifest
    days = np.array([moment[:10] for moment in rows.dates], dtype=object)
    for source, seen in sorted(manifest.training.as_of.items()):
        later = (rows.sources == source) & (days > seen)
        for day in sorted(set(days[later])):
            chosen = later & (days == day)
            if chosen.sum() >= LEAST:
                scores = model.scorer.score(rows.frame[chosen].to_numpy(dtype=np.float64))[0]
                told = metrics_of(manifest.name, scores, rows.labels[chosen])
                yield Outcome(
                    manifest.name,
                    manifest.version,
                    source,
                    date.fromisoformat(day),
                    int(chosen.sum()),
                    told,
                )


def metrics_of(name: str, scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of chances how well they ranked, and mean chance beside base rate; of money how far it was off."""
    if isinstance(TASKS[name], Values):
        return count_metrics(scores, labels)
    found = {key: value for key, value in binary_metrics(labels == 1, scores).items() if value is not None}
    return {**found, "base_rate": float((labels == 1).mean()), "mean_chance": float(scores.mean())}
