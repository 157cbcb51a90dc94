"""Ids derive from content; identical records are told apart by their number."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources.records import Occurrences, Record, to_events


def records(*contents: Any) -> list[Record]:
    return [Record("cart", (content,), "2025-01-31T08:30:00Z", {"product_id": "1"}) for content in contents]


def events(*batches: list[Record], source: str = "web") -> list[dict[str, Any]]:
    return [event for batch in to_events(source, batches) for event in batch]


def test_identical_records_are_counted_and_have_their_own_ids() -> None:
    told = events(records("a", "b", "a"), records("a"))
    assert [event["occurrence"] for event in told] == [1, 1, 2, 3]
    assert len({event["event_id"] for event in told}) == 4
    assert all(len(event["event_id"]) == 32 for event in told)


def test_a_record_has_the_same_id_in_another_file_or_batch() -> None:
    first, again = events(records("a", "b", "a")), events(records("b"), records("a"), records("a"))
    assert {event["event_id"] for event in first} == {event["event_id"] for event in again}


def test_source_and_type_are_part_of_the_id() -> None:
    (one,) = events(records("a"))
    (other,) = events(records("a"), source="shop")
    (typed,) = events([records("a")[0]._replace(event_type="purchase")])
    assert len({one["event_id"], other["event_id"], typed["event_id"]}) == 3


def test_an_id_never_changes() -> None:
    assert events(records("a", "a"))[0]["event_id"] == "a78cdbed4c5f0e6b7450673a1673fe97"
    assert events(records("a", "a"))[1]["event_id"] == "59783a090929f4bd782ff7735fa96650"


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=12))
def test_occurrences_count_like_a_counter(batches: list[list[int]]) -> None:
    occurrences, counter = Occurrences(), Counter[int]()
    for batch in batches:
        expected = []
        for value in batch:
            counter[value] += 1
            expected.append(counter[value])
        assert occurrences.number([value.to_bytes(16, "little") for value in batch]) == expected
