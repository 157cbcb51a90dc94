"""The tracker in a real browser: what it asks, keeps, notices and leaves alone."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By

from tests.visitor import QUIET_SECONDS, SECRET, Visitor, ids, moment

pytestmark = pytest.mark.e2e


def test_before_a_choice_nothing_is_sent_or_stored(visitor: Visitor) -> None:
    visitor.open()
    visitor.click("#plain")
    visitor.scroll(1)
    visitor.run("lakehouse.track('product_view', {product_id: 'p-1'}); lakehouse.identify('c-1')")
    visitor.run("history.pushState({}, '', '/page/two')")
    time.sleep(QUIET_SECONDS)
    assert visitor.stored() == {}
    assert visitor.run("return lakehouse.consent()") is None
    visitor.open("/page/three")
    visitor.browser.get("about:blank")
    time.sleep(0.5)
    assert visitor.collector.requests == []


def test_with_consent_a_visit_arrives_in_the_envelope(visitor: Visitor) -> None:
    visitor.open("/page?utm_source=letter&token=abc&gclid=g1#top")
    assert visitor.consent(True) == {"analytics": True, "marketing": False}
    visitor.click("[data-track=named] i")
    visitor.click("#plain")
    visitor.scroll(1)
    visitor.run("lakehouse.track('product_view', {product_id: 'p-1', price: 2.5})")
    came = visitor.collector.wait_for("page_view", "click", "scroll", "product_view")
    sent = visitor.collector.events()
    assert [event["event_type"] for event in sent[:3]] == ["session_start", "consent_changed", "page_view"]
    assert len(ids(sent)) == len(sent)
    assert len(ids(sent, "visitor_id")) == len(ids(sent, "session_id")) == 1
    for event in sent:
        assert (event["contract_version"], event["source"]) == (1, "web")
        assert timedelta(0) <= moment(event["sent_at"]) - moment(event["occurred_at"]) < timedelta(seconds=30)
        assert abs(datetime.now(UTC) - moment(event["sent_at"])) < timedelta(minutes=1)
        assert event["consent"] == {"analytics": True, "marketing": False}
        assert "customer_id" not in event
    assert sent[1]["properties"] == {"analytics": True, "marketing": False}
    view = next(event for event in came if event["event_type"] == "page_view")
    context = view["context"]
    assert context["page_url"] == f"{visitor.collector.url}/page?utm_source=letter&gclid=1"
    assert (context["page_title"], context["language"][:2]) == ("Test page", "en")
    sizes = ("screen_width", "screen_height", "viewport_width", "viewport_height")
    assert all(isinstance(context[size], int) and context[size] > 0 for size in sizes)
    assert view["properties"] == {}
    named, plain = visitor.collector.events("click")
    assert (named["properties"]["target"], plain["properties"]["target"]) == ("named", "#plain")
    assert all(isinstance(named["properties"][axis], int) and named["properties"][axis] > 0 for axis in "xy")
    assert visitor.collector.events("scroll")[-1]["properties"] == {"depth_percent": 100}
    product = visitor.collector.events("product_view")[0]
    assert product["properties"] == {"product_id": "p-1", "price": 2.5}


def test_visitor_and_session_stay_over_pages_and_customers_are_named(visitor: Visitor) -> None:
    visitor.open(attributes='data-key="pub-1"')
    visitor.consent(True, True)
    visitor.run("lakehouse.identify(17)")
    visitor.follow("/page/two")
    visitor.collector.wait_for("page_view", count=2)
    first, second = visitor.collector.events("page_view")
    assert [first[name] == second[name] for name in ("visitor_id", "session_id")] == [True, True]
    assert (first.get("customer_id"), second["customer_id"]) == (None, "17")
    assert second["context"]["referrer_url"] == f"{visitor.collector.url}/page"
    assert len(visitor.collector.events("session_start")) == 1
    visitor.run("lakehouse.reset(); lakehouse.track('cart', {product_id: 'p-1'})")
    (cart,) = visitor.collector.wait_for("cart")
    assert ids([cart], "visitor_id") != ids([first], "visitor_id")
    assert "customer_id" not in cart
    assert visitor.collector.events("session_end")[0]["session_id"] == first["session_id"]
    beacons = [sent for sent in visitor.collector.requests if "key" in sent.query]
    fetched = [sent for sent in visitor.collector.requests if "x-source-key" in sent.headers]
    assert {sent.query["key"] for sent in beacons} == {"pub-1"}
    assert {sent.headers["x-source-key"] for sent in fetched} == {"pub-1"}
    assert len(beacons) + len(fetched) == len(visitor.collector.requests)


def test_a_refusal_sends_counts_without_ids_and_stores_nothing(visitor: Visitor) -> None:
    visitor.open("/page?utm_source=letter&q=shoes")
    visitor.consent(False)
    visitor.run("lakehouse.identify('c-1'); lakehouse.track('product_view', {product_id: 'p-1'})")
    visitor.click("#plain")
    visitor.scroll(1)
    visitor.collector.attributes = 'data-source="web" data-consent="denied"'
    visitor.follow("/page/two")
    visitor.collector.wait_for("page_view", count=2)
    time.sleep(QUIET_SECONDS)
    assert visitor.stored() == {}
    sent = visitor.collector.events()
    assert [event["event_type"] for event in sent] == ["consent_changed", "page_view", "page_view"]
    for event in sent:
        assert not event.keys() & {"visitor_id", "session_id", "customer_id"}
        assert event["consent"] == {"analytics": False, "marketing": False}
        assert event["context"].keys() <= {"page_url", "referrer_url"}
    assert sent[1]["context"]["page_url"] == f"{visitor.collector.url}/page"
    assert sent[2]["context"]["referrer_url"] == visitor.collector.url


def test_a_withdrawal_forgets_the_visitor(visitor: Visitor) -> None:
    visitor.open()
    visitor.consent(True, True)
    visitor.collector.wait_for("page_view")
    assert visitor.stored().keys() == {"lakehouse.web"}
    visitor.click("#plain")
    visitor.consent(False)
    assert visitor.stored() == {}
    visitor.run("lakehouse.track('cart', {product_id: 'p-1'})")
    *_, withdrawn = visitor.collector.wait_for("consent_changed", count=2)
    assert withdrawn["properties"] == {"analytics": False, "marketing": False}
    assert not withdrawn.keys() & {"visitor_id", "session_id", "customer_id"}
    assert visitor.collector.events("click", "cart") == []


@pytest.mark.usefixtures("privacy_control")
def test_global_privacy_control_is_a_refusal_that_no_page_overrules(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    assert visitor.consent(True, True) == {"analytics": False, "marketing": False}
    visitor.click("#plain")
    (view,) = visitor.collector.wait_for("page_view")
    time.sleep(QUIET_SECONDS)
    assert visitor.stored() == {}
    assert visitor.collector.events() == [view]
    assert not view.keys() & {"visitor_id", "session_id"}


def test_a_page_of_a_single_page_application_is_a_page(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    visitor.collector.wait_for("page_view")
    url = visitor.collector.url
    visitor.run("history.pushState({}, '', '/page/two?token=abc'); document.title = 'Two'")
    visitor.run("history.replaceState({n: 1}, ''); location.hash = 'part'")
    second = visitor.collector.wait_for("page_view", count=2)[-1]
    assert second["context"]["page_url"] == f"{url}/page/two"
    assert second["context"]["referrer_url"] == f"{url}/page"
    assert second["context"]["page_title"] == "Two"
    visitor.run("history.pushState({}, '', '#/three?secret=1')")
    third = visitor.collector.wait_for("page_view", count=3)[-1]
    assert third["context"]["page_url"] == f"{url}/page/two#/three"
    visitor.run("history.back()")
    visitor.collector.wait_for("page_view", count=4)
    time.sleep(QUIET_SECONDS)
    assert len(visitor.collector.events("page_view")) == 4


def test_what_a_person_types_never_leaves(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    for selector in ("[name=email]", "[name=secret]", "textarea"):
        visitor.click(selector)
        visitor.type(selector, SECRET)
    visitor.click("#send")
    visitor.collector.wait_for("page_view", count=2)
    (form,) = visitor.collector.wait_for("form_submit")
    assert form["properties"] == {"form_id": "contact"}
    assert "email=" in visitor.run("return location.search"), "the form's values are in the address"
    visitor.browser.get("about:blank")
    time.sleep(0.5)
    bodies = "".join(sent.body for sent in visitor.collector.requests)
    assert "ada.private" not in bodies
    assert "Headline" not in bodies


def test_a_search_is_read_from_the_address(visitor: Visitor) -> None:
    visitor.open("/page?q=blue%20mug", attributes='data-consent="granted"')
    (search,) = visitor.collector.wait_for("search")
    assert search["properties"] == {"query": "blue mug"}
    visitor.open("/page?q=other&term=pot", attributes='data-consent="granted" data-search="term"')
    search = visitor.collector.wait_for("search", count=2)[-1]
    assert search["properties"] == {"query": "pot"}


def test_resting_on_a_marked_element_is_a_hover(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    find = visitor.browser.find_element
    headline, plain = find(By.TAG_NAME, "h1"), find(By.ID, "plain")
    ActionChains(visitor.browser).move_to_element(headline).pause(1.3).move_to_element(plain).perform()
    ActionChains(visitor.browser).move_to_element(headline).pause(0.2).move_to_element(plain).perform()
    (hover,) = visitor.collector.wait_for("hover")
    assert hover["properties"]["target"] == "headline"
    assert 1000 <= hover["properties"]["duration_ms"] < 20_000


def test_clicks_name_where_not_what(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted"')
    visitor.click("b.two")
    visitor.click("#ignored")
    visitor.click("#plain")
    visitor.collector.wait_for("click", count=2)
    path, plain = (event["properties"]["target"] for event in visitor.collector.events("click"))
    assert plain == "#plain"
    assert re.fullmatch(r"(\w+:nth-child\(\d+\)>?)+", path)
    assert visitor.run("return document.querySelector(arguments[0]).className", path) == "two"


def test_after_half_an_hour_away_a_new_session_begins(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted" data-heartbeat="0"')
    visitor.collector.wait_for("page_view")
    before = visitor.state()
    seen = int((datetime.now(UTC) - timedelta(minutes=31)).timestamp() * 1000)
    left = {**before, "came": seen - 5000, "seen": seen}
    visitor.run("localStorage['lakehouse.web'] = arguments[0]", json.dumps(left))
    visitor.click("#plain")
    (end,) = visitor.collector.wait_for("session_end")
    _, start = visitor.collector.wait_for("session_start", count=2)
    (click,) = visitor.collector.wait_for("click")
    assert (end["properties"], start["properties"]) == ({"duration_ms": 5000}, {"is_returning": True})
    assert (end["session_id"], end["event_id"]) == (before["session"], f"{before['session']}-end")
    assert int(moment(end["occurred_at"]).timestamp() * 1000) == seen
    assert start["session_id"] == click["session_id"] != before["session"]
    assert start["visitor_id"] == end["visitor_id"] == before["visitor"]


def test_a_quiet_page_ends_its_session_by_the_heartbeat(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted" data-heartbeat="0.5"')
    visitor.collector.wait_for("page_view")
    before = visitor.state()
    visitor.run("localStorage['lakehouse.web'] = arguments[0]", json.dumps({**before, "seen": 1}))
    (end,) = visitor.collector.wait_for("session_end")
    assert end["session_id"] == before["session"]
    time.sleep(QUIET_SECONDS)
    assert len(visitor.collector.events("session_end")) == 1
    assert len(visitor.collector.events("session_start")) == 1


def test_autocapture_can_be_switched_off(visitor: Visitor) -> None:
    visitor.open(attributes='data-consent="granted" data-autocapture="false"')
    visitor.click("#plain")
    visitor.scroll(1)
    visitor.run("lakehouse.track('cart', {product_id: 'p-1'})")
    visitor.collector.wait_for("cart")
    visitor.browser.get("about:blank")
    time.sleep(0.5)
    assert [event["event_type"] for event in visitor.collector.events()] == ["session_start", "cart"]


def test_a_page_may_change_or_drop_an_event_before_it_is_sent(visitor: Visitor) -> None:
    visitor.open(attributes='data-before-send="check"')
    visitor.run(
        "window.check = (event) => event.event_type === 'click' ? null"
        " : {...event, context: {...event.context, page_title: null}}"
    )
    visitor.consent(True)
    visitor.click("#plain")
    visitor.run("lakehouse.track('cart', {product_id: 'p-1'})")
    (cart,) = visitor.collector.wait_for("cart")
    assert cart["context"]["page_title"] is None
    assert visitor.collector.events("click") == []


def test_blocked_storage_is_no_error(visitor: Visitor) -> None:
    block = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked') }})"
    added = visitor.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": block})
    try:
        visitor.open(attributes='data-consent="granted"')
        visitor.click("#plain")
        sent = visitor.collector.wait_for("page_view", "click")
        assert len(ids(sent, "visitor_id")) == len(ids(sent, "session_id")) == 1
    finally:
        visitor.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
