"""Keyed pseudonyms: the same id gives the same one, and nobody without the key finds the way back.

The key file holds lines `id:hex`, newest first. The first makes pseudonyms; the others are kept so
that a person's older pseudonyms can be found. Empty lines and lines that begin with # are skipped.
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lakehouse.errors import UserError
from lakehouse.settings import Settings

LINE = re.compile(r"([a-z][a-z0-9]{0,7}):((?:[0-9a-f]{2}){32,})")
LONGEST_ID = 128
DIGITS = 32  # 128 bits: no two ids of any shop meet
REMOVED = "[removed]"

Event = dict[str, Any]


class Key(NamedTuple):
    """One secret and the name that its pseudonyms begin with."""

    name: str
    secret: bytes


class Pseudonyms:
    """Pseudonyms by the keys of one file, newest first."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)
        self._newest = lru_cache(maxsize=50_000)(self._of_newest)

    def of(self, source: str, field: str, value: str) -> str:
        """The pseudonym of an id; another source or field gives another one."""
        return self._newest(source, field, value)

    def all_of(self, source: str, field: str, value: str) -> list[str]:
        """Every pseudonym that the id has had, by the keys still kept; newest first."""
        return [_pseudonym(key, source, field, value) for key in self._keys]

    def _of_newest(self, source: str, field: str, value: str) -> str:
        return _pseudonym(self._keys[0], source, field, value)


def _pseudonym(key: Key, source: str, field: str, value: str) -> str:
    message = "\0".join((source, field, value)).encode("utf-8", "surrogatepass")
    return f"{key.name}_{hmac.digest(key.secret, message, 'sha256').hex()[:DIGITS]}"


class Direct(NamedTuple):
    """Where a field with `pii: direct` is; `[]` in the path stands for every item of an array."""

    path: tuple[str, ...]
    is_required: bool


def pseudonymised(event: Event, fields: Iterable[Direct], pseudonyms: Pseudonyms) -> Event:
    """A copy whose ids are pseudonyms and whose other direct fields are removed."""
    source = event.get("source")
    shop = source if isinstance(source, str) else ""

    def replaced(value: Any, path: tuple[str, ...], is_required: bool) -> Any:
        name, rest = path[0], path[1:]
        if name == "[]":
            return [replaced(item, rest, is_required) for item in value] if isinstance(value, list) else value
        if not isinstance(value, dict) or value.get(name) is None:
            return value
        if rest:
            return {**value, name: replaced(value[name], rest, is_required)}
        if is_id(name):
            return {**value, name: _hidden(value[name], lambda clear: pseudonyms.of(shop, name, clear))}
        if is_required:
            return {**value, name: _hidden(value[name], lambda clear: REMOVED)}
        return {key: each for key, each in value.items() if key != name}

    for path, is_required in fields:
        if event.get(path[0]) is not None:
            event = replaced(event, path, is_required)
    return event


def is_id(name: str) -> bool:
    """Ids become pseudonyms, so that they still join; anything else about a person is removed."""
    return name == "id" or name.endswith("_id")


def _hidden(value: Any, stand_in: Callable[[str], str]) -> Any:
    """What stands for a value that may not be shown; what broke the contract still breaks it."""
    if not isinstance(value, str):
        return type(value)()  # 0, False, [] or {}: of the same wrong type
    return stand_in(value) if 0 < len(value) <= LONGEST_ID else "*" * len(value)


def load(settings: Settings) -> Pseudonyms:
    """The pseudonyms of this lakehouse; its first key is made on first use."""
    path = settings.pseudonym_key_file or settings.state / "secrets" / "pseudonym_keys"
    try:
        if not path.exists():
            _make(path)
        return Pseudonyms(read_keys(path))
    except OSError as error:
        raise UserError(
            f"The key of pseudonyms, {path}, cannot be used ({error.strerror}); "
            "mend the file or LAKEHOUSE_PSEUDONYM_KEY_FILE."
        ) from None


def read_keys(path: Path) -> list[Key]:
    """The file's keys; UserError with the line that is none, and never the line itself."""
    keys: list[Key] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        if match is None or match[1] in [key.name for key in keys]:
            raise UserError(
                f"{path}, line {number}: is not `id:hex` with an id of its own, such as p2, "
                "and at least 64 hexadecimal digits."
            )
        keys.append(Key(match[1], bytes.fromhex(match[2])))
    if not keys:
        raise UserError(f"{path} holds no key; put the old ones back, or remove the file to make a new one.")
    return keys


def _make(path: Path) -> None:
    """Whole or not at all; of two who come at once, one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"p1:{secrets.token_hex(32)}\n")
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
