"""Attribution once more, in pandas and plain Python: nothing of the SQL is used but sessions and orders.

Removal effects come from a system of linear equations, where the models follow the chain step by step.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

DAYS = timedelta(days=30)
Credits = dict[tuple[str, str, int, str], tuple[str, float, float]]  # -> channel, credit, net revenue


def people(sessions: pd.DataFrame) -> pd.DataFrame:
    """Sessions of humans with the person and a channel."""
    found = sessions[~sessions["is_bot"] & ~sessions["has_future_date"]].copy()
    found["person"] = ("c:" + found["customer_id"]).fillna(found["actor_id"])
    found["channel"] = found["channel_group"].fillna("unknown")
    return found.sort_values(["source", "person", "started_at", "session_id"])


def conversions(visits: pd.DataFrame, orders: pd.DataFrame, purchases: pd.DataFrame) -> list[dict[str, Any]]:
    """Orders, anonymous ones being nobody's; in sources without any, what an order id or a visit bought."""
    sources = set(visits["source"])
    rows = [
        {
            "source": order["source"],
            "id": order["order_id"],
            "person": f"c:{order['customer_id']}",
            "amount": float(order["net_revenue"]),
            "at": order["ordered_at"],
        }
        for order in orders.to_dict("records")
        if order["is_sale"] and not order["has_future_date"] and order["source"] in sources
    ]
    bought: dict[tuple[str, str], dict[str, Any]] = {}
    with_orders = set(orders["source"])
    for event in purchases.sort_values("occurred_at").to_dict("records"):
        visit = visits[
            (visits["source"] == event["source"])
            & (visits["visitor_id"] == event["visitor_id"])
            & (visits["started_at"] <= event["occurred_at"])
            & (visits["ended_at"] >= event["occurred_at"])
        ]
        if event["source"] in with_orders or visit.empty:
            continue
        key = event["source"], event["order_id"] or visit.iloc[0]["session_id"]
        about = {"source": key[0], "id": key[1], "person": visit.iloc[0]["person"], "amount": 0.0}
        row = bought.setdefault(key, {**about, "at": event["occurred_at"]})
        row["amount"] += float(event["price"] or 0) * (
            1 if pd.isna(event["quantity"]) else max(0, event["quantity"])
        )
    return rows + list(bought.values())


def removal_effects(visits: pd.DataFrame) -> dict[str, float]:
    """Of one source: by which share conversions fall when a channel leads nowhere."""
    moves: Counter[tuple[str, str]] = Counter()
    for _, journey in visits.groupby("person", sort=False):
        steps = journey.to_dict("records")
        begins = True
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            if begins:
                moves["(start)", step["channel"]] += 1
            follows = after is not None and after["started_at"] < step["started_at"] + DAYS
            goes_to = "(conversion)" if step["is_conversion"] else after["channel"] if follows else "(end)"
            moves[step["channel"], goes_to] += 1
            begins = step["is_conversion"] or not follows
    channels = sorted(set(visits["channel"]))

    def chance(removed: str | None) -> float:
        rows = ["(start)", *channels]
        share = np.zeros((len(rows), len(rows)))
        ends = np.zeros(len(rows))
        for (here, there), count in moves.items():
            part = count / sum(n for (state, _), n in moves.items() if state == here)
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


def attribution(sessions: pd.DataFrame, orders: pd.DataFrame, purchases: pd.DataFrame) -> Credits:
    """Every share that fct_attribution must hold."""
    visits = people(sessions)
    effects = {source: removal_effects(group) for source, group in visits.groupby("source")}
    found: Credits = {}
    for conversion in conversions(visits, orders, purchases):
        own = visits[(visits["source"] == conversion["source"]) & (visits["person"] == conversion["person"])]
        age = conversion["at"] - own["started_at"]
        touches = own[(age >= timedelta(0)) & (age < DAYS)]
        channels = list(touches["channel"]) or ["direct"]
        ages = [(conversion["at"] - at).total_seconds() / 86_400 for at in touches["started_at"]] or [0.0]
        for model, parts in weights(channels, ages, effects[conversion["source"]]).items():
            for number, (channel, part) in enumerate(zip(channels, parts, strict=True), 1):
                share = part / sum(parts)
                key = conversion["source"], conversion["id"], number, model
                found[key] = channel, share, share * conversion["amount"]
    return found
