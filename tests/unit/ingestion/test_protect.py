"""Direct fields are found in contracts; dead letters show only what may be seen."""

import json
from typing import Any

from ingestion import protect
from lakehouse.privacy.pseudonym import Direct, Key, Pseudonyms

BY = Pseudonyms([Key("p1", b"k" * 32)])


def test_direct_fields_are_those_that_the_contract_tags() -> None:
    found = protect.direct_fields(("order_placed", 1))
    assert {Direct((name,), False) for name in ("customer_id", "visitor_id", "session_id")} <= set(found)
    assert protect.direct_fields(None)
    assert Direct(("customer_id",), True) in protect.direct_fields(("campaign_sent", 1))


def test_a_letter_shows_known_fields_and_only_the_names_of_others(order: dict[str, Any]) -> None:
    order["properties"] |= {"phone": "030 123456", "order_status": "for bob@mail.test"}
    order["properties"]["lines"][0]["note"] = {"to": "Bob"}
    order |= {"context": "Bob's telephone", "occurred_at": "yesterday", "password": "secret"}
    kept = json.loads(protect.letter(protect.protected(order, BY)))
    assert kept["occurred_at"] == "yesterday"
    assert kept["properties"]["order_id"] == "536365"
    assert kept["properties"]["order_status"] == "for removed"
    assert kept["customer_id"].startswith("p1_")
    removed = [kept["context"], kept["password"], kept["properties"]["phone"]]
    assert {*removed, kept["properties"]["lines"][0]["note"]} == {"[removed]"}


def test_of_an_unknown_type_no_property_is_shown(order: dict[str, Any]) -> None:
    kept = json.loads(protect.letter({**order, "event_type": "applause", "properties": {"name": "Bob"}}))
    assert (kept["event_type"], kept["properties"]) == ("applause", {"name": "[removed]"})


def test_of_an_unknown_version_the_newest_says_what_may_be_shown(order: dict[str, Any]) -> None:
    order["properties"]["phone"] = "030 123456"
    for version in (99, "1", [1]):
        kept = json.loads(protect.letter(protect.protected({**order, "contract_version": version}, BY)))
        assert kept["customer_id"].startswith("p1_")
        assert (kept["properties"]["order_id"], kept["properties"]["phone"]) == ("536365", "[removed]")


def test_without_consent_a_letter_says_what_kind_of_event_it_was(order: dict[str, Any]) -> None:
    assert json.loads(protect.bare_letter(order)) == {"event_type": "order_placed", "source": "web"}
    assert json.loads(protect.bare_letter({"event_type": "Bob", "source": 3})) == {
        "event_type": None,
        "source": None,
    }
    reasons = ['properties.brand: "Bob" is too long', "properties.brand: more", "bob@mail.test: is not known"]
    assert protect.bare_reasons(reasons) == [
        "properties.brand: breaks the contract",
        "removed: breaks the contract",
    ]
