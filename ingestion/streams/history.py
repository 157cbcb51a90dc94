"""The kept rows of live.minutes, and what of their minutes is in memory to count on.

All of it can be had again: the rows from live.minutes, the minutes from raw.events.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.streams.tally import Key, Minute, Row, by_minute, last_seen

# What was active is summed over so many minutes; visitors of older ones are not looked at again.
ACTIVE_MINUTES = 30
# Minutes stay in memory, so that late events find theirs without a look into raw.events: the newest ones,
# up to so many events, at some 20 bytes each. The active ones are always among them.
MOST_HELD = 8_000_000
# A look into raw.events reads all that landed since, so it takes over more minutes: up to so many events.
MOST_RECALLED = 1_000_000
FATES = {"rejected": "records_rejected", "too_old": "events_too_old", "ahead": "events_ahead"}

# Gives the placed records of these minutes (with how many there are) that landed up to a time.
Recall = Callable[[dict[Key, int], datetime], Iterator[pa.Table]]


class History:
    """Rows up to `cursor`: every record of raw.events that landed until then is counted, none after."""

    def __init__(self, rows: pa.Table, cursor: datetime, kept: timedelta) -> None:
        self.kept, self.cursor = kept, cursor
        self.schema = rows.schema
        self.hours = {hour: of(rows, hour_at=hour) for hour in rows["hour_at"].unique().to_pylist()}
        self.minutes: dict[Key, Minute] = {}

    def count(self, landed: pa.Table, records: pa.Table | None, recall: Recall) -> pa.Table:
        """Count what landed next; all rows of the hours that this changed.

        `records` are those that landed, in full; none where none of them is placed in a minute.
        """
        until = pc.max(landed["landed_at"]).as_py()
        placed = dict(by_minute(of(records, fate="placed"))) if records is not None else {}
        self.hold(self.missing(placed, until), recall)
        changed: dict[Key, Row] = {}
        for key, found in placed.items():
            minute = self.minutes.setdefault(key, Minute())
            minute.add(found)
            changed[key] = self.row(key) | minute.row()
        for key, counts in landings(landed).items():
            row = changed.setdefault(key, self.row(key))
            row |= {name: row[name] + count for name, count in counts.items()}
        self.see(changed, until)
        self.put(changed, until)
        self.cursor = until
        self.forget()
        hours = {hour_of(minute) for _, minute in changed} & self.hours.keys()
        return pa.concat_tables([self.hours[hour] for hour in hours])

    @property
    def expired(self) -> datetime:
        """Hours before this one are not kept."""
        return hour_of(self.cursor - self.kept)

    def missing(self, touched: Collection[Key], until: datetime) -> dict[Key, int]:
        """Touched minutes and the last ones, where they hold events and these are not in memory; with an
        older one come others that there is room for."""
        recent = first_active(until)
        hours = {hour_of(minute) for _, minute in touched}
        hours |= {hour for hour in self.hours if hour >= hour_of(recent)}
        absent = self.absent(hours & self.hours.keys())
        found = {key: count for key, count in absent.items() if key in touched or key[1] >= recent}
        if any(minute < recent for _, minute in found):
            held = sum(len(minute.events) for minute in self.minutes.values())
            room = min(MOST_HELD - held, MOST_RECALLED) - sum(found.values())
            others = self.absent(self.hours).items() - found.items()
            for key, count in sorted(others, key=lambda item: item[0][1], reverse=True):
                if count > room:
                    break
                room -= count
                found[key] = count
        return found

    def absent(self, hours: Collection[datetime]) -> dict[Key, int]:
        """Minutes of these hours that hold events and are not in memory, with how many records those are."""
        columns = ("source", "minute_at", "events", "events_repeated")
        found = {}
        for hour in hours:
            for source, minute, events, repeated in zip(
                *(self.hours[hour][name].to_pylist() for name in columns), strict=True
            ):
                if events and (source, minute) not in self.minutes:
                    found[source, minute] = events + repeated
        return found

    def hold(self, missing: dict[Key, int], recall: Recall) -> None:
        """Count minutes again from raw.events, up to the cursor."""
        for records in recall(missing, self.cursor) if missing else ():
            for key, found in by_minute(records):
                if key in missing:
                    self.minutes.setdefault(key, Minute()).add(found)
        for key in missing:  # its events may have been erased since
            self.minutes.setdefault(key, Minute())

    def row(self, key: Key) -> Row:
        """The row as it is, or a new one that counts nothing."""
        source, minute = key
        if (hour := hour_of(minute)) in self.hours:
            found: list[Row] = of(self.hours[hour], source=source, minute_at=minute).to_pylist()
            if found:
                return found[0]
        blank: Row = {field.name: [] if pa.types.is_list(field.type) else 0 for field in self.schema}
        return blank | {"source": source, "minute_at": minute, "hour_at": hour}

    def see(self, changed: dict[Key, Row], until: datetime) -> None:
        """Who was last seen when, in the last minutes of each source with changes."""
        recent = first_active(until)
        for source in {source for source, _ in changed}:
            keys = sorted(key for key in self.minutes if key[0] == source and key[1] >= recent)
            held = [self.minutes[key] for key in keys]
            visitors = last_seen(minute.visitors for minute in held)
            sessions = last_seen(minute.sessions for minute in held)
            for key, *counts in zip(keys, visitors, sessions, strict=True):
                row = changed.get(key) or self.row(key)
                if counts != [row["visitors_last_seen"], row["sessions_last_seen"]]:
                    row["visitors_last_seen"], row["sessions_last_seen"] = counts
                    changed[key] = row

    def put(self, changed: dict[Key, Row], until: datetime) -> None:
        """Take the changed rows in, in place of those with the same key."""
        for hour in {hour_of(minute) for _, minute in changed}:
            new = {key: row for key, row in changed.items() if row["hour_at"] == hour}
            table = pa.Table.from_pylist([row | {"landed_at": until} for row in new.values()], self.schema)
            if hour in self.hours:
                old = self.hours[hour]
                keys = zip(old["source"].to_pylist(), old["minute_at"].to_pylist(), strict=True)
                table = pa.concat_tables([old.filter([key not in new for key in keys]), table])
            self.hours[hour] = table.combine_chunks()

    def forget(self) -> None:
        """Let go of hours that are not kept, and of the oldest minutes beyond MOST_HELD."""
        self.hours = {hour: rows for hour, rows in self.hours.items() if hour >= self.expired}
        held = 0
        for key in sorted(self.minutes, key=lambda key: key[1], reverse=True):
            held += len(self.minutes[key].events)
            is_old = held > MOST_HELD and key[1] < first_active(self.cursor)
            if is_old or hour_of(key[1]) < self.expired:
                del self.minutes[key]


def landings(records: pa.Table) -> dict[Key, Row]:
    """What landed in each minute: records, and those that were late or count nowhere."""
    minutes = pc.floor_temporal(records["landed_at"], unit="minute")
    groups = records.select(["source", "fate", "is_late"]).append_column("minute_at", minutes)
    found: dict[Key, Row] = {}
    for group in groups.group_by(groups.column_names).aggregate([([], "count_all")]).to_pylist():
        names = ["records_landed", *filter(None, [FATES.get(group["fate"])])]
        names += ["events_late"] if group["is_late"] else []
        counts = found.setdefault((group["source"], group["minute_at"]), {})
        for name in names:
            counts[name] = counts.get(name, 0) + group["count_all"]
    return found


def of(rows: pa.Table, **values: Any) -> pa.Table:
    """The rows with these values."""
    for name, value in values.items():
        rows = rows.filter(pc.equal(rows[name], pa.scalar(value, rows[name].type)))
    return rows


def hour_of(at: datetime) -> datetime:
    """Start of its hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def first_active(now: datetime) -> datetime:
    """The first of the last minutes in which somebody counts as active."""
    return now.replace(second=0, microsecond=0) - timedelta(minutes=ACTIVE_MINUTES - 1)
