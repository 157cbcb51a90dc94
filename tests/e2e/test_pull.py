"""What was changed in the browser comes back as its lines, from the real Superset."""

import copy
import difflib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakehouse import dashboards
from lakehouse.assets import ASSETS, asset_uuid
from lakehouse.dashboard_pull import pull
from lakehouse.errors import UserError
from tests.conftest import Stack

pytestmark = pytest.mark.e2e

CHART, BOARD = "charts/revenue_trend.yaml", "dashboards/segmentation.yaml"
TITLE = "How does weekly revenue develop?"


@pytest.fixture(scope="module")
def pushed(marts: Stack) -> Iterator[Stack]:
    """At the end Superset holds the committed files again."""
    dashboards.push(marts.settings)
    yield marts
    dashboards.push(marts.settings)


@pytest.fixture
def client(pushed: Stack) -> Iterator[httpx.Client]:
    """What the browser saves with."""
    with dashboards.connected(pushed.settings) as client:
        yield client


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A copy of the committed files."""
    return Path(shutil.copytree(ASSETS, tmp_path / "assets"))


def difference(assets: Path) -> list[str]:
    """Path and line of all that is not as committed."""
    found = []
    for file in sorted(ASSETS.rglob("*.yaml")):
        path = file.relative_to(ASSETS)
        lines = difflib.unified_diff(
            file.read_text().splitlines(), (assets / path).read_text().splitlines(), n=0, lineterm=""
        )
        found += [f"{path}: {line}" for line in lines if not line.startswith(("---", "+++", "@@"))]
    return found


def number(client: httpx.Client, kind: str, path: str) -> int:
    """Superset's number of what lies in this file."""
    answer = client.get(f"/api/v1/{kind}/", params={"q": "(page_size:200,columns:!(id,uuid))"})
    rows = answer.raise_for_status().json()["result"]
    return next(int(row["id"]) for row in rows if row["uuid"] == asset_uuid(path))


@contextmanager
def saved(client: httpx.Client, kind: str, path: str, change: dict[str, Any]) -> Iterator[None]:
    """A chart or board with this change saved; at the end it is as it was."""
    place = f"/api/v1/{kind}/{number(client, kind, path)}"
    told = client.get(place).raise_for_status().json()["result"]
    client.put(place, json=change).raise_for_status()
    yield
    client.put(place, json={name: told[name] for name in change}).raise_for_status()


@contextmanager
def board_saved(
    client: httpx.Client, change: Callable[[dict[str, Any], dict[str, Any]], None]
) -> Iterator[None]:
    """The board with its layout and metadata changed, as the browser saves them."""
    place = f"/api/v1/dashboard/{number(client, 'dashboard', BOARD)}"
    told = client.get(place).raise_for_status().json()["result"]
    position, metadata = json.loads(told["position_json"]), json.loads(told["json_metadata"])
    before = {"json_metadata": json.dumps(metadata | {"positions": copy.deepcopy(position)})}
    change(position, metadata)
    client.put(
        place, json={"json_metadata": json.dumps(metadata | {"positions": position})}
    ).raise_for_status()
    yield
    client.put(place, json=before).raise_for_status()


def test_a_pull_after_a_push_changes_no_byte(pushed: Stack, assets: Path) -> None:
    assert pull(pushed.settings, assets) == []
    assert difference(assets) == []


def test_a_title_changed_in_the_browser_is_one_line(
    pushed: Stack, client: httpx.Client, assets: Path
) -> None:
    """And pushing that changes nothing more."""
    changes = [f"{CHART}: -slice_name: {TITLE}", f"{CHART}: +slice_name: Does revenue grow?"]
    with saved(client, "chart", CHART, {"slice_name": "Does revenue grow?"}):
        assert pull(pushed.settings, assets) == [CHART]
        assert difference(assets) == changes
        dashboards.push(pushed.settings, assets)
        assert pull(pushed.settings, assets) == []
        assert difference(assets) == changes


def test_a_chart_saved_by_the_browser_brings_no_ids(
    pushed: Stack, client: httpx.Client, assets: Path
) -> None:
    told = client.get(f"/api/v1/chart/{number(client, 'chart', CHART)}").json()["result"]
    params = json.loads(told["params"]) | {"datasource": "1__table", "slice_id": 7, "dashboards": [1]}
    params |= {"row_limit": 500, "annotation_layers": []}
    change = {"params": json.dumps(params), "query_context": json.dumps({"form_data": params})}
    with saved(client, "chart", CHART, change):
        assert pull(pushed.settings, assets) == [CHART]
    assert difference(assets) == [f"{CHART}: -  row_limit: 1000", f"{CHART}: +  row_limit: 500"]


def test_a_board_changed_in_the_browser_is_its_lines(
    pushed: Stack, client: httpx.Client, assets: Path
) -> None:
    def change(position: dict[str, Any], metadata: dict[str, Any]) -> None:
        position["CHART-rfm_grid"]["meta"]["width"] = 5
        metadata["native_filter_configuration"][1]["name"] = "RFM segment"

    with board_saved(client, change):
        assert pull(pushed.settings, assets) == [BOARD]
    uuid = asset_uuid("charts/rfm_grid.yaml")
    assert difference(assets) == [
        f"{BOARD}: -    meta: {{width: 6, height: 40, uuid: {uuid}}}",
        f"{BOARD}: +    meta: {{width: 5, height: 40, uuid: {uuid}}}",
        f"{BOARD}: -    name: Segment",
        f"{BOARD}: +    name: RFM segment",
    ]


def test_a_chart_made_in_the_browser_is_named(pushed: Stack, client: httpx.Client, assets: Path) -> None:
    datasets = client.get("/api/v1/dataset/").raise_for_status().json()["result"]
    made = {"slice_name": "Mine", "viz_type": "table", "datasource_type": "table", "params": "{}"}
    made |= {"datasource_id": datasets[0]["id"]}
    new = client.post("/api/v1/chart/", json=made).raise_for_status().json()["id"]
    uuid = client.get(f"/api/v1/chart/{new}").raise_for_status().json()["result"]["uuid"]

    def change(position: dict[str, Any], metadata: dict[str, Any]) -> None:
        position["CHART-rfm_grid"]["meta"] |= {"uuid": uuid, "chartId": new, "sliceName": "Mine"}

    with (
        board_saved(client, change),
        pytest.raises(UserError, match=r"segmentation.yaml shows the chart 'Mine', which has no file"),
    ):
        pull(pushed.settings, assets)
    client.delete(f"/api/v1/chart/{new}").raise_for_status()
    assert difference(assets) == []


def test_a_board_without_its_slug_is_named(pushed: Stack, client: httpx.Client, assets: Path) -> None:
    with (
        saved(client, "dashboard", BOARD, {"slug": None}),
        pytest.raises(UserError, match=r"segmentation.yaml: its slug is not its file name"),
    ):
        pull(pushed.settings, assets)
    assert difference(assets) == []


def test_what_superset_lacks_is_named(pushed: Stack, client: httpx.Client, assets: Path) -> None:
    """The last: the push at the end brings it back."""
    client.delete(f"/api/v1/chart/{number(client, 'chart', CHART)}").raise_for_status()
    with pytest.raises(UserError, match=r"Superset does not have charts/revenue_trend.yaml"):
        pull(pushed.settings, assets)
    assert difference(assets) == []
