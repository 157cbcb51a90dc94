"""Commands about events: replay, simulation, capture, rejected records, ledger, contracts."""

import json
from pathlib import Path
from typing import Any

import click

from lakehouse.errors import UserError
from lakehouse.settings import Settings

events = click.Group()  # `cli.py` takes them in


@events.command()
@click.argument("source")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events a second, at most.")
@click.option("--limit", type=click.IntRange(min=1), help="Records to publish, at most.")
@click.option("--from", "from_", help="First day of occurred_at, YYYY-MM-DD.")
@click.option("--to", help="Day before which occurred_at lies, YYYY-MM-DD.")
@click.option("--resume/--from-start", default=True, help="Go on where a broken-off replay was.")
@click.pass_obj
def replay(settings: Settings, /, source: str, file: Path | None, **options: Any) -> None:
    """Publish a real FILE as events.

    Sources: complete_journey (no file), online_retail, rees46, taobao, access_log, reviews, social and
    ga_store (a folder).
    """
    from ingestion.replay import replay
    from lakehouse import printing

    with printing.progress(f"replaying {source}") as advance:
        result = replay(source, file, settings, progress=advance, **options)
    printing.show_result(result)


@events.group("dead-letters")
def dead_letters() -> None:
    """Rejected records: why, which, and sent again after a fix."""


@dead_letters.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@click.pass_obj
def list_letters(settings: Settings, as_json: bool) -> None:
    """By reason and source: how many, how many are accepted by now, first, last and its id."""
    from ingestion import dead_letters
    from lakehouse import printing

    printing.show(dead_letters.listed(settings), "json" if as_json else "table")


@dead_letters.command("show")
@click.argument("id")
@click.option("--payload", "only_payload", is_flag=True, help="The event alone, a line for a file to mend.")
@click.pass_obj
def show_letter(settings: Settings, id: str, only_payload: bool) -> None:
    """The rejected record with this ID (topic-partition-offset)."""
    from ingestion import dead_letters

    found = dead_letters.letter(settings, id)
    click.echo(found.text if only_payload else found.described())


@dead_letters.command("replay")
@click.option("--reason", help="Only letters with this text in a reason, or in one that `list` shows.")
@click.option("--source", help="Only letters of this source.")
@click.option("--file", type=click.Path(path_type=Path), help="Mended events instead, a JSON object a line.")
@click.option("--dry-run", is_flag=True, help="Say what would be published, and publish nothing.")
@click.pass_obj
def replay_letters(settings: Settings, /, **options: Any) -> None:
    """Publish what keeps its contract by now and is no event yet; again and again changes nothing."""
    from ingestion.resend import resend
    from lakehouse import printing

    printing.show_result(resend(settings, **options))


@events.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for monitors.")
@click.option("--last", type=click.IntRange(min=1), help="Show the last N batches one by one, too.")
@click.pass_obj
def ledger(settings: Settings, as_json: bool, last: int | None) -> None:
    """What became of every record, held against Kafka. Exit 1 where it does not balance."""
    from ingestion import ledger
    from lakehouse import printing

    found = ledger.read(settings, last or 0)
    if as_json:
        click.echo(json.dumps(found.as_dict(), default=printing.plain))
    else:
        for rows in filter(None, (found.last_batches, found.reasons)):
            printing.show_table(rows, count=False)
        click.echo(found.sentence())
    if found.problems:
        raise UserError(f"The ledger does not balance: {'; '.join(found.problems)}.")


@events.command()
@click.option("--events", type=click.IntRange(min=1), help="How many, as fast as it goes.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events a second, as they happen.")
@click.option("--for", "seconds", help="How long a live run lasts: 60s, 10m, 2h.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same events.")
@click.option("--start", type=click.DateTime(), help="When event time begins, UTC.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How many days it spans.")
@click.option("--customers", type=click.IntRange(min=1), help="How many (default: one for 50 events).")
@click.option("--bots", type=float, help="Share of visits that are bots'.")
@click.option("--duplicates", type=float, help="Share of events sent twice.")
@click.option("--late", type=float, help="Share of visits sent hours late.")
@click.option("--clock-errors", type=float, help="Share of visits whose clock is wrong.")
@click.option("--malformed", type=float, help="Share of events that break their contract.")
@click.option("--processes", type=click.IntRange(min=1), help="How many work (default: one for each core).")
@click.option("--truth", type=click.Path(path_type=Path, file_okay=False), help="Folder of the truth.")
@click.pass_obj
def simulate(settings: Settings, /, processes: int | None, truth: Path | None, **asked: Any) -> None:
    """Publish a made shop's events, and write beside them what only the simulator knows."""
    from ingestion.simulator.plan import options
    from ingestion.simulator.run import simulate
    from lakehouse import printing

    with printing.progress("simulating") as advance:
        result = simulate(settings, options(**asked), processes=processes, truth=truth, progress=advance)
    printing.show_result(result)


@events.command()
@click.option("--once", is_flag=True, help="Stop when all changes until now are sent.")
@click.option("--drop", is_flag=True, help="Take slot and publication out of the database.")
@click.pass_obj
def capture(settings: Settings, once: bool, drop: bool) -> None:
    """Publish the rows of the shop's database and their changes, where `lakehouse up` does not."""
    from ingestion.sources.database import capture
    from lakehouse import printing

    if drop:
        click.echo(f"Removed: {', '.join(capture.drop(settings)) or 'nothing was there'}.")
    elif once:
        printing.show_result(capture.once(settings, click.echo))
    else:
        capture.follow_until_signal(settings)


@events.group()
def contracts() -> None:
    """The event contracts and what derives from them."""


@contracts.command()
def render() -> None:
    """Write what derives from the contracts: dbt sources and the event catalogue page."""
    from ingestion.contract import render

    for path in render():
        click.echo(path)


@contracts.command("check")
def check_contracts() -> None:
    """Refuse what would break a released contract; additions pass."""
    from ingestion.compatibility import check
    from ingestion.contract import catalogue

    found = check()
    if broken := [str(change) for change in found if change.mend]:
        raise UserError("\n".join(broken))
    click.echo(f"{len(catalogue().versions)} contracts, {len(found)} additions since the release.")


@contracts.command()
def release() -> None:
    """Write today's contracts as those that later ones must not break."""
    from ingestion.compatibility import release

    click.echo(release())
