"""Lines of text files, packed or not, and lines of JSON as rows; faults name their line."""

import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from lakehouse.errors import UserError

Row = tuple[Any, ...]


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The file's bytes, unpacked where its name ends in .gz."""
    with path.open("rb") as file:
        unpacked: Any = gzip.GzipFile(fileobj=file) if path.name.lower().endswith(".gz") else file
        yield io.BufferedReader(unpacked)


def decoded(path: Path, handle: io.BufferedReader) -> Iterator[str]:
    """Each line with its end; UserError with the place of a byte that is not UTF-8."""
    offset = 0
    for number, line in enumerate(handle, 1):
        try:
            written = line.decode()
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is not UTF-8 at byte {offset + error.start} in line {number}; "
                "convert it, for example with 'iconv -f latin1 -t utf-8'."
            ) from None
        yield written.removeprefix("\ufeff") if number == 1 else written
        offset += len(line)


def numbered(path: Path) -> Iterator[Row]:
    """Number and text of each line that is not empty."""
    with opened(path) as handle:
        for number, line in enumerate(decoded(path, handle), 1):
            if written := line.strip():
                yield number, written


def jsonl(path: Path, names: Sequence[str], aliases: Mapping[str, str]) -> Iterator[Row]:
    """One object a line; a name that an object does not have is None, one that nobody knows is a fault."""
    for number, line in numbered(path):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UserError(f"{path}, line {number}: not JSON ({error}); mend the line.") from None
        if not isinstance(found, dict):
            raise UserError(f"{path}, line {number}: no JSON object; mend the line.")
        known = {aliases.get(name.strip(), name.strip()): value for name, value in found.items()}
        if unknown := [name for name in known if name not in names]:
            raise UserError(
                f"{path}, line {number}: no column is named {', '.join(unknown)}; "
                f"known are {', '.join(names)}."
            )
        yield tuple(known.get(name) for name in names)
