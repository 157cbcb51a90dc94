"""Where an event goes in Kafka."""

from typing import Any

import pytest

from ingestion import topics
from ingestion.contract import catalogue
from lakehouse.errors import UserError
from lakehouse.settings import Settings


def test_every_contract_names_a_topic_of_the_lakehouse() -> None:
    assert {contract.topic for contract in catalogue().contracts.values()} <= set(topics.topic_names())


def test_the_key_is_the_contracts_field(order: dict[str, Any]) -> None:
    assert topics.route(order) == ("orders", "17850")


@pytest.mark.parametrize(
    ("ids", "key"),
    [({"visitor_id": "v", "customer_id": None}, "v"), ({"customer_id": None}, "e-1")],
)
def test_without_the_contracts_key_the_next_best_id_keeps_the_order(
    order: dict[str, Any], ids: dict[str, Any], key: str
) -> None:
    assert topics.route({**order, **ids})[1] == key


def test_without_kafka_topics_are_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "BOOTSTRAP_MILLISECONDS", 300)
    with pytest.raises(UserError, match="start it with 'lakehouse up'"):
        topics.create_topics(Settings(kafka_port=1))
