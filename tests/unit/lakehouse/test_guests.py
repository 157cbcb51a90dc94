"""A guest of an embedded board asks what its charts ask; the page of the sample names what it needs."""

import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse.dashboard_embed import page, sample
from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import ROOT, Settings

SPEC = importlib.util.spec_from_file_location("guests", ROOT / "superset" / "lakehouse_guests.py")
assert SPEC is not None
assert SPEC.loader is not None
guests = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(guests)

PARAMS = {"x_axis": "activity_date", "metrics": ["revenue"], "groupby": ["source"], "x_axis_sort": None}
METADATA = {
    "native_filter_configuration": [
        {"id": "period", "targets": [{}]},
        {"id": "country", "targets": [{"column": {"name": "country"}}]},
    ]
}
AXIS = {"columnType": "BASE_AXIS", "sqlExpression": "activity_date", "timeGrain": "P1W"}
OWN_SQL = {"expressionType": "SQL", "sqlExpression": "max(customer_id)", "label": "revenue"}


def query(**asked: Any) -> Any:
    """What the chart asks, with changes, as Superset reads it."""
    whole = {"columns": [AXIS, "source"], "metrics": ["revenue"], "orderby": [["revenue", False]]}
    return SimpleNamespace(**whole | asked)


@pytest.mark.parametrize("asked", [{}, {"columns": None}, {"metrics": None, "orderby": None}])
def test_a_guest_may_ask_what_the_chart_asks(asked: dict[str, Any]) -> None:
    assert not guests.asks_more([query(**asked)], guests.names_of_chart(PARAMS))


@pytest.mark.parametrize(
    "asked",
    [
        {"columns": ["customer_id"]},
        {"columns": [AXIS | {"sqlExpression": "customer_id"}]},
        {"columns": [{"expressionType": "SQL", "sqlExpression": "source", "label": "source"}]},
        {"metrics": ["revenue", "refunds"]},
        {"metrics": [OWN_SQL]},
        {"orderby": [[OWN_SQL, True]]},
        {"orderby": [["refunds", True]]},
        {"columns": [], "metrics": None, "orderby": []},  # all columns
    ],
)
@pytest.mark.parametrize("params", [PARAMS, PARAMS | {"columns": [OWN_SQL]}])
def test_a_guest_may_not_ask_more(asked: dict[str, Any], params: dict[str, Any]) -> None:
    assert guests.asks_more([query(**asked)], guests.names_of_chart(params))


def test_a_filter_asks_its_own_column() -> None:
    own = query(columns=["country"], metrics=[], orderby=[["country", True]])
    assert not guests.asks_more([own], guests.names_of_filter(METADATA, "country"))
    assert guests.asks_more([own], guests.names_of_filter(METADATA, "period"))
    assert guests.asks_more([own], guests.names_of_filter({}, "country"))
    assert guests.asks_more([query(columns=["country"])], guests.names_of_filter(METADATA, "country"))


@pytest.mark.parametrize(
    "origin", ["127.0.0.1:8091", "http://a b", "http://a;", "http://a/b", "*", "http://*.a"]
)
def test_what_is_no_origin_does_not_get_into_the_header(origin: str) -> None:
    with pytest.raises(UserError, match="which is no origin"):
        superset.embed_origins(Settings(dashboards_embed_origins=f"https://shop.example, {origin}"))


def test_origins_are_told_to_superset() -> None:
    settings = Settings(dashboards_embed_origins="https://shop.example, http://127.0.0.1:8091,")
    shown = superset.environment(settings)["LAKEHOUSE_SUPERSET_EMBED_ORIGINS"]
    assert shown == "https://shop.example http://127.0.0.1:8091"


@pytest.mark.parametrize("origins", ["", "https://shop.example", "http://127.0.0.1"])
def test_the_sample_needs_a_port_of_this_machine(origins: str) -> None:
    with pytest.raises(UserError, match=r"names no port of 127\.0\.0\.1"):
        sample(Settings(dashboards_embed_origins=origins), "overview")


def test_the_page_names_the_board_and_its_server() -> None:
    shown = page(Settings(superset_port=1234), "overview", "u-1")
    assert 'const superset = "http://127.0.0.1:1234";' in shown
    assert "frame.src = `${superset}/embedded/u-1`" in shown
