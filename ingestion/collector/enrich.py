"""What the collector adds to an event's context, and what it takes out of it.

User agent and address go in and do not come out.
"""

from typing import Any, NamedTuple

from ingestion.collector.agents import IS_BOT_FROM, bot_score, page_reasons, read_agent
from ingestion.collector.channels import channel_group
from ingestion.collector.places import country_of
from lakehouse.privacy.address import campaign_of, clean_address, split, without_contacts

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

Event = dict[str, Any]


class Sender(NamedTuple):
    """What the door knows of a request; it is forgotten with the request."""

    address: str | None = None
    user_agent: str | None = None
    is_server: bool = False  # it carried a server's key


def enrich(event: Event, sender: Sender) -> Event:
    """A copy with its context cleaned and completed; what claims to be derived is replaced."""
    context = event.get("context")
    if not isinstance(context, dict | None):
        return event  # its contract rejects it
    sent = {name: value for name, value in (context or {}).items() if name not in DERIVED}
    derived = {name: value for name, value in _derived(sent, sender).items() if value is not None}
    return {**event, "context": {**_cleaned(sent), **derived}}


def _derived(sent: Event, sender: Sender) -> Event:
    agent = read_agent(sender.user_agent, is_server=sender.is_server)
    page, referrer = (
        split(v) if isinstance(v := sent.get(n), str) else None for n in ("page_url", "referrer_url")
    )
    reasons = [*agent.reasons, *([] if agent.device_type == "server" else page_reasons(sent))]
    score = bot_score(reasons)
    campaign = campaign_of(page) if page else {}
    return {
        "device_type": agent.device_type,
        "os_name": agent.os_name and agent.os_name[:LONGEST_NAME],
        "browser_name": agent.browser_name and agent.browser_name[:LONGEST_NAME],
        # A server stands where it is hosted, which says nothing of the customer.
        "country_code": None if sender.is_server else country_of(sender.address),
        **{CAMPAIGN[name]: value for name, value in campaign.items()},
        "channel_group": channel_group(page, referrer),
        "bot_score": score,
        "bot_reasons": reasons,
        "is_bot": score >= IS_BOT_FROM,
    }


def _cleaned(sent: Event) -> Event:
    cleaned = dict(sent)
    for name in ("page_url", "referrer_url"):
        if isinstance(address := sent.get(name), str):
            cleaned[name] = clean_address(address) or None
    if isinstance(title := sent.get("page_title"), str):
        cleaned["page_title"] = without_contacts(title)
    return cleaned
