"""live.minutes: the same records give the same rows, however they are cut, ordered and repeated."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ingestion.streams import history
from ingestion.streams.history import History
from ingestion.streams.tally import Key, by_minute

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
KEPT = timedelta(hours=24)
TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(28, 4)
LINE = pa.struct([("product_id", pa.string()), ("revenue", MONEY)])
RECORD = pa.schema(
    [
        ("source", pa.string()),
        ("landed_at", TIME),
        ("fate", pa.string()),
        ("is_late", pa.bool_()),
        ("minute_at", TIME),
        ("event", pa.int64()),
        ("event_type", pa.string()),
        ("is_bot", pa.bool_()),
        ("visitor", pa.int64()),
        ("session", pa.int64()),
        ("page", pa.string()),
        ("product_id", pa.string()),
        ("cancelled", pa.string()),
        ("ordered", pa.string()),
        ("lines", pa.list_(LINE)),
    ]
)
PRODUCT = [("product_id", pa.string()), ("views", pa.int64()), ("carts", pa.int64())]
ROW = pa.schema(
    [
        ("source", pa.string()),
        ("event_types", pa.list_(pa.struct([("event_type", pa.string()), ("events", pa.int64())]))),
        ("products", pa.list_(pa.struct([*PRODUCT, ("order_lines", pa.int64()), ("revenue", MONEY)]))),
        ("pages", pa.list_(pa.struct([("page", pa.string()), ("views", pa.int64())]))),
        *((name, pa.int64()) for name in ("events", "events_repeated", "events_of_bots")),
        *((name, pa.int64()) for name in ("visitors", "visitors_last_seen")),
        *((name, pa.int64()) for name in ("sessions", "sessions_last_seen", "orders", "orders_cancelled")),
        ("revenue", MONEY),
        *((name, pa.int64()) for name in ("records_landed", "records_rejected")),
        *((name, pa.int64()) for name in ("events_late", "events_too_old", "events_ahead")),
        *((name, TIME) for name in ("minute_at", "hour_at", "landed_at")),
    ]
)
Record = dict[str, Any]


def minute(ago: float) -> datetime:
    """The minute so many minutes ago."""
    return (NOW - timedelta(minutes=ago)).replace(second=0)


def record(event: int, minutes_ago: float = 0, **changed: Any) -> Record:
    """A page view that landed now and occurred so long ago."""
    blank = dict.fromkeys(RECORD.names)
    known = {"source": "shop", "landed_at": NOW, "fate": "placed", "is_late": False, "is_bot": False}
    known |= {"event_type": "page_view", "event": event, "page": "/", "visitor": event % 3}
    return blank | known | {"minute_at": minute(minutes_ago)} | changed


def order(event: int, order_id: str, *lines: tuple[str, str], minutes_ago: float = 0) -> Record:
    """An order that was placed."""
    sold = [{"product_id": product, "revenue": Decimal(amount)} for product, amount in lines]
    changed = {"event_type": "order_placed", "page": None, "visitor": None, "ordered": order_id}
    return record(event, minutes_ago, **changed, lines=sold)


class Lake:
    """raw.events as a list, live.minutes as a dictionary of hours: what the two tables would hold."""

    def __init__(self) -> None:
        self.now = NOW
        self.landed: list[Record] = []
        self.hours: dict[datetime, pa.Table] = {}
        self.recalled: list[Key] = []
        self.restart()

    def restart(self) -> None:
        """Forget what was in memory."""
        rows = pa.concat_tables([ROW.empty_table(), *self.hours.values()])
        cursor = max(rows["landed_at"].to_pylist(), default=NOW - KEPT)
        self.history = History(rows, cursor, KEPT)

    def land(self, *records: Record) -> None:
        """One batch, a millisecond after the one before, and its counting."""
        self.now += timedelta(milliseconds=1)
        batch = [row | {"landed_at": self.now} for row in records]
        landed = pa.Table.from_pylist(batch, RECORD)
        is_any_placed = any(record["fate"] == "placed" for record in batch)
        changed = self.history.count(landed, landed if is_any_placed else None, self.recall)
        for hour in set(changed["hour_at"].to_pylist()):
            self.hours[hour] = history.of(changed, hour_at=hour)
        self.hours = {hour: rows for hour, rows in self.hours.items() if hour >= self.history.expired}
        self.landed += batch

    def recall(self, minutes: dict[Key, int], until: datetime) -> Iterator[pa.Table]:
        """Placed records up to a time; some of minutes that nobody asked for, too."""
        self.recalled += minutes
        wanted = {minute for _, minute in minutes}
        found = [
            row
            for row in self.landed
            if row["landed_at"] <= until and row["fate"] == "placed" and row["minute_at"] in wanted
        ]
        yield pa.Table.from_pylist(found, RECORD)

    def rows(self, *but: str) -> dict[Key, Record]:
        """Each row by its key."""
        found = [row for hour in self.hours.values() for row in hour.to_pylist()]
        assert len({(row["source"], row["minute_at"]) for row in found}) == len(found)
        return {
            (row["source"], row["minute_at"]): {k: v for k, v in row.items() if k not in but} for row in found
        }

    def row(self, minutes_ago: float = 0, source: str = "shop") -> Record:
        """The row of a minute."""
        return self.rows()[source, minute(minutes_ago)]


@pytest.fixture
def lake() -> Lake:
    return Lake()


def test_a_minute_counts_types_visitors_sessions_pages_and_bots(lake: Lake) -> None:
    lake.land(
        record(1, visitor=1, session=7),
        record(2, visitor=1, session=7, page="/b"),
        record(3, visitor=2, session=8, event_type="click", page=None),
        record(4, visitor=None, session=None, is_bot=True),
    )
    row = lake.row()
    assert row["event_types"] == [
        {"event_type": "page_view", "events": 3},
        {"event_type": "click", "events": 1},
    ]
    assert row["pages"] == [{"page": "/", "views": 2}, {"page": "/b", "views": 1}]
    counts = ("events", "visitors", "sessions", "events_of_bots", "records_landed")
    assert [row[name] for name in counts] == [4, 2, 2, 1, 4]


def test_orders_revenue_and_products_come_from_sold_lines(lake: Lake) -> None:
    lake.land(
        record(1, event_type="product_view", page=None, product_id="a"),
        record(2, event_type="cart", page=None, product_id="b"),
        order(3, "o1", ("a", "2.50"), ("b", "1")),
        order(4, "o1", ("a", "4")),
        order(5, "o2", ("c", "0.0001")),
        record(6, event_type="order_placed", page=None, visitor=None, cancelled="o9"),
    )
    row = lake.row()
    assert (row["orders"], row["orders_cancelled"], row["revenue"]) == (2, 1, Decimal("7.5001"))
    by_product = {each["product_id"]: list(each.values())[1:] for each in row["products"]}
    assert by_product == {
        "a": [1, 0, 2, Decimal("6.5")],
        "b": [0, 1, 1, Decimal(1)],
        "c": [0, 0, 1, Decimal("0.0001")],
    }


def test_a_repeated_event_counts_once_and_is_seen(lake: Lake) -> None:
    lake.land(order(1, "o1", ("a", "2.50")), order(1, "o1", ("a", "2.50")))
    lake.land(order(1, "o1", ("a", "2.50")))
    row = lake.row()
    assert (row["events"], row["events_repeated"], row["revenue"]) == (1, 2, Decimal("2.5"))


def test_a_late_event_counts_where_it_belongs_and_as_late_where_it_landed(lake: Lake) -> None:
    lake.land(record(1))
    lake.land(record(2, minutes_ago=75, is_late=True))
    assert (lake.row(75)["events"], lake.row(75)["records_landed"]) == (1, 0)
    assert (lake.row()["events"], lake.row()["events_late"], lake.row()["records_landed"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("fate", "column"),
    [("too_old", "events_too_old"), ("ahead", "events_ahead"), ("rejected", "records_rejected")],
)
def test_what_counts_in_no_minute_is_counted_where_it_landed(lake: Lake, fate: str, column: str) -> None:
    lake.land(record(1, minutes_ago=3000, fate=fate))
    assert set(lake.rows()) == {("shop", minute(0))}
    assert (lake.row()[column], lake.row()["records_landed"], lake.row()["events"]) == (1, 1, 0)


def test_sources_never_mix(lake: Lake) -> None:
    lake.land(record(1), record(1, source="simulator"))
    assert [lake.row(source=source)["events"] for source in ("shop", "simulator")] == [1, 1]


def test_active_visitors_of_the_last_minutes_are_a_sum(lake: Lake) -> None:
    chance = random.Random(1)
    seen = [(chance.randrange(29), chance.randrange(12)) for _ in range(60)]
    for number, (minutes_ago, visitor) in enumerate(seen):
        lake.land(record(number, minutes_ago, visitor=visitor))
    for minutes in range(1, 30):
        since = minute(minutes)
        found = [row for (_, at), row in lake.rows().items() if at > since]
        expected = {visitor for ago, visitor in seen if minute(ago) > since}
        assert sum(row["visitors_last_seen"] for row in found) == len(expected)


def made(chance: random.Random) -> list[Record]:
    """Records of two sources over two hours, some of them twice."""
    records = []
    for number in range(120):
        ago, source = chance.choice([0, 1, 2, chance.randrange(120)]), chance.choice(["shop", "web"])
        match chance.randrange(5):
            case 0:
                lines = [(chance.choice("abc"), f"{chance.randrange(1, 999)}.5")]
                records.append(order(number, f"o{number // 2}", *lines, minutes_ago=ago) | {"source": source})
            case 1:
                records.append(record(number, fate=chance.choice(["rejected", "too_old", "ahead"])))
            case _:
                page, session = chance.choice(["/", "/b", "/c"]), number % 4
                records.append(
                    record(number, ago, source=source, page=page, session=session, is_late=ago > 60)
                )
    return records + chance.sample(records, 20)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_any_cut_and_any_restart_give_the_same_rows(seed: int) -> None:
    chance = random.Random(seed)
    records = made(chance)
    whole, cut = Lake(), Lake()
    whole.land(*records)
    chance.shuffle(records)
    for start in range(0, len(records), 10):
        cut.land(*records[start : start + 10])
        if chance.random() < 0.4:
            cut.restart()
    assert cut.rows("landed_at") == whole.rows("landed_at")


@pytest.mark.parametrize(("room", "others"), [(3, {300}), (2, set())])
def test_after_a_restart_touched_minutes_are_counted_again_and_others_that_there_is_room_for(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, room: int, others: set[int]
) -> None:
    lake.land(record(1, 200), record(2, 300), record(3, 5))
    lake.restart()
    monkeypatch.setattr(history, "MOST_RECALLED", room)
    lake.land(record(1, 200), record(4, 200))
    assert set(lake.recalled) == {("shop", minute(ago)) for ago in {200, 5} | others}
    assert (lake.row(200)["events"], lake.row(200)["events_repeated"]) == (2, 1)
    assert (lake.row(300)["events"], lake.row(5)["events"]) == (1, 1)


def test_after_a_restart_the_last_minutes_alone_are_enough_for_new_events(lake: Lake) -> None:
    lake.land(record(1, 200), record(2, 5))
    lake.restart()
    lake.land(record(3))
    assert lake.recalled == [("shop", minute(5))]


def test_hours_beyond_the_kept_ones_are_let_go(lake: Lake) -> None:
    lake.land(record(1, 24 * 60), record(2))
    assert len(lake.rows()) == 2
    lake.now += timedelta(hours=1)
    lake.land(record(3))
    assert {at.hour for _, at in lake.rows()} == {12, 13}
    assert {at for _, at in lake.history.minutes} == {minute(0)}


def test_the_oldest_minutes_leave_memory_where_there_are_too_many(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land(record(1, 90), record(2, 45), record(3))
    assert {at for _, at in lake.history.minutes} == {minute(0), minute(45), minute(90)}
    monkeypatch.setattr(history, "MOST_HELD", 3)
    lake.land(record(5, 45))
    assert {at for _, at in lake.history.minutes} == {minute(0), minute(45)}
    monkeypatch.setattr(history, "MOST_HELD", 1)
    lake.land(record(4))
    assert [at for _, at in lake.history.minutes] == [minute(0)]


def test_records_are_parted_by_source_and_minute() -> None:
    records = [record(n, n % 97, source="abc"[n % 3]) for n in range(1000)]
    parts = dict(by_minute(pa.Table.from_pylist(records, RECORD)))
    assert len(parts) == 3 * 97
    assert sum(map(len, parts.values())) == 1000
    for key, rows in parts.items():
        assert {(row["source"], row["minute_at"]) for row in rows.to_pylist()} == {key}
    assert dict(by_minute(RECORD.empty_table())) == {}
