"""The ledger: what Kafka gave against what landed and what is booked of it, by batch and by partition."""

from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from ingestion.streams import progress
from ingestion.streams.progress import Offsets
from ingestion.topics import topic_names
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.warehouse import query

MOST_SHOWN = 3
REASONS = """
    select
        reason,
        sum(record_count) as records,
        sum(late_count) as late,
        sum(future_count) as future,
        sum(bot_count) as bots,
        sum(no_consent_count) as without_consent
    from ops.ledger
    where landed_at <= (select max(landed_at) from ops.ledger_batches)
    group by reason
    order by reason = 'accepted' desc, reason = 'duplicate' desc, records desc
"""
BATCHES = """
    select
        batch_id as batch,
        string(landed_at) as landed_at,
        read_count as read,
        record_count as booked,
        accepted_count as accepted,
        duplicate_count as duplicate,
        rejected_count as rejected,
        missing_count as missing,
        gap_count as gap,
        is_balanced as balanced
    from ops.ledger_batches
"""
PARTITIONS = """
    select
        kafka_topic,
        kafka_partition,
        min(kafka_offset) as first_offset,
        max(kafka_offset) as last_offset,
        count(*) as row_count,
        count(distinct kafka_offset) as offset_count,
        count_if(landed_at > (select max(landed_at) from ops.ledger_batches)) as unbooked_count
    from raw.events
    group by kafka_topic, kafka_partition
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """Totals by reason and of all batches, the last batches one by one, and what does not balance."""

    reasons: list[Row]
    batches: int
    booked_until: str
    read: int
    booked: int
    waiting_to_land: int
    waiting_to_be_booked: int
    last_batches: list[Row]
    problems: list[str]

    def as_dict(self) -> Row:
        """For JSON."""
        return asdict(self) | {"balances": not self.problems}

    def sentence(self) -> str:
        """How far it goes, as people read it."""
        return (
            f"{self.batches:,} batches until {self.booked_until} UTC: {self.read:,} records read,"
            f" {self.booked:,} booked. {self.waiting_to_land:,} more wait in Kafka to land,"
            f" {self.waiting_to_be_booked:,} have landed and wait for `dbt build`."
        )


def read(settings: Settings, last: int = 0) -> Ledger:
    """The ledger with its last so many batches, held against Kafka; UserError before its first build."""
    if not query("show tables in ops like 'ledger_batches'", settings):
        raise UserError("There is no ledger yet: run `dbt build`.")
    (total,) = query(
        "select count(*) as batches, string(max(landed_at)) as until, sum(read_count) as read,"
        " sum(record_count) as booked, count_if(not is_balanced) as unbalanced from ops.ledger_batches",
        settings,
    )
    if not total["batches"]:
        raise UserError("The ledger is empty: run `dbt build` after the first batch has landed.")
    unbalanced = query(f"{BATCHES} where not is_balanced order by landed_at limit {MOST_SHOWN}", settings)
    more = total["unbalanced"] - len(unbalanced)
    # Kafka is asked last: meanwhile it only grows, and more lands.
    held = {(row["kafka_topic"], row["kafka_partition"]): row for row in query(PARTITIONS, settings)}
    kafka = progress.offsets(settings, topic_names())
    return Ledger(
        reasons=query(REASONS, settings),
        batches=total["batches"],
        booked_until=total["until"],
        read=total["read"],
        booked=total["booked"],
        waiting_to_land=sum(max(0, at.end - next_offset(at, held.get(name))) for name, at in kafka.items()),
        waiting_to_be_booked=sum(row["unbooked_count"] for row in held.values()),
        last_batches=query(f"{BATCHES} order by landed_at desc limit {last}", settings) if last else [],
        problems=[
            *map(batch_problem, unbalanced),
            *([f"and {more:,} more batches"] if more > 0 else []),
            *chain.from_iterable(partition_problems(name, at, held.get(name)) for name, at in kafka.items()),
        ],
    )


def batch_problem(batch: Row) -> str:
    """What is wrong with a batch that does not balance."""
    return (
        f"batch {batch['batch']} of {batch['landed_at']} read {batch['read']:,} records and booked"
        f" {batch['booked']:,}, {batch['missing']:,} are missing in it and {batch['gap']:,} before it"
    )


def next_offset(at: Offsets, held: Row | None) -> int:
    """The first offset of a partition that the table does not hold yet."""
    return at.first if held is None else held["last_offset"] + 1


def partition_problems(name: tuple[str, int], at: Offsets, held: Row | None) -> list[str]:
    """What the table does not hold of a partition, or holds twice. What Kafka deleted later is no hole."""
    where = f"{name[0]}-{name[1]}"
    begin = 0 if held is None else held["last_offset"] + 1
    found = []
    if at.first > begin:
        found.append(f"{where}: Kafka deleted {at.first - begin:,} records before they landed")
    if held is None:
        return found
    if at.end < begin:
        found.append(f"{where}: the table goes on to offset {begin - 1} and Kafka only to {at.end - 1}")
    if early := max(0, held["first_offset"] - at.first):
        found.append(f"{where}: {early:,} records before offset {held['first_offset']} did not land")
    if missing := begin - held["first_offset"] - held["offset_count"]:
        found.append(f"{where}: {missing:,} records up to offset {begin - 1} did not land")
    if twice := held["row_count"] - held["offset_count"]:
        found.append(f"{where}: {twice:,} records landed twice")
    return found
