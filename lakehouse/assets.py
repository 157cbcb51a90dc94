"""The boards as code: what lies in superset/assets, and whether it holds together without Superset."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import yaml

from lakehouse.settings import ROOT

ASSETS = ROOT / "superset" / "assets"
NAMESPACE = uuid5(NAMESPACE_DNS, "customer-lakehouse")
VIZ_TYPES = {
    "big_number", "big_number_total", "box_plot", "bubble_v2", "echarts_area", "echarts_timeseries_bar",
    "echarts_timeseries_line", "echarts_timeseries_scatter", "echarts_timeseries_smooth",
    "echarts_timeseries_step", "funnel", "gauge_chart", "graph_chart", "heatmap_v2", "histogram_v2",
    "mixed_timeseries", "pie", "pivot_table_v2", "radar", "sankey_v2", "sunburst_v2", "table",
    "treemap_v2", "waterfall", "word_cloud", "world_map",
}  # fmt: skip
# Superset numbers and dates every object: in files they would change with each installation.
FORBIDDEN_KEYS = {
    "chartId", "slice_id", "datasource", "datasource_id", "datasetId", "database_id", "created_on",
    "changed_on", "timestamp", "last_saved_at",
}  # fmt: skip
SQL_WORDS = {
    "and", "as", "asc", "between", "by", "case", "cast", "date", "decimal", "desc", "distinct", "double",
    "else", "end", "false", "filter", "from", "in", "interval", "is", "like", "not", "null", "or", "over",
    "partition", "then", "true", "when", "where",
}  # fmt: skip

Asset = dict[str, Any]


def asset_uuid(path: str) -> str:
    """The uuid of an asset follows from its path, so that no two people invent two for one board."""
    return str(uuid5(NAMESPACE, path.removesuffix(".yaml")))


def read(assets: Path = ASSETS) -> tuple[dict[str, Asset], list[str]]:
    """Path below the folder -> content, and what could not be read."""
    found: dict[str, Asset] = {}
    problems = []
    for file in sorted(assets.rglob("*.yaml")):
        path = file.relative_to(assets).as_posix()
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append(f"{path}: not YAML: {' '.join(str(error).split())}")
            continue
        if isinstance(content, dict):
            found[path] = content
        else:
            problems.append(f"{path}: not a mapping")
    return found, problems


def of_kind(found: dict[str, Asset], kind: str) -> dict[str, Asset]:
    """The assets of one folder: databases, datasets, charts, dashboards."""
    return {path: asset for path, asset in found.items() if path.startswith(f"{kind}/")}


def check(assets: Path = ASSETS, manifest: Path | None = None) -> list[str]:
    """Everything that would break a board, as sentences; columns against dbt's manifest when given."""
    found, problems = read(assets)
    if found.get("metadata.yaml", {}).get("type") != "assets":
        problems.append("metadata.yaml: missing, or its type is not assets")
    for path, asset in found.items():
        problems += [f"{path}: {problem}" for problem in _identity_problems(path, asset)]
    models = _models(manifest) if manifest else None
    datasets = of_kind(found, "datasets")
    databases = {asset.get("uuid") for asset in of_kind(found, "databases").values()}
    by_uuid = {asset.get("uuid"): asset for asset in datasets.values()}
    charts = {asset.get("uuid"): asset for asset in of_kind(found, "charts").values()}
    on_boards: set[str] = set()
    for path, dataset in datasets.items():
        if dataset.get("database_uuid") not in databases:
            problems.append(f"{path}: its database does not exist")
        problems += [f"{path}: {problem}" for problem in _dataset_problems(dataset, models)]
    for path, chart in of_kind(found, "charts").items():
        source = by_uuid.get(chart.get("dataset_uuid"))
        if source is None:
            problems.append(f"{path}: its dataset does not exist")
        else:
            problems += [f"{path}: {problem}" for problem in _chart_problems(chart, source)]
    for path, board in of_kind(found, "dashboards").items():
        problems += [f"{path}: {p}" for p in _board_problems(path, board, charts, by_uuid)]
        on_boards |= {node["meta"].get("uuid", "") for node in chart_nodes(board)}
    for path, chart in of_kind(found, "charts").items():
        if chart.get("uuid") not in on_boards:
            problems.append(f"{path}: on no board")
    return problems


def nodes(board: Asset) -> list[tuple[str, Asset]]:
    """The places of a board's layout by name."""
    return [(name, node) for name, node in board.get("position", {}).items() if isinstance(node, dict)]


def chart_nodes(board: Asset) -> list[Asset]:
    """The places that hold a chart."""
    return [node for _, node in nodes(board) if node.get("type") == "CHART"]


def filters(board: Asset) -> list[Asset]:
    """A board's native filters."""
    return list(board.get("metadata", {}).get("native_filter_configuration", []))


def _identity_problems(path: str, asset: Asset) -> Iterator[str]:
    if asset.get("version") != "1.0.0":
        yield "its version is not 1.0.0"
    if path != "metadata.yaml" and asset.get("uuid") != asset_uuid(path):
        yield f"its uuid must be {asset_uuid(path)}"
    for key in sorted(FORBIDDEN_KEYS & set(_keys(asset))):
        yield f"{key} belongs to one installation and must not be in a file"


def _keys(value: Any) -> Iterator[str]:
    """Every key of a nested content."""
    if isinstance(value, dict):
        yield from value
        yield from (key for inner in value.values() for key in _keys(inner))
    elif isinstance(value, list):
        yield from (key for inner in value for key in _keys(inner))


def _models(manifest: Path) -> dict[str, tuple[str, set[str]]]:
    """dbt model -> its schema and columns."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    return {
        node["name"]: (node["config"].get("schema") or node["schema"], set(node["columns"]))
        for node in nodes
        if node["resource_type"] in ("model", "seed")
    }


def _dataset_problems(dataset: Asset, models: dict[str, tuple[str, set[str]]] | None) -> Iterator[str]:
    columns = _columns(dataset)
    calculated = {
        c["column_name"]: c["expression"] for c in dataset.get("columns", []) if c.get("expression")
    }
    metrics = {metric["metric_name"]: metric["expression"] for metric in dataset.get("metrics", [])}
    for name, expression in (calculated | metrics).items():
        for used in sorted(_names(expression) - columns):
            yield f"{name} uses {used}, which is no column of it"
    if (time := dataset.get("main_dttm_col")) and time not in columns:
        yield f"its time column {time} is no column of it"
    if models is None:
        return
    table = dataset.get("table_name", "")
    if table not in models:
        yield f"dbt has no model {table}"
        return
    schema, known = models[table]
    if dataset.get("schema") != schema:
        yield f"dbt builds {table} in schema {schema}"
    for name in sorted(columns - known - calculated.keys()):
        yield f"dbt's {table} has no column {name}"


def _chart_problems(chart: Asset, dataset: Asset) -> Iterator[str]:
    params = chart.get("params", {})
    viz_type = chart.get("viz_type")
    if viz_type not in VIZ_TYPES or params.get("viz_type") != viz_type:
        yield f"viz type {viz_type} is unknown, or differs from its params"
    columns = _columns(dataset)
    metrics = {metric["metric_name"]: metric.get("verbose_name") for metric in dataset.get("metrics", [])}
    for name in sorted(_used_columns(params) - columns):
        yield f"uses the column {name}, which its dataset has not"
    for name in sorted(_used_metrics(params) - metrics.keys()):
        yield f"uses the metric {name}, which its dataset has not"
    if (order := params.get("x_axis_sort")) and order not in columns | metrics.keys():
        yield f"sorts by {order}, which its dataset has not"
    # Superset leaves a metric out that only sorts, but looks for it by its name in data keyed by label.
    if order not in params.get("metrics", []) and metrics.get(order) not in (None, order):
        yield f"only sorts by the metric {order}, which is drawn too unless its verbose_name is {order}"


def _used_columns(params: Asset) -> set[str]:
    single = ("x_axis", "granularity_sqla", "source", "target", "entity", "series")
    used = {params[key] for key in single if params.get(key)}
    for key in ("groupby", "columns", "all_columns", "groupbyRows", "groupbyColumns"):
        names = params.get(key) or []
        used |= {name for name in ([names] if isinstance(names, str) else names) if isinstance(name, str)}
    for rule in params.get("adhoc_filters") or []:
        by_sql = rule.get("expressionType") == "SQL"
        used |= _names(rule["sqlExpression"]) if by_sql else {rule["subject"]}
    for metric in _metric_controls(params):
        if isinstance(metric, dict):
            by_sql = metric.get("expressionType") == "SQL"
            simple = metric.get("column") or {}
            used |= _names(metric["sqlExpression"]) if by_sql else {str(simple.get("column_name"))}
    return used


def _used_metrics(params: Asset) -> set[str]:
    return {metric for metric in _metric_controls(params) if isinstance(metric, str)}


def _metric_controls(params: Asset) -> list[Any]:
    names = ("metric", "secondary_metric", "timeseries_limit_metric", "x", "y", "size")
    single = [params.get(key) for key in names]
    several = [params.get(key) or [] for key in ("metrics", "percent_metrics", "metrics_b")]
    return [metric for metric in [*single, *(m for group in several for m in group)] if metric]


def _board_problems(
    path: str, board: Asset, charts: dict[Any, Asset], datasets: dict[Any, Asset]
) -> Iterator[str]:
    if board.get("slug") != Path(path).stem:
        yield "its slug is not its file name"
    position = board.get("position", {})
    for name, node in nodes(board):
        children = [position.get(child) for child in node.get("children", [])]
        if None in children:
            yield f"{name} holds a node that its layout has not"
        elif node["type"] == "ROW" and sum(_width(child) for child in children) > 12:
            yield f"{name} is wider than the 12 columns of a board"
        elif node["type"] == "CHART" and node["meta"].get("uuid") not in charts:
            yield f"{name} shows a chart that does not exist"
    for rule in filters(board):
        for target in rule.get("targets", []):
            dataset = datasets.get(target.get("datasetUuid"), {})
            if target and target["column"]["name"] not in _columns(dataset):
                yield f"the filter {rule.get('name')} reads a column that no dataset has"
        for uuid in rule.get("scope", {}).get("excluded", []):
            if uuid not in charts:
                yield f"the filter {rule.get('name')} leaves out a chart that does not exist"


def _width(node: Asset | None) -> int:
    return int((node or {}).get("meta", {}).get("width", 0))


def _columns(dataset: Asset) -> set[str]:
    return {column["column_name"] for column in dataset.get("columns", [])}


def _names(expression: str) -> set[str]:
    """Column names in a piece of SQL: words that are neither text, nor functions, nor SQL's own."""
    without_text = re.sub(r"'[^']*'|\binterval\s+\d+\s+\w+", "", expression)
    words = re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", without_text)
    return {word for word in words if word.lower() not in SQL_WORDS}
