"""The running collector: what it answers, and what lands of it."""

import json
from typing import Any

import httpx
import pytest

from tests.made import order

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def collector(stack: Any) -> httpx.Client:
    settings = stack.settings
    return httpx.Client(base_url=f"http://{settings.host}:{settings.collector_port}", timeout=60)


def test_a_posted_event_lands(stack: Any, collector: httpx.Client) -> None:
    answer = collector.post("/track-event", json=order("posted", source="z_collector"))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    stack.wait_landed()
    rows = stack.query(
        "select is_accepted, customer_id, received_at <= kafka_at and kafka_at <= landed_at as in_order"
        " from raw.events where source = 'z_collector' and event_id = 'posted'"
    )
    assert rows == [{"is_accepted": True, "customer_id": "c1", "in_order": True}]


def test_a_bad_event_is_answered_400_and_lands_rejected(stack: Any, collector: httpx.Client) -> None:
    bad = order("posted-bad", source="z_collector", contract_version=2)
    answer = collector.post("/v1/events", json=[bad, order("posted-good", source="z_collector")])
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
    assert json.loads(rows[0]["payload"]) == bad


def test_it_is_ready_while_kafka_answers(collector: httpx.Client) -> None:
    assert collector.get("/ready").status_code == 200
