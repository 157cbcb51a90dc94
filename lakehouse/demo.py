"""The main job on real data: everything started, landed, built, trained, published, left running."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ingestion.replay import replay
from ingestion.simulator.plan import options
from ingestion.simulator.run import simulate
from ingestion.streams import progress
from ingestion.topics import topic_names
from lakehouse import dashboards, printing
from lakehouse.errors import UserError
from lakehouse.servers import stack, superset
from lakehouse.settings import ROOT, Settings
from lakehouse.tables import SIMULATED
from lakehouse.warehouse import query
from ml.train import train

SOURCE = "complete_journey"
# A grocer's tills know no visits, so a made shop's month stands beside them under a source of its own.
MADE = {"events": 60_000, "days": 30.0}
MODELS = (
    "customer_segment",
    "purchase_probability",
    "churn_probability",
    "association_rules",
    "recommendations",
)
# What calls models, and all that reads it.
CALLERS = (
    "fct_customer_segments+",
    "fct_customer_scores+",
    "fct_cart_scores+",
    "fct_association_rules+",
    "fct_recommendations+",
)
# They test SQL on rows of their own, not what landed here.
NO_UNIT_TESTS = ("--exclude-resource-types", "unit_test")
Row = dict[str, Any]


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say what begins, and how long it took."""
    click.echo(f"{what} ...")
    began = time.monotonic()
    yield
    click.echo(f"{what}: {time.monotonic() - began:.0f} s")


def dbt(*arguments: str) -> str:
    """Run dbt at the repository's root as a user would; its last line, UserError where it fails."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        failed = [line for line in done.stdout.splitlines() if re.search(r"ERROR|FAIL|Error", line)]
        shown = "\n".join(failed[:10]) or done.stdout[-2000:] or done.stderr[-2000:]
        raise UserError(f"dbt {' '.join(arguments)} failed, see logs/dbt.log:\n{shown}")
    return next(line for line in reversed(done.stdout.splitlines()) if "Done." in line or "Completed" in line)


def summary(settings: Settings, *builds: str) -> list[Row]:
    """What the demo shows at its end; every figure asked of the lakehouse itself."""
    landed = query(
        "select count_if(is_accepted) as accepted, count_if(not is_accepted) as rejected from raw.events",
        settings,
    )[0]
    why = query(
        "select regexp_replace(reason, '[0-9]+', 'N') as reason, count(*) as records"
        " from raw.events lateral view explode(rejection_reasons) as reason"
        " group by 1 order by records desc limit 3",
        settings,
    )
    marts = query("show tables in marts", settings)
    champions = query("select name, version from ml.champion order by name", settings)
    counts = {
        word.lower(): sum(int(n) for build in builds for n in re.findall(rf"{word}=(\d+)", build))
        for word in ("PASS", "WARN", "ERROR")
    }
    addresses = stack.addresses(settings)
    facts: dict[str, object] = {
        "records landed, accepted": f"{landed['accepted']:,}",
        "records landed, rejected": f"{landed['rejected']:,}",
        **{f"  because {row['reason']}": f"{row['records']:,}" for row in why},
        "marts": len(marts),
        "models built and tests": ", ".join(f"{count} {name}" for name, count in counts.items()),
        **{f"model {row['name']}": str(row["version"]) for row in champions},
        **addresses,
        "dashboard": f"{addresses['Superset']}/superset/dashboard/overview/",
        "login": f"admin / {superset.admin_password(settings)}",
    }
    return [{"what": name, "value": str(value)} for name, value in facts.items()]


def simulate_month(settings: Settings) -> None:
    """Publish the made month that ends now; once, since other days would be other events."""
    if query(f"select 1 as found from raw.events where source = '{SIMULATED}' limit 1", settings):
        return
    start = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=MADE["days"])
    with printing.progress("simulating a month") as advance:
        simulate(settings, options(start=start, **MADE), progress=advance)


def demo(settings: Settings) -> None:
    """Run it; a second run goes on with the lakehouse that is there and changes no mart."""
    began = time.monotonic()
    if not stack.is_up(settings):
        with timed("Starting the servers"):
            stack.up(settings, lambda step: click.echo(f"  {step}"))
    # While it runs, landing never catches up with the last event.
    stack.stop_simulator(settings)
    with printing.progress(f"replaying {SOURCE}") as advance:
        replay(SOURCE, None, settings, progress=advance)
    simulate_month(settings)
    with printing.progress("landing the rest") as advance:
        progress.wait_landed(settings, topic_names(), advance)
    with timed("Building what the model learns from (dbt)"):
        first = dbt("build", *NO_UNIT_TESTS, "--exclude", *CALLERS)
    for model in MODELS:
        with timed(f"Training {model}"):
            train(model, settings)
    with timed("Building what calls the model (dbt)"):
        second = dbt("build", *NO_UNIT_TESTS, "--select", *CALLERS)
    with timed("Publishing the boards"):
        dashboards.push(settings)
    printing.show_table(summary(settings, first, second), count=False)
    if stack.start_simulator(settings):
        click.echo(f"The simulator goes on with {settings.simulator_rate:g} events a second.")
    click.echo(f"All of it took {time.monotonic() - began:.0f} s. It runs on; `lakehouse down` stops it.")
