"""Web addresses, and how e-mail addresses, telephone numbers and secrets leave them."""

import re
from urllib.parse import SplitResult, quote, unquote, unquote_plus, urlsplit

# Possessive and from the beginning of a word, so that no text makes it slow.
EMAIL = re.compile(r"(?<![^\s@/?&=;,<>\"':()\[\]])[^\s@/?&=;,<>\"':()\[\]]++@[\w-]++(?:\.[\w-]++)++")
PHONE = re.compile(
    r"(?<![\w+-])(?:"
    r"(?:\+|00)[1-9](?:[ .()/-]?\d){6,14}"  # +49 30 123456
    r"|\(?0\d{1,4}\)?[ ./-]\d(?:[ .-]?\d){4,10}"  # 030 123456
    r"|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"  # 415 555-0132
    r")(?!\w)"
)
# What a path holds to let somebody in: JSON web tokens, long hexadecimal or mixed strings.
TOKEN = re.compile(
    r"eyJ[\w-]+\.[\w.-]+"
    r"|[0-9a-fA-F]{32,}"
    r"|(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=\D*\d)[A-Za-z0-9_=-]{24,}"
)
CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
REMOVED = "removed"
LONGEST_CAMPAIGN, LONGEST_ADDRESS = 256, 2048


def without_contacts(text: str) -> str:
    """The text without e-mail addresses and telephone numbers."""
    return PHONE.sub(REMOVED, without_emails(text))


def without_emails(text: str) -> str:
    """The text without e-mail addresses."""
    plain = text.replace("%40", "@")
    if "@" not in plain:
        return text
    cleared = EMAIL.sub(REMOVED, plain)
    return text if cleared == plain else cleared


def split(address: str) -> SplitResult | None:
    """The parts of a web address; None where it is none."""
    try:
        parts = urlsplit(address.strip())
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def query_of(parts: SplitResult) -> dict[str, str]:
    """The query's names, in lower case, with their first values."""
    found: dict[str, str] = {}
    if not parts.query:
        return found
    for pair in parts.query.split("&")[:200]:
        name, _, value = pair.partition("=")
        found.setdefault(unquote_plus(name).lower(), unquote_plus(value).replace("\0", ""))
    return found


def campaign_of(parts: SplitResult) -> dict[str, str]:
    """The campaign parameters that are set, without contacts."""
    query = query_of(parts)
    told = {name: query[name].strip() for name in CAMPAIGN if name in query}
    return {name: without_contacts(value)[:LONGEST_CAMPAIGN] for name, value in told.items() if value}


def clean_address(address: str) -> str:
    """Host, path and campaign parameters; no user, no fragment, no other query, no secret in the path."""
    parts = split(address)
    return "" if parts is None else clean_parts(parts)


def clean_parts(parts: SplitResult) -> str:
    """The same of an address that is split already."""
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    if parts.port is not None:
        place += f":{parts.port}"
    path = "/".join(_clean_segment(segment) for segment in parts.path.split("/"))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in campaign_of(parts).items())
    whole = f"{parts.scheme}://{place}{path}" + (f"?{query}" if query else "")
    return whole[:LONGEST_ADDRESS]


def _clean_segment(segment: str) -> str:
    clear = segment
    for _ in range(3):  # quoted once, or by every redirect on the way
        clear = unquote(clear)
    if TOKEN.fullmatch(clear) or without_contacts(clear) != clear:
        return REMOVED
    return segment
