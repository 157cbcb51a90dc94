"""What happens to an event between the door and Kafka: limits, source, enrichment, pseudonyms, consent."""

import asyncio
import secrets
from typing import Any, NamedTuple

from ingestion import protect
from ingestion.collector.access import Grant
from ingestion.collector.body import UnreadableError, over_limits
from ingestion.collector.deliveries import Acknowledgements, Deliveries
from ingestion.collector.enrich import Sender, enrich
from ingestion.collector.metrics import Metrics
from ingestion.collector.publish import KafkaAwayError, OnDelivery, Publisher
from ingestion.contract import catalogue
from lakehouse.privacy import consent
from lakehouse.privacy.pseudonym import Pseudonyms

RETRY_AFTER_SECONDS = 5
# Then other requests have their turn, and a large batch keeps nobody waiting.
AT_A_TIME = 100

Event = dict[str, Any]


class Answer(NamedTuple):
    """What a sender is told."""

    status: int
    body: dict[str, Any]


class Intake:
    """Sends each event on its way, or what may be kept of it."""

    def __init__(
        self, publisher: Publisher, pseudonyms: Pseudonyms, metrics: Metrics, *, server_consent: bool
    ) -> None:
        self._publisher, self._pseudonyms, self._metrics = publisher, pseudonyms, metrics
        self._server_consent = server_consent
        # Never written: a count's id lasts as long as this process, then no one can compute it again.
        self._count_secret = secrets.token_bytes(32)

    def publish(
        self,
        event: Any,
        sender: Sender,
        grant: Grant | None = None,
        on_delivery: OnDelivery | None = None,
    ) -> list[str]:
        """Sends one event on its way, or what may be kept of it; every reason where it is rejected."""
        if reason := _no_event(event, grant):
            return self._publisher.reject(None, [reason], payload=protect.UNSEEN, on_delivery=on_delivery)
        enriched = enrich(event, sender)
        when_silent = self._server_consent and sender.is_server
        if not consent.allows_analytics(event, when_silent=when_silent):
            return self._count(enriched, on_delivery)
        hidden = protect.protected(enriched, self._pseudonyms)
        return self._publisher.publish(
            hidden, payload=lambda: protect.letter(hidden), on_delivery=on_delivery
        )

    def _count(self, event: Event, on_delivery: OnDelivery | None) -> list[str]:
        """A valid event without consent is counted; one that is not says so, without its content."""
        sent = {name: value for name, value in event.items() if name != "received_at"}
        if reasons := catalogue().validate(sent):
            whose, bare = {"source": protect.known_source(event)}, protect.bare_reasons(reasons)
            self._publisher.reject(whose, bare, payload=protect.bare_letter(event), on_delivery=on_delivery)
            return reasons
        self._metrics.counted.inc()
        return self._publisher.publish(consent.counted(sent, self._count_secret), on_delivery=on_delivery)


class Reception:
    """Takes batches of parsed events and answers when Kafka has acknowledged them."""

    def __init__(self, intake: Intake, acknowledgements: Acknowledgements, metrics: Metrics) -> None:
        self._intake, self._acknowledgements, self._metrics = intake, acknowledgements, metrics

    async def take(self, events: list[Any], sender: Sender, grant: Grant | None) -> Answer:
        """202, 400 with every reason, or 503 where Kafka is away."""
        deliveries, rejected = Deliveries(len(events)), []
        with self._metrics.in_flight.track_inprogress(), self._metrics.latency.time():
            try:
                for index, event in enumerate(events):
                    if index % AT_A_TIME == AT_A_TIME - 1:
                        await asyncio.sleep(0)
                    if reasons := self._intake.publish(event, sender, grant, deliveries.on_delivery):
                        event_id = event.get("event_id") if isinstance(event, dict) else None
                        rejected.append({"index": index, "event_id": event_id, "reasons": reasons})
                arrived = await self._acknowledgements.of(deliveries)
            except KafkaAwayError:
                arrived = False
        if not arrived:
            self._metrics.failed.inc(len(events))
            return Answer(
                503, {"error": "Kafka does not acknowledge events; send the same events again later."}
            )
        self._metrics.rejected.inc(len(rejected))
        self._metrics.accepted.inc(len(events) - len(rejected))
        answer = {"accepted": len(events) - len(rejected), "rejected": rejected}
        return Answer(400 if rejected else 202, answer)


def _no_event(event: Any, grant: Grant | None) -> str | None:
    """Why this is nothing that could be enriched, or not this sender's to send."""
    if isinstance(event, UnreadableError):
        return f"event: {event}"
    if limit := over_limits(event):
        return f"event: {limit}"
    if not isinstance(event, dict):
        return "event: is no object"
    if grant is not None and event.get("source") != grant.source:
        return f"source: is not {grant.source}, which the key is for"
    return None
