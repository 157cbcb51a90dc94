"""Dead letters: every record that was rejected, told by reason and one by one; `resend` sends them again."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from ingestion.streams import checks
from ingestion.topics import DEAD_LETTER
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.warehouse import query

MOST_LISTED = 1_000
AT_ONCE = 2_000
ID = "concat_ws('-', kafka_topic, kafka_partition, kafka_offset)"
ID_FORM = re.compile(r"([a-z_]+)-([0-9]{1,9})-([0-9]{1,18})")
TIME = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"
# Of one kind are reasons that differ in a value or in the place in an array; for Java and Python alike.
VALUE = r'"(?:[^"\\]|\\.)*"|\[.*\]|\{.*\}|-?[0-9][0-9.eE+-]*|true|false'
KINDS = (
    (r"\[[0-9]+\]", "[]"),
    (r"( at byte [0-9]+|: line [0-9]+ column [0-9]+ \(char [0-9]+\))$", ""),
    (rf"^([^:]+: )(?:{VALUE}) (is|has|does) ", "$1$2 "),
    (r'^([^:]+: )["\[{].{100,}$', "$1a long value breaks the contract"),
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Letter:
    """One rejected record. Times are UTC; `received_at` is null where no collector took it."""

    id: str
    topic: str
    source: str | None
    reasons: list[str]
    payload: bytes
    received_at: str | None
    landed_at: str

    @property
    def event(self) -> Any:
        """The payload with the time of its receipt; None where it is no JSON."""
        try:
            event = orjson.loads(self.payload)
        except orjson.JSONDecodeError:
            return None
        is_received = isinstance(event, dict) and self.topic == DEAD_LETTER and self.received_at
        return {**event, "received_at": self.received_at} if is_received else event

    @property
    def text(self) -> str:
        """The event as one line, to be mended and given back in a file; else the payload as it came."""
        if self.event is None:
            return self.payload.decode("utf-8", "backslashreplace")
        return orjson.dumps(self.event).decode()

    def described(self) -> str:
        """Source, times, every reason, and the text below."""
        lines = [f"source    {self.source or '-'}", f"received  {self.received_at or '-'}"]
        lines += [f"landed    {self.landed_at}", *(f"reason    {reason}" for reason in self.reasons)]
        return "\n".join([*lines, "", self.text])


def kind(reason: str) -> str:
    """The reason without what differs from record to record."""
    for pattern, replacement in KINDS:
        reason = re.sub(pattern, replacement.replace("$", "\\"), reason, flags=re.DOTALL)
    return reason


def kind_sql(column: str) -> str:
    """The same as SQL."""
    for pattern, replacement in KINDS:
        column = f"regexp_replace({column}, r'(?s){pattern}', '{replacement}')"
    return column


def listed(settings: Settings) -> list[Row]:
    """By reason and source: how many, how many are events by now, the first, the last and its id."""
    return query(
        f"""
        with letters as (
            select
                source,
                coalesce(event_id, get_json_object(cast(payload as string), '$.event_id')) as event_id,
                {ID} as id,
                landed_at,
                array_distinct(transform(rejection_reasons, r -> {kind_sql("r")})) as reasons
            from raw.events
            where not is_accepted
        ),
        accepted as (
            select distinct events.source, events.event_id
            from raw.events as events
            left semi join letters
                on events.source = letters.source and events.event_id = letters.event_id
            where events.is_accepted
        ),
        exploded as (
            select source, event_id, id, landed_at, explode(reasons) as reason from letters
        )
        select
            reason,
            source,
            count(*) as letters,
            count(accepted.event_id) as accepted_since,
            string(min(landed_at)) as first_landed_at,
            string(max(landed_at)) as last_landed_at,
            max_by(id, struct(landed_at, id)) as last_id
        from exploded
        left join accepted using (source, event_id)
        group by reason, source
        order by letters desc, reason, source
        limit {MOST_LISTED}
        """,
        settings,
    )


def letter(settings: Settings, name: str) -> Letter:
    """The one with this id; UserError where there is none."""
    if found := ID_FORM.fullmatch(name):
        topic, partition, offset = found.groups()
        where = f"kafka_topic = '{topic}' and kafka_partition = {partition} and kafka_offset = {offset}"
        for row in _page(settings, where):
            return _letter(row)
    raise UserError(
        f"There is no dead letter {name}: an id is topic-partition-offset, such as dead_letter-0-17;"
        " `lakehouse dead-letters list` shows some."
    )


def letters(settings: Settings, reason: str | None, source: str | None) -> Iterator[Letter]:
    """Those with the text in a reason, or in its kind, and of the source, in the order of their landing."""
    where = "true" if source is None else f"source = {checks.literal(source)}"
    if reason is not None:
        text = checks.literal(reason)
        has_text = f"contains(r, {text}) or contains({kind_sql('r')}, {text})"
        where += f" and exists(rejection_reasons, r -> {has_text})"
    after = "true"
    while page := _page(settings, f"{where} and {after}"):
        yield from map(_letter, page)
        last = page[-1]
        after = (
            "struct(landed_at, kafka_topic, kafka_partition, kafka_offset) > named_struct("
            f"'landed_at', timestamp_micros({last['landed_micros']}), 'kafka_topic', '{last['kafka_topic']}',"
            f" 'kafka_partition', {last['kafka_partition']}, 'kafka_offset', {last['kafka_offset']}L)"
        )


def _page(settings: Settings, where: str) -> list[Row]:
    return query(
        f"""
        select
            kafka_topic,
            kafka_partition,
            kafka_offset,
            {ID} as id,
            source,
            to_json(rejection_reasons) as reasons,
            base64(payload) as payload64,
            date_format(received_at, "{TIME}") as received,
            date_format(landed_at, "{TIME}") as landed,
            unix_micros(landed_at) as landed_micros
        from raw.events
        where not is_accepted and {where}
        order by landed_at, kafka_topic, kafka_partition, kafka_offset
        limit {AT_ONCE}
        """,
        settings,
    )


def _letter(row: Row) -> Letter:
    return Letter(
        row["id"],
        row["kafka_topic"],
        row["source"],
        orjson.loads(row["reasons"]),
        base64.b64decode(row["payload64"] or ""),
        row["received"],
        row["landed"],
    )
