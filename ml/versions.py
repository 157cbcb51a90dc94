"""Which version of a model serves: told, compared, changed by hand and taken back, each time on record.

Training decides by itself (`ml/train.py`); what people decide goes through here.
"""

import getpass
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from lakehouse.warehouse import query
from ml import catalog
from ml.catalog import OFFERS, Decision
from ml.features import names
from ml.registry import Manifest, Model, hdfs_registry
from ml.tasks import TASKS

Row = dict[str, Any]

SWITCHES = ("promoted", "rolled back")  # decisions that change what serves


def overview(settings: Settings) -> list[Row]:
    """One row per model and version, the newest first."""
    serving = catalog.champions(settings)
    columns = "name, version, created_at, row_count, to_json(metrics) as metrics, is_promoted, decision"
    order = "name, int(substr(version, 2)) desc"
    found = query(f"select {columns} from {catalog.MODEL_VERSIONS.name} order by {order}", settings)
    return [{**row, "serves": serving.get(row["name"]) == row["version"]} for row in found]


def card(name: str, version: str | None, settings: Settings) -> Row:
    """All that is known of a version, by default of the one that serves; UserError where it is refused."""
    known(name)
    serving = catalog.champions(settings).get(name)
    wanted = version or serving
    if wanted is None:
        raise UserError(f"No version of {name} serves yet: train one with `lakehouse train {name}`.")
    told = asdict(checked(name, wanted, settings))
    history = [row for row in decisions(name, settings, of=wanted) if row["action"] != "kept"]
    return {**told, "serves": wanted == serving, "decisions": history}


def promote(name: str, version: str, why: str, settings: Settings) -> Decision:
    """Let a version serve that passes every check of one that does; UserError where it does not."""
    known(name)
    serving = catalog.champions(settings).get(name)
    if version == serving:
        raise UserError(f"{name} {version} serves already.")
    checked(name, version, settings)
    return decided(name, version, serving, "promoted", why, settings)


def rollback(name: str, why: str, settings: Settings) -> Decision:
    """Let the version serve again that served before; a second time, the one before that."""
    known(name)
    serving = catalog.champions(settings).get(name)
    before = served_before(decisions(name, settings), serving)
    if before is None:
        raise UserError(f"No version of {name} is on record that served before {serving or 'any other'}.")
    checked(name, before, settings)
    return decided(name, before, serving, "rolled back", why, settings)


def served_before(history: Iterable[Mapping[str, Any]], serving: str | None) -> str | None:
    """The version below the one that serves: a promotion puts one on top, a rollback takes one off.

    Rows above the one that serves were recorded, but never came to serve.
    """
    stack: list[str] = []
    for row in history:
        if row["action"] not in SWITCHES:
            continue
        if row["action"] == "rolled back":
            del stack[-1:]
        if not stack or stack[-1] != row["version"]:
            stack.append(row["version"])
    if serving in stack:
        while stack.pop() != serving:
            pass
    return stack[-1] if stack else None


def compare(name: str, versions: tuple[str, str], settings: Settings) -> tuple[list[Row], str]:
    """Metrics of two versions on the same rows of today, and whether the second shall take over."""
    known(name)
    if name in OFFERS:
        raise UserError(f"{name} is no score to compare on rows: see `lakehouse models show {name} VERSION`.")
    registry = hdfs_registry(settings.webhdfs)
    old, new = (registry.load(name, version, names(name)) for version in versions)
    spark = remote_session(settings)
    try:
        rows = TASKS[name].read(spark, name, None)
    finally:
        spark.stop()
    try:
        found = [TASKS[name].metrics(name, model.scorer, rows) for model in (old, new)]
        is_better, why = TASKS[name].better(name, new.scorer, old.scorer, rows)
    except ValueError as reason:
        raise UserError(f"{name} cannot be judged on {rows.row_count} rows: {reason}.") from None
    return side_by_side(found, versions), verdict(old, new, is_better, why)


def side_by_side(found: list[dict[str, float]], versions: tuple[str, str]) -> list[Row]:
    """A row per metric, in the order in which they were made."""
    metrics = dict.fromkeys(metric for each in found for metric in each)
    return [
        {"metric": metric, **{v: each.get(metric) for v, each in zip(versions, found, strict=True)}}
        for metric in metrics
    ]


def verdict(old: Model, new: Model, is_better: bool, why: str) -> str:
    """One sentence; that the first is called champion is how tasks compare."""
    first, second = old.manifest.version, new.manifest.version
    said = why.replace("the champion", first)
    return f"{second} {'holds against' if is_better else 'does not hold against'} {first}: {said}."


def decided(
    name: str, version: str, former: str | None, action: str, why: str, settings: Settings
) -> Decision:
    """Change what serves, and put on record who did it and why."""
    decision = Decision(name, version, former, action, why, getpass.getuser())
    catalog.switch(decision, settings)
    return decision


def decisions(name: str, settings: Settings, of: str | None = None) -> list[Row]:
    """What was decided of a model, or of one version of it, the oldest first."""
    version = f" and version = '{of}'" if of else ""
    return query(
        f"select * from {catalog.DECISIONS.name} where name = '{name}'{version} order by decided_at", settings
    )


def checked(name: str, version: str, settings: Settings) -> Manifest:
    """The manifest of a version that may serve; UserError says why one may not."""
    if name not in OFFERS:
        return hdfs_registry(settings.webhdfs).load(name, version, names(name)).manifest
    found = query(f"select distinct version from {OFFERS[name].name}", settings)
    kept = sorted((row["version"] for row in found), key=lambda kept: int(kept[1:]))
    if version not in kept:
        raise UserError(f"Model {name} has no version {version}; it has {', '.join(kept) or 'none'}.")
    spark = remote_session(settings)
    try:
        return next(m for m in catalog.recorded(spark, name) if m.version == version)
    finally:
        spark.stop()


def known(name: str) -> None:
    """UserError for a name that no model has."""
    if name not in TASKS and name not in OFFERS:
        raise UserError(f"There is no model {name!r}; there are {', '.join(sorted((*TASKS, *OFFERS)))}.")
