"""A guest of an embedded board: that board alone, those rows alone, in a frame of allowed pages alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome

from lakehouse import dashboards
from lakehouse.dashboard_embed import Guest, invite, sample
from lakehouse.errors import UserError
from lakehouse.servers import superset
from tests import questions
from tests.board_page import BOARDS, look, shown_charts, titles
from tests.conftest import Stack
from tests.made import SHOP
from tests.questions import CHARTS, DATASETS, numbers

pytestmark = pytest.mark.e2e

BOARD, OTHER = "overview", "sales"
CHART = CHARTS["charts/customers_total.yaml"]


@pytest.fixture(scope="module")
def pushed(marts: Stack) -> Stack:
    dashboards.push(marts.settings)
    return marts


@contextmanager
def client_of(stack: Stack, guest: Guest) -> Iterator[httpx.Client]:
    """The API as the guest's page uses it."""
    headers = {"X-GuestToken": guest.token}
    url = superset.url(stack.settings)
    with httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
        yield client


def ids(stack: Stack) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Superset's numbers of boards by slug, charts by title and datasets by table."""
    with dashboards.connected(stack.settings) as client:
        query = {"q": "(page_size:100)"}
        boards = client.get("/api/v1/dashboard/", params=query).raise_for_status().json()["result"]
        charts = client.get("/api/v1/chart/", params=query).raise_for_status().json()["result"]
        return (
            {board["slug"]: board["id"] for board in boards},
            {chart["slice_name"]: chart["id"] for chart in charts},
            numbers(client),
        )


def asked(stack: Stack, **query: Any) -> dict[str, Any]:
    """What the board's page asks for the number of customers, with these columns and measures."""
    boards, charts, datasets = ids(stack)
    table = DATASETS[CHART["dataset_uuid"]]["table_name"]
    return {
        "datasource": {"id": datasets[table], "type": "table"},
        "queries": [{"columns": [], "metrics": [CHART["params"]["metric"]]} | query],
        "form_data": {"slice_id": charts[CHART["slice_name"]], "dashboardId": boards[BOARD]},
        "result_format": "json",
        "result_type": "full",
    }


def drawn(stack: Stack, *sources: str) -> Any:
    """What the chart shows to a guest of these sources."""
    with client_of(stack, invite(stack.settings, BOARD, sources)) as client:
        answer = client.post("/api/v1/chart/data", json=asked(stack)).raise_for_status()
    (row,) = answer.json()["result"][0]["data"]
    return row[CHART["params"]["metric"]]


def test_a_guest_of_one_source_sees_it_alone(pushed: Stack) -> None:
    metric = next(
        m["expression"]
        for m in DATASETS[CHART["dataset_uuid"]]["metrics"]
        if m["metric_name"] == CHART["params"]["metric"]
    )
    held = pushed.query(f"select {metric} as n from reports.rpt_overview where source = '{SHOP}'")[0]["n"]
    assert held
    assert drawn(pushed, SHOP) == held
    assert not drawn(pushed, "elsewhere")


def test_a_guest_sees_no_other_board_and_asks_nothing_else(pushed: Stack) -> None:
    boards, charts, _ = ids(pushed)
    with client_of(pushed, invite(pushed.settings, BOARD, [SHOP])) as client:
        listed = client.get("/api/v1/dashboard/").raise_for_status().json()["result"]
        assert [board["slug"] for board in listed] == [BOARD]
        assert client.get(f"/api/v1/dashboard/{boards[BOARD]}").is_success
        assert client.get(f"/api/v1/dashboard/{boards[OTHER]}").is_error
        elsewhere = asked(pushed)
        elsewhere["form_data"]["dashboardId"] = boards[OTHER]
        foreign = asked(pushed)
        foreign["form_data"]["slice_id"] = charts["How much was sold?"]
        nowhere = asked(pushed)
        del nowhere["form_data"]
        more = asked(pushed, columns=["source"])
        drill = asked(pushed, columns=["source"], metrics=[])
        del drill["form_data"]["slice_id"]
        for body in (elsewhere, foreign, nowhere, more, drill):
            answer = client.post("/api/v1/chart/data", json=body)
            assert answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED), answer.text
        for path in ("/api/v1/database/", "/api/v1/security/users/", "/api/v1/sqllab/"):
            assert client.get(path).is_error, path


@pytest.mark.parametrize("slug", BOARDS)
def test_every_panel_of_every_board_answers_its_guests(pushed: Stack, slug: str) -> None:
    boards, charts, datasets = ids(pushed)
    refused = {}
    with client_of(pushed, invite(pushed.settings, slug, [SHOP])) as client:
        for chart in shown_charts(slug):
            title = chart["slice_name"]
            body = questions.asked(chart, datasets[DATASETS[chart["dataset_uuid"]]["table_name"]])
            body["form_data"] = {"slice_id": charts[title], "dashboardId": boards[slug]}
            answer = client.post("/api/v1/chart/data", json=body)
            if answer.is_error:
                refused[title] = answer.text
    assert refused == {}


def test_a_token_of_somebody_else_opens_nothing(pushed: Stack) -> None:
    guest = invite(pushed.settings, BOARD, [SHOP])
    with client_of(pushed, guest._replace(token=guest.token[:-3] + "abc")) as client:
        assert (
            client.get("/api/v1/dashboard/").is_error or not client.get("/api/v1/dashboard/").json()["result"]
        )
        assert client.post("/api/v1/chart/data", json=asked(pushed)).is_error


def test_only_allowed_pages_get_the_frame(pushed: Stack) -> None:
    guest = invite(pushed.settings, BOARD, [SHOP])
    address = f"{superset.url(pushed.settings)}/embedded/{guest.uuid}"
    (origin,) = superset.embed_origins(pushed.settings)
    allowed = httpx.get(address, headers={"Referer": f"{origin}/"}, trust_env=False)
    assert allowed.is_success
    ancestors = next(
        rule for rule in allowed.headers["Content-Security-Policy"].split("; ") if "frame-ancestors" in rule
    )
    assert ancestors == f"frame-ancestors 'self' {origin}"
    foreign = httpx.get(address, headers={"Referer": "http://elsewhere.example/"}, trust_env=False)
    assert foreign.status_code == httpx.codes.FORBIDDEN
    with pytest.raises(UserError, match="has no board nowhere"):
        invite(pushed.settings, "nowhere")


def test_the_sample_shows_every_panel_of_the_board(pushed: Stack, chromium: Chrome) -> None:
    with sample(pushed.settings, BOARD, [SHOP]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/"
            assert (
                httpx.get(address, headers={"Host": "elsewhere.example"}).status_code == httpx.codes.FORBIDDEN
            )
            chromium.get(address)
            chromium.switch_to.frame(chromium.find_element("css selector", "iframe"))
            shown = look(chromium, titles(BOARD), 120)
        finally:
            server.shutdown()
            chromium.switch_to.default_content()
    assert shown.complaints == []
    assert shown.drawn == titles(BOARD)
