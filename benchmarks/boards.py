"""What viewers of the Live board wait for, and what they cost: `python -m benchmarks.boards`.

Asks Superset of the lakehouse that the settings name, as the board's page does, and opens the page itself in
a browser, while the simulator sends. The boards must be pushed, and dbt's live views be there.
"""

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.load import percentiles
from lakehouse import dashboards, printing
from lakehouse.board_links import link
from lakehouse.dashboard_users import grant
from lakehouse.errors import UserError
from lakehouse.servers import stack, superset
from lakehouse.settings import Settings, get_settings
from lakehouse.tables import SIMULATED
from tests.board_page import BOARDS, open_board, shown_charts
from tests.e2e.conftest import log_in, start_chromium
from tests.questions import DATASETS, asked, numbers

BOARD = "live"
REFRESH_SECONDS = BOARDS[BOARD]["metadata"]["refresh_frequency"]
CONNECTIONS = 6  # as many as a browser opens to one server
WARM_UP_SECONDS = 30
PAUSE_MILLISECONDS = 500  # between what is asked together and what is asked next
COSTLY = ("gateway", "superset")
# Number of the chart, when it was asked for and when its answer had come, of all that the page asked.
ASKED = """
    const asked = performance.getEntriesByType('resource').filter(each => each.name.includes('chart/data'));
    return asked.map(each =>
        [new URL(each.name).searchParams.get('form_data'), each.startTime, each.responseEnd]);
"""


@dataclass
class Seen:
    """Seconds: each panel's answers, and from one refresh of the whole board to the next."""

    panels: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    periods: list[float] = field(default_factory=list)


def questions(settings: Settings) -> dict[str, Any]:
    """Title -> what the page asks for this panel, with its source chosen."""
    with dashboards.connected(settings) as client:
        known = numbers(client)
    found = {}
    for chart in shown_charts(BOARD):
        body = asked(chart, known[DATASETS[chart["dataset_uuid"]]["table_name"]])
        body["force"] = False  # as a board that refreshes by itself
        body["queries"][0]["filters"] = [{"col": "source", "op": "IN", "val": [SIMULATED]}]
        found[chart["slice_name"]] = body
    return found


@contextmanager
def sending(rate: float) -> Iterator[None]:
    """The simulator at this rate, as a process of its own."""
    command = [str(Path(sys.executable).with_name("lakehouse")), "simulate", "--rate", f"{rate:g}"]
    process = subprocess.Popen([*command, "--processes", "1"], stdout=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            raise UserError("The simulator ended before the measurement did.")
    finally:
        process.terminate()
        process.wait()


async def view(client: httpx.AsyncClient, bodies: dict[str, Any], until: float) -> Seen:
    """One page: all panels at once, and again two seconds after the last of them came."""
    seen = Seen()

    async def panel(title: str, body: Any) -> None:
        began = time.monotonic()
        (await client.post("/api/v1/chart/data", json=body)).raise_for_status()
        seen.panels[title].append(time.monotonic() - began)

    began = time.monotonic()
    while began < until:
        await asyncio.gather(*(panel(*each) for each in bodies.items()))
        await asyncio.sleep(REFRESH_SECONDS)
        now = time.monotonic()
        seen.periods.append(now - began)
        began = now
    return seen


async def watch(settings: Settings, names: dict[str, str], bodies: dict[str, Any], seconds: float) -> Seen:
    """All of these viewers for so long; what they saw together, after a warm-up of the first."""
    limits = httpx.Limits(max_connections=CONNECTIONS)
    clients = [
        httpx.AsyncClient(base_url=superset.url(settings), timeout=120, trust_env=False, limits=limits)
        for _ in names
    ]
    try:
        for client, (name, password) in zip(clients, names.items(), strict=True):
            who = {"username": name, "password": password, "provider": "db", "refresh": False}
            answer = (await client.post("/api/v1/security/login", json=who)).raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        until = time.monotonic() + seconds
        pages = await asyncio.gather(*(view(client, bodies, until) for client in clients))
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))
    together = Seen()
    for page in pages:
        together.periods += page.periods
        for title, answers in page.panels.items():
            together.panels[title] += answers
    return together


def refreshes(asked: list[tuple[str, float, float]]) -> list[tuple[float, float]]:
    """When each refresh of the whole board began and ended: all panels, asked at once after a pause."""
    groups: list[list[tuple[str, float, float]]] = []
    for each in sorted(asked, key=lambda each: each[1]):
        if not groups or each[1] - groups[-1][-1][1] > PAUSE_MILLISECONDS:
            groups.append([])
        groups[-1].append(each)
    panels = {panel for panel, _, _ in asked}
    whole = [group for group in groups if {panel for panel, _, _ in group} == panels]
    return [(group[0][1], max(ended for _, _, ended in group)) for group in whole]


def in_a_browser(settings: Settings, seconds: float) -> dict[str, Any]:
    """Milliseconds of the page itself: a refresh of the whole board, and from one to the next."""
    with tempfile.TemporaryDirectory() as profile:
        browser = start_chromium(Path(profile))
        try:
            log_in(browser, superset.url(settings), superset.admin_password(settings))
            open_board(browser, link(settings, BOARD, source=SIMULATED), BOARD)
            time.sleep(WARM_UP_SECONDS)
            browser.execute_script(
                "performance.setResourceTimingBufferSize(1e6); performance.clearResourceTimings()"
            )
            time.sleep(seconds)
            asked = browser.execute_script(ASKED)
        finally:
            browser.quit()
    found = [(began / 1000, ended / 1000) for began, ended in refreshes(asked)]
    starts = [began for began, _ in found]
    return {
        "refreshes": len(found),
        "refresh": percentiles(ended - began for began, ended in found),
        "period": percentiles(after - before for before, after in pairwise(starts)),
    }


def cpu(settings: Settings) -> dict[str, float]:
    """CPU seconds so far of what viewers cost."""
    pids = {process["name"]: process["pid"] for process in stack.processes(settings)}
    return {name: machine.cpu_seconds(pids[name]) for name in COSTLY}


@contextmanager
def viewers(settings: Settings, count: int) -> Iterator[dict[str, str]]:
    """New business users with their passwords, taken away afterwards."""
    names = {f"viewer {secrets.token_hex(4)}": "" for _ in range(count)}
    try:
        for name in names:
            names[name] = grant(settings, name, "business") or ""
        yield names
    finally:
        with dashboards.connected(settings) as client:
            query = {"q": "(page_size:1000,columns:!(id,username))"}
            there = client.get("/api/v1/security/users/", params=query).raise_for_status().json()["result"]
            for user in there:
                if user["username"] in names:
                    client.delete(f"/api/v1/security/users/{user['id']}").raise_for_status()


def cost_ratio(phases: list[dict[str, Any]], column: str) -> float:
    """What many viewers cost by what one costs, above what is spent without any."""
    none, one, many = (phase[column] for phase in phases)
    return round((many - none) / (one - none), 2)


def measure(settings: Settings, rate: float, seconds: float, count: int) -> dict[str, Any]:
    """The same time without viewers, with one and with `count` of them."""
    about, bodies = machine.facts(settings), questions(settings)
    phases, panels = [], []
    with viewers(settings, count) as names, sending(rate):
        first = dict(list(names.items())[:1])
        asyncio.run(watch(settings, first, bodies, WARM_UP_SECONDS))
        for chosen in ({}, first, names):
            before = cpu(settings)
            if chosen:
                seen = asyncio.run(watch(settings, chosen, bodies, seconds))
            else:
                time.sleep(seconds)
                seen = Seen()
            cost = {f"{name}_cpu_seconds": round(cpu(settings)[name] - before[name], 1) for name in COSTLY}
            period = percentiles(seen.periods) if seen.periods else {}
            phases.append({"viewers": len(chosen), **{f"period_{k}": v for k, v in period.items()}, **cost})
            panels += [
                {"viewers": len(chosen), "panel": title, **percentiles(answers)}
                for title, answers in seen.panels.items()
            ]
        page = in_a_browser(settings, seconds)
    return {
        "machine": about,
        "events_per_second": rate,
        "seconds": seconds,
        "refresh_seconds": REFRESH_SECONDS,
        "milliseconds": panels,
        "viewers": phases,
        "costs": {name: cost_ratio(phases, f"{name}_cpu_seconds") for name in COSTLY},
        "page": page,
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boards", description=__doc__)
    parser.add_argument("--rate", type=float, default=1_000, help="events per second (default: 1,000)")
    parser.add_argument("--seconds", type=float, default=60, help="how long each (default: 60)")
    parser.add_argument("--viewers", type=int, default=20, help="the many (default: 20)")
    chosen = parser.parse_args()
    try:
        result = measure(get_settings(), chosen.rate, chosen.seconds, chosen.viewers)
    except UserError as error:
        raise SystemExit(str(error)) from None
    machine.keep("boards", result)
    printing.show_table(result["milliseconds"], count=False)
    printing.show_table(result["viewers"], count=False)
    printing.show_table(
        [{"many by one": name, "cpu": cost} for name, cost in result["costs"].items()], count=False
    )
    printing.show_table(
        [{"page": name, **result["page"][name]} for name in ("refresh", "period")], count=False
    )


if __name__ == "__main__":
    main()
