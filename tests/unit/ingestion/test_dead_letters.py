"""Reasons by kind, and a letter's event as it is given back; tests/engine has real letters."""

import json
from typing import Any

import pytest

from ingestion.contract import catalogue
from ingestion.dead_letters import Letter, kind
from tests.made import REASONS

AT = "2025-01-31T08:30:00.000000Z"


def letter(payload: bytes, **changed: Any) -> Letter:
    about = {"topic": "dead_letter", "source": "web", "reasons": ["x: is required"], "received_at": AT}
    return Letter(**{"id": "dead_letter-0-1", "payload": payload, "landed_at": AT} | about | changed)


@pytest.mark.parametrize(("reason", "expected"), REASONS.items())
def test_reasons_that_differ_in_a_value_are_of_one_kind(reason: str, expected: str) -> None:
    assert kind(reason) == expected


@pytest.mark.parametrize("wrong", ["many", "few", [1], {"is": " is "}, True])
@pytest.mark.parametrize("place", [0, 1])
def test_what_a_contract_says_of_two_events_is_of_one_kind(
    order: dict[str, Any], wrong: Any, place: int
) -> None:
    lines = [dict(order["properties"]["lines"][0]) for _ in range(2)]
    lines[place]["quantity"] = wrong
    order["properties"]["lines"] = lines
    found = [kind(reason) for reason in catalogue().validate(order)]
    assert found == ['properties.lines[].quantity: is not of type "number"']


def test_a_letters_event_was_received_when_the_letter_was() -> None:
    found = letter(json.dumps({"event_id": "e-1", "received_at": "1999-01-01T00:00:00Z"}).encode())
    assert found.event == {"event_id": "e-1", "received_at": AT}
    assert json.loads(found.text) == found.event


def test_a_record_of_another_program_stays_as_it_came() -> None:
    record = {"event_id": "e-1", "received_at": "1999-01-01T00:00:00Z"}
    assert letter(json.dumps(record).encode(), topic="orders").event == record


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"", b"{", b"[removed: no event]"])
def test_what_is_no_json_is_shown_as_it_came(payload: bytes) -> None:
    found = letter(payload, received_at=None)
    assert found.event is None
    assert found.text == payload.decode("utf-8", "backslashreplace")
    assert found.described().splitlines()[:4] == [
        "source    web",
        "received  -",
        f"landed    {AT}",
        "reason    x: is required",
    ]
