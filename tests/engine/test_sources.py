"""Whole published files as events: every record is one, keeps its contract and has an id of its own."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES, complete_journey
from ingestion.sources.records import to_events

pytestmark = pytest.mark.engine

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
RETAIL, GA_STORE = SHARED / "online_retail", SHARED / "ga_store"
PARQUET, WEEK = RETAIL / "online_retail.parquet", RETAIL / "week_2011-11-28.csv.gz"


@pytest.fixture(autouse=True)
def without_collection() -> Iterator[None]:
    """As in a replay: millions of records without cycles."""
    gc.disable()
    yield
    gc.enable()


def events(source: str, path: Path) -> Iterator[dict[str, Any]]:
    for batch in to_events(source, SOURCES[source].records(path)):
        yield from batch


@pytest.mark.skipif(not PARQUET.exists(), reason="published file online_retail.parquet is absent")
def test_online_retail_gives_its_published_numbers() -> None:
    ids, kinds = set(), Counter[str]()
    sales = Counter[str]()
    for event in events("online_retail", PARQUET):
        assert catalogue().validate(event) == []
        ids.add(event["event_id"])
        kinds["records"] += 1
        kinds["anonymous"] += event["customer_id"] is None
        kinds["repeated"] += event["occurrence"] > 1
        (line,) = event["properties"]["lines"]
        kept = event["customer_id"] and event["properties"]["order_status"] == "placed"
        if kept and line["quantity"] > 0 and line["unit_price"] > 0:
            sales["lines"] += 1
            sales["thousandths"] += round(line["line_total"] * 1000)
    assert kinds == {"records": 541_909, "anonymous": 135_080, "repeated": 5_268}
    assert sales == {"lines": 397_884, "thousandths": 8_911_407_904}
    assert len(ids) == 541_909
    if WEEK.exists():
        assert {event["event_id"] for event in events("online_retail", WEEK)} <= ids


def test_complete_journey_gives_its_published_numbers() -> None:
    ids, kinds, baskets, households = set(), Counter[str](), set(), set()
    lines = Counter[str]()
    for event in events("complete_journey", complete_journey.folder()):
        assert catalogue().validate(event) == []
        ids.add(bytes.fromhex(event["event_id"]))
        kinds[event["event_type"]] += 1
        if event["event_type"] == "order_placed":
            baskets.add(event["properties"]["order_id"])
            households.add(event["customer_id"])
            (line,) = event["properties"]["lines"]
            lines["zero quantity"] += line["quantity"] == 0
            lines["no value"] += line["line_total"] <= 0
            lines["largest"] = max(lines["largest"], line["quantity"])
    assert kinds == {
        "product_updated": 92_331,
        "customer_updated": 801,
        "campaign_updated": 27,
        "campaign_sent": 6_589,
        "coupon_issued": 116_204,
        "order_placed": 1_469_307,
        "coupon_redeemed": 2_102,
    }
    assert len(ids) == sum(kinds.values())
    assert (len(baskets), len(households)) == (155_848, 2_469)
    # 11,226 as published, and 20 whose value is float noise below 1e-14.
    assert lines == {"zero quantity": 8_869, "no value": 11_246, "largest": 89_638}


@pytest.mark.skipif(not GA_STORE.exists(), reason="published folder ga_store is absent")
def test_ga_store_gives_its_published_numbers() -> None:
    ids, visits = set(), set()
    kinds, repeated = Counter[str](), Counter[str]()
    for event in events("ga_store", GA_STORE):
        assert catalogue().validate(event) == []
        ids.add(bytes.fromhex(event["event_id"]))
        look = event["event_type"] == "page_view" and "page_url" not in event["context"]
        kind = "look" if look else event["event_type"]
        kinds[kind] += 1
        repeated[kind] += event["occurrence"] > 1
        if look:
            visits.add(event["session_id"])
    assert kinds == {
        "look": 1_048_575,
        "page_view": 14_783,
        "product_updated": 1_092,
        "click": 154,
        "product_view": 137,
        "cart": 37,
        "checkout_start": 13,
        "purchase": 9,
        "remove_from_cart": 1,
    }
    assert +repeated == {"look": 616_256}
    assert (len(visits), len(ids)) == (37_887, 1_064_801)
