"""The running collector: what it answers, and what lands of it."""

import json
from typing import Any

import httpx
import pytest

from tests.made import CONSENT, order

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def collector(stack: Any) -> httpx.Client:
    settings = stack.settings
    return httpx.Client(base_url=f"http://{settings.host}:{settings.collector_port}", timeout=60)


def test_a_posted_event_lands(stack: Any, collector: httpx.Client) -> None:
    answer = collector.post("/track-event", json=order("posted", source="z_collector", consent=CONSENT))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    stack.wait_landed()
    rows = stack.query(
        "select is_accepted, startswith(customer_id, 'p1_') as is_pseudonym,"
        " consent.analytics, context.channel_group,"
        " received_at <= kafka_at and kafka_at <= landed_at as in_order"
        " from raw.events where source = 'z_collector' and event_id = 'posted'"
    )
    enriched = {"is_pseudonym": True, "analytics": True, "channel_group": "unknown"}
    assert rows == [{"is_accepted": True, "in_order": True, **enriched}]


def test_without_consent_a_count_lands(stack: Any, collector: httpx.Client) -> None:
    answer = collector.post("/track-event", json=order("silent", source="z_silent"))
    assert answer.status_code == 202
    stack.wait_landed()
    rows = stack.query(
        "select event_type, customer_id, properties.counted_event_type"
        " from raw.events where source = 'z_silent'"
    )
    counted = {"event_type": "event_counted", "counted_event_type": "order_placed"}
    assert rows == [{"customer_id": None, **counted}]


def test_a_bad_event_is_answered_400_and_lands_rejected(stack: Any, collector: httpx.Client) -> None:
    about = {"source": "z_collector", "consent": CONSENT}
    bad = order("posted-bad", **about, contract_version=2)
    answer = collector.post("/v1/events", json=[bad, order("posted-good", **about)])
    assert (answer.status_code, answer.json()["accepted"]) == (400, 1)
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["event_id"]) == (0, "posted-bad")
    stack.wait_landed()
    rows = stack.query(
        "select is_accepted, to_json(rejection_reasons) as reasons, cast(payload as string) as payload"
        " from raw.events where source = 'z_collector' and not is_accepted"
    )
    assert len(rows) == 1
    assert json.loads(rows[0]["reasons"]) == rejected["reasons"]
    kept = json.loads(rows[0]["payload"])
    assert kept.pop("customer_id").startswith("p1_")
    assert kept.pop("context")["device_type"] == "unknown"
    assert kept == {name: value for name, value in bad.items() if name != "customer_id"}


def test_it_is_ready_while_kafka_answers(collector: httpx.Client) -> None:
    assert collector.get("/ready").status_code == 200
