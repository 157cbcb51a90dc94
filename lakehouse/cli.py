"""The `lakehouse` command: thin over plain functions, each imported when it is called."""

import dataclasses
import json
import sys
from datetime import datetime
from typing import Any

import click

from lakehouse.cli_events import events
from lakehouse.cli_models import models as models_of_files
from lakehouse.cli_versions import models, show_groups
from lakehouse.errors import UserError
from lakehouse.settings import Settings, get_settings


class Commands(click.Group):
    """Turns a UserError into one sentence on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from None
        except BrokenPipeError:
            # The reader of our output went away: `lakehouse logs | head`.
            sys.exit(0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="customer-lakehouse")
@click.pass_context
def main(context: click.Context) -> None:
    """SQL-first lakehouse for real-time customer behaviour."""
    context.obj = get_settings()


for command in [*events.commands.values(), *models_of_files.commands.values(), models]:
    main.add_command(command)


@main.command()
@click.pass_obj
def install(settings: Settings) -> None:
    """Fetch and check the JVM parts (part of `make setup`)."""
    from lakehouse.servers.install import install

    java_home = install(settings)
    click.echo(f"JVM parts are in {settings.lib}, Java in {java_home}.")


@main.command()
@click.option("--datanodes", type=click.IntRange(1, 9), help="HDFS DataNodes (default: the setting).")
@click.option("--dashboards/--no-dashboards", default=True, help="With or without Superset.")
@click.pass_obj
def up(settings: Settings, datanodes: int | None, dashboards: bool) -> None:
    """Start every server, in order, and wait until each answers."""
    from lakehouse.servers import stack

    chosen = settings.replace(datanodes=datanodes) if datanodes else settings
    stack.up(chosen, click.echo, dashboards=dashboards)
    for name, url in stack.addresses(chosen, dashboards=dashboards).items():
        click.echo(f"  {name:<12}{url}")


@main.command()
@click.pass_obj
def down(settings: Settings) -> None:
    """Stop every server, in order. Nothing is lost; `up` goes on where it was."""
    from lakehouse.servers import stack

    if not stack.down(settings, click.echo):
        click.echo(f"Nothing runs from {settings.state}.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for monitors.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """What is up, since when, how far landing and live are. Exit 1 unless all is up."""
    from lakehouse.servers import status as servers

    found = servers.status(settings)
    click.echo(json.dumps(found.as_dict()) if as_json else servers.as_text(found))
    sys.exit(0 if found.ok else 1)


@main.command()
@click.argument("name")
@click.option("-n", "--lines", default=50, show_default=True, help="Last lines to show.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines appear.")
@click.pass_obj
def logs(settings: Settings, name: str, lines: int, follow: bool) -> None:
    """The log of a server, by the name that `lakehouse status` shows."""
    from lakehouse.servers import logs as servers

    for line in servers.lines(settings, name, lines, follow=follow):
        click.echo(line)


@main.command()
@click.argument("statement")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@click.pass_obj
def sql(settings: Settings, statement: str, form: str) -> None:
    """Run one SQL STATEMENT through the gateway; `-` reads it from standard input."""
    from lakehouse import printing
    from lakehouse.warehouse import query

    text = sys.stdin.read() if statement == "-" else statement
    printing.show(query(text.strip().rstrip(";"), settings), form)


@main.command("settings")
@click.pass_obj
def show_settings(settings: Settings) -> None:
    """Every setting, its value and what it means."""
    for name, field in type(settings).model_fields.items():
        variable = "JAVA_HOME" if name == "system_java_home" else f"LAKEHOUSE_{name.upper()}"
        click.echo(f"{variable}={getattr(settings, name)}\n    {field.description}")


@main.command()
@click.option("--show", is_flag=True, help="Show what is wrong now; note and send nothing.")
@click.pass_obj
def alerts(settings: Settings, show: bool) -> None:
    """Send what is newly wrong to the webhook and by mail; `up` does it again and again."""
    from lakehouse import printing
    from lakehouse.alerts import found, watch

    if show:
        printing.show_table([alert.as_dict() for alert in found.found(settings)])
        return
    result = watch.look(settings)
    for place, sent in result.sent.items():
        click.echo(f"{len(sent)} sent to {place}.")
    if result.held:
        click.echo(f"{len(result.held)} held until {settings.alerts_quiet_hours[-5:]} UTC.")
    if result.problems:
        raise UserError(f"Not all was done: {'; '.join(result.problems)}.")
    if not result.sent and not result.held:
        click.echo("Nothing new.")


@main.command()
@click.argument("model", default="customer_segment")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Train on features as of this day.")
@click.option("--tune", type=click.IntRange(min=1), help="Trials of a search for better parameters.")
@click.option("--if-due", is_flag=True, help="Only if it is too old, or its scores have drifted.")
@click.pass_obj
def train(settings: Settings, model: str, as_of: datetime | None, tune: int | None, if_due: bool) -> None:
    """Train MODEL on the marts and publish it as a SQL function."""
    from lakehouse import printing
    from ml.groups import without_groups
    from ml.train import train, train_if_due

    if if_due and (as_of or tune):
        raise UserError("--if-due looks at what serves today: it takes neither --as-of nor --tune.")
    day = as_of.date() if as_of else None
    made = train_if_due(model, settings) if if_due else train(model, settings, day, tune or 0)
    printing.show_result(dataclasses.replace(made, metrics=without_groups(made.metrics)))
    show_groups(made.metrics)


@main.group()
def dashboards() -> None:
    """Superset's assets as code."""


@dashboards.command()
@click.pass_obj
def push(settings: Settings) -> None:
    """Check and import superset/assets; the second time changes nothing."""
    from lakehouse import dashboards

    for address in dashboards.push(settings):
        click.echo(address)


@dashboards.command()
@click.pass_obj
def pull(settings: Settings) -> None:
    """Write what was changed in the browser back into superset/assets, to be read by `git diff`."""
    from lakehouse.dashboard_pull import pull

    changed = pull(settings)
    for path in changed:
        click.echo(f"superset/assets/{path}")
    if not changed:
        click.echo("The files hold what Superset has.")


@dashboards.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["business", "analyst", "admin"]),
    default="business",
    help="Look at boards, ask SQL Lab as well, or change everything.",
)
@click.option("--source", "sources", multiple=True, help="See rows of this source only; may be repeated.")
@click.option("--country", "countries", multiple=True, help="See rows of this country only; may be repeated.")
@click.pass_obj
def user(
    settings: Settings, name: str, role: str, sources: tuple[str, ...], countries: tuple[str, ...]
) -> None:
    """Let NAME look at the boards, or change what NAME may see."""
    from lakehouse.dashboard_users import grant

    password = grant(settings, name, role, sources, countries)
    click.echo(f"{name} is {role}; password: {password}" if password else f"{name} is {role} now.")


@dashboards.command()
@click.argument("board")
@click.option("--source", "sources", multiple=True, help="Show rows of this source only; may be repeated.")
@click.option(
    "--country", "countries", multiple=True, help="Show rows of this country only; may be repeated."
)
@click.option("--token", is_flag=True, help="Print the board's number and a guest's token; serve no page.")
@click.pass_obj
def embed(
    settings: Settings, board: str, sources: tuple[str, ...], countries: tuple[str, ...], token: bool
) -> None:
    """Serve a sample page that shows BOARD in a frame, to guests without a login."""
    from lakehouse.dashboard_embed import invite, sample

    if token:
        click.echo(json.dumps(invite(settings, board, sources, countries)._asdict(), indent=2))
        return
    with sample(settings, board, sources, countries) as server:
        click.echo(f"http://127.0.0.1:{server.server_port}/ shows {board}; Ctrl-C ends it.")
        server.serve_forever()


@dashboards.command()
def check() -> None:
    """Check superset/assets without a Superset; columns too once dbt has written its manifest."""
    from lakehouse import assets
    from lakehouse.settings import ROOT

    manifest = ROOT / "target" / "manifest.json"
    problems = assets.check(manifest=manifest if manifest.exists() else None)
    if problems:
        raise UserError("\n".join(problems))
    click.echo("The assets are whole.")


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Start everything, replay real data, build, train, publish the board; leave it running."""
    from lakehouse.demo import demo

    demo(settings)
