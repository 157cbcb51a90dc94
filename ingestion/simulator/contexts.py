"""Device, place, channel and page of an event, as the collector would have derived them."""

from typing import Any

from ingestion.simulator import shape
from ingestion.simulator.people import People
from ingestion.simulator.visits import Kind, Visits

SHOP = "https://shop.example"
REFERRERS = {
    "organic_search": "https://www.google.com/",
    "referral": "https://blog.example/gifts",
    "social": "https://www.instagram.com/",
}
MEDIA = {
    "paid_search": ("google", "cpc"),
    "affiliate": ("partner", "affiliate"),
    "display": ("adnet", "display"),
}
CHANNELS = tuple(shape.CHANNELS)
HUMAN: dict[str, Any] = {"bot_score": 0.0, "bot_reasons": [], "is_bot": False}
CRAWLER = {
    "device_type": "bot",
    "browser_name": "Googlebot",
    "country_code": "US",
    "channel_group": "direct",
    "bot_score": 0.95,
    "bot_reasons": ["known_crawler"],
    "is_bot": True,
}
PAGES = {
    Kind.PAGE_HOME: ("/", "Home"),
    Kind.PAGE_SEARCH: ("/search", "Search"),
    Kind.PAGE_CHECKOUT: ("/checkout", "Checkout"),
}
# What happens on such a page; all else happens on the page of the row's product.
ON_PAGE: dict[int, Kind] = dict.fromkeys((Kind.SEARCH, Kind.EXPOSURE_1), Kind.PAGE_SEARCH)
ON_PAGE |= dict.fromkeys(range(Kind.CHECKOUT, Kind.PURCHASE + 1), Kind.PAGE_CHECKOUT)
ON_PAGE |= {page: page for page in PAGES}

Context = dict[str, Any]


class Contexts:
    """Of one block's visits. Made once for each page that a visit opens, and shared by its events."""

    def __init__(self, people: People, visits: Visits) -> None:
        self._people, self._count = people, people.count
        columns = (visits.device, visits.channel, visits.campaign, visits.is_declared)
        self._visits = [column.tolist() for column in columns]
        self._landing: dict[int, Context] = {}
        self._inside: dict[int, Context] = {}

    def of(self, visit: int, is_landing: bool, path: str, title: str) -> Context:
        """The context of a page: the first one of a visit tells where the visitor came from."""
        if visit not in self._landing:
            self._landing[visit], self._inside[visit] = self._made(visit)
        if is_landing:
            landing = self._landing[visit]
            return {**landing, "page_url": SHOP + path + landing.get("page_url", ""), "page_title": title}
        return {**self._inside[visit], "page_url": SHOP + path, "page_title": title}

    def _made(self, visit: int) -> tuple[Context, Context]:
        device, channel, campaign, is_declared = (column[visit] for column in self._visits)
        if is_declared:
            return CRAWLER, {**CRAWLER, "channel_group": "internal"}
        who = device % self._count
        _, kind, system, browser, screen, window = shape.DEVICES[
            int(self._people.device[0 if device < self._count else 1, who])
        ]
        _, country, language = shape.COUNTRIES[int(self._people.country[who])]
        base = {
            "language": language,
            "screen_width": screen[0],
            "screen_height": screen[1],
            "viewport_width": window[0],
            "viewport_height": window[1],
            "device_type": kind,
            "os_name": system,
            "browser_name": browser,
            "country_code": country,
            **HUMAN,
        }
        inside = {**base, "channel_group": "internal", "referrer_url": SHOP + "/"}
        if campaign >= 0:
            source, medium, name = "newsletter", "email", shape.CAMPAIGNS[campaign].campaign_id
            group = "email"
        else:
            group = CHANNELS[channel]
            source, medium = MEDIA.get(group, ("", ""))
            name = "always_on"
        landing = {**base, "channel_group": group}
        if source:
            landing |= {"campaign_source": source, "campaign_medium": medium, "campaign_name": name}
            landing["page_url"] = f"?utm_source={source}&utm_medium={medium}&utm_campaign={name}"
        if group in REFERRERS:
            landing["referrer_url"] = REFERRERS[group]
        return landing, inside
