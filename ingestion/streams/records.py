"""Rows of raw.events as Arrow, and what counting a minute needs of them.

They come by Spark or straight from a file that landing wrote, and become the same.
"""

import io
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.settings import Settings

# A record that was rejected may name no source; the parentheses keep it apart from one that does.
UNKNOWN_SOURCE = "(unknown)"
TIME = pa.timestamp("us", tz="UTC")
LINE = {"product_id": pa.string(), "quantity": pa.float64(), "line_total": pa.decimal128(18, 4)}
# What tells whether and how a record counts...
LANDING = {
    "source": pa.string(),
    "event_type": pa.string(),
    "is_accepted": pa.bool_(),
    "is_late": pa.bool_(),
    "occurred_at": TIME,
    "kafka_at": TIME,
    "landed_at": TIME,
}
# ... and what is counted of one that does.
CONTENT = {
    "event_id": pa.string(),
    "visitor_id": pa.string(),
    "session_id": pa.string(),
    "occurrence": pa.int32(),
    "context.is_bot": pa.bool_(),
    "context.page_url": pa.string(),
    "properties.product_id": pa.string(),
    "properties.order_id": pa.string(),
    "properties.order_status": pa.string(),
    "properties.lines": pa.list_(pa.struct(LINE)),
}
# SQL for the minute that `landed` finds a record to be of.
MINUTE = "date_trunc('minute', if(event_type = 'event_counted', kafka_at, occurred_at))"


def columns(*, with_content: bool = True) -> list[str]:
    """SQL over raw.events."""
    wanted = LANDING | CONTENT if with_content else LANDING
    lines = f"transform(properties.lines, line -> struct({', '.join(f'line.{name}' for name in LINE)}))"
    return [f"{lines if path == 'properties.lines' else path} as `{path}`" for path in wanted]


def of_file(content: bytes, *, with_content: bool = True) -> pa.Table:
    """The same columns of a Parquet file; one that is older than a column has nulls in it."""
    wanted = LANDING | CONTENT if with_content else LANDING
    leaves = [path for path in wanted if path != "properties.lines"]
    leaves += [f"properties.lines.list.element.{name}" for name in LINE] if with_content else []
    found = pq.ParquetFile(io.BytesIO(content), coerce_int96_timestamp_unit="us").read(leaves)
    arrays = [column(found, path).cast(kind) for path, kind in wanted.items()]
    return pa.table(dict(zip(wanted, arrays, strict=True)))


def column(table: pa.Table, path: str) -> Any:
    """One column, or one field of a column, as an array."""
    name, *fields = path.split(".")
    if name not in table.column_names:
        return pa.nulls(len(table))
    found = table[name].combine_chunks()
    for field in fields:
        if found.type.get_field_index(field) < 0:
            return pa.nulls(len(table))
        found = pc.struct_field(found, field)
    return found


def landed(rows: pa.Table, settings: Settings) -> pa.Table:
    """Whose a record is, when it landed, and its fate: whether it counts in a minute, and in which."""
    at, is_accepted = rows["landed_at"], rows["is_accepted"]
    # A count without consent keeps the full hour only: it counts when Kafka took it.
    is_count = pc.fill_null(pc.equal(rows["event_type"], "event_counted"), False)
    happened = pc.if_else(is_count, rows["kafka_at"], rows["occurred_at"])
    oldest = pc.subtract(at, duration(hours=settings.live_history_hours))
    newest = pc.add(at, duration(minutes=settings.future_after_minutes))
    cases = pc.make_struct(
        pc.invert(is_accepted),
        pc.fill_null(pc.greater(happened, newest), False),
        pc.fill_null(pc.greater_equal(happened, oldest), False),
    )
    return pa.table(
        {
            "source": pc.fill_null(rows["source"], UNKNOWN_SOURCE),
            "landed_at": at,
            "fate": pc.case_when(cases, "rejected", "ahead", "placed", "too_old"),
            "is_late": pc.and_(is_accepted, rows["is_late"]),
            "minute_at": pc.floor_temporal(happened, unit="minute"),
        }
    )


def placed(rows: pa.Table, settings: Settings) -> pa.Table:
    """The records that count in a minute, with what is counted of them.

    Ids become 64-bit hashes: two of a hundred thousand in one minute are alike once in 10^9 minutes.
    """
    known = landed(rows, settings)
    is_placed = pc.equal(known["fate"], "placed")
    rows, known = rows.filter(is_placed).combine_chunks(), known.filter(is_placed)
    kind, status = rows["event_type"], rows["properties.order_status"]
    is_human = pc.invert(pc.fill_null(rows["context.is_bot"], False))
    is_order = pc.equal(kind, "order_placed")
    is_first = pc.equal(pc.fill_null(rows["occurrence"], 1), 1)
    is_sold = pc.and_(pc.and_(is_order, pc.equal(status, "placed")), is_first)
    lines = sold_lines(rows["properties.lines"].combine_chunks())
    has_lines = pc.greater(pc.list_value_length(lines), 0)
    page = pc.struct_field(pc.extract_regex(rows["context.page_url"], r"^(?P<page>[^?#]*)"), "page")
    order = rows["properties.order_id"]
    counted = {
        "event": hashed(rows["event_id"]),
        "event_type": kind,
        "is_bot": pc.invert(is_human),
        "visitor": where(is_human, hashed(rows["visitor_id"])),
        "session": where(is_human, hashed(rows["session_id"])),
        "page": where(pc.equal(kind, "page_view"), page),
        "product_id": where(
            pc.is_in(kind, pa.array(["product_view", "cart"])), rows["properties.product_id"]
        ),
        "cancelled": where(pc.and_(is_order, pc.equal(status, "cancelled")), order),
        "ordered": where(pc.and_(is_sold, has_lines), order),
        "lines": where(is_sold, lines),
    }
    for name, values in counted.items():
        known = known.append_column(name, values)
    return known


def sold_lines(lines: Any) -> Any:
    """Of each order its lines with a quantity and an amount above zero: product and revenue."""
    flat = lines.flatten()
    is_sold = pc.and_(
        pc.greater(pc.struct_field(flat, "quantity"), 0),
        pc.greater(pc.struct_field(flat, "line_total"), pa.scalar(0, pa.decimal128(18, 4))),
    )
    is_sold = pc.fill_null(is_sold, False)
    counts = np.bincount(pc.list_parent_indices(lines).filter(is_sold).to_numpy(), minlength=len(lines))
    sold = flat.filter(is_sold)
    revenue = pc.struct_field(sold, "line_total").cast(pa.decimal128(28, 4))
    values = pa.StructArray.from_arrays(
        [pc.struct_field(sold, "product_id"), revenue], ["product_id", "revenue"]
    )
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)


def hashed(ids: Any) -> Any:
    """64-bit hashes; of no id, none."""
    texts = pc.fill_null(ids, "").to_numpy().astype(object)
    hashes = pd.util.hash_array(texts, categorize=False).view(np.int64)
    return pa.array(hashes, mask=ids.is_null().to_numpy().astype(bool))


def where(is_so: Any, values: Any) -> Any:
    """The values where it is so, else null."""
    return pc.if_else(is_so, values, pa.scalar(None, values.type))


def duration(**spans: float) -> Any:
    """As an Arrow scalar."""
    return pa.scalar(timedelta(**spans), pa.duration("us"))
