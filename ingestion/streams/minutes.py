"""live.minutes: a source's minute a row."""

from datetime import datetime

from ingestion.streams.checks import literal
from lakehouse.tables import Table

COLUMNS = {
    "source": ("string not null", "Shop or feed; ids are unique only within it"),
    "event_types": (
        "array<struct<event_type: string, events: bigint>>",
        "Events of the minute by type, the most frequent first",
    ),
    "products": (
        "array<struct<product_id: string, views: bigint, carts: bigint, order_lines: bigint,"
        " revenue: decimal(28,4)>>",
        "The 100 busiest products of the minute, and one entry (others) for the rest",
    ),
    "pages": (
        "array<struct<page: string, views: bigint>>",
        "The 100 most viewed pages of the minute, without query, and one entry (others) for the rest",
    ),
    "events": ("bigint", "Accepted events of the minute, each event_id once"),
    "events_repeated": ("bigint", "Further copies of these events, which count nowhere else"),
    "events_of_bots": ("bigint", "Those of the events that a flagged bot made"),
    "visitors": ("bigint", "Distinct visitors in the minute, without bots"),
    "visitors_last_seen": (
        "bigint",
        "Those of them not seen in a later minute: its sum over the last n minutes, up to 30, is"
        " how many were active in them",
    ),
    "sessions": ("bigint", "Distinct sessions in the minute, without bots"),
    "sessions_last_seen": ("bigint", "Those of them not seen in a later minute"),
    "orders": ("bigint", "Distinct orders with a sold line in the minute"),
    "orders_cancelled": ("bigint", "Distinct orders that were cancelled in the minute"),
    "revenue": ("decimal(28,4)", "Sum over the sold lines, before later cancellations"),
    "records_landed": ("bigint", "Records that landed in the minute, accepted or rejected"),
    "records_rejected": ("bigint", "Those of them that were rejected"),
    "events_late": ("bigint", "Those of them that were accepted and late"),
    "events_too_old": ("bigint", "Those older than the kept history: they count in no minute"),
    "events_ahead": ("bigint", "Those too far in the future: they count in no minute"),
    "minute_at": ("timestamp not null", "Start of the minute, UTC"),
    "hour_at": ("timestamp not null", "Start of its hour; the partition"),
    "landed_at": ("timestamp", "Newest landing that the row counts"),
}
PROPERTIES = {
    # A commit every two seconds that replaces an hour's file: nothing of it is needed for long.
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 hours",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.dataSkippingStatsColumns": "source,minute_at,landed_at",
}


def live_minutes() -> Table:
    """The table."""
    columns = ",\n".join(f"{name} {kind} comment {literal(text)}" for name, (kind, text) in COLUMNS.items())
    comment = "One row per source and minute of the last hours"
    return Table("live.minutes", columns, comment, partition_by="hour_at", properties=PROPERTIES)


def moment(at: datetime) -> str:
    """A time as SQL, constant so that Delta skips files by it."""
    return f"timestamp'{at:%Y-%m-%d %H:%M:%S.%f}'"
