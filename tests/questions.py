"""What a board asks Superset for a chart, and the same asked of the mart."""

from typing import Any

import httpx

from lakehouse.assets import Asset, of_kind, read

FOUND, _ = read()
CHARTS = of_kind(FOUND, "charts")
DATASETS = {dataset["uuid"]: dataset for dataset in of_kind(FOUND, "datasets").values()}
GRAINS = {"PT1M": "minute", "P1D": "day", "P1W": "week", "P1M": "month"}
MOST_ROWS = 10_000


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def dimensions(params: Asset) -> list[str]:
    """Columns that the chart groups by; those that it lists, where it lists rows."""
    names = [params.get(key) for key in ("x_axis", "source", "target", "entity", "series")]
    names += listed(params.get("groupby")) + listed(params.get("all_columns"))
    return list(dict.fromkeys(name for name in names if name))


def measures(params: Asset) -> list[str]:
    names = [params.get(key) for key in ("metric", "x", "y", "size")] + listed(params.get("metrics"))
    return list(dict.fromkeys(name for name in names if name))


def conditions(params: Asset) -> str:
    return " and ".join(f"({rule['sqlExpression']})" for rule in params.get("adhoc_filters") or [])


def asked(chart: Asset, number: int) -> Asset:
    """What a board asks Superset for this chart, without its filters."""
    params = chart["params"]
    columns: list[Any] = list(dimensions(params))
    if (grain := params.get("time_grain_sqla")) and params.get("x_axis"):
        axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "timeGrain": grain}
        columns[0] = axis | {"sqlExpression": columns[0], "label": columns[0]}
    # Without measures the chart lists rows; an empty list would have Superset join equal rows into one.
    question = {"columns": columns, "metrics": measures(params) or None, "row_limit": MOST_ROWS}
    question |= {"extras": {"where": conditions(params)}, "orderby": []}
    return {
        "datasource": {"id": number, "type": "table"},
        "queries": [question],
        "result_format": "json",
        "result_type": "full",
        "force": True,
    }


def by_sql(chart: Asset) -> str:
    """The same from the mart itself, by the expressions in the dataset's file."""
    params, dataset = chart["params"], DATASETS[chart["dataset_uuid"]]
    calculated = {c["column_name"]: c.get("expression") for c in dataset["columns"]}
    columns = [str(calculated.get(name) or name) for name in dimensions(params)]
    if grain := GRAINS.get(params.get("time_grain_sqla", "")):
        columns[0] = f"date_trunc('{grain}', {columns[0]})"
    expressions = {m["metric_name"]: m["expression"] for m in dataset["metrics"]}
    times = [c["column_name"] for c in dataset["columns"] if c.get("is_dttm")]
    values = [
        f"string({value})" if any(time in value for time in times) else value
        for value in (expressions[name] for name in measures(params))
    ]
    # "true and": Spark would take `table where (column)` for a table with an alias and its column
    where = f" where true and {conditions(params)}" if conditions(params) else ""
    chosen = ", ".join([*columns, *(f"{value} as m{n}" for n, value in enumerate(values))])
    groups = f" group by {', '.join(columns)}" if columns and values else ""
    return (
        f"select {chosen} from {dataset['schema']}.{dataset['table_name']}{where}{groups} limit {MOST_ROWS}"
    )


def numbers(client: httpx.Client) -> dict[str, int]:
    """Superset's number of each dataset."""
    answer = client.get("/api/v1/dataset/", params={"q": "(page_size:100)"}).raise_for_status().json()
    return {dataset["table_name"]: dataset["id"] for dataset in answer["result"]}
