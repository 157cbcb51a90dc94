"""What is wrong at present: odd days, a ledger that does not balance, data that does not come on."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.streams import progress
from ingestion.streams.progress import Progress
from ingestion.topics import topic_names
from lakehouse.board_links import link
from lakehouse.settings import Settings
from lakehouse.warehouse import query

Row = dict[str, Any]
# The last day of a source has not ended, so it is never judged; what lies long before it is history.
ODD_DAYS = """
    with

    last_days as (
        select source, max(activity_date) as last_date from reports.rpt_anomalies group by source
    )

    select
        source,
        subject,
        metric,
        severity,
        seen,
        expected_low,
        expected_high,
        string(activity_date) as day
    from marts.fct_anomalies
    inner join last_days using (source)
    where activity_date > date_sub(last_date, {days})
    order by severity, activity_date, source, metric
"""
UNBALANCED = """
    select batch_id, read_count, record_count, missing_count, gap_count, string(landed_at) as landed_at
    from ops.ledger_batches
    where not is_balanced
    order by landed_at desc
    limit {most}
"""
BOOKED = "select string(max(landed_at)) as booked from ops.ledger_batches"
LANDED = "select string(max(landed_at)) as landed from raw.events"
MOST_BATCHES = 20
# After a quiet time landing takes the first record within this.
PATIENCE_SECONDS = 15


@dataclass(frozen=True)
class Alert:
    """One thing to look at. The id stays the same for as long as it is the same thing."""

    id: str
    severity: str
    source: str
    what: str
    seen: str
    expected: str
    since: str
    board: str

    def as_dict(self) -> Row:
        """For JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """What, where, seen and expected, in one line."""
        where = f"{self.source}: " if self.source else ""
        return f"{self.severity}: {where}{self.what}, {self.seen}, expected {self.expected} ({self.since})"


def found(settings: Settings) -> list[Alert]:
    """Everything that is wrong now, the worst first; [] before the first `dbt build`."""
    alerts = [*odd_days(settings), *unbalanced_batches(settings), *standstills(settings)]
    return sorted(alerts, key=lambda alert: (alert.severity != "critical", alert.since, alert.id))


def odd_days(settings: Settings) -> Iterator[Alert]:
    """Days far from what their weekday's history lets expect."""
    if not _built("marts", "fct_anomalies", settings):
        return
    for row in query(ODD_DAYS.format(days=settings.alerts_days), settings):
        yield Alert(
            id=f"odd/{row['source']}/{row['metric']}/{row['day']}",
            severity=row["severity"],
            source=row["source"],
            what=row["metric"].replace("_", " "),
            seen=_number(row["seen"]),
            expected=f"{_number(row['expected_low'])} to {_number(row['expected_high'])}",
            since=row["day"],
            board=link(settings, "data_trust", source=row["source"], metric=row["metric"]),
        )


def unbalanced_batches(settings: Settings) -> Iterator[Alert]:
    """Batches in which a record was lost or counted twice."""
    if not _built("ops", "ledger_batches", settings):
        return
    for row in query(UNBALANCED.format(most=MOST_BATCHES), settings):
        missing = row["missing_count"] + row["gap_count"]
        yield Alert(
            id=f"ledger/{row['batch_id']}/{row['landed_at']}",
            severity="critical",
            source="",
            what=f"the ledger of batch {row['batch_id']} does not balance",
            seen=f"{row['record_count']:,} records booked, {missing:,} missing",
            expected=f"{row['read_count']:,} booked, none missing",
            since=row["landed_at"],
            board=link(settings, "data_trust"),
        )


def standstills(settings: Settings) -> Iterator[Alert]:
    """Landing that does not land what waits, and marts that know nothing of what has landed."""
    if stands := _stands_still(settings):
        yield Alert(
            id=f"landing/{stands.last_commit_at}",
            severity="critical",
            source="",
            what="landing stands still",
            seen=f"{stands.lag:,} records wait in Kafka",
            expected=f"a commit every {settings.alerts_landing_minutes} minutes",
            since=str(stands.last_commit_at),
            board=link(settings, "live"),
        )
    if not _built("ops", "ledger_batches", settings):
        return
    booked, landed = query(BOOKED, settings)[0]["booked"], query(LANDED, settings)[0]["landed"]
    if not (booked and landed):
        return
    behind = datetime.fromisoformat(landed) - datetime.fromisoformat(booked)
    if behind > timedelta(hours=settings.alerts_marts_hours):
        yield Alert(
            id=f"marts/{booked}",
            severity="warning",
            source="",
            what="marts are old: `dbt build` has not run",
            seen=f"{behind / timedelta(hours=1):,.0f} hours behind what has landed",
            expected=f"{settings.alerts_marts_hours} hours at most",
            since=booked,
            board=link(settings, "data_trust"),
        )


def _stands_still(settings: Settings) -> Progress | None:
    """How far landing came, when it takes nothing of what waits; what has just come is given some seconds."""
    longest = timedelta(minutes=settings.alerts_landing_minutes)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        landing = progress.read(settings, topic_names())
        if not landing.lag or landing.last_commit_at is None:
            return None
        last = datetime.fromisoformat(landing.last_commit_at)
        if datetime.now(UTC) - (last if last.tzinfo else last.replace(tzinfo=UTC)) <= longest:
            return None
        if time.monotonic() > deadline:
            return landing
        time.sleep(1)


def _built(schema: str, table: str, settings: Settings) -> bool:
    schemas = {row["namespace"] for row in query("show schemas", settings)}
    return schema in schemas and bool(query(f"show tables in {schema} like '{table}'", settings))


def _number(value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
