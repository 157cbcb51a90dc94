"""A Kafka record -> a row of raw.events."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined]

from ingestion.contract import Catalogue
from ingestion.streams import checks
from ingestion.topics import DEAD_LETTER

DEAD_LETTER_SCHEMA = "reasons array<string>, payload string, source string, received_at string"
IS_LETTER = f"topic = '{DEAD_LETTER}'"
MALFORMED = "array('dead letter: is not in the form that the collector writes')"
UNTYPED = "array('event: a value cannot be kept in the type of its column')"
# What the engine says of a batch that was thought to hold checked records only.
UNCHECKED = "landing: a record was not checked by the collector"


def unchecked(contracts: Catalogue) -> str:
    """SQL: the record as it came where landing must check it itself, else null."""
    return f"case when not {IS_LETTER} and not {checks.is_stamped(contracts)} then coalesce(value, X'') end"


def raw_rows(records: DataFrame, contracts: Catalogue, *, all_checked: bool = False) -> DataFrame:
    """Type Kafka records, and check those that nobody checked; one value per batch comes by `with_batch`.

    Columns of `records`: value, topic, partition, offset, timestamp, headers, as the Kafka source gives them.
    With `all_checked` no row passes through Python; a record that the collector did not check then
    fails the whole batch with UNCHECKED.
    """
    if all_checked:
        fails = f"cast(raise_error('{UNCHECKED}') as array<string>)"
        found = F.expr(f"case when {unchecked(contracts)} is not null then {fails} end")
    else:
        explain = arrow_udf(checks.rejection_reasons, "array<string>")
        found = explain(F.expr(unchecked(contracts)))
    options = f"map('columnNameOfCorruptRecord', '{checks.CORRUPT}')"
    schema = checks.parse_schema(contracts)
    # Step by step: in one projection Spark would parse a record anew for each of its fields.
    parsed = (
        records.select("*", found.alias("found"))
        .selectExpr("*", "cast(value as string) as text", f"{IS_LETTER} as is_letter")
        .selectExpr(
            "*",
            f"case when not is_letter then from_json(text, '{schema}', {options}) end as record",
            f"case when is_letter then from_json(text, '{DEAD_LETTER_SCHEMA}') end as letter",
        )
        .selectExpr(
            "*",
            f"coalesce(record.{checks.CORRUPT} is null and record.event_type is not null"
            " and size(coalesce(found, array())) = 0, false) as is_accepted",
        )
        .selectExpr(
            "*",
            f"case when is_accepted then null when is_letter then coalesce(letter.reasons, {MALFORMED})"
            f" when size(found) > 0 then found else {UNTYPED} end as rejection_reasons",
        )
    )
    return parsed.selectExpr(
        "record.event_id as event_id",
        "record.event_type as event_type",
        "record.contract_version as contract_version",
        "coalesce(record.source, letter.source) as source",
        "record.customer_id as customer_id",
        "record.visitor_id as visitor_id",
        "record.session_id as session_id",
        "coalesce(record.occurrence, 1) as occurrence",
        "case when is_accepted then record.context end as context",
        "case when is_accepted then record.consent end as consent",
        "case when is_accepted then record.properties end as properties",
        "is_accepted",
        "rejection_reasons",
        "case when not is_accepted then coalesce(encode(letter.payload, 'UTF-8'), value) end as payload",
        "topic as kafka_topic",
        "partition as kafka_partition",
        "offset as kafka_offset",
        "try_cast(record.occurred_at as timestamp) as occurred_at",
        "try_cast(record.sent_at as timestamp) as sent_at",
        "try_cast(coalesce(record.received_at, letter.received_at) as timestamp) as received_at",
        "timestamp as kafka_at",
    )


def per_batch(value: object) -> Column:
    """One value for all rows, read at run time; a plain literal would be part of the generated code.

    That code is cached by its text: with a literal every batch would generate, compile and warm up its own.
    """
    return F.get(F.array(F.lit(value)), (F.col("kafka_partition") < 0).cast("int"))


def with_batch(rows: DataFrame, batch: dict[str, object], columns: list[str]) -> DataFrame:
    """Add what is one value per batch: id, landing time, and each source's watermark.

    `batch` is {"batch_id", "landed_at", "watermarks": {source: datetime}}.
    """
    watermarks = batch["watermarks"]
    assert isinstance(watermarks, dict)
    pairs = [F.lit(part) for pair in watermarks.items() for part in pair]
    watermark = F.create_map(*pairs)[F.col("source")] if pairs else F.lit(None).cast("timestamp")
    return (
        rows.select(
            "*",
            per_batch(batch["batch_id"]).cast("bigint").alias("batch_id"),
            per_batch(batch["landed_at"]).alias("landed_at"),
            per_batch(batch["landed_at"]).cast("date").alias("landed_date"),
            watermark.alias("watermark_at"),
        )
        .select("*", F.expr("coalesce(occurred_at < watermark_at, false) as is_late"))
        .select(columns)
    )
