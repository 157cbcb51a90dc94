"""Commands that need no server: rules, lifetime value and models of any file."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

models = click.Group()  # `cli.py` takes them in

AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
FILE = click.Path(path_type=Path)


@models.command()
@click.argument("file", type=FILE)
@click.option("--basket", required=True, help="Column of the basket: invoice, session, customer.")
@click.option("--item", required=True, help="Column of the item.")
@click.option("--support", required=True, type=float, help="Least share of baskets, above 0 up to 1.")
@click.option("--confidence", required=True, type=float, help="Least confidence, above 0 up to 1.")
@click.option("--max-length", type=int, help="Most items in a rule.")
@click.option("--where", multiple=True, help="Only rows with this, e.g. 'Country = France'; may be repeated.")
@click.option("--method", default="eclat", show_default=True, help="eclat, or fpgrowth of mlxtend.")
@AS_JSON
def rules(file: Path, as_json: bool, **asked: Any) -> None:
    """Association rules of FILE (csv, csv.gz or parquet): a row says that an item is in a basket."""
    from lakehouse import printing
    from ml.mining import mine

    found = mine(file, **asked)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(rule) for rule in found.rules], ensure_ascii=False))
        return
    printing.show_table([rule.row() for rule in found.rules], count=False)
    click.echo(found.sentence())


@models.command()
@click.argument("file", type=FILE)
@click.option("--customer", required=True, help="Column of the customer.")
@click.option("--date", "date_column", required=True, help="Column of the purchase's date or time.")
@click.option("--spend", help="Column of the money, for Gamma-Gamma.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day to learn from.")
@click.option("--predict", type=click.IntRange(min=1), help="Days to foresee (default: rest of the file).")
@click.option("--out", type=FILE, help="CSV to write, a row per customer.")
@AS_JSON
def clv(file: Path, until: datetime, out: Path | None, as_json: bool, **asked: Any) -> None:
    """Customer lifetime value of FILE (csv, csv.gz or parquet), in which a row is a purchase."""
    from lakehouse import printing
    from ml.files import write_table
    from ml.lifetime import estimate

    found = estimate(file, asked.pop("customer"), asked.pop("date_column"), until.date(), **asked)
    if out:
        write_table(found.customers, out)
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False))
        return
    printing.show_table(found.rows_of("parameters"), count=False)
    if found.horizon:
        click.echo(f"\nThe {found.horizon['days']:,} days until {found.horizon['to']}:")
        printing.show_table(found.rows_of("predictions"), count=False)
    click.echo(found.sentence())


@models.group()
def model() -> None:
    """A model of any file: fitted, applied, judged."""


@model.command("fit")
@click.option("--data", required=True, type=FILE, help="csv, csv.gz or parquet.")
@click.option("--target", required=True, help="Column to predict: classes or a number.")
@click.option(
    "--model", "model", help="logistic (linear for a number), tree, forest, boosting, xgboost, or auto."
)
@click.option("--out", required=True, type=FILE, help="Folder to write the model to.")
@click.option("--folds", default=5, show_default=True, help="Of the cross-validation.")
@click.option("--tune", type=click.IntRange(min=1), help="Trials of a search for better parameters.")
@AS_JSON
def fit_model(as_json: bool, tune: int | None, **asked: Any) -> None:
    """Fit a model to --data and write it to --out; metrics are those of rows it had not seen."""
    from ml.tabular.fit import fit

    show_model(fit(**asked, tune=tune or 0, progress=lambda line: click.echo(line, err=True)), as_json)


@model.command("predict")
@click.option("--model", "folder", required=True, type=FILE, help="Folder of the model.")
@click.option("--data", required=True, type=FILE, help="csv, csv.gz or parquet, with the model's columns.")
@click.option("--out", type=FILE, help="CSV or Parquet to write (default: CSV to standard output).")
@AS_JSON
def predict_model(folder: Path, data: Path, out: Path | None, as_json: bool) -> None:
    """A prediction for every row of --data, in its order."""
    from ml.files import write_table
    from ml.tabular.serve import predict

    found = predict(folder, data)
    if out:
        write_table(found, out)
        click.echo(f"{len(found):,} predictions are in {out}.", err=True)
    elif as_json:
        # pandas' own would cut digits of small numbers off
        click.echo(json.dumps(found.to_dict("records"), ensure_ascii=False, allow_nan=False))
    else:
        click.echo(found.to_csv(index=False), nl=False)


@model.command("evaluate")
@click.option("--model", "folder", required=True, type=FILE, help="Folder of the model.")
@click.option("--data", required=True, type=FILE, help="csv, csv.gz or parquet, with columns and target.")
@AS_JSON
def evaluate_model(folder: Path, data: Path, as_json: bool) -> None:
    """How good the model is on --data, with 95 % intervals."""
    from ml.tabular.serve import evaluate

    show_model(evaluate(folder, data), as_json)


@models.group()
def report() -> None:
    """Tables of the documentation, printed anew."""


@report.command("models")
@click.option("--data", default=Path("../shared/data"), show_default=True, type=FILE, help="Folder of files.")
@click.option("--markdown", is_flag=True, help="As docs/models.md holds it.")
@AS_JSON
def report_models(data: Path, markdown: bool, as_json: bool) -> None:
    """Every model on every published file in --data: metrics, intervals, baseline, published figure, cost."""
    from lakehouse import printing
    from ml.report import lines
    from ml.report.models import report

    found = report(data, lambda said: click.echo(said, err=True))
    if as_json:
        told = [{**dataclasses.asdict(line), "short_by": line.short_by} for line in found]
        click.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
    elif markdown:
        click.echo(lines.markdown(found))
    else:
        printing.show_table([line.row() for line in found], count=False)


def show_model(told: dict[str, Any], as_json: bool) -> None:
    """What is known of a model: JSON, or its metrics as a table below one sentence."""
    from lakehouse import printing

    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
        return
    metrics = told["metrics"]
    rows = []
    for name, value in metrics.items():
        if not isinstance(value, list | dict):
            low, high = metrics["intervals"].get(name, (None, None))
            between = "" if low is None else f"{low:.4f} to {high:.4f}"
            rows.append({"metric": name, "value": printing.shown(value), "95 % interval": between})
    printing.show_table(rows, count=False)
    click.echo(f"{told['model']} for {told['target']} ({told['task']}).")
    if told.get("rows_without_target"):
        click.echo(f"{told['rows_without_target']:,} rows without a {told['target']} were left out.")
