"""Files of the world, replayed as events; one row of SOURCES is one name that `lakehouse replay` knows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.sources import (
    access_log,
    complete_journey,
    files,
    ga_store,
    online_retail,
    rees46,
    reviews,
    social,
    taobao,
)
from ingestion.sources.records import Record
from lakehouse.errors import UserError


@dataclass(frozen=True)
class Source:
    """An adapter. `default` finds the input of a source that needs no path.

    `names_people` marks records that lead to a person: their ids become pseudonyms in any case.
    """

    name: str
    records: Callable[[Path], Iterator[list[Record]]]
    inputs: Callable[[Path], list[Path]] = lambda path: [path]
    default: Callable[[], Path] | None = None
    names_people: bool = False

    def path(self, given: Path | None) -> Path:
        """The input: the one given, else the source's own."""
        if given is not None:
            return given
        if self.default is None:
            raise UserError(f"Source {self.name} needs a file: lakehouse replay {self.name} FILE.")
        return self.default()

    def total(self, path: Path) -> int | None:
        """Number of records, where the files say it without being read."""
        counts = [files.count(file) for file in self.inputs(path)]
        return None if None in counts else sum(count or 0 for count in counts)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "complete_journey", complete_journey.records, complete_journey.inputs, complete_journey.folder
        ),
        Source("online_retail", online_retail.records),
        Source("rees46", rees46.records),
        Source("taobao", taobao.records),
        Source("access_log", access_log.records, names_people=True),
        Source("reviews", reviews.records),
        Source("social", social.records),
        Source("ga_store", ga_store.records, ga_store.inputs),
    )
}


def source_named(name: str) -> Source:
    """The source of that name."""
    if name not in SOURCES:
        raise UserError(f"There is no source {name}; known are {', '.join(SOURCES)}.")
    return SOURCES[name]
