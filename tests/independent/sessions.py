"""Sessions by the words of docs/metrics.md: each actor's events are walked through, one after another.

`cut` says in which session each event lies, `summed` what each session was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from lakehouse.settings import ROOT

Event = dict[str, Any]
CAMPAIGN = ("campaign_source", "campaign_medium", "campaign_name")
PAGES = 100
RATE, RATE_SECONDS, LONGEST_HOURS = 40, 60, 12


@dataclass(frozen=True)
class Policy:
    """What ends a session."""

    gap: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=24)


USUAL = Policy()


def cut(events: pd.DataFrame, policy: Policy = USUAL) -> pd.DataFrame:
    """Events of browsing in their order: role, actor, page, kind of page, number of the session, when it
    would have begun were it not too long, and number of the run."""
    seed = pd.read_csv(ROOT / "seeds/event_types.csv").set_index("event_type")["session_role"]
    role = events["event_type"].map(seed.dropna())
    who = ("v:" + events["visitor_id"]).fillna("c:" + events["customer_id"])
    orders_name = (role != "order") | events["visitor_id"].notna()
    browsing = events.assign(role=role, actor=who)[role.notna() & who.notna() & orders_name]
    browsing = browsing.astype(object).where(browsing.notna(), None).assign(at=browsing["at"])
    browsing = browsing.sort_values(["source", "actor", "at", "event_id"]).reset_index(drop=True)
    rows = browsing.to_dict("records")
    pages = pd.DataFrame([_page(row) for row in rows], columns=["role", "page", "page_group"], dtype=object)
    numbers = pd.DataFrame(list(_numbers(rows, policy)), columns=["number", "began_at", "run"])
    return browsing.drop(columns="role").join(pages).join(numbers)


def _page(event: Event) -> tuple[str, str | None, str | None]:
    """Role, path and kind of the page: its page_type, else its path, else the type of the event."""
    url, kind, role = event["page_url"], event["page_type"], event["role"]
    path = None
    if url is not None:
        address, mark, place = url.partition("#")
        address = address.partition("?")[0]
        path = (address.partition("://")[2].partition("/")[2] if "://" in address else address) + mark + place
        path = path if path.startswith(("/", "#")) else f"/{path}"
    if kind == "asset":
        return "passive", path, None
    if event["event_type"] == "page_view":
        return role, path, (kind if kind not in (None, "", "page") else path or "page_view")
    return role, path, event["event_type"] if role in ("view", "action") and url is None else None


def _numbers(rows: list[Event], policy: Policy) -> Iterator[tuple[int, Any, int]]:
    """Counts sessions and runs; another session comes after a pause, where another campaign begins, and at
    every longest time after the start."""
    number, run, before = 0, 0, None
    start, parts, campaign = pd.Timestamp(0), 0, None
    for row in rows:
        own = tuple(row[name] for name in CAMPAIGN)
        same = before is not None and (before["source"], before["actor"]) == (row["source"], row["actor"])
        goes_on = same and row["at"] - before["at"] <= policy.gap  # type: ignore[index]
        run, campaign = (run, campaign) if goes_on else (run + 1, None)
        is_other = any(own) and own != campaign
        if not goes_on or is_other:
            number, start, parts = number + 1, row["at"], 0
        if (row["at"] - start) // policy.longest > parts:
            number, parts = number + 1, (row["at"] - start) // policy.longest
        campaign = own if any(own) else campaign
        before = row
        yield number, start, run


def summed(events: pd.DataFrame, browsing: pd.DataFrame, landed: date) -> pd.DataFrame:
    """One row per session that `cut` made.

    `events` are all of them, as what names a visitor's customer may be no browsing. What is dated after the
    day on which it landed is of the future.
    """
    rapid = _rapid(browsing)
    future = browsing["at"].dt.date > landed
    browsing = browsing.assign(is_rapid=rapid, is_future=future)
    visits = groupby(browsing.to_dict("records"), key=itemgetter("number"))
    rows = pd.DataFrame([_session(list(visit)) for _, visit in visits])
    rows["customer_id"] = _customers(events, rows, landed)
    by_actor = rows.groupby(["source", "actor_id"])
    reasons = {"collector": "is_flagged", "event_rate": "is_rapid", "session_length": "is_long"}
    known = {name: by_actor[column].transform("any") for name, column in reasons.items()}
    listed = [[n for n in reasons if known[n].iloc[place]] for place in range(len(rows))]
    return rows.assign(bot_reasons=listed, is_bot=[bool(names) for names in listed])


def _rapid(browsing: pd.DataFrame) -> pd.Series:
    """Whether more than so many events of the actor lie in the minute up to the event."""
    counts = browsing.groupby(["source", "actor"])["at"].transform(
        lambda times: (
            times.searchsorted(times, side="right")
            - times.searchsorted(times - timedelta(seconds=RATE_SECONDS), side="right")
        )
    )
    return counts > RATE


def _first(events: list[Event], name: str) -> Any:
    """What the first event that tells it says."""
    return next((event[name] for event in events if event[name] is not None), None)


def _session(events: list[Event]) -> dict[str, Any]:
    """Of the events of one session, in their order."""

    def count(kind: str) -> int:
        return sum(event["event_type"] == kind for event in events)

    pages = [event for event in events if event["page_group"] is not None]
    customers = {event["customer_id"] for event in events} - {None}
    channels = [event["channel_group"] for event in events if event["channel_group"] is not None]
    orders = {e["order_id"] for e in events if e["event_type"] in ("purchase", "order_placed")} - {None}
    opened = sum(event["event_type"] == "page_view" and event["role"] == "view" for event in events)
    depth = max(opened, count("product_view"))
    actions = sum(event["role"] in ("action", "order") for event in events)
    converts = count("purchase") > 0 or bool(orders)
    lasted = events[-1]["at"] - events[0]["at"]
    return {
        "source": events[0]["source"],
        "number": events[0]["number"],
        "actor_id": events[0]["actor"],
        "visitor_id": events[0]["visitor_id"],
        "customers": customers,
        "source_session_id": _first(events, "session_id"),
        "device_type": _first(events, "device_type"),
        "country_code": _first(events, "country_code"),
        "channel_group": next((c for c in channels if c != "internal"), channels[0] if channels else None),
        **{name: _first(events, name) for name in CAMPAIGN},
        "entry_page": pages[0]["page"] if pages else None,
        "exit_page": pages[-1]["page"] if pages else None,
        "page_sequence": [event["page_group"] for event in pages][:PAGES],
        "event_count": len(events),
        "page_view_count": opened,
        "product_view_count": count("product_view"),
        "cart_count": count("cart"),
        "checkout_count": count("checkout_start"),
        "purchase_count": count("purchase"),
        "order_count": len(orders),
        "page_depth": depth,
        "scroll_depth_percent": max((e["depth_percent"] for e in events if e["depth_percent"]), default=None),
        "duration_seconds": lasted.total_seconds(),
        "is_bounce": depth + actions <= 1 and not converts,
        "is_conversion": converts,
        "has_future_date": any(event["is_future"] for event in events),
        "is_flagged": any(event["is_bot"] is True for event in events),
        "is_rapid": any(event["is_rapid"] for event in events),
        "is_long": lasted > timedelta(hours=LONGEST_HOURS),
        "started_date": events[0]["at"].date(),
        "started_at": events[0]["at"],
        "ended_at": events[-1]["at"],
    }


def _customers(events: pd.DataFrame, sessions: pd.DataFrame, landed: date) -> list[str | None]:
    """The one customer that a session names; of none, the one to whom its visitor belonged at its start."""
    naming = events[events["visitor_id"].notna() & events["customer_id"].notna()]
    naming = naming[naming["at"].dt.date <= landed].sort_values(["at", "customer_id"])
    of_visitor = dict(iter(naming.groupby(["source", "visitor_id"])))
    found: list[str | None] = []
    for session in sessions.to_dict("records"):
        if session["customers"]:
            found.append(min(session["customers"]) if len(session["customers"]) == 1 else None)
            continue
        links = of_visitor.get((session["source"], session["visitor_id"]))
        found.append(None if links is None else _owner(links, session["started_at"]))
    return found


def _owner(links: pd.DataFrame, moment: pd.Timestamp) -> str | None:
    """Whose a visitor is then: the customer named before and after, if they are one; ends reach on."""
    before = links[links["at"] <= moment]["customer_id"]
    after = links[links["at"] >= moment]["customer_id"]
    last = before.iloc[-1] if len(before) else after.iloc[0]
    next_one = after.iloc[0] if len(after) else last
    at_that_moment = (links["at"] == moment).any()
    return str(last) if last == next_one or at_that_moment else None
