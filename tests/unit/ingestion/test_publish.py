"""The publish module: contract check, receipt, acknowledgement, dead letters."""

import json
import re
from typing import Any

import confluent_kafka
import pytest

from ingestion.collector.publish import KafkaAwayError, Publisher
from ingestion.topics import MAX_RECORD_BYTES
from lakehouse.errors import UserError


def test_a_good_event_goes_to_its_topic_with_key_and_receipt(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    assert publisher.publish(order) == []
    publisher.flush()
    ((topic, key, value),) = fake_producer.sent
    assert (topic, key) == ("orders", "17850")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value.pop("received_at"))
    assert value == order
    assert (publisher.accepted, publisher.rejected, publisher.acknowledged) == (1, 0, 1)


def test_the_callers_event_is_left_alone(publisher: Publisher, order: dict[str, Any]) -> None:
    publisher.publish(order)
    assert "received_at" not in order


def test_a_receipt_claimed_by_the_sender_is_replaced(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    publisher.publish({**order, "received_at": "1999-01-01T00:00:00Z"})
    assert not fake_producer.events()[0]["received_at"].startswith("1999")


def test_a_bad_event_goes_to_dead_letter_with_its_reasons_and_payload(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    bad = {**order, "occurred_at": "yesterday"}
    reasons = publisher.publish(bad)
    publisher.flush()
    (letter,) = fake_producer.events("dead_letter")
    assert letter["reasons"] == reasons
    assert reasons[0].startswith("occurred_at:")
    assert json.loads(letter["payload"]) == bad
    assert letter["source"] == "web"
    assert letter["received_at"].endswith("Z")
    assert (publisher.accepted, publisher.rejected, publisher.acknowledged) == (0, 1, 1)


def test_a_dead_letter_keeps_the_text_that_came(publisher: Publisher, fake_producer: Any) -> None:
    publisher.publish({"a": 1}, payload='{ "a":1 }')
    assert fake_producer.events("dead_letter")[0]["payload"] == '{ "a":1 }'


@pytest.mark.parametrize(
    "poison",
    [2**70, float("nan"), "\ud800", object(), {1: 2}, b"bytes"],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_written_is_rejected_not_lost(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any], poison: Any
) -> None:
    order["properties"]["lines"][0]["quantity"] = poison
    assert publisher.publish(order)
    assert len(fake_producer.events("dead_letter")) == 1


def test_an_event_as_it_was_received_is_sent_as_it_is_or_not_at_all(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    received = {**order, "received_at": "2025-01-31T08:30:01Z"}
    assert publisher.accept(received) == []
    assert publisher.accept(received | {"occurred_at": "yesterday"})[0].startswith("occurred_at:")
    assert publisher.accept([received])
    assert fake_producer.sent == [("orders", "17850", received)]
    assert (publisher.accepted, publisher.rejected) == (1, 0)


def test_flush_says_how_many_kafka_did_not_acknowledge(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    fake_producer.away = True
    publisher.publish(order)
    publisher.publish(order)
    with pytest.raises(UserError, match="did not acknowledge 2 events"):
        publisher.flush()


def test_a_failed_delivery_is_never_taken_for_an_acknowledgement(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    class Timeout:
        def str(self) -> str:
            return "timed out"

    publisher.publish(order)
    fake_producer._open.pop()(Timeout(), None)
    with pytest.raises(KafkaAwayError, match=r"1 events \(timed out\)"):
        publisher.flush()


def test_leaving_the_context_flushes(fake_producer: Any, publisher: Publisher, order: dict[str, Any]) -> None:
    fake_producer.away = True
    with pytest.raises(KafkaAwayError), publisher:
        publisher.publish(order)


def test_a_full_queue_holds_the_publisher_back(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    fake_producer.room = 1
    for _ in range(5):
        publisher.publish(order)
    publisher.flush()
    assert publisher.acknowledged == 5


def test_a_queue_that_stays_full_is_an_error(
    publisher: Publisher, fake_producer: Any, order: dict[str, Any]
) -> None:
    fake_producer.room, fake_producer.away = 1, True
    publisher.publish(order)
    with pytest.raises(KafkaAwayError, match="takes no more events"):
        publisher.publish(order)


@pytest.mark.parametrize("code", [confluent_kafka.KafkaError._FATAL, confluent_kafka.KafkaError._STATE])
def test_a_client_that_refuses_an_event_is_an_error_that_can_be_mended(
    publisher: Publisher,
    fake_producer: Any,
    order: dict[str, Any],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*given: Any, **options: Any) -> None:
        raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(code))

    monkeypatch.setattr(fake_producer, "produce", refuse)
    with pytest.raises(KafkaAwayError, match="send them again"):
        publisher.publish(order)


def test_nothing_is_acknowledged_before_all_replicas_have_it(settings: Any, fake_producer: Any) -> None:
    options: dict[str, Any] = {}
    Publisher(settings, connect=lambda given: options.update(given) or fake_producer)
    assert options["acks"] == "all"
    assert options["enable.idempotence"] is True
    assert options["message.max.bytes"] < MAX_RECORD_BYTES
    assert options["bootstrap.servers"] == settings.kafka_bootstrap
