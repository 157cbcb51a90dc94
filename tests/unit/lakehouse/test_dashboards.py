"""The boards as code hold together, and the check names what would break one."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse import dashboards
from lakehouse.assets import ASSETS, asset_uuid, chart_nodes, check, filters, of_kind, read
from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import Settings

CHART = "charts/revenue_trend.yaml"
DATASET = "datasets/lakehouse/rpt_overview.yaml"
BOARD = "dashboards/overview.yaml"
SHOP_FILTER = {"name": "Shop", "targets": [{"datasetUuid": asset_uuid(DATASET), "column": {"name": "shop"}}]}


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ASSETS, tmp_path / "assets"))


def change(assets: Path, path: str, **values: Any) -> None:
    """Overwrite keys of one asset; a dotted key reaches into it."""
    content = yaml.safe_load((assets / path).read_text())
    for key, value in values.items():
        *outer, last = key.split("__")
        target = content
        for name in outer:
            target = target[name]
        target[last] = value
    (assets / path).write_text(yaml.safe_dump(content, sort_keys=False))


def test_the_committed_assets_have_no_problem() -> None:
    assert check() == []


def test_there_is_something_to_check() -> None:
    found, _ = read()
    assert len(of_kind(found, "charts")) >= 7
    assert len(of_kind(found, "datasets")) >= 3


def test_headers_write_abbreviations_in_capitals() -> None:
    found, _ = read()
    columns = [column for dataset in of_kind(found, "datasets").values() for column in dataset["columns"]]
    words = {word for column in columns for word in column.get("verbose_name", "").split()}
    assert "RFM" in words
    assert words & {"Rfm", "rfm", "Url", "url"} == set()


def test_titles_of_small_numbers_take_one_line() -> None:
    """With two, the number beneath shrinks until nobody can read it."""
    found, _ = read()
    titles = {chart["uuid"]: chart["slice_name"] for chart in of_kind(found, "charts").values()}
    small = {
        titles[node["meta"]["uuid"]]
        for board in of_kind(found, "dashboards").values()
        for node in chart_nodes(board)
        if node["meta"]["height"] <= 16 and node["meta"]["width"] <= 3
    }
    assert len(small) > 10
    assert {title for title in small if len(title) > 22} == set()


def test_days_in_tables_have_no_hour_and_moments_have_one() -> None:
    found, _ = read()
    datasets = {dataset["uuid"]: dataset for dataset in of_kind(found, "datasets").values()}
    shown = {}
    for path, chart in of_kind(found, "charts").items():
        types = {c["column_name"]: c.get("type", "") for c in datasets[chart["dataset_uuid"]]["columns"]}
        columns = chart["params"].get("all_columns") or chart["params"].get("groupby") or []
        kinds = {types.get(column) for column in columns} & {"DATE", "TIMESTAMP"}
        if chart["viz_type"] == "table" and kinds:
            shown[path] = (kinds, chart["params"]["table_timestamp_format"])
    assert len(shown) > 5
    for path, (kinds, written) in shown.items():
        assert written == ("%d %b %Y %H:%M" if "TIMESTAMP" in kinds else "%d %b %Y"), path


def test_every_uuid_follows_from_its_path() -> None:
    found, _ = read()
    del found["metadata.yaml"]
    assert {path: asset["uuid"] for path, asset in found.items()} == {
        path: asset_uuid(path) for path in found
    }


def test_superset_is_never_a_package() -> None:
    """With an __init__.py the folder would hide the installed package of the same name."""
    assert not (superset.FOLDER / "__init__.py").exists()


@pytest.mark.parametrize(
    ("path", "values", "problem"),
    [
        (CHART, {"uuid": "0" * 36}, f"its uuid must be {asset_uuid(CHART)}"),
        (CHART, {"dataset_uuid": "0" * 36}, "its dataset does not exist"),
        (CHART, {"viz_type": "echarts_lines"}, "viz type echarts_lines is unknown"),
        (CHART, {"params__x_axis": "day"}, "uses the column day, which its dataset has not"),
        (CHART, {"params__metrics": ["sales"]}, "uses the metric sales"),
        (CHART, {"params__groupby": ["shop"]}, "uses the column shop"),
        (
            "charts/sales_price_bands.yaml",
            {"params__x_axis_sort": "category_net"},
            "only sorts by the metric category_net, which is drawn too",
        ),
        (CHART, {"changed_on": "2026-01-01"}, "changed_on belongs to one installation"),
        (CHART, {"version": "2"}, "its version is not 1.0.0"),
        (DATASET, {"database_uuid": "0" * 36}, "its database does not exist"),
        (DATASET, {"main_dttm_col": "day"}, "its time column day is no column of it"),
        (
            DATASET,
            {"metrics": [{"metric_name": "m", "expression": "sum(case when is_last then 1 end)"}]},
            "m uses is_last, which is no column of it",
        ),
        (
            DATASET,
            {"columns": [{"column_name": "age", "expression": "coalesce(days, 0)"}]},
            "age uses days, which is no column of it",
        ),
        (BOARD, {"slug": "start"}, "its slug is not its file name"),
        (BOARD, {"position__ROW-sales__children": ["CHART-x"]}, "ROW-sales holds a node"),
        (BOARD, {"position__CHART-revenue_trend__meta__width": 8}, "wider than the 12 columns"),
        (BOARD, {"position__CHART-revenue_trend__meta__uuid": "0"}, "a chart that does not exist"),
        (
            BOARD,
            {"metadata__native_filter_configuration": [SHOP_FILTER]},
            "the filter Shop reads a column that no dataset has",
        ),
        ("metadata.yaml", {"type": "Dashboard"}, "its type is not assets"),
    ],
)
def test_what_would_break_a_board_is_named(
    assets: Path, path: str, values: dict[str, Any], problem: str
) -> None:
    change(assets, path, **values)
    assert any(said.startswith(path) and problem in said for said in check(assets)), check(assets)


def test_broken_yaml_is_named_with_its_file(assets: Path) -> None:
    (assets / CHART).write_text("slice_name: [")
    assert any(said.startswith(f"{CHART}: not YAML") for said in check(assets))


def test_a_chart_on_no_board_is_named(assets: Path) -> None:
    content = yaml.safe_load((assets / CHART).read_text())
    content["uuid"] = asset_uuid("charts/lonely.yaml")
    (assets / "charts" / "lonely.yaml").write_text(yaml.safe_dump(content))
    assert check(assets) == ["charts/lonely.yaml: on no board"]


def manifest_of(path: Path, changes: dict[str, Any]) -> Path:
    """dbt's manifest as it is when the models have exactly the columns of our datasets."""
    found, _ = read()
    nodes = {
        f"model.lakehouse.{dataset['table_name']}": {
            "resource_type": "model",
            "name": dataset["table_name"],
            "schema": "elsewhere",
            "config": {"schema": dataset["schema"]},
            "columns": {
                column["column_name"]: {} for column in dataset["columns"] if "expression" not in column
            },
        }
        for dataset in of_kind(found, "datasets").values()
    }
    nodes["model.lakehouse.rpt_overview"] |= changes
    path.write_text(json.dumps({"nodes": nodes}))
    return path


def test_datasets_that_match_the_manifest_pass(tmp_path: Path) -> None:
    assert check(manifest=manifest_of(tmp_path / "manifest.json", {})) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"columns": {"source": {}}}, "dbt's rpt_overview has no column activity_date"),
        ({"config": {"schema": "marts"}}, "dbt builds rpt_overview in schema marts"),
        ({"name": "rpt_start"}, "dbt has no model rpt_overview"),
    ],
)
def test_datasets_that_differ_from_the_manifest_are_named(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    found = check(manifest=manifest_of(tmp_path / "manifest.json", changes))
    assert f"{DATASET}: {problem}" in found


def test_the_pushed_copy_carries_this_installations_settings() -> None:
    found, _ = read()
    settings = Settings(host="127.0.0.5", thrift_port=10555, dashboards_refresh_seconds=7)
    local = dashboards.localised(found, settings)
    address = local["databases/lakehouse.yaml"]["sqlalchemy_uri"]
    assert address == "spark://superset@127.0.0.5:10555/default"
    assert local[BOARD]["metadata"]["refresh_frequency"] == 7
    assert local["dashboards/live.yaml"]["metadata"]["refresh_frequency"] == 2, "it names its own"
    assert found == read()[0], "the files' own content must stay as it is"


def test_the_pushed_layout_is_complete() -> None:
    found, _ = read()
    board = dashboards.localised(found, Settings())[BOARD]
    charts = {chart["uuid"]: chart["slice_name"] for chart in of_kind(found, "charts").values()}
    metas = [node["meta"] for node in chart_nodes(board)]
    assert len(metas) == 11
    assert {meta["uuid"]: meta["sliceName"] for meta in metas}.items() <= charts.items()
    assert len({meta["chartId"] for meta in metas}) == len(metas)
    place = board["position"]["CHART-revenue_trend"]
    assert place["id"] == "CHART-revenue_trend"
    assert place["parents"] == ["ROOT_ID", "GRID_ID", "ROW-sales"]


def test_the_bundle_is_the_same_bytes_each_time_and_holds_every_asset() -> None:
    found, _ = read()
    content = dashboards.bundle(found)
    assert content == dashboards.bundle(found)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert names == [f"assets/{path}" for path in sorted(found)]


def test_nothing_is_pushed_while_the_check_finds_a_problem(assets: Path) -> None:
    change(assets, CHART, viz_type="sankey")
    with pytest.raises(UserError, match=r"Nothing was pushed: charts/revenue_trend.yaml: viz type"):
        dashboards.push(Settings(), assets)


def test_a_superset_that_is_away_is_one_clear_sentence(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, superset_port=1)
    superset.home(settings).mkdir()
    (superset.home(settings) / "admin_password").write_text("secret")
    with pytest.raises(UserError, match=r"Superset does not answer at http://127.0.0.1:1 .*lakehouse up"):
        dashboards.push(settings)


def test_the_link_to_a_customer_names_the_filters_of_the_customer_board() -> None:
    found, _ = read()
    ids = {rule["id"] for rule in filters(found["dashboards/customer.yaml"])}
    links = [
        column["expression"]
        for dataset in of_kind(found, "datasets").values()
        for column in dataset["columns"]
        if "<a href" in column.get("expression", "")
    ]
    assert links
    for link in links:
        assert set(re.findall(r"[(,](NATIVE_FILTER-\w+):", link)) == ids
        assert '"/superset/dashboard/customer/?' in link
