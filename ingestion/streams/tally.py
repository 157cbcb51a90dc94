"""Counts what happened in each minute of each source. Plain data in and out: no Spark, no clock.

Whatever order events come in, however often, in whatever portions: the same events give the same rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_RANKED = 100
OTHERS = "(others)"
NOBODY = np.array([], dtype=np.int64)

Key = tuple[str, datetime]
Row = dict[str, Any]


@dataclass
class Minute:
    """What a source's minute must remember to count one more event."""

    events: Any = field(default_factory=lambda: NOBODY)
    visitors: Any = field(default_factory=lambda: NOBODY)
    sessions: Any = field(default_factory=lambda: NOBODY)
    repeated: int = 0
    bots: int = 0
    event_types: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)
    carts: Counter[str] = field(default_factory=Counter)
    order_lines: Counter[str] = field(default_factory=Counter)
    revenue: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    def add(self, records: pa.Table) -> None:
        """Count those whose event was not counted before."""
        hashes, first = np.unique(records["event"].to_numpy(), return_index=True)
        is_new, self.events = merged(self.events, hashes)
        self.repeated += len(records) - int(is_new.sum())
        new = records.take(np.sort(first[is_new]))
        self.visitors = merged(self.visitors, np.unique(known(new["visitor"]).to_numpy()))[1]
        self.sessions = merged(self.sessions, np.unique(known(new["session"]).to_numpy()))[1]
        self.bots += pc.sum(new["is_bot"]).as_py() or 0
        self.event_types.update(counted(new["event_type"]))
        self.pages.update(counted(new["page"]))
        is_view = pc.equal(new["event_type"], "product_view")
        self.views.update(counted(new["product_id"].filter(is_view)))
        self.carts.update(counted(new["product_id"].filter(pc.invert(is_view))))
        self.orders.update(known(new["ordered"]).to_pylist())
        self.cancelled.update(known(new["cancelled"]).to_pylist())
        for lines in known(new["lines"]).to_pylist():
            for line in lines:
                self.order_lines[line["product_id"]] += 1
                self.revenue[line["product_id"]] += line["revenue"]

    def row(self) -> Row:
        """The columns of live.minutes that tell of the events that occurred in it."""
        return {
            "event_types": [
                {"event_type": name, "events": events} for name, events in by_count(self.event_types)
            ],
            "products": self.products(),
            "pages": ranked([{"page": page, "views": views} for page, views in by_count(self.pages)]),
            "events": len(self.events),
            "events_repeated": self.repeated,
            "events_of_bots": self.bots,
            "visitors": len(self.visitors),
            "sessions": len(self.sessions),
            "orders": len(self.orders),
            "orders_cancelled": len(self.cancelled),
            "revenue": sum(self.revenue.values(), Decimal()),
        }

    def products(self) -> list[Row]:
        """Views, carts, order lines and revenue of the busiest."""
        return ranked(
            [
                {
                    "product_id": product,
                    "views": self.views[product],
                    "carts": self.carts[product],
                    "order_lines": self.order_lines[product],
                    "revenue": self.revenue.get(product, Decimal()),
                }
                for product, _ in by_count(self.views + self.carts + self.order_lines)
            ]
        )


def merged(held: Any, ids: Any) -> tuple[Any, Any]:
    """Which of the ids are not among those held, and both together; all of it sorted, without repetition."""
    places = np.searchsorted(held, ids)
    is_new = np.append(held, 0)[places] != ids
    is_new |= places == len(held)
    return is_new, np.insert(held, places[is_new], ids[is_new])


def known(column: Any) -> Any:
    """The values that are not null."""
    return column.drop_null()


def counted(column: Any) -> dict[str, int]:
    """How often each value comes."""
    return {pair["values"]: pair["counts"] for pair in known(column).value_counts().to_pylist()}


def by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first, then by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def ranked(rows: list[Row]) -> list[Row]:
    """The first 100, and one that sums the rest up: what is left out of a ranking stays in its total."""
    top, rest = rows[:MOST_RANKED], rows[MOST_RANKED:]
    if rest:
        name, *measures = rest[0]
        top.append({name: OTHERS} | {measure: sum(row[measure] for row in rest) for measure in measures})
    return top


def by_minute(records: pa.Table) -> Iterator[tuple[Key, pa.Table]]:
    """Records of each source and minute."""
    keys = [("source", "ascending"), ("minute_at", "ascending")]
    ordered = records.sort_by(keys).combine_chunks()
    sizes = ordered.group_by(["source", "minute_at"]).aggregate([([], "count_all")]).sort_by(keys)
    at = 0
    for size in sizes.to_pylist():
        yield (size["source"], size["minute_at"]), ordered.slice(at, size["count_all"])
        at += size["count_all"]


def last_seen(minutes: Iterable[Any]) -> list[int]:
    """For each minute, in order: how many of its ids are in no later one."""
    ids = list(minutes)[::-1]
    minute = np.repeat(np.arange(len(ids)), [len(each) for each in ids])
    # The first of equal ids is that of the latest minute.
    _, latest = np.unique(np.concatenate([NOBODY, *ids]), return_index=True)
    counts: list[int] = np.bincount(minute[latest], minlength=len(ids)).tolist()
    return counts[::-1]
