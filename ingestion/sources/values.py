"""Published values -> typed values, the same from every file format.

What cannot be read stays as the text it was: the event's contract then rejects it with a reason.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

WHOLE = re.compile(r"[0-9]+\.0")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
AMERICAN = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
EXACT_INTEGERS = 2**53
FLAGS = {"1": True, "0": False, "true": True, "false": False}
EPOCH = datetime(1970, 1, 1)


def text(value: Any) -> str | None:
    """Text without outer spaces, which formats keep or lose; an empty cell is None."""
    if type(value) is str:
        return value.strip() or None
    if value is None or value != value:
        return None
    return str(int(value)) if type(value) is float and value.is_integer() else str(value)


def identifier(value: Any) -> str | None:
    """An id: 17850, 17850.0 and '17850.0' are the same one."""
    if type(value) is int:
        return str(value)
    written = text(value)
    if written is not None and written.endswith(".0") and WHOLE.fullmatch(written):
        return written[:-2]
    return written


def number(value: Any) -> Any:
    """A number, an int where it is whole."""
    if type(value) is int:
        return value
    if type(value) is float:
        if value.is_integer() and abs(value) < EXACT_INTEGERS:
            return int(value)
        return value if value == value else None
    if value is None:
        return None
    written = str(value).strip()
    if not NUMBER.fullmatch(written):
        return written or None
    if INTEGER.fullmatch(written):
        return int(written)
    return number(float(written))


def money(value: Any) -> Any:
    """An amount to four decimals, so that no float noise is left."""
    value = number(value)
    return number(round(value, 4)) if type(value) is float else value


def flag(value: Any) -> Any:
    """True or False, also written as 1 or 0, as numbers or as text."""
    if type(value) is bool:
        return value
    written = identifier(value)
    return FLAGS.get(written.lower(), written) if written else None


def moment(value: Any) -> str | None:
    """A time as RFC 3339 in UTC; a time without zone is UTC."""
    return _moment(value) if value else None


def since_1970(seconds: Any) -> str | None:
    """Unix seconds as RFC 3339 in UTC."""
    count = number(seconds)
    if type(count) not in (int, float):
        return text(seconds)
    try:
        return _rfc3339(EPOCH + timedelta(seconds=count))
    except OverflowError:
        return text(seconds)


@lru_cache(maxsize=65_536)  # a file repeats its times: one invoice, one minute
def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return _rfc3339(value)
    written = str(value).strip()
    try:
        if american := AMERICAN.fullmatch(written):
            month, day, year, hour, minute, second = (int(part or 0) for part in american.groups())
            return _rfc3339(datetime(year, month, day, hour, minute, second))
        return _rfc3339(datetime.fromisoformat(written.removesuffix(" UTC")))
    except (ValueError, OverflowError):
        return written


def _rfc3339(value: datetime) -> str:
    value = value.astimezone(UTC) if value.tzinfo else value
    written = value.replace(tzinfo=None).isoformat()
    return (written.rstrip("0") if "." in written else written) + "Z"
