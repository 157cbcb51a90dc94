"""A request's body -> parsed JSON, within limits."""

import zlib
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_KEYS = 20_000
MAX_TEXT = 16 * 1024
# More of even the smallest events do not fit into a body; what is smaller would be as many dead letters.
MAX_EVENTS = 10_000
# text/plain is what a browser's sendBeacon may send without asking first.
CONTENT_TYPES = ("application/json", "text/plain")
TOO_LONG = f"A request holds at most {MAX_BODY_BYTES} bytes; send fewer events."


class UnreadableError(ValueError):
    """A body, or a part of one, that is no event."""


async def read_body(request: Request) -> bytes:
    """The body, unpacked; 415 where it says to be something else, 413 where it is too long."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in CONTENT_TYPES:
        raise HTTPException(415, "Send events as Content-Type: application/json.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise HTTPException(415, "Send events plain or with Content-Encoding: gzip.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise HTTPException(413, TOO_LONG)
    except ClientDisconnect:
        raise HTTPException(400, "The connection ended before the body.") from None
    return unpack(bytes(body)) if encoding == "gzip" else bytes(body)


def unpack(body: bytes) -> bytes:
    """What gzip packed; never more than the limit is unpacked, however well it was packed."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise HTTPException(400, "The body is not gzip.") from None
    if len(plain) > MAX_BODY_BYTES:
        raise HTTPException(413, TOO_LONG)
    if not unpacker.eof or unpacker.unused_data:
        raise HTTPException(400, "The body is not one whole gzip stream.")
    return plain


def parse(body: bytes | str) -> Any:
    """The JSON value, or what says why there is none."""
    try:
        value = orjson.loads(body)
        orjson.dumps(value)  # nested deeper than can be written again
    except (orjson.JSONDecodeError, TypeError) as error:
        return UnreadableError(f"is not JSON: {error}")
    return value


def one_event(body: bytes | str) -> list[Any]:
    """The event that the body is, or what says why it is none."""
    return [parse(body)]


def many_events(body: bytes | str) -> list[Any]:
    """The events of an array, or of an object with only the array `events`."""
    parsed = parse(body)
    if isinstance(parsed, dict) and parsed.keys() == {"events"}:
        parsed = parsed["events"]
    if parsed == []:
        return [UnreadableError("holds no events")]
    if not isinstance(parsed, list | UnreadableError):
        return [UnreadableError("is neither an array of events nor an object with only the array `events`")]
    if isinstance(parsed, list) and len(parsed) > MAX_EVENTS:
        return [UnreadableError(f"holds more than {MAX_EVENTS} events; send them in several requests")]
    return parsed if isinstance(parsed, list) else [parsed]


def any_events(body: bytes | str) -> list[Any]:
    """One event, or several in either form."""
    parsed = parse(body)
    is_one = isinstance(parsed, dict) and parsed.keys() != {"events"}
    return [parsed] if is_one else many_events(body)


def over_limits(event: Any) -> str | None:
    """The limit that an event breaks: nesting, number of keys and items, length of a text."""
    written = orjson.dumps(event)
    if len(written) <= MAX_TEXT and written.count(b"{") + written.count(b"[") <= MAX_DEPTH:
        return None  # so short and with so few brackets that it can break none
    found, waiting = 0, [(event, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str) and len(value) > MAX_TEXT:
            return f"a text has more than {MAX_TEXT} characters"
        if not isinstance(value, dict | list):
            continue
        if depth > MAX_DEPTH:
            return f"is nested deeper than {MAX_DEPTH}"
        found += len(value)
        if found > MAX_KEYS:
            return f"has more than {MAX_KEYS} keys and items"
        waiting.extend((child, depth + 1) for child in _children(value))
    return None


def _children(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    else:
        yield from value
