"""Read the servers' logs."""

import time
from collections import deque
from collections.abc import Iterator

from lakehouse.errors import UserError
from lakehouse.settings import Settings


def lines(settings: Settings, name: str, last: int, *, follow: bool = False) -> Iterator[str]:
    """The last lines of one server's log, then new ones while `follow`."""
    path = settings.logs / f"{name}.log"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in settings.logs.glob("*.log"))) or "none yet"
        raise UserError(f"There is no log {name!r} in {settings.logs}: there are {there}.")
    with path.open(errors="replace") as log:
        yield from (line.rstrip("\n") for line in deque(log, maxlen=last))
        while follow:
            if line := log.readline():
                yield line.rstrip("\n")
            else:
                time.sleep(0.5)
