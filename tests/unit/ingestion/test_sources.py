"""Adapters: published records become events, the same from every file format."""

import csv
import gzip
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES, complete_journey, online_retail, rees46, source_named
from ingestion.sources.records import to_events
from lakehouse.errors import UserError

HEADER = list(online_retail.COLUMNS)
RETAIL = [
    ("536365", "85123A", "WHITE T-LIGHT HOLDER", 6, "2010-12-01 08:26:00", 2.55, 17850, "United Kingdom"),
    ("536365", "85123A", "WHITE T-LIGHT HOLDER", 6, "2010-12-01 08:26:00", 2.55, 17850, "United Kingdom"),
    ("C536379", "22752", None, -1, "2010-12-01 09:41:00", 27.5, None, "France"),
    ("536370", "POST", 'SAY "HI", £', 3, "2010-12-01 09:45:00", 18.0, 12583, "EIRE"),
    ("536371", "22086", "PADS", 80995, "2010-12-01 10:00:00", 0.001, 13748, "United Kingdom"),
]


def events(source: str, path: Path) -> list[dict[str, Any]]:
    return [event for batch in to_events(source, SOURCES[source].records(path)) for event in batch]


def retail_csv(path: Path, rows: list[Any] = RETAIL, header: list[str] = HEADER) -> Path:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def american(path: Path) -> Path:
    """As published on the web: month first, ids as floats, the second edition's names."""
    rows = [
        [
            *row[:4],
            f"12/1/2010 {int(row[4][11:13])}:{row[4][14:16]}",
            row[5],
            row[6] and f"{row[6]}.0",
            row[7],
        ]
        for row in RETAIL
    ]
    header = [
        "Invoice",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Customer ID",
        "Country",
    ]
    return retail_csv(path, rows, header)


def frame() -> pd.DataFrame:
    table = pd.DataFrame(RETAIL, columns=HEADER)
    return table.assign(InvoiceDate=pd.to_datetime(table.InvoiceDate))


def parquet(path: Path) -> Path:
    frame().astype({"CustomerID": "Int64"}).to_parquet(path)
    return path


def parquet_of_floats(path: Path) -> Path:
    frame().astype({"CustomerID": "float64", "Quantity": "float32"}).to_parquet(path)
    return path


def xlsx(path: Path) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Online Retail")
    sheet.append(HEADER)
    for invoice, stock, *rest in RETAIL:
        numeric = [int(cell) if cell.isdigit() else cell for cell in (invoice, stock)]
        sheet.append([*numeric, *rest[:2], datetime.fromisoformat(rest[2]), *rest[3:]])
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (retail_csv, "a.csv.gz"),
        (american, "a.csv"),
        (parquet, "a.parquet"),
        (parquet_of_floats, "a.parquet"),
        (xlsx, "a.xlsx"),
    ],
)
def test_events_are_the_same_from_every_format(tmp_path: Path, write: Any, name: str) -> None:
    expected = events("online_retail", retail_csv(tmp_path / "expected.csv"))
    assert events("online_retail", write(tmp_path / name)) == expected


def test_an_invoice_line_is_an_order_placed(tmp_path: Path) -> None:
    first, second, cancelled, post, pads = events("online_retail", retail_csv(tmp_path / "a.csv"))
    assert first == {
        "event_id": "ad44c8438b014f4f9ae62814ad591b1d",
        "event_type": "order_placed",
        "contract_version": 1,
        "source": "online_retail",
        "occurred_at": "2010-12-01T08:26:00Z",
        "customer_id": "17850",
        "occurrence": 1,
        "properties": {
            "order_id": "536365",
            "order_status": "placed",
            "currency": "GBP",
            "country": "United Kingdom",
            "lines": [
                {
                    "product_id": "85123A",
                    "description": "WHITE T-LIGHT HOLDER",
                    "quantity": 6,
                    "unit_price": 2.55,
                    "line_total": 15.3,
                }
            ],
        },
    }
    assert (second["occurrence"], second["event_id"] == first["event_id"]) == (2, False)
    assert (cancelled["properties"]["order_status"], cancelled["customer_id"]) == ("cancelled", None)
    assert cancelled["properties"]["lines"][0]["line_total"] == -27.5
    assert post["properties"]["lines"][0]["description"] == 'SAY "HI", £'
    assert pads["properties"]["lines"][0]["line_total"] == 80.995


def test_a_bad_value_becomes_a_reason_and_loses_nothing(tmp_path: Path) -> None:
    bad = [
        ("1", "A", "x", "abc", "2010-12-01 08:26:00", 2.55, 1, "France"),
        ("2", "A", "x", 1, "yesterday", 2.55, 1, "France"),
        ("3", "A", "x", 1, "", "2,55", 1, "France"),
        ("", "", "", "", "", "", "", ""),
    ]
    fields = [
        sorted(reason.split(":")[0] for reason in catalogue().validate(event))
        for event in events("online_retail", retail_csv(tmp_path / "a.csv", bad))
    ]
    line = "properties.lines[0]."
    assert fields == [
        [f"{line}line_total", f"{line}quantity"],
        ["occurred_at"],
        ["occurred_at", f"{line}line_total", f"{line}unit_price"],
        ["occurred_at", f"{line}line_total", f"{line}product_id", f"{line}quantity", "properties.order_id"],
    ]


def test_a_rees46_record_is_an_event_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [
        "2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde",
        "2019-10-01 00:00:01 UTC,cart,44600062,2103807459595387724,,,0.00,541312140,72d76fde",
        "2019-10-01 00:00:02 UTC,applause,44600062,1,,,1.00,541312140,72d76fde",
    ]
    path.write_text("\n".join([",".join(rees46.COLUMNS), *rows]))
    view, cart, unknown = events("rees46", path)
    assert view["event_type"] == "product_view"
    assert (view["customer_id"], view["visitor_id"], view["session_id"]) == (
        "541312140",
        "541312140",
        "72d76fde",
    )
    assert view["properties"] == {
        "product_id": "44600062",
        "category_id": "2103807459595387724",
        "category_code": None,
        "brand": "shiseido",
        "price": 35.79,
    }
    assert (cart["event_type"], cart["properties"]["price"]) == ("cart", 0)
    assert catalogue().validate(view) == catalogue().validate(cart) == []
    assert catalogue().validate(unknown) == ["event_type: 'applause' is not a known event type"]


def complete_journey_folder(folder: Path) -> Path:
    """The seven tables with their first rows, and every campaign."""
    for file in complete_journey.inputs(complete_journey.folder()):
        first = 27 if file.stem == "campaign_descriptions" else 3
        rows = next(pq.ParquetFile(file).iter_batches(batch_size=first))
        pq.write_table(pa.Table.from_batches([rows]), folder / file.name)
    return folder


def test_complete_journey_events_keep_their_contracts(tmp_path: Path) -> None:
    told = events("complete_journey", complete_journey_folder(tmp_path))
    assert [catalogue().validate(event) for event in told] == [[]] * len(told)
    assert Counter(event["event_type"] for event in told) == {
        "product_updated": 3,
        "customer_updated": 3,
        "campaign_updated": 27,
        "campaign_sent": 3,
        "coupon_issued": 3,
        "order_placed": 3,
        "coupon_redeemed": 3,
    }


def test_a_complete_journey_order_line_is_as_published(tmp_path: Path) -> None:
    told = events("complete_journey", complete_journey_folder(tmp_path))
    line = [event for event in told if event["event_type"] == "order_placed"][1]
    assert (line["occurred_at"], line["customer_id"]) == ("2017-01-01T12:10:28Z", "900")
    assert line["properties"] == {
        "order_id": "31198570047",
        "order_status": "placed",
        "currency": "USD",
        "store_id": "330",
        "lines": [
            {
                "product_id": "9878513",
                "quantity": 1,
                "line_total": 0.99,
                "retail_discount": 0.1,
                "coupon_discount": 0,
                "coupon_match_discount": 0,
            }
        ],
    }


def test_complete_journey_times_are_those_of_the_campaign(tmp_path: Path) -> None:
    told = events("complete_journey", complete_journey_folder(tmp_path))
    times = {event["event_type"]: event["occurred_at"] for event in told}
    assert times["campaign_sent"] == "2017-03-03T00:00:00Z"
    assert times["product_updated"] == times["customer_updated"] == "2017-01-01T00:00:00Z"
    assert times["coupon_redeemed"] == "2017-01-03T00:00:00Z"


def test_a_missing_table_of_complete_journey_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"campaign_descriptions\.parquet does not exist"):
        events("complete_journey", tmp_path)


def test_complete_journey_holds_what_it_is_known_for() -> None:
    folder = complete_journey.folder()
    rows = {file.stem: pq.read_metadata(file).num_rows for file in complete_journey.inputs(folder)}
    assert rows == {
        "transactions": 1_469_307,
        "products": 92_331,
        "demographics": 801,
        "campaign_descriptions": 27,
        "campaigns": 6_589,
        "coupons": 116_204,
        "coupon_redemptions": 2_102,
    }
    sold = pq.read_table(folder / "transactions.parquet", columns=["basket_id", "household_id"])
    assert [pc.count_distinct(sold.column(name)).as_py() for name in sold.column_names] == [155_848, 2_469]
    assert SOURCES["complete_journey"].total(folder) == sum(rows.values())


def test_a_week_of_online_retail_is_part_of_the_whole(tmp_path: Path, shared: Any) -> None:
    week = events("online_retail", shared("online_retail/week_2011-11-28.csv.gz"))
    whole = shared("online_retail/online_retail.parquet")
    assert SOURCES["online_retail"].total(whole) == 541_909
    # No line of before is identical to one of that week: tests/engine reads all 541,909.
    lines = pq.read_table(whole, filters=[("InvoiceDate", ">=", datetime(2011, 11, 28))])
    pq.write_table(lines, tmp_path / "end.parquet")
    ids = {event["event_id"] for event in events("online_retail", tmp_path / "end.parquet")}
    assert len({event["event_id"] for event in week}) == len(week) == 18_916
    assert {event["event_id"] for event in week} <= ids


def test_the_rees46_sample_gives_its_known_counts(shared: Any) -> None:
    told = events("rees46", shared("rees46_events/2019-Oct_first_170min.csv.gz"))
    assert Counter(event["event_type"] for event in told) == {
        "product_view": 17_055,
        "purchase": 214,
        "cart": 165,
    }
    assert sum(event["occurrence"] > 1 for event in told) == 5
    assert len({event["event_id"] for event in told}) == 17_434
    assert not any(catalogue().validate(event) for event in told)


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="complete_journey, online_retail, rees46, taobao"):
        source_named("amazon")


def test_a_source_without_data_of_its_own_needs_a_file() -> None:
    with pytest.raises(UserError, match="lakehouse replay rees46 FILE"):
        SOURCES["rees46"].path(None)
