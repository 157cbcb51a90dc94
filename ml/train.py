"""Training: features of a date, fit, metrics, a version in the registry, champion if as good."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from ml import catalog
from ml.estimators.segments import ValueClusters
from ml.evaluate import cluster_metrics, silhouette
from ml.features import FEATURES, FeatureRows, names, read_customers
from ml.registry import Model, Registry, Training, hdfs_registry
from ml.scorers import Matrix, make_scorer

ESTIMATORS: dict[str, Callable[[], ValueClusters]] = {"customer_segment": ValueClusters}
NOISE = 0.005  # by which the silhouette of a sample differs by chance


@dataclass(frozen=True)
class TrainResult:
    """What a training made and decided; `champion` is the version that serves now."""

    name: str
    version: str
    champion: str
    is_promoted: bool
    decision: str
    row_count: int
    as_of: dict[str, str]
    metrics: dict[str, float]


def train(name: str, settings: Settings, as_of: date | None = None) -> TrainResult:
    """Train the next version of a model, and let it serve if it is as good as the one that does."""
    if name not in ESTIMATORS:
        raise UserError(f"There is no model {name!r}; there are {', '.join(sorted(ESTIMATORS))}.")
    spark = remote_session(settings)
    try:
        rows = read_customers(spark, name, as_of)
        artefact = fit(name, rows)
        scorer = make_scorer(artefact)
        matrix = rows.frame.to_numpy(dtype=np.float64)
        metrics = cluster_metrics(scorer.transform(matrix), scorer.score(matrix)[1], scorer.labels)
        registry = hdfs_registry(settings.webhdfs)
        manifest = registry.save(
            name,
            artefact,
            tuple((feature.name, feature.type) for feature in FEATURES[name]),
            Training(rows.as_of, rows.row_count, rows.table_versions, metrics),
        )
        serving = catalog.champions(settings).get(name)
        is_promoted, decision = decide(registry, serving, Model(manifest, scorer), matrix)
        catalog.record(spark, settings, manifest, is_promoted, decision)
    finally:
        spark.stop()
    if is_promoted:
        catalog.promote(name, manifest.version, settings)
        serving = manifest.version
    return TrainResult(
        name=name,
        version=manifest.version,
        champion=serving or manifest.version,
        is_promoted=is_promoted,
        decision=decision,
        row_count=rows.row_count,
        as_of=rows.as_of,
        metrics=metrics,
    )


def fit(name: str, rows: FeatureRows) -> dict[str, Any]:
    """The artefact of a fresh estimator; UserError when the rows do not allow one."""
    try:
        return ESTIMATORS[name]().fit(rows.frame).to_artefact()
    except ValueError as reason:
        raise UserError(f"Model {name} cannot be trained on {rows.row_count} rows: {reason}.") from None


def decide(registry: Registry, serving: str | None, challenger: Model, matrix: Matrix) -> tuple[bool, str]:
    """Whether a new version shall serve, and why: compared with the champion on the same rows."""
    name = challenger.manifest.name
    if serving is None:
        return True, "first version"
    try:
        champion = registry.load(name, serving, names(name))
    except UserError as reason:
        return True, f"the champion cannot serve: {reason}"
    seen, new = champion.manifest.training.as_of, challenger.manifest.training.as_of
    later = sorted(source for source in seen.keys() & new.keys() if seen[source] > new[source])
    if later:
        return False, f"champion {serving} has seen later features of {', '.join(later)}"
    space = challenger.scorer.transform(matrix)
    found = silhouette(space, challenger.scorer.score(matrix)[1])
    needed = silhouette(space, champion.scorer.score(matrix)[1])
    comparison = f"silhouette {found:.4f}, champion {serving} has {needed:.4f} on the same rows"
    return found >= needed - NOISE, comparison
