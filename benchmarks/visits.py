"""What visitors' browsers send: events as the tracker makes them, and requests as browsers write them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

Event = dict[str, Any]
SOURCE = "benchmark"
SITE = "https://shop.example"
PRODUCTS, CATEGORIES = 5_000, 40
SCREENS = ((1920, 1080), (1536, 864), (1440, 900), (412, 915), (390, 844), (820, 1180))
LANGUAGES = ("de-DE", "en-US", "en-GB", "fr-FR", "es-ES", "nl-NL")
# How a visit begins: the landing page's query, and the page before.
ARRIVALS = (
    ("", None),
    ("", "https://www.google.com"),
    ("?utm_source=newsletter&utm_medium=email&utm_campaign=autumn%20sale", None),
    ("?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=1", "https://www.google.com"),
    ("", "https://l.instagram.com"),
)
WEBKIT, BLINK = "AppleWebKit/605.1.15 (KHTML, like Gecko)", "AppleWebKit/537.36 (KHTML, like Gecko)"
USER_AGENTS = tuple(
    f"Mozilla/5.0 {rest}"
    for rest in (
        f"(Windows NT 10.0; Win64; x64) {BLINK} Chrome/131.0.0.0 Safari/537.36",
        "(Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
        f"(Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.1 Safari/605.1.15",
        f"(iPhone; CPU iPhone OS 18_1 like Mac OS X) {WEBKIT} Version/18.1 Mobile/15E148 Safari/604.1",
        f"(Linux; Android 10; K) {BLINK} Chrome/131.0.0.0 Mobile Safari/537.36",
        f"(Linux; Android 14; SM-S918B) {BLINK} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
        f"(X11; Linux x86_64) {BLINK} Chrome/130.0.0.0 Safari/537.36",
    )
)


class Visitor:
    """One browser: the same number always gives the same one."""

    def __init__(self, number: int, user_agent: str | None = None) -> None:
        self._chance = random.Random(number)
        self._number = number
        self.user_agent = user_agent or self._chance.choice(USER_AGENTS)
        self._address = ".".join(str(self._chance.randint(5, 223)) for _ in range(4))
        self._language = self._chance.choice(LANGUAGES)
        self._screen = self._chance.choice(SCREENS)

    def events(self, count: int) -> list[Event]:
        """A visit's first events, with ids that tell visitor and place: `visit-000012-0003`."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        who = {
            "contract_version": 1,
            "source": SOURCE,
            "occurred_at": now,
            "sent_at": now,
            "visitor_id": f"5f0c6c1e-8f63-4d0e-9d5a-{self._number:012d}",
            "session_id": f"0d1b7a52-3e9c-4b57-8a11-{self._number:012d}",
            "consent": {"analytics": True, "marketing": False},
        }
        if self._number % 4 == 0:
            who["customer_id"] = f"C{self._number % 20_000:06d}"
        made = self._pages()
        return [
            {"event_id": f"visit-{self._number:06d}-{place:04d}", **who, **next(made)}
            for place in range(count)
        ]

    def _pages(self) -> Iterator[Event]:
        """Type, properties and context of one event after another, page by page, without end."""
        query, before = self._chance.choice(ARRIVALS)
        while True:
            product = int(PRODUCTS * self._chance.random() ** 3)  # some are looked at often, most seldom
            category = f"category-{product % CATEGORIES}"
            path = f"{SITE}/{category}/product-{product:05d}"
            context = {
                "page_url": path + query,
                "referrer_url": before,
                "page_title": f"Product {product} in {category} | The Example Shop",
                "language": self._language,
                "screen_width": self._screen[0],
                "screen_height": self._screen[1],
                "viewport_width": self._screen[0],
                "viewport_height": self._screen[1] - 120,
            }
            bought = {"product_id": f"P{product:05d}", "price": 2.55, "currency": "EUR"}
            x, y = self._chance.randrange(self._screen[0]), self._chance.randrange(4_000)
            done = [
                ("page_view", {}),
                ("product_view", {**bought, "category_code": category}),
                ("scroll", {"depth_percent": 25}),
                ("scroll", {"depth_percent": 50}),
                ("click", {"x": x, "y": y, "target": "main>div:nth-child(2)>a:nth-child(1)"}),
            ]
            if self._chance.random() < 0.2:
                done.append(("cart", {**bought, "quantity": 1}))
            for event_type, properties in done:
                yield {"event_type": event_type, "properties": properties, "context": context}
            query, before = "", path

    def request(self, path: str, body: Any, key: str = "") -> bytes:
        """A whole HTTP request as a browser behind a proxy sends it, with the shop's key or none."""
        content = orjson.dumps(body)
        headers = {
            "Host": "events.shop.example",
            "Connection": "keep-alive",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "User-Agent": self.user_agent,
            "X-Source-Key": key,
            "Accept": "*/*",
            "Origin": SITE,
            "Sec-Fetch-Site": "same-site",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Referer": f"{SITE}/",
            "Accept-Encoding": "gzip, deflate, br, zstd",
            "Accept-Language": f"{self._language},en;q=0.8",
            "X-Forwarded-For": self._address,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + content
