"""Which alerts were found, and by which way each has still to go; kept in the state folder."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.alerts.found import Alert
from lakehouse.errors import UserError
from lakehouse.settings import Settings


@dataclass
class Book:
    """Alerts by id, with the ways they have not gone yet; one that went them all is no news again."""

    file: Path
    alerts: dict[str, Alert] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)

    def note(self, found: list[Alert], ways: list[str]) -> None:
        """New ones wait for every way; known ones stay as they are."""
        for alert in found:
            if alert.id not in self.alerts:
                self.alerts[alert.id] = alert
                self.waiting[alert.id] = list(ways)
        self.save()

    def waiting_for(self, way: str) -> list[Alert]:
        """What has not gone this way yet."""
        return [alert for name, alert in self.alerts.items() if way in self.waiting[name]]

    def went(self, way: str, alerts: list[Alert]) -> None:
        """Delivered."""
        for alert in alerts:
            self.waiting[alert.id].remove(way)
        self.save()

    def save(self) -> None:
        """Whole or not at all."""
        content = {
            name: alert.as_dict() | {"waiting": self.waiting[name]} for name, alert in self.alerts.items()
        }
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
        unfinished.replace(self.file)


@contextmanager
def opened(settings: Settings) -> Iterator[Book]:
    """The book, for one process at a time: else two would send the same."""
    folder = settings.state / "alerts"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("Alerts are being sent at this moment: try again when that is done.") from None
        yield read(folder / "alerts.json")


def read(file: Path) -> Book:
    """What the file holds; an empty book where there is none."""
    book = Book(file)
    if not file.exists():
        return book
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        for name, entry in content.items():
            book.waiting[name] = list(entry.pop("waiting"))
            book.alerts[name] = Alert(**entry)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} cannot be read ({error}): move it away, and what is wrong now is sent anew."
        ) from error
    return book
