"""raw.events holds every Kafka record once, accepted or rejected, in one commit per batch."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion.contract import catalogue
from ingestion.streams import checks
from ingestion.streams.raw import raw_events
from ingestion.topics import topic_names
from tests.made import Event, event, order, values

pytestmark = pytest.mark.engine

# Behind the shop's name: a board shows the first source.
SOURCE = "z_landing"
GOOD = order("z-1", source=SOURCE)
REJECTED: dict[str, tuple[bytes | None, str]] = {
    "not UTF-8": (b'{"event_id": "\xff\xfe"}', "event: is not UTF-8 at byte 14"),
    "not JSON": (b'{"event_id": ', "event: is not JSON"),
    "two events in one record": (orjson.dumps(GOOD) * 2, "event: is not JSON: unexpected content"),
    "nested too deep": (b"[" * 100_000, "event: is not JSON"),
    "empty": (b"", "event: is empty"),
    "tombstone": (None, "event: is empty"),
    "no object": (b"[1, 2]", "event: [1,2] is not of type"),
    "unknown type": (orjson.dumps({**GOOD, "event_type": "applause"}), "event_type: 'applause' is not"),
    "unknown version": (orjson.dumps({**GOOD, "contract_version": 2}), "contract_version: 2 is not"),
    "unknown field": (orjson.dumps({**GOOD, "colour": "red"}), "colour: is not in the contract"),
    "unknown property": (
        orjson.dumps(event("z-2", "product_updated", {"product_id": "1", "colour": "red"})),
        "properties.colour: is not in the contract",
    ),
    "missing field": (orjson.dumps({**GOOD, "source": None}), "source: null is not of type"),
    "missing property": (
        orjson.dumps(event("z-3", "product_updated", {"name": "x"})),
        "properties.product_id: is required",
    ),
    "wrong type": (
        orjson.dumps(event("z-4", "product_updated", {"product_id": "1", "price": "7.65"})),
        'properties.price: "7.65" is not of type',
    ),
    "too small": (
        orjson.dumps(event("z-5", "product_updated", {"product_id": "1", "price": -1})),
        "properties.price: -1 is less than the minimum of 0",
    ),
    "no such day": (
        orjson.dumps({**GOOD, "occurred_at": "2025-02-30T00:00:00Z"}),
        "occurred_at: ",
    ),
}


@pytest.fixture(scope="module")
def landed(stack: Any) -> dict[str, dict[str, Any]]:
    """Good and bad records sent at once, straight to Kafka; name -> row."""
    sent = {"good": (orjson.dumps(GOOD), None), **REJECTED}
    offsets = stack.send("orders", *(payload for payload, _ in sent.values()), partition=1)
    stack.wait_landed()
    rows = stack.query(
        "select *, base64(payload) as payload64, to_json(rejection_reasons) as reasons,"
        " to_json(properties) as typed from raw.events"
        f" where kafka_topic = 'orders' and kafka_partition = 1 and kafka_offset >= {offsets[0]}"
    )
    by_offset = {row["kafka_offset"]: row for row in rows}
    assert len(rows) == len(by_offset) == len(sent)
    return {name: by_offset[offset] for name, offset in zip(sent, offsets, strict=True)}


def test_what_keeps_its_contract_is_accepted_and_typed(landed: dict[str, dict[str, Any]]) -> None:
    row = landed["good"]
    assert (row["is_accepted"], row["reasons"], row["payload64"]) == (True, None, None)
    assert (row["event_id"], row["source"], row["customer_id"]) == ("z-1", SOURCE, "c1")
    assert json.loads(row["typed"])["lines"][0] == {
        "product_id": "p1",
        "quantity": 3.0,
        "unit_price": 2.5,
        "line_total": 7.5,
    }
    assert row["occurred_at"] == datetime(2025, 1, 31, 8, 30)


@pytest.mark.parametrize("name", REJECTED)
def test_what_breaks_it_is_kept_byte_for_byte_with_its_reason(
    landed: dict[str, dict[str, Any]], stack: Any, name: str
) -> None:
    row, (payload, reason) = landed[name], REJECTED[name]
    assert row["is_accepted"] is False
    assert any(found.startswith(reason) for found in json.loads(row["reasons"])), row["reasons"]
    assert row["typed"] is None
    where = f"kafka_topic = 'orders' and kafka_partition = 1 and kafka_offset = {row['kafka_offset']}"
    kept = stack.query(f"select hex(payload) as payload from raw.events where {where}")[0]["payload"]
    assert kept == (None if payload is None else payload.hex().upper())


def test_accepted_and_rejected_of_a_batch_are_one_commit(stack: Any, landed: dict[str, Any]) -> None:
    offsets = ", ".join(str(row["kafka_offset"]) for row in landed.values())
    mixed = stack.query(
        "select date_format(landed_at, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS\") as landed_at from raw.events"
        " where landed_at in (select landed_at from raw.events where kafka_topic = 'orders'"
        f" and kafka_partition = 1 and kafka_offset in ({offsets}))"
        " group by landed_at having count_if(is_accepted) > 0 and count_if(not is_accepted) > 0"
    )
    assert mixed
    history = stack.query(f"describe history delta.`{raw_events().location(stack.settings)}`")
    of_landing = (row["userMetadata"] for row in history if row["operation"] == "WRITE")
    commits = [json.loads(note) for note in of_landing if note]
    for batch in mixed:
        assert sum(commit["landed_at"] == batch["landed_at"] for commit in commits) == 1


@pytest.mark.usefixtures("landed")
def test_landed_at_is_one_value_per_batch_and_strictly_increases(stack: Any) -> None:
    stack.send("orders", orjson.dumps(order("z-later", source=SOURCE)))
    stack.wait_landed()
    batches = stack.query("select distinct landed_at, batch_id from raw.events order by landed_at")
    assert len(batches) > 1
    assert len({row["landed_at"] for row in batches}) == len(batches)
    # Ids rise; a new checkpoint begins again at 0.
    ids = [row["batch_id"] for row in batches]
    assert all(later > earlier or later == 0 for earlier, later in pairwise(ids))
    backwards = stack.query(
        "select count(*) as n from (select landed_at, lag(landed_at) over (partition by kafka_topic,"
        " kafka_partition order by kafka_offset) as before from raw.events) where before > landed_at"
    )
    assert backwards == [{"n": 0}]


def test_every_record_of_every_topic_landed_once(stack: Any, landed: dict[str, Any]) -> None:
    held = stack.query(
        "select kafka_topic, kafka_partition, count(*) as rows, count(distinct kafka_offset) as offsets,"
        " max(kafka_offset) + 1 as end from raw.events group by all"
    )
    for row in held:
        assert row["rows"] == row["offsets"] == row["end"], row
        assert row["kafka_topic"] in topic_names()


def test_a_stamped_record_is_believed(stack: Any) -> None:
    # The stamp says that the collector checked it: `source` shows that landing did not again.
    (offset,) = stack.send("social", orjson.dumps({**GOOD, "source": "Not Checked"}), checked=True)
    stack.wait_landed()
    rows = stack.query(
        "select source, is_accepted from raw.events where kafka_topic = 'social'"
        f" and kafka_partition = 0 and kafka_offset = {offset}"
    )
    assert rows == [{"source": "Not Checked", "is_accepted": True}]
    stack.set_aside("source = 'Not Checked'")


def test_a_dead_letter_lands_with_its_reasons_and_the_text_as_it_came(stack: Any) -> None:
    bad = {**GOOD, "event_id": "z-bad", "contract_version": 3}
    publisher = stack.publish([bad])
    assert (publisher.accepted, publisher.rejected) == (0, 1)
    stack.send("dead_letter", b"no letter")
    stack.wait_landed()
    rows = stack.query(
        "select source, to_json(rejection_reasons) as reasons, cast(payload as string) as payload,"
        " is_accepted from raw.events where kafka_topic = 'dead_letter'"
        " and (source = 'z_landing' or source is null) order by source nulls last"
    )
    assert {row["is_accepted"] for row in rows} == {False}
    assert json.loads(rows[0]["payload"]) == bad
    assert json.loads(rows[0]["reasons"]) == catalogue().validate(bad)
    malformed = [row for row in rows if row["payload"] == "no letter"]
    assert "dead letter: is not in the form" in malformed[0]["reasons"]


def test_events_behind_the_watermark_of_their_own_source_are_late(stack: Any) -> None:
    now = datetime.now(UTC)

    def at(minutes: int) -> str:
        return f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    late = stack.settings.late_after_minutes
    first = [order("w-now", source="z_watermark", occurred_at=at(0))]
    then = [
        order("w-in-time", source="z_watermark", occurred_at=at(late - 5)),
        order("w-late", source="z_watermark", occurred_at=at(late + 5)),
        order("w-other", source="z_watermark_other", occurred_at=at(late + 5)),
        order("w-future", source="z_watermark", occurred_at=at(-60 * 24)),
    ]
    for events in (first, then, [order("w-after", source="z_watermark", occurred_at=at(late - 5))]):
        stack.publish(events)
        stack.wait_landed()
    rows = stack.query("select event_id, is_late from raw.events where source like 'z_watermark%'")
    # A clock that runs ahead by a day makes nobody else late.
    assert {row["event_id"] for row in rows if row["is_late"]} == {"w-late"}
    assert len(rows) == 6


ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, "", "x", [], {}, ["x"], {"a": 1}, 10**14, 1e301, 2**31, 2**63, 1e-9),
    *("7.65", "NaN", "a" * 200, "2025-1-3", "2025-01-31 ", "2025-02-30", "2025-01-31T08:30:00+01:00"),
    *("2025-01-31T24:00:00Z", "\x00", "GBP\n"),
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of everything inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(inside):
        yield value, key
        yield from places(child)


@st.composite
def almost_events(draw: st.DrawFn) -> bytes:
    """A valid event of any type, mostly with one thing changed, dropped or added."""
    contract = catalogue().contracts[draw(st.sampled_from(sorted(catalogue().contracts)))]
    made: Event = draw(values(contract.event))
    made = json.loads(json.dumps(made)) | {"source": "z_agreement"}
    holder, key = draw(st.sampled_from(list(places(made))))
    match draw(st.sampled_from(["keep", "change", "change", "drop", "add"])):
        case "change":
            holder[key] = draw(st.sampled_from(ODD))
        case "drop":
            del holder[key]
        case "add":
            target = holder if isinstance(holder, dict) else made
            target["unknown"] = draw(st.sampled_from(ODD))
    return json.dumps(made, ensure_ascii=draw(st.booleans())).encode()


def test_landing_accepts_exactly_what_the_contract_accepts(stack: Any) -> None:
    records: list[bytes] = []

    @hypothesis_settings(
        max_examples=400,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(almost_events())
    def collect(record: bytes) -> None:
        records.append(record)

    collect()
    expected = [checks.reasons(record) for record in records]
    assert 50 < sum(not reasons for reasons in expected) < len(records) - 50
    offsets = stack.send("social", *records)
    stack.wait_landed()
    rows = stack.query(
        "select kafka_offset, is_accepted, to_json(rejection_reasons) as reasons from raw.events"
        f" where kafka_topic = 'social' and kafka_partition = 0 and kafka_offset >= {offsets[0]}"
    )
    found = {row["kafka_offset"]: row for row in rows}
    for offset, record, reasons in zip(offsets, records, expected, strict=True):
        assert found[offset]["is_accepted"] is (not reasons), (record, reasons)
        assert json.loads(found[offset]["reasons"] or "[]") == reasons, record
    stack.set_aside("source = 'z_agreement' and is_accepted")
