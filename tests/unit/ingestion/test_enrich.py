"""Enrichment: what user agent, address, page and referrer tell, and what of them is forgotten."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion.collector.agents import bot_score, page_reasons, read_agent
from ingestion.collector.channels import channel_group
from ingestion.collector.enrich import DERIVED, Sender, enrich
from ingestion.collector.places import country_of, shortened
from ingestion.contract import catalogue
from lakehouse.privacy.address import split

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/120.0.0.0 Safari/537.36"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) {APPLE} Mobile/15E148 Safari/604.1"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 13_3 like Mac OS X) {APPLE} Mobile/15E148 Safari/604.1"
ANDROID = f"Mozilla/5.0 (Linux; Android 13; Pixel 7) {BLINK} Chrome/120.0.0.0 Mobile Safari/537.36"
TABLET = f"Mozilla/5.0 (Linux; Android 13; SM-X900) {BLINK} Chrome/120.0.0.0 Safari/537.36"
HEADLESS = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} HeadlessChrome/120.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
GOOGLE, CLOUDFLARE6 = "8.8.8.8", "2606:4700:4700::1111"


@pytest.mark.parametrize(
    ("user_agent", "device", "system", "browser"),
    [
        (CHROME, "desktop", "Windows", "Chrome"),
        (IPHONE, "mobile", "iOS", "Mobile Safari"),
        (IPAD, "tablet", "iOS", "Mobile Safari"),
        (ANDROID, "mobile", "Android", "Chrome Mobile"),
        (TABLET, "tablet", "Android", "Chrome"),
        (HEADLESS, "bot", "Linux", "HeadlessChrome"),
        (GOOGLEBOT, "bot", None, "Googlebot"),
        ("something/1.0", "unknown", None, None),
    ],
)
def test_a_user_agent_tells_device_system_and_browser(
    user_agent: str, device: str, system: str | None, browser: str | None
) -> None:
    assert read_agent(user_agent, is_server=False)[:3] == (device, system, browser)


@pytest.mark.parametrize(
    "user_agent", ["python-requests/2.31.0", "curl/8.5.0", "okhttp/4.9.3", "", None, "shop/1.0"]
)
def test_a_server_with_a_key_is_a_server_and_no_bot(user_agent: str | None) -> None:
    context = enrich({}, Sender(GOOGLE, user_agent, is_server=True))["context"]
    assert (context["device_type"], context["bot_score"], context["is_bot"]) == ("server", 0, False)
    assert "country_code" not in context


@pytest.mark.parametrize(
    ("user_agent", "reason"),
    [
        ("curl/8.5.0", "http_client"),
        (None, "no_user_agent"),
        (HEADLESS, "headless_browser"),
        (GOOGLEBOT, "known_crawler"),
    ],
)
def test_a_bot_is_flagged_with_its_reason(user_agent: str | None, reason: str) -> None:
    context = enrich({}, Sender(GOOGLE, user_agent))["context"]
    assert reason in context["bot_reasons"]
    assert context["is_bot"] is True


def test_a_server_that_forwards_a_crawler_does_not_hide_it() -> None:
    assert enrich({}, Sender(GOOGLE, GOOGLEBOT, is_server=True))["context"]["is_bot"] is True


def test_more_signs_make_surer_and_a_person_has_none() -> None:
    page = {"page_url": "https://shop.test/", "language": "de", "screen_width": 1920, "viewport_width": 1900}
    assert page_reasons(page) == []
    assert page_reasons({**page, "language": None, "screen_width": 0}) == ["no_language", "no_screen"]
    assert page_reasons({**page, "viewport_width": 9_000}) == ["window_larger_than_screen"]
    assert 0 < bot_score(["no_language"]) < bot_score(["no_language", "no_screen"]) < 1


@pytest.mark.parametrize(
    ("address", "network", "country"),
    [
        (GOOGLE, "8.8.8.0", "US"),
        (CLOUDFLARE6, "2606:4700:4700::", "US"),
        ("::ffff:8.8.8.8", "8.8.8.0", "US"),
        ("192.168.1.7", "192.168.1.0", None),
        ("testclient", None, None),
        (None, None, None),
    ],
)
def test_an_address_is_shortened_before_it_is_looked_up(
    address: str | None, network: str | None, country: str | None
) -> None:
    assert shortened(address) == network
    assert country_of(address) == country


@pytest.mark.parametrize(
    ("page", "referrer", "group"),
    [
        ("/", None, "direct"),
        (None, None, "unknown"),
        ("/", "https://www.google.co.uk/", "organic_search"),
        ("/", "https://duckduckgo.com/", "organic_search"),
        ("/", "https://l.facebook.com/", "social"),
        ("/", "https://t.co/x", "social"),
        ("/", "https://mail.google.com/", "email"),
        ("/", "https://blog.test/", "referral"),
        ("/", "https://google.evil.test/", "referral"),
        ("/", "https://notgoogle.com/", "referral"),
        ("/", "https://www.shop.test/before", "internal"),
        ("/?gclid=1", "https://www.google.com/", "paid_search"),
        ("/?msclkid=1", None, "paid_search"),
        ("/?fbclid=1", "https://l.facebook.com/", "social"),
        ("/?fbclid=1", None, "social"),
        ("/?utm_medium=paid&fbclid=1", None, "paid_social"),
        ("/?utm_source=spring&utm_medium=cpc&gclid=1", None, "paid_search"),
        ("/?gclid=", "https://www.google.com/", "organic_search"),
        ("/?utm_source=google&utm_medium=cpc", None, "paid_search"),
        ("/?utm_source=facebook&utm_medium=paid", None, "paid_social"),
        ("/?utm_source=elsewhere&utm_medium=cpc", None, "display"),
        ("/?utm_source=facebook&utm_medium=social&fbclid=1", None, "social"),
        ("/?utm_source=spring&utm_medium=email", "https://mail.google.com/", "email"),
        ("/?utm_medium=affiliate", None, "affiliate"),
        ("/?utm_medium=banner", None, "display"),
        ("/?utm_campaign=poster", None, "other_campaign"),
    ],
)
def test_campaign_then_click_then_referrer_say_the_channel(
    page: str | None, referrer: str | None, group: str
) -> None:
    where = split(f"https://shop.test{page}") if page else None
    assert channel_group(where, split(referrer) if referrer else None) == group


def test_context_is_cleaned_completed_and_keeps_its_contract(order: dict[str, Any]) -> None:
    sent = {
        "page_url": "https://shop.test/p/1?utm_source=news&utm_medium=email&utm_campaign=may&token=s3cret",
        "page_title": "Hello bob@mail.test",
        "referrer_url": "https://mail.google.com/u/0?q=bob",
        "language": "de-DE",
        "is_bot": True,
        "country_code": "XX",
    }
    event = enrich({**order, "context": sent}, Sender(GOOGLE, IPHONE))
    assert catalogue().validate(event) == []
    assert event["context"] == {
        "page_url": "https://shop.test/p/1?utm_source=news&utm_medium=email&utm_campaign=may",
        "page_title": "Hello removed",
        "referrer_url": "https://mail.google.com/u/0",
        "language": "de-DE",
        "device_type": "mobile",
        "os_name": "iOS",
        "browser_name": "Mobile Safari",
        "country_code": "US",
        "campaign_source": "news",
        "campaign_medium": "email",
        "campaign_name": "may",
        "channel_group": "email",
        "bot_score": 0.0,
        "bot_reasons": [],
        "is_bot": False,
    }
    assert sent["is_bot"] is True


@pytest.mark.parametrize("context", ["text", 3, [], True])
def test_a_context_that_is_none_is_left_to_the_contract(context: Any) -> None:
    assert enrich({"context": context}, Sender()) == {"context": context}


def test_every_derived_field_is_in_the_contract() -> None:
    assert set(catalogue().envelope["properties"]["context"]["properties"]) >= DERIVED


@hypothesis_settings(deadline=None, max_examples=150)
@given(
    user_agent=st.none() | st.text(max_size=600),
    address=st.none() | st.text(max_size=60),
    page=st.text(max_size=300),
)
def test_whatever_comes_derived_fields_keep_their_contract(
    user_agent: str | None, address: str | None, page: str
) -> None:
    sent = {"page_url": f"https://shop.test/?utm_source={page}", "referrer_url": page}
    context = enrich({"context": sent}, Sender(address, user_agent))["context"]
    fields = catalogue().envelope["properties"]["context"]["properties"]
    assert set(context) <= set(fields)
    json.dumps(context)
    for name, value in context.items():
        choices = fields[name].get("enum")
        assert choices is None or value in choices
        assert not isinstance(value, str) or len(value) <= fields[name].get("maxLength", 10**6)
