"""The demo shop in a real browser, against the recording collector and the real one."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from tests.visitor import SECRET, SENT_WITHIN_SECONDS, Visitor, act, ids, wait_until

pytestmark = pytest.mark.e2e


def shopping(browser: Chrome, open_page: Callable[[str], None]) -> None:
    """A visit of the demo shop: consent, search, a product, the cart and back, an order, a complaint."""

    def click(selector: str) -> None:
        act(browser, selector, lambda element: element.click())

    def write(selector: str, text: str) -> None:
        act(browser, selector, lambda element: element.send_keys(text))

    open_page("/shop/")
    click("#consent-analytics")
    write("input[name=q]", "kettle")
    click("[data-track=search]")
    # The page before holds the same product.
    WebDriverWait(browser, SENT_WITHIN_SECONDS).until(lambda page: "search.html" in page.current_url)
    click("[data-track=product-kettle-fern] a")
    click("#add-to-cart")
    wait_until(browser, "#cart-count", lambda count: count.text == "1")
    open_page("/shop/product.html?id=mug-rain")
    click("#add-to-cart")
    click("[data-track=nav-cart]")
    click("[aria-label='Remove Rain mug']")
    wait_until(browser, "tbody", lambda rows: len(rows.find_elements(By.TAG_NAME, "tr")) == 1)
    click("[data-track=checkout]")
    for field_name, text in {"name": "Ada", "email": SECRET, "address": "1 Private Street"}.items():
        write(f"#checkout [name={field_name}]", text)
    click("[data-track=place-order]")
    wait_until(browser, "#said", lambda said: "Thank you" in said.text)
    open_page("/shop/issue.html")
    act(browser, "[name=category]", lambda choice: Select(choice).select_by_value("delivery"))
    write("[name=text]", "The parcel was wet.")
    click("[data-track=send-issue]")
    wait_until(browser, "#said", lambda said: "Thank you" in said.text)
    open_page("/shop/")


SHOPPED = {
    "search": 1,
    "product_view": 2,
    "cart": 2,
    "remove_from_cart": 1,
    "checkout_start": 1,
    "purchase": 1,
    "issue_report": 1,
}


def test_a_visit_of_the_shop_arrives_whole(visitor: Visitor) -> None:
    shopping(visitor.browser, visitor.open)
    visitor.collector.wait_for(*SHOPPED, "page_view")
    sent = visitor.collector.events()
    by_type = {name: visitor.collector.events(name) for name in SHOPPED}
    assert {name: len(events) for name, events in by_type.items()} == SHOPPED
    assert len(ids(sent, "visitor_id")) == len(ids(sent, "session_id")) == 1
    assert by_type["search"][0]["properties"] == {"query": "kettle", "result_count": 2}
    kettle = {
        "product_id": "kettle-fern",
        "price": 79,
        "currency": "EUR",
        "category_code": "brewing.kettles",
        "brand": "Halden",
    }
    assert by_type["product_view"][0]["properties"] == kettle
    assert by_type["cart"][0]["properties"] == {**kettle, "quantity": 1}
    assert by_type["remove_from_cart"][0]["properties"]["product_id"] == "mug-rain"
    assert by_type["checkout_start"][0]["properties"] == {"amount": 79, "currency": "EUR"}
    purchase = by_type["purchase"][0]
    order = purchase["properties"].pop("order_id")
    assert order.startswith("web-")
    assert purchase["properties"] == {**kettle, "quantity": 1}
    assert purchase["customer_id"].startswith("demo-")
    complaint = {"text": "The parcel was wet.", "category": "delivery"}
    assert by_type["issue_report"][0]["properties"] == complaint
    forms = {event["properties"]["form_id"] for event in visitor.collector.events("form_submit")}
    assert forms == {"search", "checkout", "issue"}
    assert visitor.collector.events("page_view")[2]["context"]["page_url"].endswith("?id=kettle-fern")
    bodies = "".join(request.body for request in visitor.collector.requests)
    assert "ada.private" not in bodies
    assert "Private Street" not in bodies
    errors = [entry for entry in visitor.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_the_shop_remembers_a_refusal_by_itself(visitor: Visitor) -> None:
    visitor.open("/shop/")
    visitor.click("#consent-refuse")
    visitor.open("/shop/cart.html")
    wait_until(visitor.browser, "#cart", lambda cart: bool(cart.text))
    assert not visitor.browser.find_element(By.CLASS_NAME, "consent").is_displayed()
    visitor.collector.wait_for("page_view", count=2)
    assert visitor.stored() == {"shop.consent.refused": "yes"}
    assert len(visitor.collector.events("consent_changed")) == 1
    visitor.click("#privacy-choices")
    visitor.click("#consent-accept")
    *_, granted = visitor.collector.wait_for("consent_changed", count=2)
    assert granted["properties"] == {"analytics": True, "marketing": True}
    assert "shop.consent.refused" not in visitor.stored()


def test_a_visit_of_the_shop_lands_in_raw_events(stack: Any, chromium: Chrome) -> None:
    """On the real collector: contracts, Kafka and landing included."""
    settings = stack.settings
    # Other tests share this lakehouse.
    (before,) = stack.query("select cast(max(landed_at) as string) as landed_at from raw.events")
    since = f"where landed_at > timestamp'{before['landed_at'] or '1970-01-01 00:00:00'}'"
    door = f"http://{settings.host}:{settings.collector_port}"
    shopping(chromium, lambda address: chromium.get(door + address))
    chromium.get("about:blank")

    def landed() -> dict[str, int]:
        # By the session: the collector may replace the visitor by a pseudonym.
        rows = stack.query(
            """
            select event_type, count(distinct event_id) as events
            from raw.events
            where
                source = 'web'
                and is_accepted
                and session_id = (
                    select max_by(session_id, landed_at)
                    from raw.events
                    where source = 'web' and event_type = 'checkout_start' and is_accepted
                )
            group by event_type
            """
        )
        return {row["event_type"]: row["events"] for row in rows}

    stack.wait_until(lambda: landed().items() >= SHOPPED.items(), 120, "landed as it was sent")
    assert landed().keys() >= {"page_view", "click", "form_submit", "session_start", "consent_changed"}
    rejected = f"select event_type, rejection_reasons from raw.events {since} and not is_accepted"
    assert stack.query(rejected) == []
    told = f"select event_id from raw.events {since} and to_json(struct(*)) like '%ada.private%'"
    assert stack.query(told) == []
