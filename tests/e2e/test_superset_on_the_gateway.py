"""Superset understands the gateway, and its pages call nobody else."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from lakehouse.dashboards import connected
from lakehouse.warehouse import query

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def api(stack: Any, overview: str) -> Iterator[httpx.Client]:
    """Superset's API, with the boards pushed."""
    with connected(stack.settings) as client:
        yield client


@pytest.fixture(scope="module")
def database(api: httpx.Client) -> int:
    """Number of the lakehouse in this Superset."""
    found = api.get("/api/v1/database/").json()["result"]
    return int(next(entry["id"] for entry in found if entry["database_name"] == "Lakehouse"))


def listed(api: httpx.Client, database: int, schema: str) -> dict[str, str]:
    """Name -> table or view, as SQL Lab lists a schema."""
    answer = api.get(f"/api/v1/database/{database}/tables/?q=(force:!t,schema_name:{schema})")
    return {entry["value"]: entry["type"] for entry in answer.json()["result"]}


def test_pages_may_load_from_and_call_this_server_alone(api: httpx.Client, stack: Any) -> None:
    policy = api.get("/login/").headers["content-security-policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";") if rule.strip())
    assert rules["default-src"] == "'self'"
    # Pages that may show a board in a frame are named by the settings.
    assert rules.pop("frame-ancestors") == f"'self' {stack.settings.dashboards_embed_origins}"
    assert not [word for rule in rules.values() for word in rule.split() if "." in word or "*" in word]


def test_sql_lab_lists_schemas_tables_and_views_by_their_names(api: httpx.Client, database: int) -> None:
    schemas = api.get(f"/api/v1/database/{database}/schemas/").json()["result"]
    assert {"raw", "marts", "reports"} <= set(schemas)
    marts = listed(api, database, "marts")
    assert marts["fct_orders"] == "table"
    assert marts["fct_events"] == "view"
    assert "marts" not in marts, "the first column of SHOW TABLES is the schema, not a table"


def test_sql_lab_answers_a_query(api: httpx.Client, database: int, stack: Any) -> None:
    sql = "select count(*) as days from reports.rpt_overview"
    body = {"database_id": database, "sql": sql, "schema": "reports", "runAsync": False}
    answer = api.post("/api/v1/sqllab/execute/", json=body)
    assert answer.json()["data"] == query(sql, stack.settings)


def test_sql_lab_refuses_to_write(api: httpx.Client, database: int) -> None:
    body = {"database_id": database, "sql": "create schema written_by_sql_lab", "runAsync": False}
    answer = api.post("/api/v1/sqllab/execute/", json=body)
    assert "DML_NOT_ALLOWED_ERROR" in answer.text


@pytest.mark.parametrize(
    ("grain", "spark"), [("P1W", "week"), ("P1M", "month"), ("P3M", "quarter"), ("P1Y", "year")]
)
def test_a_chart_sums_by_the_same_grain_as_the_mart(
    api: httpx.Client, stack: Any, grain: str, spark: str
) -> None:
    datasets = api.get("/api/v1/dataset/", params={"q": "(page_size:100)"}).json()["result"]
    dataset = next(entry["id"] for entry in datasets if entry["table_name"] == "rpt_overview")
    axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": "activity_date"}
    column = axis | {"sqlExpression": "activity_date", "timeGrain": grain}
    body = {
        "datasource": {"id": dataset, "type": "table"},
        "queries": [{"columns": [column], "metrics": ["total_revenue"], "row_limit": 10_000}],
    }
    answer = api.post("/api/v1/chart/data", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    drawn = {
        dt.datetime.fromtimestamp(row["activity_date"] / 1000, dt.UTC).date().isoformat(): row[
            "total_revenue"
        ]
        for row in answer.json()["result"][0]["data"]
    }
    rows = query(
        f"""
        select
            cast(date_trunc('{spark}', activity_date) as date) as start,
            sum(revenue) as revenue
        from reports.rpt_overview
        group by start
        """,
        stack.settings,
    )
    assert rows, "the stack has no marts"
    assert drawn.keys() == {str(row["start"]) for row in rows}
    for row in rows:
        assert Decimal(str(drawn[str(row["start"])])) == pytest.approx(row["revenue"], abs=Decimal("0.01"))
