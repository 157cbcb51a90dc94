"""Event type -> Kafka topic, key and partitions; every topic is made here."""

from collections.abc import Mapping
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from ingestion.contract import catalogue
from lakehouse.errors import UserError
from lakehouse.settings import Settings

CLICKSTREAM, COMMERCE, ORDERS, SOCIAL, CUSTOMERS = "clickstream", "commerce", "orders", "social", "customers"
DEAD_LETTER = "dead_letter"
TOPICS = (CLICKSTREAM, COMMERCE, ORDERS, SOCIAL, CUSTOMERS, DEAD_LETTER)

# Kafka header of an event that was checked: the digest of the contracts. Landing does not check again
# what was checked by its own contracts; what comes without, or by others, it checks itself.
CHECKED = "contracts"

# A request of 1 MiB that is no event grows when it is quoted inside a dead letter.
MAX_RECORD_BYTES = 8 * 1024 * 1024
BOOTSTRAP_MILLISECONDS = 5_000


def topic_names() -> list[str]:
    """Every topic of the lakehouse."""
    return list(TOPICS)


def route(event: Mapping[str, Any]) -> tuple[str, str]:
    """Topic and key of a valid event; who is unknown by the contract's key goes by the next best id."""
    contract = catalogue().contract_of(event)
    key = event.get(contract.key_field)
    return contract.topic, key or event.get("customer_id") or event.get("visitor_id") or event["event_id"]


def create_topics(settings: Settings) -> list[str]:
    """Makes the topics that are missing and returns their names."""
    options = {
        "num_partitions": settings.kafka_partitions,
        "replication_factor": 1,
        "configs": {
            "retention.ms": str(settings.kafka_retention_hours * 3_600_000),
            "max.message.bytes": str(MAX_RECORD_BYTES),
        },
    }
    try:
        admin: Any = KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap, bootstrap_timeout_ms=BOOTSTRAP_MILLISECONDS
        )
        try:
            missing = sorted(set(TOPICS) - set(admin.list_topics()))
            if missing:
                admin.create_topics(dict.fromkeys(missing, options), wait_for_metadata=True)
        finally:
            admin.close()
    except TopicAlreadyExistsError:  # made by another process since we looked
        return create_topics(settings)
    except KafkaError as error:
        raise UserError(
            f"Kafka does not answer at {settings.kafka_bootstrap} ({type(error).__name__}); "
            "start it with 'lakehouse up'."
        ) from error
    return missing
