"""How commands show rows and progress."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Rows = list[dict[str, Any]]

# What a spreadsheet takes for a formula, and what only looks like one. superset/lakehouse_exports.py has the
# same two rules, in an environment of its own.
FORMULA = re.compile(r"""[\t\r\n]|[\s"]*[=+\-@|%＝＋－＠]""")  # wide ones count as well
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def show_result(result: Any) -> None:
    """A result dataclass, a field a line; the fields of a dict in it each on their own."""
    rows: Rows = []
    for name, value in dataclasses.asdict(result).items():
        parts = {name: value}
        if isinstance(value, dict):
            parts = {f"{name}: {key}": part for key, part in value.items()} or {name: "none"}
        rows += [{"what": what, "value": shown(part)} for what, part in parts.items()]
    show_table(rows, count=False)


def shown(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def plain(value: Any) -> Any:
    """What JSON has no type for: decimals become numbers, times text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def safe(value: Any) -> Any:
    """Text that begins like a formula, behind an apostrophe; anything else as it is."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def show(rows: Rows, form: str) -> None:
    """Print rows as a table, JSON lines in one array, or CSV that a spreadsheet may open."""
    if form == "json":
        click.echo(json.dumps(rows, default=plain, ensure_ascii=False))
    elif form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        lines = [list(rows[0]), *(row.values() for row in rows)] if rows else []
        writer.writerows([safe(value) for value in line] for line in lines)
        click.echo(out.getvalue(), nl=False)
    else:
        show_table(rows)


def show_table(rows: Rows, *, count: bool = True) -> None:
    """Numbers to the right, null as an empty cell, the row count below."""
    console = Console(soft_wrap=False, markup=False)  # what is in brackets is data
    if rows:
        table = Table(show_edge=False)
        for name, value in rows[0].items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            table.add_column(name, justify="right" if number else "left", overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        console.print(table)
    if count:
        console.print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal, a line a step elsewhere; yields advance(done, total or None)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(what, total=None)

    def advance(done: int, total: int | None = None) -> None:
        bar.start()  # not before there is progress: a command that fails at once says only why
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
