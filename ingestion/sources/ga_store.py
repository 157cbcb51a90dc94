"""Google Merchandise Store: a folder with its products, the hits of its visits, and what visits looked at.

The publisher's visitor id is rounded, so that a visitor is known for one visit only: its visit id.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, money, number, since_1970, text

START = "2016-08-01T00:00:00Z"  # of the data set: products have no time of their own
LONGEST_TITLE = 512
MILLIONTHS = 1_000_000
ACTIONS = {
    "0": "page_view",
    "1": "click",
    "2": "product_view",
    "3": "cart",
    "4": "remove_from_cart",
    "5": "checkout_start",
    "6": "purchase",
}
CHANNELS = {
    "Organic Search": "organic_search",
    "Paid Search": "paid_search",
    "Direct": "direct",
    "Referral": "referral",
    "Social": "social",
    "Affiliates": "affiliate",
    "Display": "display",
    "(Other)": "other_campaign",
}
PRODUCTS = ("SKU", "name", "orderedQuantity", "stockLevel", "restockingLeadTime")
HITS = (
    "visitId",
    "time",
    "channelGrouping",
    "type",
    "productQuantity",
    "productPrice",
    "productSKU",
    "v2ProductName",
    "v2ProductCategory",
    "currencyCode",
    "transactionId",
    "pageTitle",
    "pagePathLevel1",
    "eCommerceAction_type",
    "eCommerceAction_step",
    "fullVisitorId",
    "country",
    "city",
)
LOOKS = (
    "visit_id",
    "visit_start_time",
    "channel_grouping",
    "visit_number",
    "purchase_date",
    "full_visitor_id",
    "user_id",
    "social_engagement_type",
    "units_sold",
    "page_views",
    "time_on_site",
    "bounces",
    "revenue",
    "unit_price",
)


def records(path: Path) -> Iterator[list[Record]]:
    """Products first, then both tables of visits, each file in its own order."""
    for file in inputs(path):
        files.extension(file, (".parquet", ".csv.gz"))
    for file, (columns, to_record) in zip(inputs(path), TABLES.values(), strict=True):
        for rows in files.read(file, columns):
            yield [to_record(row) for row in rows]


def inputs(path: Path) -> list[Path]:
    """The files that `records` reads."""
    return [path / file for file in TABLES]


def _product(row: files.Row) -> Record:
    properties = {"product_id": identifier(row[0]), "name": text(row[1])}
    return Record("product_updated", row, START, properties)


def _hit(row: files.Row) -> Record:
    visit, into_visit, action, step = identifier(row[0]), number(row[1]), text(row[13]) or "", text(row[14])
    event_type = ACTIONS.get(action, f"action_{action}")
    if event_type == "page_view" and text(row[3]) == "EVENT":
        event_type = "click"  # of which only this much is known
    if event_type == "checkout_start" and step != "1":
        event_type = "page_view"  # of payment and review: the checkout started a page before
    product = {"product_id": identifier(row[6]), "category_code": text(row[8])}
    amounts = {"price": _price(row[5]), "quantity": number(row[4]), "currency": text(row[9])}
    order = {"order_id": identifier(row[10])}
    properties = {
        "page_view": product,
        "click": {"target": "product" if action == "1" else "event", "product_id": product["product_id"]},
        "checkout_start": {**order, "quantity": amounts["quantity"], "currency": amounts["currency"]},
        "purchase": {**product, **amounts, **order},
    }.get(event_type, {**product, **amounts})
    context = {"page_url": text(row[12]), "page_title": (text(row[11]) or "")[:LONGEST_TITLE] or None}
    context |= {"channel_group": _channel(row[2])}
    return Record(event_type, row, _time(visit, into_visit), properties, None, visit, visit, context=context)


def _look(row: files.Row) -> Record:
    """No product is named here, so that what was sold stays out: a purchase needs its product."""
    visit = identifier(row[0])
    context = {"channel_group": _channel(row[2])}
    return Record("page_view", row, since_1970(row[1]), {}, None, visit, visit, context=context)


@cache
def _channel(published: Any) -> str | None:
    name = text(published)
    return CHANNELS.get(name, name) if name else None


def _price(millionths: Any) -> Any:
    value = number(millionths)
    return money(value / MILLIONTHS) if type(value) in (int, float) else value


def _time(visit: str | None, into_visit: Any) -> str | None:
    """A visit's id is the second it began; a hit's time counts milliseconds from there."""
    began = number(visit)
    if type(began) is not int or type(into_visit) is not int:
        return text(visit if type(began) is not int else into_visit)
    return since_1970(began + into_visit / 1000)


Table = tuple[tuple[str, ...], Callable[[files.Row], Record]]
TABLES: dict[str, Table] = {
    "products.csv.gz": (PRODUCTS, _product),
    "all_sessions.parquet": (HITS, _hit),
    "analytics.parquet": (LOOKS, _look),
}
