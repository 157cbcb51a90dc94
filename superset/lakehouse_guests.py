"""What a guest may ask of an embedded board: what its charts and its filters ask, and nothing else.

Superset means to hold guests to that, but looks for the chart among those that the guest may list, which are
none, and then lets every question pass: any column of the board's tables. Here it is looked up by its number.
"""

from collections.abc import Iterable
from typing import Any

# Settings that name columns and measures, in all kinds of charts that the boards have.
NAMING = (
    *("x_axis", "source", "target", "entity", "series", "groupby", "columns", "all_columns"),
    *("metric", "metrics", "x", "y", "size", "timeseries_limit_metric", "x_axis_sort"),
)


def asks_more(queries: Iterable[Any], known: set[str | None]) -> bool:
    """Whether one of these queries wants a column, measure or order that is not among the known names; or
    names none, which would give all columns."""
    for query in queries:
        orders = [order[0] for order in query.orderby or []]
        asked = {*named(query.columns), *named(query.metrics), *named(orders)}
        if not asked or not asked <= known - {None}:
            return True
    return False


def names_of_chart(params: dict[str, Any]) -> set[str | None]:
    """What the settings of a chart name."""
    return {name for key in NAMING for name in named(params.get(key))}


def names_of_filter(metadata: dict[str, Any], number: Any) -> set[str | None]:
    """The columns of one filter of a board."""
    rules = metadata.get("native_filter_configuration") or []
    targets = [target for rule in rules if rule.get("id") == number for target in rule.get("targets", [])]
    return {target["column"]["name"] for target in targets if "column" in target}


def named(value: Any) -> list[str | None]:
    """Names of columns or measures; None for SQL of the asker's own, which nothing knows."""
    match value:
        case None | "" | []:
            return []
        case str():
            return [value]
        case list() | tuple():
            return [name for each in value for name in named(each)]
        case {"columnType": "BASE_AXIS", "sqlExpression": str(column)}:
            return [column]
    return [None]


def refuses(query_context: Any) -> bool:
    """Superset's question about each question of a guest; that board and chart fit it asks by itself."""
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice
    from superset.utils import json

    from superset import db

    form = query_context.form_data or {}
    if form.get("type") == "NATIVE_FILTER":
        board = db.session.get(Dashboard, form.get("dashboardId"))
        metadata = json.loads(board.json_metadata or "{}") if board else {}
        return asks_more(query_context.queries, names_of_filter(metadata, form.get("native_filter_id")))
    # without a chart it is a drill, which shows every column
    chart = db.session.get(Slice, form.get("slice_id") or 0)
    return chart is None or asks_more(query_context.queries, names_of_chart(chart.params_dict))


def register() -> None:
    """Take the place of Superset's own comparison."""
    from superset.security import manager

    manager.query_context_modified = refuses
