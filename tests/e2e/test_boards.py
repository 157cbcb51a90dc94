"""Every chart of every board draws what its mart holds, for those who may see it and for nobody else."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from lakehouse import dashboards
from lakehouse.assets import of_kind
from lakehouse.dashboard_users import grant
from lakehouse.servers import superset
from lakehouse.warehouse import query
from tests.conftest import Stack
from tests.made import SHOP
from tests.questions import CHARTS, DATASETS, FOUND, asked, by_sql, measures, numbers

pytestmark = pytest.mark.e2e


def total(values: list[Any]) -> Decimal:
    """What two answers must have in common, whatever order their rows come in."""
    return round(sum((Decimal(str(value)) for value in values if value is not None), Decimal()), 2)


@contextmanager
def client_of(stack: Stack, name: str, password: str) -> Iterator[httpx.Client]:
    """The API as this user."""
    url = superset.url(stack.settings)
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        identity = {"username": name, "password": password, "provider": "db", "refresh": False}
        login = client.post("/api/v1/security/login", json=identity).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        token = client.get("/api/v1/security/csrf_token/").raise_for_status().json()["result"]
        client.headers.update({"X-CSRFToken": token, "Referer": url})
        yield client


def ask_sql(client: httpx.Client, sql: str) -> httpx.Response:
    """As SQL Lab does."""
    found = client.get("/api/v1/database/").raise_for_status().json()["result"]
    question = {"database_id": found[0]["id"] if found else 1, "sql": sql, "schema": "reports"}
    question |= {"runAsync": False, "client_id": secrets.token_hex(5)}
    return client.post("/api/v1/sqllab/execute/", json=question)


@pytest.fixture(scope="module")
def pushed(marts: Stack) -> Stack:
    dashboards.push(marts.settings)
    return marts


def test_every_chart_answers_what_its_mart_holds(pushed: Stack) -> None:
    """Live charts look at the last minutes, which move on between two questions: only that they answer."""
    wrong, filled = [], set()
    with dashboards.connected(pushed.settings) as client:
        known = numbers(client)
        for path, chart in CHARTS.items():
            dataset = DATASETS[chart["dataset_uuid"]]
            answer = client.post("/api/v1/chart/data", json=asked(chart, known[dataset["table_name"]]))
            if answer.is_error:
                wrong.append(f"{path}: {answer.text[:300]}")
                continue
            rows = answer.json()["result"][0]["data"]
            filled |= {path} if rows else set()
            if dataset["schema"] == "staging":
                continue
            expected = query(by_sql(chart), pushed.settings)
            if len(rows) != len(expected):
                wrong.append(f"{path}: {len(rows)} rows, {len(expected)} in the mart")
            for place, name in enumerate(measures(chart["params"])):
                drawn = [row[name] for row in rows]
                held = [row[f"m{place}"] for row in expected]
                if any(isinstance(value, str) for value in held):
                    continue  # a time, which Superset tells in milliseconds
                if total(drawn) != total(held):
                    wrong.append(f"{path}: {name} is {total(drawn)}, {total(held)} in the mart")
    assert wrong == []
    # A made shop has no campaigns and few visits; these it must have, or the comparison says nothing.
    names = ("revenue_trend", "top_products", "rfm_segments", "rfm_grid")
    assert filled >= {f"charts/{name}.yaml" for name in names}


def test_a_board_that_refreshes_fills_no_log(pushed: Stack) -> None:
    """What people do is kept for good; a panel is asked for every few seconds by every open page."""
    chart = CHARTS["charts/live_events.yaml"]
    with dashboards.connected(pushed.settings) as client:
        number = numbers(client)[DATASETS[chart["dataset_uuid"]]["table_name"]]
        client.post("/api/v1/chart/data", json=asked(chart, number)).raise_for_status()
    with closing(sqlite3.connect(pushed.settings.state / "superset" / "superset.db")) as metadata:
        logged = {action for (action,) in metadata.execute("select distinct action from logs")}
    assert logged, "of what people do, the push is something"
    assert not [action for action in logged if action.startswith("ChartDataRestApi")]


def test_who_sees_one_source_sees_it_alone(pushed: Stack) -> None:
    """In charts, exports and SQL Lab alike; and nothing at all, once it is another source."""
    password = grant(pushed.settings, "narrow", "analyst", sources=[SHOP])
    assert password is not None
    held = {row["source"] for row in pushed.query("select distinct source from reports.rpt_overview")}
    assert SHOP in held
    with client_of(pushed, "narrow", password) as client:
        assert sources_seen(client) == ({SHOP}, {SHOP}, {SHOP})
    assert grant(pushed.settings, "narrow", "analyst", sources=["elsewhere"]) is None
    with client_of(pushed, "narrow", password) as client:
        assert sources_seen(client) == (set(), set(), set())


def sources_seen(client: httpx.Client) -> tuple[set[str], set[str], set[str]]:
    """What a chart draws, what it exports, and what SQL Lab answers."""
    question = {"columns": ["source"], "metrics": ["total_orders"], "row_limit": 100}
    body = {"queries": [question], "result_format": "json", "result_type": "full"}
    body |= {"datasource": {"id": numbers(client)["rpt_overview"], "type": "table"}}
    drawn = client.post("/api/v1/chart/data", json=body).raise_for_status().json()["result"][0]["data"]
    export = client.post("/api/v1/chart/data", json=body | {"result_format": "csv"}).raise_for_status()
    asked_for = ask_sql(client, "select distinct source from reports.rpt_overview").raise_for_status()
    lines = [line.split(",")[0] for line in export.text.strip().splitlines()]
    return (
        {row["source"] for row in drawn},
        {name for name in lines[1:] if name},
        {row["source"] for row in asked_for.json()["data"]},
    )


def test_analysts_ask_marts_and_nothing_beneath(pushed: Stack) -> None:
    password = grant(pushed.settings, "asking", "analyst")
    assert password is not None
    with client_of(pushed, "asking", password) as client:
        assert ask_sql(client, "select count(*) as n from marts.fct_orders").json()["data"][0]["n"] > 0
        for sql in (
            "select count(*) from raw.events",
            "select * from delta.`/lakehouse/raw/events`",
            "select reflect('java.lang.System', 'getenv', 'HOME')",
            "drop table marts.fct_orders",
        ):
            assert ask_sql(client, sql).is_error, sql


def test_business_users_look_and_do_not_ask(pushed: Stack) -> None:
    password = grant(pushed.settings, "looking", "business")
    assert password is not None
    with client_of(pushed, "looking", password) as client:
        boards = client.get("/api/v1/dashboard/").raise_for_status().json()["result"]
        assert {board["slug"] for board in boards} == {
            b["slug"] for b in of_kind(FOUND, "dashboards").values()
        }
        assert ask_sql(client, "select 1").status_code == httpx.codes.FORBIDDEN
