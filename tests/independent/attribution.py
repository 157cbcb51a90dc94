"""Attribution by the words of docs/metrics.md, in plain Python: one conversion after another.

Removal effects come from a system of linear equations, where the models follow the chain step by step.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

DAYS = timedelta(days=30)
Row = dict[str, Any]


def attribution(browsing: pd.DataFrame, sessions: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Every share that fct_attribution must hold.

    `browsing` and `sessions` are what `sessions.cut` and `sessions.summed` give. `orders` has source,
    order_id, customer_id, net_revenue, is_sale, has_future_date and ordered_at of sources that have any.
    A visit is named by its number; so is the conversion of what a visit bought without an order id.
    """
    visits = _visits(sessions)
    of_person = defaultdict(list)
    for visit in visits:
        of_person[visit["source"], visit["person"]].append(visit)
    effects = {
        source: removal_effects(list(own)) for source, own in groupby(visits, key=itemgetter("source"))
    }
    return pd.DataFrame(
        [
            row
            for conversion in _conversions(browsing, visits, orders)
            for row in _shares(conversion, of_person, effects[conversion["source"]])
        ]
    )


def _visits(sessions: pd.DataFrame) -> list[Row]:
    """Sessions of humans with the person and a channel, each person's in their order."""
    found = sessions[~sessions["is_bot"] & ~sessions["has_future_date"]].copy()
    found["person"] = ("c:" + found["customer_id"]).fillna(found["actor_id"])
    found["channel"] = found["channel_group"].fillna("unknown")
    return found.sort_values(["source", "person", "started_at", "number"]).to_dict("records")  # type: ignore[return-value]


def _conversions(browsing: pd.DataFrame, visits: list[Row], orders: pd.DataFrame) -> list[Row]:
    """Orders of sources with visits; in sources without orders, what an order id or a visit bought."""
    by_number = {visit["number"]: visit for visit in visits}
    buying = browsing[browsing["event_type"].isin(["purchase", "order_placed"])].sort_values("at")
    events = [event for event in buying.to_dict("records") if event["number"] in by_number]
    of_visit: dict[tuple[str, str], str] = {}
    for event in events:
        of_visit.setdefault((event["source"], event["order_id"]), by_number[event["number"]]["person"])
    sources = {visit["source"] for visit in visits}
    sold = orders[orders["is_sale"] & ~orders["has_future_date"] & orders["source"].isin(sources)]
    ordered = [
        {
            "source": order["source"],
            "id": order["order_id"],
            "person": f"c:{order['customer_id']}"
            if order["customer_id"] is not None
            else of_visit.get((order["source"], order["order_id"])),
            "amount": float(order["net_revenue"]),
            "at": order["ordered_at"],
        }
        for order in sold.to_dict("records")
    ]
    bought: dict[tuple[str, Any], Row] = {}
    without_orders = sources - set(sold["source"])
    for event in events:
        if event["source"] not in without_orders or event["event_type"] != "purchase":
            continue
        key = event["source"], event["order_id"] if event["order_id"] is not None else event["number"]
        about = {"person": by_number[event["number"]]["person"], "amount": 0.0, "at": event["at"]}
        row = bought.setdefault(key, {"source": key[0], "id": key[1], **about})
        pieces = 1 if event["quantity"] is None else max(0, event["quantity"])
        row["amount"] += float(event["price"] or 0) * pieces
    return ordered + list(bought.values())


def _shares(conversion: Row, of_person: dict[Any, list[Row]], effects: dict[str, float]) -> list[Row]:
    """A row for each touch and model."""
    own = of_person.get((conversion["source"], conversion["person"]), [])
    touches = [v for v in own if timedelta(0) <= conversion["at"] - v["started_at"] < DAYS]
    channels = [visit["channel"] for visit in touches] or ["direct"]
    ages = [(conversion["at"] - v["started_at"]).total_seconds() / 86_400 for v in touches] or [0.0]
    return [
        {
            "source": conversion["source"],
            "conversion_id": conversion["id"],
            "model": model,
            "touch_number": number + 1,
            "touch_count": len(channels),
            "number": touches[number]["number"] if touches else None,
            "channel_group": channels[number],
            "campaign_name": touches[number]["campaign_name"] if touches else None,
            "credit": part / sum(parts),
            "net_revenue": part / sum(parts) * conversion["amount"],
            "converted_at": conversion["at"],
        }
        for model, parts in weights(channels, ages, effects).items()
        for number, part in enumerate(parts)
    ]


def removal_effects(visits: list[Row]) -> dict[str, float]:
    """Of one source: by which share conversions fall when a channel leads nowhere."""
    moves: Counter[tuple[str, str]] = Counter()
    for _, journey in groupby(visits, key=itemgetter("person")):
        steps = list(journey)
        begins = True
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            if begins:
                moves["(start)", step["channel"]] += 1
            follows = after is not None and after["started_at"] < step["started_at"] + DAYS
            goes_on = after["channel"] if after is not None and follows else "(end)"
            moves[step["channel"], "(conversion)" if step["is_conversion"] else goes_on] += 1
            begins = step["is_conversion"] or not follows
    channels = sorted({visit["channel"] for visit in visits})
    leaving: Counter[str] = Counter()
    for (state, _), count in moves.items():
        leaving[state] += count

    def chance(removed: str | None) -> float:
        rows = ["(start)", *channels]
        share = np.zeros((len(rows), len(rows)))
        ends = np.zeros(len(rows))
        for (here, there), count in moves.items():
            part = count / leaving[here]
            if here == removed:
                continue
            if there == "(conversion)":
                ends[rows.index(here)] += part
            elif there != "(end)":
                share[rows.index(here), rows.index(there)] += part
        return float(np.linalg.solve(np.eye(len(rows)) - share, ends)[0])

    whole = chance(None)
    return {channel: 1 - chance(channel) / whole if whole else 0.0 for channel in channels}


def weights(channels: list[str], ages: list[float], effects: dict[str, float]) -> dict[str, list[float]]:
    """Of the touches of one conversion, oldest first, by model."""
    count, often = len(channels), Counter(channels)
    between = [0.2 / max(1, count - 2)] * count
    between[0] = between[-1] = 0.4
    by_effect = [effects.get(channel, 0.0) / often[channel] for channel in channels]
    return {
        "first": [float(n == 0) for n in range(count)],
        "last": [float(n == count - 1) for n in range(count)],
        "linear": [1.0] * count,
        "position": between,
        "time_decay": [0.5 ** (age / 7) for age in ages],
        "markov": by_effect if sum(by_effect) > 0 else [1 / often[channel] for channel in channels],
        "shapley": [1 / often[channel] for channel in channels],
    }
