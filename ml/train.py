"""Training: features of a date, fit, metrics, a version in the registry, champion if as good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from ml import catalog, groups, versions
from ml.catalog import OFFERS, Decision
from ml.drift import bins_of
from ml.features import FEATURES, FeatureRows, names
from ml.registry import Manifest, Model, Registry, Training, digest, hdfs_registry
from ml.scorers import make_scorer
from ml.tasks import TASKS, Chances
from ml.watch import due


@dataclass(frozen=True)
class TrainResult:
    """What a training made and decided; `champion` is the version that serves now."""

    name: str
    version: str
    champion: str
    is_promoted: bool
    decision: str
    row_count: int
    as_of: Mapping[str, str]
    metrics: Mapping[str, float]


def train_if_due(name: str, settings: Settings) -> TrainResult:
    """Train a model that is too old or has drifted; else say why not, on record."""
    versions.known(name)
    is_due, why = due(name, settings)
    if is_due:
        return train(name, settings, why=why)
    version = catalog.champions(settings)[name]
    decision = f"not due: {why}"
    catalog.decide(Decision(name, version, version, "kept", decision, "training"), settings)
    return result(versions.checked(name, version, settings), version, decision)


def train(
    name: str, settings: Settings, as_of: date | None = None, trials: int = 0, why: str = ""
) -> TrainResult:
    """Train a model, and let the new version serve if it is as good as the one that does.

    The same features give the same model: then no version is made, and the champion stays. With `trials`
    its parameters are searched for. `why` is what made it due, for the record.
    """
    versions.known(name)
    refuse_tuning(name, trials)
    if name in OFFERS:
        return train_offers(name, settings, as_of, why)
    registry = hdfs_registry(settings.webhdfs)
    spark = remote_session(settings)
    try:
        rows = TASKS[name].read(spark, name, as_of)
        artefact = fit(name, rows, trials)
        serving = catalog.champions(settings).get(name)
        champion, fault = load_champion(registry, name, serving)
        made = digest(artefact)
        for tried in (champion and champion.manifest, refused(registry.newest(name), settings)):
            if tried and tried.sha256 == made:
                return nothing_new(tried, serving, why, settings)
        scorer = make_scorer(artefact)
        metrics = TASKS[name].metrics(name, scorer, rows)
        parameters = artefact.get("parameters", {})
        metrics |= groups.judged(metrics, settings.fairness_tolerance)
        bins = bins_of(scorer, rows, TASKS[name].learned(name, rows))
        training = Training(rows.as_of, rows.row_count, rows.table_versions, metrics, parameters, bins)
        features = tuple((feature.name, feature.type) for feature in FEATURES[name])
        manifest = registry.save(name, artefact, features, training)
        if champion:
            is_promoted, decision = decide(champion, Model(manifest, scorer), rows)
        else:
            is_promoted, decision = TASKS[name].first(name, scorer, rows)
            decision = f"{fault}; {decision}" if fault else decision
        decision = because(why, decision)
        catalog.record(spark, manifest, is_promoted, decision)
    finally:
        spark.stop()
    return settled(manifest, serving, is_promoted, decision, settings)


def train_offers(name: str, settings: Settings, as_of: date | None = None, why: str = "") -> TrainResult:
    """The same for what is mined and kept as a table: rules, recommendations.

    Nothing but the orders decides what it is, so the newest orders serve.
    """
    from ml import offers  # here: it brings pandas and scipy, which a gateway needs not

    spark = remote_session(settings)
    try:
        mined = offers.mine(name, spark, settings, as_of)
        serving = catalog.champions(settings).get(name)
        champion = next((m for m in catalog.recorded(spark, name) if m.version == serving), None)
        if champion and champion.sha256 == mined.sha256:
            return nothing_new(champion, serving, why, settings)
        manifest = mined.write(spark)
        seen = champion.training.as_of if champion else {}
        later = later_than(seen, mined.training.as_of)
        decision = (
            f"champion {serving} has seen later orders of {', '.join(later)}" if later else "newest orders"
        )
        decision = because(why, decision)
        catalog.record(spark, manifest, not later, decision)
        offers.forget(name, spark, serving if later and serving else manifest.version)
    finally:
        spark.stop()
    return settled(manifest, serving, not later, decision, settings)


def refused(last: Manifest | None, settings: Settings) -> Manifest | None:
    """The last version, if it was not let serve: to make it again would bring nothing."""
    if last is None:
        return None
    said = [row["action"] for row in versions.decisions(last.name, settings, of=last.version)]
    return last if [action for action in said if action != "kept"][-1:] == ["refused"] else None


def because(why: str, decision: str) -> str:
    """A decision behind what made it due."""
    return f"due, {why}: {decision}" if why else decision


def nothing_new(tried: Manifest, serving: str | None, why: str, settings: Settings) -> TrainResult:
    """What serves goes on, since the rows of today give nothing that was not tried."""
    decision = because(why, "nothing new to learn")
    version = serving or tried.version
    catalog.decide(Decision(tried.name, version, serving, "kept", decision, "training"), settings)
    return result(tried, serving or "none", decision)


def settled(
    manifest: Manifest, serving: str | None, is_promoted: bool, decision: str, settings: Settings
) -> TrainResult:
    """Put what was decided of a new version on record, and let it serve if it shall."""
    name, version = manifest.name, manifest.version
    if not is_promoted:
        catalog.decide(Decision(name, version, serving, "refused", decision, "training"), settings)
        return result(manifest, serving or "none", decision)
    catalog.switch(Decision(name, version, serving, "promoted", decision, "training"), settings)
    return result(manifest, version, decision)


def later_than(seen: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Sources of which the one that serves has seen later days."""
    return sorted(source for source in seen.keys() & new.keys() if seen[source] > new[source])


def result(manifest: Manifest, champion: str, decision: str) -> TrainResult:
    """What to tell of a version, given the version that serves."""
    training = manifest.training
    return TrainResult(
        name=manifest.name,
        version=manifest.version,
        champion=champion,
        is_promoted=manifest.version == champion,
        decision=decision,
        row_count=training.row_count,
        as_of=training.as_of,
        metrics=training.metrics,
    )


def load_champion(registry: Registry, name: str, version: str | None) -> tuple[Model | None, str | None]:
    """The version that serves; None, and why when there should be one, if none can."""
    if version is None:
        return None, None
    try:
        return registry.load(name, version, names(name)), None
    except UserError as reason:
        return None, f"the champion cannot serve: {reason}"


def refuse_tuning(name: str, trials: int) -> None:
    """UserError where parameters are asked for of a model that has none to search."""
    able = sorted(model for model, task in TASKS.items() if isinstance(task, Chances))
    if trials and name not in able:
        raise UserError(f"{name} has no parameters to search for; {', '.join(able)} have.")


def fit(name: str, rows: FeatureRows, trials: int = 0) -> dict[str, Any]:
    """The artefact of a fresh estimator; UserError when the rows do not allow one."""
    task = TASKS[name]
    try:
        with threadpool_limits(1):  # on so little data threads only wait for each other
            if trials and isinstance(task, Chances):
                return task.tuned(name, rows, trials)
            return dict(task.fit(name, rows))
    except ValueError as reason:
        raise UserError(f"Model {name} cannot be trained on {rows.row_count} rows: {reason}.") from None


def decide(champion: Model, challenger: Model, rows: FeatureRows) -> tuple[bool, str]:
    """Whether a new version shall serve, and why: compared with the champion on the same rows."""
    name, serving = champion.manifest.name, champion.manifest.version
    seen, new = champion.manifest.training.as_of, challenger.manifest.training.as_of
    if later := later_than(seen, new):
        return False, f"champion {serving} has seen later features of {', '.join(later)}"
    is_better, why = TASKS[name].better(name, challenger.scorer, champion.scorer, rows)
    return is_better, f"{why}; both on the same rows, the champion is {serving}"
