"""Whether a model that serves is still fit for today: its drift, kept, and whether training is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from ml import catalog
from ml.catalog import MODEL_DRIFT, OFFERS
from ml.drift import SCORE, Drift, bins_of, drifts
from ml.features import LABELS, FeatureRows, names
from ml.registry import Manifest, Model, Registry, hdfs_registry
from ml.tasks import TASKS


def look(name: str | None, settings: Settings) -> list[Drift]:
    """Measure the drift of a model that serves, or of all of them, and add it to ml.model_drift."""
    models = serving_models(name, settings)
    spark = remote_session(settings)
    try:
        return [row for model in models for row in measured(spark, model, settings)]
    finally:
        spark.stop()


def serving_models(name: str | None, settings: Settings) -> list[Model]:
    """The version that serves of a model, or of all of them; UserError where none does."""
    if name in OFFERS:
        raise UserError(f"{name} is mined from all orders: it has no features, and scores nothing.")
    if name is not None and name not in TASKS:
        raise UserError(f"There is no model {name!r}; there are {', '.join(sorted(TASKS))}.")
    serving = catalog.champions(settings)
    chosen = [each for each in ([name] if name else sorted(TASKS)) if each in serving]
    if not chosen:
        raise UserError(f"No version of {name or 'any model'} serves yet: train one with `lakehouse train`.")
    registry = hdfs_registry(settings.webhdfs)
    return [registry.load(each, serving[each], names(each)) for each in chosen]


def measured(spark: Any, model: Model, settings: Settings) -> list[Drift]:
    """The drift of one version until now, kept in ml.model_drift."""
    name, training = model.manifest.name, model.manifest.training
    now = TASKS[name].now(spark, name)
    found = drifts(model, training.bins or recomputed(spark, model), now, settings.drift_limit)
    at = datetime.now(UTC)
    rows = [(*astuple(row), dict(training.as_of), now.as_of, at) for row in found]
    spark.createDataFrame(rows, spark.table(MODEL_DRIFT.name).schema).writeTo(MODEL_DRIFT.name).append()
    return found


def recomputed(spark: Any, model: Model) -> dict[str, dict[str, Any]]:
    """Bins of a version that was made before versions kept them, from the features of its time."""
    name, seen = model.manifest.name, model.manifest.training.as_of
    if not seen:
        raise UserError(f"{name} {model.manifest.version} keeps neither bins nor dates of what it learned.")
    days = LABELS[name].days if name in LABELS else 0
    until = max(date.fromisoformat(day) for day in seen.values()) + timedelta(days=days)
    rows: FeatureRows = TASKS[name].read(spark, name, until)
    return bins_of(model.scorer, rows, TASKS[name].learned(name, rows))


def due(name: str, settings: Settings) -> tuple[bool, str]:
    """Whether a model is due for training, and why, or why not."""
    serving = catalog.champions(settings).get(name)
    newest = newest_version(name, settings)
    if serving is None or newest is None:
        return True, "no version serves"
    is_due, why = too_old(newest, datetime.now(UTC), settings.retrain_days)
    if is_due or name in OFFERS:
        return is_due, why
    try:
        found = look(name, settings)
    except UserError as fault:  # what serves is broken, or there is nothing to hold it against
        return True, f"its drift cannot be told ({fault})"
    drifted, said = has_drifted(found)
    return drifted, said if drifted else f"{why}, {said}"


def newest_version(name: str, settings: Settings) -> Manifest | None:
    """The version trained last, whether it serves or was refused."""
    if name not in OFFERS:
        registry: Registry = hdfs_registry(settings.webhdfs)
        return registry.newest(name)
    spark = remote_session(settings)
    try:
        return next(reversed(catalog.recorded(spark, name)), None)
    finally:
        spark.stop()


def too_old(newest: Manifest, now: datetime, days: float) -> tuple[bool, str]:
    """Whether the last training was too long ago: a challenger that was refused was an attempt, too."""
    made = datetime.fromisoformat(newest.created_at)
    age = now - (made if made.tzinfo else made.replace(tzinfo=UTC))
    return age > timedelta(days=days), f"{newest.version} was trained {age.days} days ago"


def has_drifted(found: Sequence[Drift]) -> tuple[bool, str]:
    """By the score alone: features such as tenure move with time, whatever a model makes of them, and
    then would ask for a training every night. Those that moved are named."""
    score = next(row for row in found if row.column_name == SCORE)
    moved = [row for row in found if row.judged == "drifted" and row.column_name != SCORE]
    said = f"its scores are {score.judged} (PSI {score.psi:.3f})"
    if moved:
        said += f"; drifted: {', '.join(f'{row.column_name} ({row.psi:.2f})' for row in moved)}"
    return score.judged == "drifted", said
