"""Commands on the versions of the models that serve: `lakehouse models ...`."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import click

from lakehouse.settings import Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
WHY = click.option("--why", default="", help="The reason, for the record.")


@click.group()
def models() -> None:
    """Versions of the models behind the SQL functions: told, compared, promoted, taken back."""


@models.command("list")
@AS_JSON
@click.pass_obj
def list_versions(settings: Settings, as_json: bool) -> None:
    """Every version of every model, and which one serves."""
    from lakehouse import printing
    from ml.tasks import TASKS
    from ml.versions import overview

    found = [{**row, "metrics": json.loads(row["metrics"] or "{}")} for row in overview(settings)]
    if as_json:
        printing.show(found, "json")
        return
    rows = []
    for row in found:
        headline = TASKS[row["name"]].headline if row["name"] in TASKS else ""
        told = {"model": row["name"], "version": row["version"], "serves": "yes" if row["serves"] else ""}
        told |= {"trained": f"{row['created_at']:%Y-%m-%d}", "metric": headline.replace("_", " ")}
        values = {"value": row["metrics"].get(headline), "base rate": row["metrics"].get("base_rate")}
        # of a version's trivial rivals the first: recency alone, the last days again
        rivals = [value for key, value in row["metrics"].items() if key.startswith(f"{headline}: ")]
        values["trivial"] = rivals[0] if rivals else None
        rows.append(told | {name: value and round(value, 3) for name, value in values.items()})
    printing.show_table(rows)


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@AS_JSON
@click.pass_obj
def show(settings: Settings, name: str, version: str | None, as_json: bool) -> None:
    """The card of a VERSION of the model NAME: by default of the one that serves."""
    from lakehouse import printing
    from ml.groups import without_groups
    from ml.versions import card

    told = card(name, version, settings)
    if as_json:
        click.echo(json.dumps(told, default=printing.plain, ensure_ascii=False))
        return
    training = told.pop("training")
    features, history = told.pop("features"), told.pop("decisions")
    facts = {**told, "rows": training["row_count"]}
    facts |= {f"features as of, {source}": day for source, day in training["as_of"].items()}
    facts |= {f"read {table}, version": number for table, number in training["table_versions"].items()}
    facts |= {f"parameter {name}": value for name, value in training["parameters"].items()}
    facts |= dict(features) | without_groups(training["metrics"])
    facts |= {
        f"{row['action']} at {row['decided_at']}": f"{row['decided_by']}: {row['why']}" for row in history
    }
    table = [{"what": what, "value": printing.shown(value)} for what, value in facts.items()]
    printing.show_table(table, count=False)
    show_groups(training["metrics"])


@models.command()
@click.argument("name")
@click.argument("version")
@WHY
@click.pass_obj
def promote(settings: Settings, name: str, version: str, why: str) -> None:
    """Let VERSION of the model NAME serve: every open session's next query uses it."""
    from ml.versions import promote

    tell(promote(name, version, why, settings))


@models.command()
@click.argument("name")
@WHY
@click.pass_obj
def rollback(settings: Settings, name: str, why: str) -> None:
    """Let the version of NAME serve again that served before."""
    from ml.versions import rollback

    tell(rollback(name, why, settings))


@models.command()
@click.argument("name")
@click.argument("first")
@click.argument("second")
@AS_JSON
@click.pass_obj
def compare(settings: Settings, name: str, first: str, second: str, as_json: bool) -> None:
    """Two versions of NAME judged on the same rows of today."""
    from lakehouse import printing
    from ml.groups import KEY
    from ml.versions import compare

    rows, verdict = compare(name, (first, second), settings)
    if as_json:
        click.echo(json.dumps({"metrics": rows, "verdict": verdict}, ensure_ascii=False))
        return
    numbers = (first, second)
    shown: list[dict[str, Any]] = [
        {"metric": row["metric"], **{version: printing.shown(row[version]) for version in numbers}}
        for row in rows
        if not KEY.fullmatch(row["metric"])
    ]
    printing.show_table(shown, count=False)
    click.echo(verdict)


@models.command()
@click.argument("name", required=False)
@AS_JSON
@click.pass_obj
def drift(settings: Settings, name: str | None, as_json: bool) -> None:
    """How far features and scores of what serves are from what it learned from; kept in ml.model_drift."""
    from lakehouse import printing
    from ml.watch import look

    found = [dataclasses.asdict(row) for row in look(name, settings)]
    if as_json:
        printing.show(found, "json")
        return
    rows = [
        {
            "model": row["name"],
            "version": row["version"],
            "column": row["column_name"],
            "PSI": f"{row['psi']:.3f}",
            "by chance": f"{row['noise']:.3f}",
            "judged": row["judged"],
            "rows then": f"{sum(row['expected']):,}",
            "rows now": f"{sum(row['actual']):,}",
        }
        for row in found
    ]
    printing.show_table(rows, count=False)


@models.command()
@click.argument("name", required=False)
@AS_JSON
@click.pass_obj
def outcomes(settings: Settings, name: str | None, as_json: bool) -> None:
    """What came of scores after the training of what serves: lift, calibration; kept in ml.model_outcomes."""
    from lakehouse import printing
    from ml.outcomes import look

    found = [dataclasses.asdict(outcome) for outcome in look(name, settings)]
    if as_json:
        printing.show(found, "json")
        return
    shown = ("average_precision", "lift_at_10", "base_rate", "mean_chance", "relative_mae")
    rows = []
    for row in found:
        metrics = row.pop("metrics")
        figures = {name.replace("_", " "): f"{metrics[name]:.3f}" for name in shown if name in metrics}
        rows.append({**row, **{name.replace("_", " "): "" for name in shown}, **figures})
    printing.show_table(rows)


def show_groups(metrics: Mapping[str, float]) -> None:
    """Metrics by group of people, and what they say of fairness; nothing of a model without chances."""
    from lakehouse import printing
    from ml import groups

    if rows := groups.table(metrics):
        printing.show_table(rows, count=False)
    if said := groups.sentence(metrics):
        click.echo(said)


def tell(decision: Any) -> None:
    """What serves now, and what did."""
    told = dataclasses.asdict(decision)
    click.echo(
        f"{told['name']}: {told['version']} serves now, {told['former_version'] or 'none'} did until now."
    )
