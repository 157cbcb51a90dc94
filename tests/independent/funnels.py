"""Funnels by the words of docs/metrics.md: from each step backwards to where its attempt began."""

from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from lakehouse.settings import ROOT

Event = dict[str, Any]
Row = dict[str, Any]
BUYER, BOUNCER = 0.1, 0.5
UNKNOWN = "unknown"


def funnels(browsing: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """How many came to each step, by source, funnel, dimension, its value and step_number.

    `browsing` is what `sessions.cut` gives, `sessions` what `sessions.summed` does.
    """
    visits = sessions.assign(person=("c:" + sessions["customer_id"]).fillna(sessions["actor_id"]))
    visits = visits[~visits["is_bot"] & ~visits["has_future_date"]]
    about = visits[["number", "person", "customer_id"]].assign(
        channel=visits["channel_group"], device=visits["device_type"]
    )
    own = ["source", "event_id", "event_type", "page_group", "at", "number"]
    events = browsing[own].merge(about, on="number").sort_values(["source", "person", "at", "event_id"])
    segments = _segments(sessions)
    people = groupby(events.to_dict("records"), key=itemgetter("source", "person"))
    walked = [
        row
        for (source, _), group in people
        for walk in _walks(list(group))
        for row in _rows(source, walk, segments)
    ]
    return _counted(pd.DataFrame(walked))


def _walks(events: list[Event]) -> list[Row]:
    """Of each funnel that a person began: seconds to each step or none, and the first step's event."""
    seed = pd.read_csv(ROOT / "seeds/funnels.csv", dtype=object).to_dict("records")
    found = []
    for funnel, rows in groupby(seed, key=itemgetter("funnel")):
        steps = list(rows)
        window = timedelta(hours=int(steps[0]["window_hours"]))
        own = [e for e in events if e["event_type"] in {step["event_type"] for step in steps}]
        taken = [(_step(event, steps), event) for event in own]
        starts = {"ordered": _ordered, "strict": _strict, "any": _any}[steps[0]["mode"]]
        seconds: list[int | None] = [None] * len(steps)
        for place, (_, event) in enumerate(taken):
            for number in range(len(steps)):
                start = starts(taken, place, number)
                if seconds[number] is None and start is not None and event["at"] - start <= window:
                    seconds[number] = int((event["at"] - start).total_seconds())
        begins = [e for step, e in taken if step is not None and (starts is _any or step == 0)]
        if begins:
            found.append({"funnel": funnel, "seconds": seconds, "began": begins})
    return found


def _step(event: Event, steps: list[Row]) -> int | None:
    """The last step that the event could take, counted from 0."""
    fits = [
        number
        for number, step in enumerate(steps)
        if step["event_type"] == event["event_type"]
        and (pd.isna(step["page_type"]) or step["page_type"] == event["page_group"])
    ]
    return max(fits, default=None)


Taken = list[tuple[int | None, Event]]


def _ordered(taken: Taken, place: int, number: int) -> Any:
    """The latest time at which an attempt began that came to the step with this event."""
    if taken[place][0] != number:
        return None
    for wanted in range(number - 1, -1, -1):
        before = [n for n in range(place) if taken[n][0] == wanted]
        if not before:
            return None
        place = before[-1]
    return taken[place][1]["at"]


def _strict(taken: Taken, place: int, number: int) -> Any:
    """The same where each step must be the very event before."""
    if place < number or [step for step, _ in taken[place - number : place + 1]] != list(range(number + 1)):
        return None
    return taken[place - number][1]["at"]


def _any(taken: Taken, place: int, number: int) -> Any:
    """When the first of the latest so many different steps was taken."""
    if taken[place][0] is None:
        return None
    latest = {step: event["at"] for step, event in taken[: place + 1] if step is not None}
    return sorted(latest.values(), reverse=True)[number] if len(latest) > number else None


def _segments(sessions: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What each customer does, by the sessions that name this one customer and look like no bot's."""
    named = sessions["customers"].map(len) == 1
    human = ~(sessions["is_flagged"] | sessions["is_rapid"] | sessions["is_long"])
    own = sessions[named & human & ~sessions["has_future_date"]]
    shares = own.groupby(["source", "customer_id"])[["is_conversion", "is_bounce"]].mean()
    return {
        key: "buyer" if row.is_conversion >= BUYER else "bouncer" if row.is_bounce >= BOUNCER else "explorer"
        for key, row in zip(shares.index, shares.itertuples(), strict=True)
    }


def _rows(source: str, walk: Row, segments: dict[tuple[str, str], str]) -> list[Row]:
    """A person's walk under each dimension; channel and device as the first step that tells them says."""
    began = walk["began"]
    customer = began[0]["customer_id"]
    dimensions = {
        "all": "all",
        "channel_group": next((e["channel"] for e in began if e["channel"] is not None), UNKNOWN),
        "device_type": next((e["device"] for e in began if e["device"] is not None), UNKNOWN),
        "behaviour_segment": segments.get((source, customer), UNKNOWN),
        "month": began[0]["at"].strftime("%Y-%m"),
    }
    return [
        {
            "source": source,
            "funnel": walk["funnel"],
            "dimension": dimension,
            "dimension_value": value,
            "step_number": number,
            "seconds": np.nan if seconds is None else seconds,
        }
        for dimension, value in dimensions.items()
        for number, seconds in enumerate(walk["seconds"], 1)
    ]


def _counted(walked: pd.DataFrame) -> pd.DataFrame:
    """People by step, shares of the step before and of the first, and the median of seconds."""
    keys = ["source", "funnel", "dimension", "dimension_value"]
    grouped = walked.groupby([*keys, "step_number"])["seconds"]
    counted = pd.DataFrame({"reached_count": grouped.count(), "median_seconds": grouped.median()})
    reached = counted["reached_count"].astype(float)
    of_funnel = reached.groupby(level=keys)
    return counted.assign(
        conversion_from_previous=reached / of_funnel.shift().replace(0.0, np.nan),
        conversion_from_first=reached / of_funnel.transform("first").replace(0.0, np.nan),
    )
