"""live.minutes: a source's minute a row, and which records of raw.events count in which."""

from datetime import datetime, timedelta

from ingestion.streams.checks import literal
from lakehouse.settings import Settings
from lakehouse.tables import Table

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# A record that was rejected may name no source; the parentheses keep it apart from one that does.
UNKNOWN_SOURCE = "(unknown)"
# A count without consent keeps the full hour only: it counts when Kafka took it.
HAPPENED = "if(event_type = 'event_counted', kafka_at, occurred_at)"

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


def landing_columns(settings: Settings) -> list[str]:
    """SQL over raw.events: whose a record is, when it landed, and whether it counts in a minute."""
    oldest = f"landed_at - interval {settings.live_history_hours} hours"
    newest = f"landed_at + interval {settings.future_after_minutes} minutes"
    fate = (
        f"case when not is_accepted then 'rejected' when {HAPPENED} > {newest} then 'ahead'"
        f" when {HAPPENED} >= {oldest} then 'placed' else 'too_old' end"
    )
    return [
        f"coalesce(source, '{UNKNOWN_SOURCE}') as source",
        "landed_at",
        f"{fate} as fate",
        "is_accepted and is_late as is_late",
    ]


def record_columns(settings: Settings) -> list[str]:
    """The same, and what counting needs of a record that does: a few narrow columns.

    Ids become 64-bit hashes: two of a hundred thousand in one minute are alike once in 10^9 minutes.
    """
    is_human = "not coalesce(context.is_bot, false)"
    is_order = "event_type = 'order_placed' and properties.order_status"
    is_sold = f"{is_order} = 'placed' and coalesce(occurrence, 1) = 1"
    lines = "filter(properties.lines, line -> line.quantity > 0 and line.line_total > 0)"
    line = "struct(line.product_id, cast(line.line_total as decimal(28,4)) as revenue)"
    counted = {
        "minute_at": f"date_trunc('minute', {HAPPENED})",
        "event": "xxhash64(event_id)",
        "event_type": "event_type",
        "is_bot": f"not {is_human}",
        "visitor": f"if(visitor_id is not null and {is_human}, xxhash64(visitor_id), null)",
        "session": f"if(session_id is not null and {is_human}, xxhash64(session_id), null)",
        "page": "if(event_type = 'page_view', regexp_extract(context.page_url, '^[^?#]+', 0), null)",
        "product_id": "if(event_type in ('product_view', 'cart'), properties.product_id, null)",
        "cancelled": f"if({is_order} = 'cancelled', properties.order_id, null)",
        "ordered": f"if({is_sold} and size({lines}) > 0, properties.order_id, null)",
        "lines": f"if({is_sold}, transform({lines}, line -> {line}), null)",
    }
    return [*landing_columns(settings), *(f"{what} as {name}" for name, what in counted.items())]
