"""The tracker in a real browser loses nothing: offline, refused, put off, left."""

import json
import time

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from tests.visitor import QUIET_SECONDS, SENT_WITHIN_SECONDS, Visitor, ids, set_offline

pytestmark = pytest.mark.e2e


def test_what_happens_offline_arrives_later_under_the_same_id(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    visitor.collector.wait_for("page_view")
    set_offline(visitor.browser, True)
    for number in range(12):
        visitor.run("lakehouse.track('product_view', {product_id: `p-${arguments[0]}`})", number)
    wait = WebDriverWait(visitor.browser, SENT_WITHIN_SECONDS)
    queue = wait.until(lambda _: visitor.stored().get("lakehouse.web.queue"))
    time.sleep(QUIET_SECONDS)
    assert visitor.collector.events("product_view") == []
    kept = ids(json.loads(queue))
    set_offline(visitor.browser, False)
    came = visitor.collector.wait_for("product_view", count=12)
    assert kept <= ids(came)
    assert [event["properties"]["product_id"] for event in came] == [f"p-{n}" for n in range(12)]
    wait.until(lambda _: "lakehouse.web.queue" not in visitor.stored())


def test_what_could_not_be_sent_is_sent_from_the_next_page(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    visitor.collector.wait_for("page_view")
    visitor.collector.answers += [(503, {"Retry-After": "60"}, {})]
    visitor.run("lakehouse.track('cart', {product_id: 'p-1'})")
    (refused,) = visitor.collector.wait_for("cart")
    WebDriverWait(visitor.browser, 5).until(lambda _: "lakehouse.web.queue" in visitor.stored())
    visitor.open("/page/two")
    *_, again = visitor.collector.wait_for("cart", count=2)
    assert again == {**refused, "sent_at": again["sent_at"]}


def test_a_503_is_tried_again_when_the_server_says(visitor: Visitor) -> None:
    visitor.open()
    visitor.collector.answers += [(503, {"Retry-After": "4"}, {"error": "later"})]
    visitor.consent(True)
    visitor.collector.wait_for("page_view")
    refused_at = time.monotonic()
    visitor.run("for (let n = 0; n < 10; n++) lakehouse.track('cart', {product_id: `p-${n}`})")
    first, second = visitor.collector.wait_for("page_view", count=2)
    assert time.monotonic() - refused_at > 3.5
    assert first["event_id"] == second["event_id"]
    visitor.collector.wait_for("cart", count=10)
    time.sleep(QUIET_SECONDS)
    assert len(visitor.collector.events("cart")) == 10


def test_a_rejected_event_is_not_sent_again_and_stops_no_other(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    visitor.collector.wait_for("page_view")
    rejection = {"accepted": 1, "rejected": [{"index": 0, "event_id": "e", "reasons": ["no"]}]}
    visitor.collector.answers += [(400, {}, rejection)]
    visitor.run("lakehouse.track('bad', {}); lakehouse.track('cart', {product_id: 'p-1'})")
    visitor.collector.wait_for("bad", "cart")
    visitor.run("lakehouse.track('purchase', {product_id: 'p-1'})")
    visitor.collector.wait_for("purchase")
    time.sleep(QUIET_SECONDS)
    assert [len(visitor.collector.events(name)) for name in ("bad", "cart", "purchase")] == [1, 1, 1]


def test_a_page_that_is_left_sends_the_rest_by_beacon(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted" data-key="pub 1"')
    visitor.collector.wait_for("page_view")
    before = len(visitor.collector.requests)
    visitor.scroll(0.6)
    visitor.click("#plain")
    visitor.browser.get("about:blank")
    visitor.collector.wait_for("click")
    (beacon,) = visitor.collector.requests[before:]
    assert beacon.headers["content-type"].startswith("text/plain")
    assert beacon.query == {"key": "pub 1"}
    assert visitor.collector.events("scroll")[-1]["properties"]["depth_percent"] >= 50
    assert len(visitor.collector.events("click")) == 1
