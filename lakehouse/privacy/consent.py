"""What may be kept of an event: all that consent covers, else a count that leads to nobody."""

import hashlib
import hmac
from typing import Any

COUNTED = "event_counted"
KEPT = ("device_type", "country_code")
HOUR = len("2025-01-31T08")

Event = dict[str, Any]


def allows_analytics(event: Event, *, when_silent: bool) -> bool:
    """True where the person agreed; `when_silent` decides where the event says nothing about consent."""
    consent = event.get("consent")
    if consent is None:
        return when_silent
    answer = consent.get("analytics") if isinstance(consent, dict) else None
    return answer is True


def counted(event: Event, secret: bytes) -> Event:
    """The count that stays of a valid event: type, source, hour, kind of device, country.

    Its id is new, and the same when the event is sent again while `secret` lives: no secret, no way back.
    """
    context = event.get("context") or {}
    name = f"{event['source']}\0{event['event_id']}".encode()
    return {
        "event_id": hmac.digest(secret, name, hashlib.sha256).hex()[:32],
        "event_type": COUNTED,
        "contract_version": 1,
        "source": event["source"],
        "occurred_at": event["occurred_at"][:HOUR] + ":00:00Z",
        "context": {name: context[name] for name in KEPT if name in context},
        "consent": {"analytics": False, "marketing": False},
        "properties": {"counted_event_type": event["event_type"]},
    }
