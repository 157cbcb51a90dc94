"""Consent: who agreed, and the count that is left of everyone else."""

from typing import Any

import pytest

from lakehouse.privacy.consent import allows_analytics, counted

EVENT = {
    "event_id": "e-1",
    "event_type": "product_view",
    "contract_version": 1,
    "source": "web",
    "occurred_at": "2025-01-31T08:59:59.123Z",
    "sent_at": "2025-01-31T09:00:00Z",
    "customer_id": "17850",
    "visitor_id": "v-1",
    "session_id": "s-1",
    "context": {
        "device_type": "mobile",
        "country_code": "FR",
        "page_url": "https://shop.test/",
        "is_bot": False,
    },
    "properties": {"product_id": "22"},
}


@pytest.mark.parametrize(
    ("consent", "allowed"),
    [
        ({"analytics": True}, True),
        ({"analytics": False}, False),
        ({"analytics": "true"}, False),
        ({"analytics": 1}, False),
        ({"marketing": True}, False),
        ({}, False),
        ("yes", False),
        ([], False),
    ],
)
@pytest.mark.parametrize("when_silent", [True, False])
def test_only_a_plain_yes_is_consent(consent: Any, allowed: bool, when_silent: bool) -> None:
    assert allows_analytics({"consent": consent}, when_silent=when_silent) is allowed


@pytest.mark.parametrize("event", [{}, {"consent": None}])
@pytest.mark.parametrize("when_silent", [True, False])
def test_silence_is_what_the_caller_says(event: dict[str, Any], when_silent: bool) -> None:
    assert allows_analytics(event, when_silent=when_silent) is when_silent


def test_a_count_keeps_type_source_hour_device_and_country_only() -> None:
    count = counted(EVENT, b"secret")
    count_id = count.pop("event_id")
    assert count == {
        "event_type": "event_counted",
        "contract_version": 1,
        "source": "web",
        "occurred_at": "2025-01-31T08:00:00Z",
        "context": {"device_type": "mobile", "country_code": "FR"},
        "consent": {"analytics": False, "marketing": False},
        "properties": {"counted_event_type": "product_view"},
    }
    assert count_id != EVENT["event_id"]


def test_an_event_sent_twice_is_one_count_while_the_secret_lives() -> None:
    ids = {counted(EVENT, secret)["event_id"] for secret in (b"a", b"a", b"b")}
    assert len(ids) == 2
    assert counted({**EVENT, "source": "app"}, b"a")["event_id"] not in ids
