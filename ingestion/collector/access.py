"""Who may send, and how much: keys of sources, and a bucket of requests for each sender."""

import hashlib
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from starlette.requests import HTTPConnection

from lakehouse.errors import UserError
from lakehouse.settings import Settings

LINE = re.compile(r"([a-z][a-z0-9_]{0,62})\s+(server|browser)\s+([\x21-\x7e]{16,256})")
BURST_SECONDS = 5
MOST_SENDERS = 10_000


class Grant(NamedTuple):
    """What a key allows: to send events of this source, as a server or from browsers."""

    source: str
    is_server: bool


class SourceKeys:
    """Lines `source server|browser key` of the keys file; a browser's key is public, it only names a shop."""

    def __init__(self, path: Path | None) -> None:
        self.are_required = path is not None
        self._grants = {} if path is None else _read(path)

    def grant(self, connection: HTTPConnection) -> Grant | None:
        """What the request's key allows; in the query (sendBeacon, WebSocket) only a browser's key counts."""
        headers = connection.headers
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        sent = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-source-key", "")
        if sent:
            return self._grants.get(_digest(sent))
        found = self._grants.get(_digest(connection.query_params.get("key", "")))
        return None if found is None or found.is_server else found


def _read(path: Path) -> dict[bytes, Grant]:
    grants = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The source keys, {path}, cannot be read ({error}); mend LAKEHOUSE_SOURCE_KEYS_FILE."
        ) from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        if match is None:
            raise UserError(
                f"{path}, line {number}: is not `source server|browser key` "
                "with a key of 16 to 256 characters."
            )
        if _digest(match[3]) in grants:
            raise UserError(f"{path}, line {number}: the key is another line's, too; each line has its own.")
        grants[_digest(match[3])] = Grant(match[1], match[2] == "server")
    return grants


def _digest(key: str) -> bytes:
    """Looked up by digest, so that the time of an answer tells nothing of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class Buckets:
    """So many requests a second for each sender, and some seconds' worth at once."""

    def __init__(self, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = a_second, clock
        self._size = max(1.0, a_second * BURST_SECONDS)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str) -> int:
        """0, or the seconds to wait."""
        if not self._rate:
            return 0
        now = self._clock()
        left, since = self._left.pop(sender, (self._size, now))
        left = min(self._size, left + (now - since) * self._rate)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self._rate)
        self._left[sender] = (left if wait else left - 1, now)
        if len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return wait


def household_of(address: str | None) -> str | None:
    """Whom a limit is for: an IPv4 address, and of IPv6 its /64, since every line has 2**64 addresses."""
    with suppress(ValueError):
        found = ip_address(address or "")
        if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
            return str(ip_network((int(found), 64), strict=False))
    return address


def address_of(connection: HTTPConnection, settings: Settings) -> str | None:
    """The sender's address; a header names it only where a trusted proxy has written it."""
    if settings.trusted_proxy:
        # Each proxy adds at the end whom it saw; what stands before, the sender may have made up.
        named = connection.headers.get("x-forwarded-for", "").split(",")[-1].strip()
        if named:
            return named
    return connection.client.host if connection.client else None
