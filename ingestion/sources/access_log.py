"""Apache's and nginx's combined log: one request a line, each a `page_view`.

Address, user agent and user name go in and do not come out; what a line cannot tell stays absent. Ids are
digests, of which a replay makes keyed pseudonyms.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestion.collector.channels import channel_group
from ingestion.collector.enrich import CAMPAIGN, Sender, enrich
from ingestion.sources import files
from ingestion.sources.records import Record
from ingestion.sources.values import moment
from lakehouse.privacy.address import campaign_of, clean_address, split

KINDS = (".log", ".log.gz", ".txt", ".txt.gz")
QUOTED = r'"((?:[^"\\]|\\.)*+)"'
LINE = re.compile(
    rf"(\S+) \S+ [^\[]*+\[([^\]]++)\] {QUOTED} ([0-9]{{3}}) (?:[0-9]+|-) {QUOTED} {QUOTED}(?: .*)?"
)
ASSET = re.compile(
    r"\.(?:css|js|mjs|map|json|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp[34]|webm)", re.IGNORECASE
)
ABSENT = ("", "-")
SITE = "http://site.invalid"  # a log does not name its own host


def records(path: Path) -> Iterator[list[Record]]:
    """The file's requests, in file order."""
    files.extension(path, KINDS)
    for rows in files.read_lines(path):
        yield [_record(*row) for row in rows]


def _record(number: int, line: str) -> Record:
    found = LINE.fullmatch(line)
    if found is None:  # its contract rejects it by this name, which a dead letter shows
        return Record("page_view", (line,), None, {f"malformed_line_{number}": True})
    address, time, request, status, referrer, agent = (None if v in ABSENT else v for v in found.groups())
    target = [*(request or "").split(" "), ""][1]
    return Record(
        "page_view",
        (line,),
        _logged_at(time or ""),
        {"page_type": _page_type(int(status or 0), target)},
        visitor_id=sha256(f"{address}\n{agent}".encode()).hexdigest(),
        context=_context(target, referrer, Sender(address, agent)),
    )


def _page_type(status: int, target: str) -> str:
    if status >= 400:
        return "error"
    path = target.partition("?")[0]
    return "asset" if ASSET.fullmatch(path, max(path.rfind("."), 0)) else "page"


def _context(target: str, referrer: str | None, sender: Sender) -> dict[str, Any]:
    # Without its page, so that the missing language and screen, which no log has, make nobody a bot.
    context: dict[str, Any] = enrich({"context": {"referrer_url": referrer}}, sender)["context"]
    address = SITE + target if target.startswith("/") else target
    page = split(address)
    group = channel_group(page, split(referrer) if referrer else None)
    if group == "referral":  # or a link inside the site: without a host of its own nobody can tell
        del context["channel_group"]
    else:
        context["channel_group"] = group
    if page is None:
        return context
    campaign = {CAMPAIGN[name]: value for name, value in campaign_of(page).items()}
    return {**context, **campaign, "page_url": clean_address(address).removeprefix(SITE)}


@lru_cache(maxsize=4096)
def _logged_at(time: str) -> str | None:
    try:
        return moment(datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z"))
    except ValueError:
        return time
