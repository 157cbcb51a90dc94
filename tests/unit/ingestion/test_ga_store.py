"""The Google Merchandise Store's folder: products, hits and looks are events; the rows are made."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES, ga_store
from ingestion.sources.records import to_events
from lakehouse.errors import UserError

HIT = {
    "visitId": "1480000000",
    "time": "2500",
    "channelGrouping": "Organic Search",
    "type": "PAGE",
    "productPrice": "7500000",
    "productSKU": "SKU1",
    "v2ProductCategory": "Home/Cups/",
    "currencyCode": "USD",
    "pageTitle": "Cups" * 200,
    "pagePathLevel1": "/shop/",
    "eCommerceAction_type": "0",
    "eCommerceAction_step": "1",
}
LOOK = {"visit_id": "1490000000", "visit_start_time": "1490000010", "channel_grouping": "(Other)"}
KEPT = {"product_id": "SKU1", "category_code": "Home/Cups/"}
AMOUNTS = {"price": 7.5, "quantity": None, "currency": "USD"}


def folder(path: Path, hits: list[dict[str, str]], looks: list[dict[str, str]]) -> Path:
    products = pd.DataFrame([("SKU1", " Cup", 0, 1, 2)], columns=list(ga_store.PRODUCTS))
    products.to_csv(path / "products.csv.gz", index=False)
    for name, columns, rows in (
        ("all_sessions", ga_store.HITS, hits),
        ("analytics", ga_store.LOOKS, looks),
    ):
        table = pd.DataFrame(rows, columns=list(columns), dtype=object)
        table.astype("string").to_parquet(path / f"{name}.parquet")
    return path


def events(path: Path) -> list[dict[str, Any]]:
    return [event for batch in to_events("ga_store", SOURCES["ga_store"].records(path)) for event in batch]


def hit(path: Path, **changed: str) -> dict[str, Any]:
    """The event of one hit."""
    (_, event) = events(folder(path, [{**HIT, **changed}], []))
    return event


def test_a_product_has_its_name_and_no_price(tmp_path: Path) -> None:
    (event,) = events(folder(tmp_path, [], []))
    assert (event["event_type"], event["occurred_at"]) == ("product_updated", "2016-08-01T00:00:00Z")
    assert event["properties"] == {"product_id": "SKU1", "name": "Cup"}
    assert catalogue().validate(event) == []


def test_a_hit_happened_milliseconds_after_its_visit_began(tmp_path: Path) -> None:
    event = hit(tmp_path)
    assert event["occurred_at"] == "2016-11-24T15:06:42.5Z"
    assert event["visitor_id"] == event["session_id"] == "1480000000"
    assert event["customer_id"] is None
    assert event["context"] == {
        "page_url": "/shop/",
        "page_title": "Cups" * 128,
        "channel_group": "organic_search",
    }


@pytest.mark.parametrize(
    ("changed", "event_type", "properties"),
    [
        ({}, "page_view", KEPT),
        ({"type": "EVENT"}, "click", {"target": "event", "product_id": "SKU1"}),
        (
            {"type": "EVENT", "eCommerceAction_type": "1"},
            "click",
            {"target": "product", "product_id": "SKU1"},
        ),
        ({"eCommerceAction_type": "2"}, "product_view", {**KEPT, **AMOUNTS}),
        (
            {"eCommerceAction_type": "3", "productQuantity": "2"},
            "cart",
            {**KEPT, **AMOUNTS, "quantity": 2},
        ),
        ({"eCommerceAction_type": "4"}, "remove_from_cart", {**KEPT, **AMOUNTS}),
        (
            {"eCommerceAction_type": "5"},
            "checkout_start",
            {"order_id": None, "quantity": None, "currency": "USD"},
        ),
        ({"eCommerceAction_type": "5", "eCommerceAction_step": "2"}, "page_view", KEPT),
        (
            {"eCommerceAction_type": "6", "transactionId": "ORD1"},
            "purchase",
            {**KEPT, **AMOUNTS, "order_id": "ORD1"},
        ),
    ],
)
def test_a_hit_is_an_event_of_its_step(
    tmp_path: Path, changed: dict[str, str], event_type: str, properties: dict[str, Any]
) -> None:
    event = hit(tmp_path, **changed)
    assert (event["event_type"], event["properties"]) == (event_type, properties)
    assert catalogue().validate(event) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"time": "soon"}, "occurred_at"),
        ({"visitId": "first"}, "occurred_at"),
        ({"eCommerceAction_type": "2", "productPrice": "dear"}, "properties.price"),
        ({"eCommerceAction_type": "9"}, "event_type"),
        ({"channelGrouping": "Carrier Pigeon"}, "context.channel_group"),
    ],
)
def test_a_bad_value_of_a_hit_is_a_reason(tmp_path: Path, changed: dict[str, str], field: str) -> None:
    assert [reason.split(":")[0] for reason in catalogue().validate(hit(tmp_path, **changed))] == [field]


def test_identical_looks_of_a_visit_are_all_kept_and_numbered(tmp_path: Path) -> None:
    other = {**LOOK, "unit_price": "1230000"}
    *_, first, second, third = events(folder(tmp_path, [], [LOOK, LOOK, other]))
    assert [event["occurrence"] for event in (first, second, third)] == [1, 2, 1]
    assert len({event["event_id"] for event in (first, second, third)}) == 3
    assert (first["event_type"], first["occurred_at"]) == ("page_view", "2017-03-20T08:53:30Z")
    assert (first["session_id"], first["context"]) == ("1490000000", {"channel_group": "other_campaign"})
    assert catalogue().validate(first) == []


def test_a_missing_table_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    (folder(tmp_path, [], []) / "analytics.parquet").unlink()
    with pytest.raises(UserError, match=r"analytics\.parquet does not exist"):
        next(SOURCES["ga_store"].records(tmp_path))


def test_wrong_columns_of_a_table_are_named(tmp_path: Path) -> None:
    pd.DataFrame({"visit_id": ["1"]}).to_parquet(folder(tmp_path, [], []) / "analytics.parquet")
    with pytest.raises(UserError, match="has no column visit_start_time"):
        events(tmp_path)
