"""Dead letters and mended events sent again: each gives the row that a good event would have given, once."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ingestion import dead_letters, protect
from ingestion.collector.publish import Publisher
from ingestion.contract import catalogue
from ingestion.dead_letters import Letter
from ingestion.streams import checks, progress
from ingestion.topics import DEAD_LETTER, topic_names
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.warehouse import query

AT_ONCE = 2_000
NOT_KEPT = "event: its content was not kept, since no event could be read"
NO_CONSENT = "event: came without consent, so its content was not kept"

Key = tuple[str, str]


@dataclass
class Resent:
    """What became of the records; `still_broken` counts them by reason, with one that shows it."""

    read: int = 0
    published: int = 0
    already_accepted: int = 0
    not_published: int = 0
    still_broken: dict[str, int] = field(default_factory=dict)


class Candidate(NamedTuple):
    """What may be sent, where it is from, and why it cannot be."""

    origin: str
    event: Any
    reason: str | None = None

    @property
    def key(self) -> Key | None:
        """Source and event id, where it has both."""
        match self.event:
            case {"source": str(source), "event_id": str(event_id)}:
                return source, event_id
        return None

    def lost(self) -> list[str]:
        """Why the event as it stands is not the one that was sent."""
        if self.reason:
            return [self.reason]
        fields = protect.lost_fields(self.event) if isinstance(self.event, dict) else []
        return [f"{field}: its value was not kept; mend it in a file" for field in fields]


def resend(
    settings: Settings,
    *,
    reason: str | None = None,
    source: str | None = None,
    file: Path | None = None,
    dry_run: bool = False,
) -> Resent:
    """Publishes what keeps its contract by now and is no event yet: of the letters, or of the file.

    What breaks it is counted and makes no second letter. Doing it twice changes nothing.
    """
    if file and (reason or source):
        raise UserError("--reason and --source choose among letters: leave them out with --file.")
    letters = map(of_letter, dead_letters.letters(settings, reason, source))
    candidates: Iterable[Candidate] = of_file(file) if file else letters
    # What still waits in Kafka may be what was sent the last time.
    progress.wait_landed(settings, topic_names())

    def accepted(keys: set[Key]) -> set[Key]:
        return accepted_of(keys, settings)

    if dry_run:
        return send(candidates, accepted, catalogue().validate)
    with Publisher(settings) as publisher:
        return send(candidates, accepted, publisher.accept)


def send(
    candidates: Iterable[Candidate],
    accepted: Callable[[set[Key]], set[Key]],
    accept: Callable[[Any], list[str]],
) -> Resent:
    """Each once: `accepted` says which keys are events already, `accept` sends one or says why not."""
    done, broken, examples = Resent(), Counter[str](), dict[str, str]()
    sent: set[Key] = set()
    rest = iter(candidates)
    while chunk := list(islice(rest, AT_ONCE)):
        sent |= accepted({each.key for each in chunk if each.key})
        for each in chunk:
            done.read += 1
            if each.key in sent:
                done.already_accepted += 1
            elif reasons := each.lost() or accept(each.event):
                done.not_published += 1
                kinds = set(map(dead_letters.kind, reasons))
                broken.update(kinds)
                examples = dict.fromkeys(kinds, each.origin) | examples
            else:
                done.published += 1
                sent |= {each.key} if each.key else set()
    done.still_broken = {f"{why} ({examples[why]})": count for why, count in broken.most_common()}
    return done


def accepted_of(keys: set[Key], settings: Settings) -> set[Key]:
    """Those under which an event has landed."""
    if not keys:
        return set()
    sources, ids = (", ".join(sorted({checks.literal(key[n]) for key in keys})) for n in (0, 1))
    rows = query(
        "select distinct source, event_id from raw.events"
        f" where is_accepted and source in ({sources}) and event_id in ({ids})",
        settings,
    )
    return {(row["source"], row["event_id"]) for row in rows}


def of_letter(letter: Letter) -> Candidate:
    """What a letter holds, and what its form alone says against it."""
    event = letter.event
    if letter.payload == protect.UNSEEN.encode():
        return Candidate(letter.id, None, NOT_KEPT)
    if not isinstance(event, dict):
        return Candidate(letter.id, None, checks.reasons(letter.payload)[0])
    is_bare = letter.topic == DEAD_LETTER and event.keys() - {"received_at"} == {"event_type", "source"}
    return Candidate(letter.id, event, NO_CONSENT if is_bare else None)


def of_file(path: Path) -> list[Candidate]:
    """The events of a file, one JSON object a line; UserError with the line that is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give a file of JSON lines.") from None
    candidates = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            raise UserError(f"{path}, line {number}, is no JSON object: mend it; nothing was published.")
        candidates.append(Candidate(f"line {number}", event))
    return candidates
