"""What happened, as one frame, from published files or from events as they were sent.

One row is an event: source, event_id, event_type, customer_id, visitor_id, at (UTC, without a zone), and of
FIELDS what it tells. Of identical records of a file the first is here; an event id is here once.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ingestion.sources import rees46, taobao
from ingestion.sources.records import to_events

ENVELOPE = ("source", "event_id", "event_type", "customer_id", "visitor_id", "session_id")
CONTEXT = (
    "page_url",
    "device_type",
    "country_code",
    "channel_group",
    "campaign_source",
    "campaign_medium",
    "campaign_name",
    "is_bot",
)
PROPERTIES = ("page_type", "order_id", "price", "quantity", "depth_percent")
FIELDS = ("session_id", *CONTEXT, *PROPERTIES)


def sent(events: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Events that keep their contract, the copy to count before others of its id."""
    rows = [
        {name: event.get(name) for name in ENVELOPE}
        | {name: (event.get("context") or {}).get(name) for name in CONTEXT}
        | {name: event["properties"].get(name) for name in PROPERTIES}
        | {"at": event["occurred_at"]}
        for event in events
        if event.get("occurrence", 1) == 1
    ]
    frame = pd.DataFrame(rows).drop_duplicates(["source", "event_id"])
    times = np.array([text.removesuffix("Z") for text in frame["at"]], dtype="datetime64[us]")
    return frame.astype(dict.fromkeys(FIELDS, object)).assign(at=times)


def taobao_actions(file: Path) -> pd.DataFrame:
    """User histories: who looked at, marked, put into the cart or bought something; no price, no session."""
    rows = pd.read_parquet(file)
    kinds = {"pv": "product_view", "cart": "cart", "fav": "favourite", "buy": "purchase"}
    told = {
        "event_id": _ids("taobao", taobao.records(file)),
        "event_type": rows["behavior_type"].map(kinds),
        "at": pd.to_datetime(rows["timestamp"], unit="s"),
        "user": rows["user_id"].astype(str),
    }
    return _actions("taobao", rows, told)


def rees46_actions(file: Path) -> pd.DataFrame:
    """Shop events: who looked at, put into the cart or bought what at which price, in which session."""
    rows = pd.read_csv(file, dtype=str)
    told = {
        "event_id": _ids("rees46", rees46.records(file)),
        "event_type": rows["event_type"].replace("view", "product_view"),
        "at": pd.to_datetime(rows["event_time"].str.removesuffix(" UTC")),
        "user": rows["user_id"],
        "session_id": rows["user_session"],
        "price": rows["price"].astype(float),
    }
    return _actions("rees46", rows, told)


def _actions(source: str, rows: pd.DataFrame, told: dict[str, Any]) -> pd.DataFrame:
    """The publisher's user is visitor and customer in one."""
    frame = pd.DataFrame(dict.fromkeys(FIELDS) | told, index=rows.index)[~rows.duplicated()]
    who = dict.fromkeys(("customer_id", "visitor_id"), frame["user"])
    return frame.assign(source=source, **who).drop(columns="user").reset_index(drop=True)


def _ids(source: str, records: Iterable[list[Any]]) -> list[str]:
    """Names of the records in file order: they alone decide which of two at the same moment came first."""
    return [event["event_id"] for batch in to_events(source, records) for event in batch]
