"""What Superset exports opens in a spreadsheet as text: SQL Lab's files, its streams, and charts'."""

import csv
import io
import re
import secrets
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lakehouse import dashboards
from tests.conftest import Stack

pytestmark = pytest.mark.e2e

SQL = "select * from values ('=1+1', -1), ('+cmd|calc', -2), ('plain', -3) as t (`=name`, n)"
EXPECTED = [["'=name", "n"], ["'+cmd|calc", "-2"], ["'=1+1", "-1"], ["plain", "-3"]]


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[httpx.Client]:
    """Superset's API, with the boards pushed; no mart is needed."""
    dashboards.push(stack.settings)
    with dashboards.connected(stack.settings) as client:
        yield client


@pytest.fixture(scope="module")
def asked(api: httpx.Client) -> dict[str, Any]:
    """A query that SQL Lab has run."""
    found = api.get("/api/v1/database/").raise_for_status().json()["result"]
    body = {"database_id": found[0]["id"], "sql": SQL, "schema": "raw", "runAsync": False}
    body["client_id"] = secrets.token_hex(5)
    query: dict[str, Any] = api.post("/api/v1/sqllab/execute/", json=body).raise_for_status().json()["query"]
    return query


def rows(text: str) -> list[list[str]]:
    """The header, then the lines in order."""
    header, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    return [header, *sorted(lines)]


def export(api: httpx.Client, asked: dict[str, Any], form: str, *steps: dict[str, Any]) -> httpx.Response:
    """What a chart of that query exports, after these steps of post-processing."""
    question = {"columns": ["=name", "n"], "metrics": [], "row_limit": 100, "post_processing": list(steps)}
    body = {"datasource": {"id": asked["queryId"], "type": "query"}, "queries": [question]}
    body |= {"result_format": form, "result_type": "full", "force": True}
    return api.post("/api/v1/chart/data", json=body).raise_for_status()


def test_sql_lab_exports_no_formula(api: httpx.Client, asked: dict[str, Any]) -> None:
    answer = api.get(f"/api/v1/sqllab/export/{asked['id']}/").raise_for_status()
    assert rows(answer.text) == EXPECTED


def test_sql_lab_streams_no_formula(api: httpx.Client, asked: dict[str, Any]) -> None:
    form = {"client_id": asked["id"], "filename": "asked.csv"}
    answer = api.post("/api/v1/sqllab/export_streaming/", data=form).raise_for_status()
    assert rows(answer.text) == EXPECTED


def test_a_chart_exports_no_formula(api: httpx.Client, asked: dict[str, Any]) -> None:
    assert rows(export(api, asked, "csv").text) == EXPECTED


def test_a_sorted_chart_exports_no_formula(api: httpx.Client, asked: dict[str, Any]) -> None:
    """Superset's own escaping takes positions for names, and gives sorted rows each other's texts."""
    step = {"operation": "sort", "options": {"by": ["n"], "ascending": True}}
    cells = [line[-2:] for line in rows(export(api, asked, "csv", step).text)]
    assert sorted(cells) == sorted(EXPECTED)


def test_a_workbook_has_no_formula(api: httpx.Client, asked: dict[str, Any]) -> None:
    with zipfile.ZipFile(io.BytesIO(export(api, asked, "xlsx").content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = re.findall(r"<t[^>]*>([^<]*)</t>", book.read("xl/sharedStrings.xml").decode())
    assert "<f>" not in sheet
    assert {line[0] for line in EXPECTED} <= set(texts)
