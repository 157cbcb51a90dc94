"""What the collector serves to browsers: the tracker, and the demo shop."""

import gzip
import json
import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ingestion.collector.shop import TRACKER, routes

PAGES = sorted(path.name for path in (TRACKER / "shop").glob("*.html"))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes())) as client:
        yield client


def test_the_tracker_is_at_most_five_kilobytes_as_written() -> None:
    assert len(gzip.compress((TRACKER / "tracker.js").read_bytes())) <= 5 * 1024


def test_the_tracker_sets_no_cookie_and_loads_nothing() -> None:
    written = (TRACKER / "tracker.js").read_text()
    assert not re.findall(r"document\.cookie|sessionStorage|import\b|require\(", written)


def test_a_browser_keeps_the_tracker_and_asks_only_whether_it_changed(client: TestClient) -> None:
    answer = client.get("/tracker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "max-age" in answer.headers["cache-control"]
    again = client.get("/tracker.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_shop_is_at_its_address_with_and_without_a_slash(client: TestClient) -> None:
    for address in ("/shop", "/shop/", "/shop/index.html"):
        answer = client.get(address)
        assert (answer.status_code, "Fern &amp; Kettle" in answer.text) == (200, True)


def test_only_the_shops_own_folder_is_served(client: TestClient) -> None:
    for address in ("/shop/%2e%2e/tracker.js", "/shop/%2e%2e/%2e%2e/topics.py", "/shop/none.html"):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_for_consent_before_it_loads_the_tracker(client: TestClient, page: str) -> None:
    scripts = re.findall(r'<script [^>]*src="([^"]+)"', client.get(f"/shop/{page}").text)
    assert scripts == ["frame.js", "consent.js", "../tracker.js", "shop.js"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_may_call_nobody_but_its_server(client: TestClient, page: str) -> None:
    answer = client.get(f"/shop/{page}")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "https://" not in answer.text
    assert "http://" not in answer.text


def test_every_product_can_be_shown_and_sold() -> None:
    products = json.loads((TRACKER / "shop" / "products.json").read_text())
    drawn = re.findall(r'<symbol id="(\w+)"', (TRACKER / "shop" / "art.svg").read_text())
    assert len({product["id"] for product in products}) == len(products) >= 10
    assert {product["art"] for product in products} == set(drawn)
    assert all(product["price"] > 0 and product["brand"] and product["category"] for product in products)
