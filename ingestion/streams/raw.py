"""raw.events: one Kafka record a row, accepted or rejected, once."""

from ingestion.contract import catalogue
from ingestion.streams.checks import literal
from lakehouse.tables import RAW_EVENTS, Table

# Statistics for the columns that models and people filter by, not for every property.
STATISTICS = ("event_type", "source", "landed_at", "occurred_at", "batch_id")
# A commit every second or two: the log is summed up often and forgotten soon.
CHECKPOINT_EVERY = 20
PROPERTIES = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.logRetentionDuration": "interval 6 hours",
    "delta.deletedFileRetentionDuration": "interval 6 hours",
    "delta.dataSkippingStatsColumns": ",".join(STATISTICS),
}


def raw_events() -> Table:
    """The table, with the columns of today's contracts."""
    columns = ",\n".join(
        f"{column.name} {column.spark_type} comment {literal(column.description)}"
        for column in catalogue().raw_columns()
    )
    return Table(
        RAW_EVENTS,
        columns,
        "One Kafka record, accepted or rejected (with reasons), once",
        partition_by="landed_date",
        properties=PROPERTIES,
    )
