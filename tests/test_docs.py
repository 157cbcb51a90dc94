"""What the docs name is there, and what is there the docs name."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from lakehouse.cli import main
from lakehouse.settings import ROOT, Settings
from ml import kernel
from ml.functions import FUNCTIONS

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Put together here, so that this file does not hold what it forbids.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.}/])/(?:work|home|root|Users)/" + r"\w",
            r"pypi\." + "org",
            r"python" + r"hosted\.org",
            r"repo1?\.maven" + r"\.",
            r"(?<!emit-)index" + r"-url",
        ]
    )
)


def text_of(*pages: Path) -> str:
    """All of these pages."""
    return "\n".join(page.read_text() for page in pages)


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as a browser of the repository makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings_table() -> str:
    """The table of docs/operate.md, from the settings themselves."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = "JAVA_HOME" if name == "system_java_home" else f"LAKEHOUSE_{name.upper()}"
        value = field.default
        shown = value.relative_to(ROOT) if isinstance(value, Path) else value
        rows.append(f"| `{variable}` | {'' if value is None else f'`{shown}`'} | {field.description} |")
    return "\n".join(rows)


def commands(group: click.Group, before: str = "lakehouse") -> Iterator[str]:
    """Every command as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def tracked() -> list[Path]:
    """Files in git, or about to be; skipped by name outside a clone."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no git clone, so nobody knows which files belong to it")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_operate_lists_every_setting_as_it_is() -> None:
    shown = text_of(DOCS / "operate.md").split("<!-- settings: begin -->")[1]
    found = shown.split("<!-- settings: end -->")[0].strip()
    expected = settings_table()
    assert found == expected, f"put this between the marks in docs/operate.md:\n\n{expected}\n"


def test_operate_lists_every_command() -> None:
    shown = text_of(DOCS / "operate.md")
    missing = [command for command in commands(main) if f"| `{command}" not in shown]
    assert not missing


@pytest.mark.parametrize("command", ["replay", "simulate"])
def test_docs_name_every_option_of_what_publishes(command: str) -> None:
    shown = text_of(DOCS / "operate.md", DOCS / "data.md")
    options = [name for option in main.commands[command].params for name in option.opts if name[:2] == "--"]
    assert len(options) >= 5
    assert not [name for name in options if name not in shown and name != "--resume"]


def test_docs_name_no_command_that_is_not_there() -> None:
    known = {command.split()[1] for command in commands(main)}
    written = set(re.findall(r"`(?:\.venv/bin/)?lakehouse ([a-z-]+)", text_of(*PAGES)))
    assert written - known == set()


@pytest.mark.parametrize("function", [f"ml.{function.name}" for function in FUNCTIONS] + [kernel.NAME])
def test_models_page_names_the_function(function: str) -> None:
    assert f"`{function}" in text_of(DOCS / "models.md")


def test_architecture_names_every_mart_and_report() -> None:
    shown = text_of(DOCS / "architecture.md")
    models = [*(ROOT / "models" / "marts").rglob("*.sql"), *(ROOT / "models" / "reports").rglob("*.sql")]
    names = {f"{'marts' if 'marts' in model.parts else 'reports'}.{model.stem}" for model in models}
    assert names
    assert {name for name in names if f"| `{name}` |" not in shown} == set()


def test_dashboards_page_names_every_board() -> None:
    shown = text_of(DOCS / "dashboards.md")
    boards = [
        yaml.safe_load(file.read_text()) for file in (ROOT / "superset/assets/dashboards").glob("*.yaml")
    ]
    assert boards
    for board in boards:
        assert f"## {board['dashboard_title']}" in shown
        assert f"/superset/dashboard/{board['slug']}/" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_index_links_every_page() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(text_of(DOCS / "index.md"))}
    assert {page for page in DOCS.rglob("*.md") if page.name != "index.md"} - linked == set()


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 120


def test_readme_maps_every_room() -> None:
    rooms = {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT}
    shown = text_of(README)
    assert {room for room in rooms if f"`{room}/`" not in shown} - {".ci", "requirements"} == set()


def test_no_file_names_this_machine_or_an_index() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {m[0]}"
            for n, t in enumerate(lines, 1)
            if (m := FOREIGN.search(t))
        ]
    assert found == []


def measured_table(name: str) -> str:
    """A benchmark's rows as docs/models.md shows them."""
    rows = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())[name]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    shown = [
        [f"{row[c]:,}" if isinstance(row.get(c), int) else str(row.get(c, "")) for c in columns]
        for row in rows
    ]
    head = [[column.replace("_", " ") for column in columns], ["---"] * len(columns)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [*head, *shown])


@pytest.mark.parametrize("name", ["recommend"])
def test_what_models_cost_is_what_was_measured(name: str) -> None:
    shown = text_of(DOCS / "models.md").split(f"<!-- {name}: begin -->")[1]
    found = shown.split(f"<!-- {name}: end -->")[0].strip()
    expected = measured_table(name)
    assert found == expected, f"put this between the marks in docs/models.md:\n\n{expected}\n"


def test_readme_figures_are_those_that_were_measured() -> None:
    results = ROOT / "benchmarks" / "results"
    landing = json.loads((results / "landing.json").read_text())["landing"]
    shown = text_of(README)
    assert f"{landing['events_per_second']:,} events a second" in shown
    assert f"{landing['cold_events_per_second']:,} events a second" in shown
    assert f"{landing['cpu_seconds_per_million']} CPU-seconds a million" in shown
    assert f"{landing['publisher_events_per_cpu_second']:,} events per CPU-second" in shown
    assert f"takes {landing['batch_seconds_p50']} s (median)" in shown
    usual, large = (json.loads((results / f"{name}.json").read_text()) for name in ("build", "build_10m"))
    build, ten = usual["build"], large["build"]
    runs, of_ten = build["runs"], ten["runs"]
    models = f"{runs['full']['models']} models"
    assert f"`dbt run`, {models}, {build['events']:,} events ({ten['events']:,}): whole" in shown
    whole, added = (
        f"{runs[n]['seconds']:.0f} s ({of_ten[n]['seconds']:,.0f} s)" for n in ("full", "increment")
    )
    assert f"{whole}; {added}; incremental models read" in shown
    assert f"with {build['increment']:,} ({ten['increment']:,}) of them new" in shown
    for what, told in (("rows_read", "times the rows"), ("bytes_read", "times the bytes")):
        by_events = (each[f"{what}_growth_of_incremental_models"] for each in (build, ten))
        assert "{:.1f} ({:.1f}) ".format(*by_events) + told in shown
    assert f"SQL alone (it is {runs['full']['overhead']})" in shown
    ratio, ratio_of_ten = build["cpu_times_duckdb"], ten["cpu_times_duckdb"]
    assert f"heaviest models ({ratio}; at ten million events {ratio_of_ten})" in shown
    for result in (usual, large):
        tasks = sum(row["increment: cpu"] for row in result["models"])
        gateway = result["build"]["runs"]["increment"]["gateway_cpu_seconds"]
        share = f"{result['build']['incremental_share_of_full']:.0%}".replace("%", " %")
        assert f"{share}: tasks are {tasks:.0f} of the {gateway:,.0f} CPU-seconds" in shown
    collector = json.loads((results / "collector.json").read_text())["collector"]
    for row in collector:
        assert f"{row['events_per_second']:,}" in shown
    simulated = json.loads((results / "simulate.json").read_text())["simulate"]
    assert f"{simulated['events_per_second']:,} events a second" in shown
    freshness = json.loads((results / "freshness.json").read_text())
    visible = next(row for row in freshness["milliseconds"] if row["span"] == "accepted -> visible")
    assert f"p50 {visible['p50'] / 1000:.1f} s, p95 {visible['p95'] / 1000:.1f} s" in shown
    boards = json.loads((results / "boards.json").read_text())
    one = [panel for panel in boards["milliseconds"] if panel["viewers"] == 1]
    for name in ("p50", "p95"):
        least, most = (end(panel[name] for panel in one) / 1000 for end in (min, max))
        assert f"{name} {least:.1f} to {most:.1f} s" in shown
    page = boards["page"]["refresh"]
    assert f"p50 {page['p50'] / 1000:.1f} s, p95 {page['p95'] / 1000:.1f} s; the gateway" in shown
    costs = boards["costs"]
    assert f"the gateway {costs['gateway']} times, Superset {costs['superset']} times" in shown
    viewer = next(phase for phase in boards["viewers"] if phase["viewers"] == 1)
    gateway, own = viewer["gateway_cpu_seconds"], viewer["superset_cpu_seconds"]
    assert f"costs the gateway {gateway} and Superset {own} CPU-seconds" in shown
    scored = json.loads((results / "customers.json").read_text())
    whole, again = (
        round(scored[name]["seconds"])
        for name in ("scores with reasons", "the same again, where nothing changed")
    )
    assert f"take {whole} s, and {again} s where nothing changed" in text_of(DOCS / "models.md")
    idle = json.loads((results / "idle.json").read_text())["idle"]
    memory, cpu = sum(row["memory_mib"] for row in idle), sum(row["cpu_percent"] for row in idle)
    assert f"{memory:,} MiB, {cpu:.1f} % of one core" in shown
