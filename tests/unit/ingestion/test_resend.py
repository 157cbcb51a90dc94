"""What is sent again, and what is not and why; tests/engine has real letters and a real Kafka."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingestion import protect
from ingestion.collector.publish import Publisher
from ingestion.dead_letters import Letter
from ingestion.protect import UNSEEN
from ingestion.resend import NO_CONSENT, NOT_KEPT, Candidate, Key, of_file, of_letter, resend, send
from lakehouse.errors import UserError
from lakehouse.privacy.pseudonym import REMOVED
from lakehouse.settings import Settings

AT = "2025-01-31T08:30:00.000000Z"


def letter(event: Any, topic: str = "dead_letter") -> Letter:
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Letter(f"{topic}-0-1", topic, "web", ["x: is required"], payload, AT, AT)


def none(keys: set[Key]) -> set[Key]:
    return set()


def test_an_event_is_sent_as_it_was_received_to_where_it_belongs(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    done = send([of_letter(letter(order))], none, publisher.accept)
    publisher.flush()
    assert (done.read, done.published, done.not_published) == (1, 1, 0)
    assert fake_producer.sent == [("orders", "17850", {**order, "received_at": AT})]


def test_what_still_breaks_its_contract_makes_no_second_letter(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    for number in range(3):
        order["properties"]["lines"][0]["quantity"] = f"many {number}"
        done = send([of_letter(letter(order))] * 2, none, publisher.accept)
    assert fake_producer.sent == []
    assert (done.read, done.published, done.not_published) == (2, 0, 2)
    assert done.still_broken == {'properties.lines[].quantity: is not of type "number" (dead_letter-0-1)': 2}


def test_what_is_an_event_already_is_left_alone(publisher: Publisher, order: dict[str, Any]) -> None:
    copies = [Candidate(str(n), order | {"event_id": name}) for n, name in enumerate("aabb")]
    done = send(copies, lambda keys: {("web", "a")} & keys, publisher.accept)
    assert (done.published, done.already_accepted) == (1, 3)


def test_another_shops_event_of_the_same_id_is_another(publisher: Publisher, order: dict[str, Any]) -> None:
    copies = [Candidate("1", order), Candidate("2", order | {"source": "feed"})]
    assert send(copies, none, publisher.accept).published == 2


def test_a_field_whose_value_was_not_kept_is_told_by_name(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    # Today's contract would accept the text that stands for the value.
    order["properties"]["lines"][0]["product_id"] = REMOVED
    done = send([Candidate("line 1", order)], none, publisher.accept)
    assert fake_producer.sent == []
    (reason,) = done.still_broken
    assert reason == "properties.lines[].product_id: its value was not kept; mend it in a file (line 1)"


def test_what_a_good_event_would_have_lost_too_is_no_loss(order: dict[str, Any]) -> None:
    assert protect.lost_fields(order | {"customer_id": REMOVED}) == []
    assert protect.lost_fields(order | {"event_type": "applause", "properties": {"a": REMOVED}}) == [
        "properties.a"
    ]


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        ({"event_type": "order_placed", "source": "web"}, "dead_letter", NO_CONSENT),
        (UNSEEN.encode(), "dead_letter", NOT_KEPT),
        (b"{", "orders", "event: is not JSON"),
        (b"", "orders", "event: is empty"),
        (b"[1]", "orders", 'event: [1] is not of type "object"'),
    ],
)
def test_a_letter_without_its_event_says_why(payload: Any, topic: str, reason: str) -> None:
    found = of_letter(letter(payload, topic))
    assert found.reason is not None
    assert found.reason.startswith(reason)
    done = send([found], none, lambda event: pytest.fail("nothing may be sent"))
    assert (done.not_published, sum(done.still_broken.values())) == (1, 1)


def test_a_file_is_read_whole_before_anything_is_sent(tmp_path: Path, order: dict[str, Any]) -> None:
    file = tmp_path / "mended.jsonl"
    file.write_text(f"{json.dumps(order)}\n\n{json.dumps(order)}\n")
    assert [each.origin for each in of_file(file)] == ["line 1", "line 3"]
    for bad in ("[1]", "{", '"text"'):
        file.write_text(f"{json.dumps(order)}\n{bad}\n")
        with pytest.raises(UserError, match=r"mended\.jsonl, line 2, is no JSON object"):
            of_file(file)


def test_a_file_and_a_choice_of_letters_exclude_each_other(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leave them out with --file"):
        resend(settings, file=tmp_path, reason="price")
