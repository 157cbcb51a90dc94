"""All rows of the marts of behaviour against those that are computed here."""

import json
import math
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

Row = dict[str, Any]
Query = Callable[[str], list[Row]]
LISTS = ("page_sequence", "bot_reasons")
SESSION_KEYS = ("source", "actor_id", "started_at")
SESSION_COLUMNS = (
    *("visitor_id", "customer_id", "source_session_id", "device_type", "country_code", "channel_group"),
    *("campaign_source", "campaign_medium", "campaign_name", "entry_page", "exit_page", *LISTS),
    *("event_count", "page_view_count", "product_view_count", "cart_count", "checkout_count"),
    *("purchase_count", "order_count", "page_depth", "scroll_depth_percent", "duration_seconds"),
    *("is_bounce", "is_bot", "is_conversion", "has_future_date", "started_date", "ended_at"),
)
FUNNEL_KEYS = ("source", "funnel", "dimension", "dimension_value", "step_number")
FUNNEL_COLUMNS = (*("reached_count", "conversion_from_previous", "conversion_from_first", "median_seconds"),)
SHARE_KEYS = ("source", "conversion_id", "model", "touch_number")
SHARE_COLUMNS = (
    *("touch_count", "visit", "channel_group", "campaign_name", "credit", "net_revenue", "converted_at"),
)
NEAR = {"credit": 2e-8, "net_revenue": 2e-4}  # the mart's own rounding


def sessions(query: Query, sources: Sequence[str], schema: str = "ci_marts") -> list[Row]:
    """Rows of fct_sessions with lists as such."""
    columns = [f"to_json({c}) as {c}" if c in LISTS else c for c in (*SESSION_KEYS, *SESSION_COLUMNS)]
    rows = query(f"select session_id, {', '.join(columns)} from {schema}.fct_sessions {_where(sources)}")
    return [row | {name: json.loads(row[name]) for name in LISTS} for row in rows]


def session_differences(found: list[Row], expected: pd.DataFrame) -> list[str]:
    """Between what the mart holds and what `sessions.summed` gives."""
    return differences(found, expected.to_dict("records"), SESSION_KEYS, SESSION_COLUMNS)


def funnel_differences(query: Query, sources: Sequence[str], expected: pd.DataFrame) -> list[str]:
    """Between fct_funnel_steps and what `funnels` gives."""
    found = query(f"select * from ci_marts.fct_funnel_steps {_where(sources)}")
    return differences(found, expected.reset_index().to_dict("records"), FUNNEL_KEYS, FUNNEL_COLUMNS)


def share_differences(
    query: Query, found: list[Row], visits: pd.DataFrame, expected: pd.DataFrame
) -> list[str]:
    """Between fct_attribution and what `attribution` gives; visits are named by actor and beginning."""
    sources = sorted(set(expected["source"]))
    of_mart = {row["session_id"]: f"{row['actor_id']} {row['started_at']}" for row in found}
    numbered = visits[["number", "actor_id", "started_at"]].itertuples(index=False)
    here = {number: f"{actor} {started}" for number, actor, started in numbered}
    shares = [
        row
        | {"conversion_id": of_mart.get(row["conversion_id"], row["conversion_id"])}
        | {"visit": of_mart.get(row["session_id"])}
        for row in query(f"select * from ci_marts.fct_attribution {_where(sources)}")
    ]
    wanted = [
        row
        | {"conversion_id": here.get(row["conversion_id"], row["conversion_id"])}
        | {"visit": here.get(row["number"])}
        for row in expected.to_dict("records")
    ]
    return differences(shares, wanted, SHARE_KEYS, SHARE_COLUMNS)


def differences(
    found: list[Row], expected: list[Row], keys: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """A line for each row that only one side has, and for each value that differs; keys must be keys."""
    left, right = (_keyed(rows, keys) for rows in (found, expected))
    lines = [f"{len(rows) - len(by_key)} keys twice" for rows, by_key in ((found, left), (expected, right))]
    lines = [line for line in lines if line[0] != "0"]
    lines += [f"{key}: only in the mart" for key in left.keys() - right.keys()]
    lines += [f"{key}: not in the mart" for key in right.keys() - left.keys()]
    for key in left.keys() & right.keys():
        for name in columns:
            one, other = _plain(left[key][name]), _plain(right[key][name])
            if not _alike(one, other, NEAR.get(name, 1e-9)):
                lines.append(f"{key}: {name} is {one!r}, not {other!r}")
    return sorted(lines)


def _keyed(rows: list[Row], keys: Sequence[str]) -> dict[tuple[str, ...], Row]:
    return {tuple(str(row[key]) for key in keys): row for row in rows}


def _plain(value: Any) -> Any:
    """None for what is missing, floats for decimals, texts for days."""
    if isinstance(value, list):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if type(value) is date:
        return str(value)  # as Thrift gives it
    return None if pd.isna(value) else value


def _alike(one: Any, other: Any, near: float) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=near) if numbers else one == other


def _where(sources: Sequence[str]) -> str:
    return "where source in ({})".format(", ".join(f"'{source}'" for source in sources))
