"""What the collector adds to an event's context, and what it takes out of it.

User agent and address go in and do not come out.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult

from ingestion.collector.agents import IS_BOT_FROM, Agent, bot_score, page_reasons, read_agent
from ingestion.collector.channels import channel_group
from ingestion.collector.places import country_of
from lakehouse.privacy.address import campaign_of, clean_parts, split, without_contacts

CAMPAIGN = {
    "utm_source": "campaign_source",
    "utm_medium": "campaign_medium",
    "utm_campaign": "campaign_name",
    "utm_term": "campaign_term",
    "utm_content": "campaign_content",
}
DERIVED = {"device_type", "os_name", "browser_name", "country_code", "channel_group"}
DERIVED |= {"bot_score", "bot_reasons", "is_bot", *CAMPAIGN.values()}
LONGEST_NAME = 128
PAGE = ("page_url", "referrer_url", "page_title")
# Events come page by page, and many visitors to the same pages.
PAGES = 1_000

Event = dict[str, Any]


@dataclass(frozen=True)
class Sender:
    """What the door knows of a request; it is forgotten with the request."""

    address: str | None = None
    user_agent: str | None = None
    is_server: bool = False  # it carried a server's key

    @cached_property
    def agent(self) -> Agent:
        """What acted, by its user agent."""
        return read_agent(self.user_agent, is_server=self.is_server)

    @cached_property
    def derived(self) -> Event:
        """What it says of each of its events."""
        told = {
            "device_type": self.agent.device_type,
            "os_name": self.agent.os_name and self.agent.os_name[:LONGEST_NAME],
            "browser_name": self.agent.browser_name and self.agent.browser_name[:LONGEST_NAME],
            # A server stands where it is hosted, which says nothing of the customer.
            "country_code": None if self.is_server else country_of(self.address),
        }
        return {name: value for name, value in told.items() if value is not None}


def enrich(event: Event, sender: Sender) -> Event:
    """A copy with its context cleaned and completed; what claims to be derived is replaced."""
    context = event.get("context")
    if context is None:
        context = {}
    elif not isinstance(context, dict):
        return event  # its contract rejects it
    sent = context
    if not DERIVED.isdisjoint(context):
        sent = {name: value for name, value in context.items() if name not in DERIVED}
    agent = sender.agent
    reasons = [*agent.reasons, *([] if agent.device_type == "server" else page_reasons(sent))]
    score = bot_score(reasons)
    return {
        **event,
        "context": {
            **sent,
            **_page(*[value if isinstance(value := sent.get(name), str) else None for name in PAGE]),
            **sender.derived,
            "bot_score": score,
            "bot_reasons": reasons,
            "is_bot": score >= IS_BOT_FROM,
        },
    }


@lru_cache(maxsize=PAGES)
def _page(page_url: str | None, referrer_url: str | None, page_title: str | None) -> Event:
    """What stays of a page's addresses and title, and what they tell; not to be changed."""
    page, referrer = _address(page_url), _address(referrer_url)
    told = {**page.campaign, "channel_group": channel_group(page.parts, referrer.parts)}
    if page_url is not None:
        told["page_url"] = page.cleaned
    if referrer_url is not None:
        told["referrer_url"] = referrer.cleaned
    if page_title is not None:
        told["page_title"] = without_contacts(page_title)
    return told


class Address(NamedTuple):
    """A web address: its parts, what may be kept of it, its campaign as fields of the context."""

    parts: SplitResult | None
    cleaned: str | None
    campaign: Event


@lru_cache(maxsize=PAGES)
def _address(text: str | None) -> Address:
    """An address, read once as a page and as the referrer of the next one."""
    parts = split(text or "")
    if parts is None:
        return Address(None, None, {})
    campaign = {CAMPAIGN[name]: value for name, value in campaign_of(parts).items()}
    return Address(parts, clean_parts(parts), campaign)
