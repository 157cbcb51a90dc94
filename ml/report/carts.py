"""Carts of Taobao's visitors, looked at as models/marts/features/fct_cart_features.sql looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.carts import HORIZON, split_carts
from ml.features import FeatureRows, names
from ml.report.chances import Judged, lines_of
from ml.report.lines import Line

AGES = (10, 60, 720)  # minutes at which a cart is looked at, as dbt_project.yml has them
GAP, EXPIRED, DAY = 1_800, 30 * 86_400, int(HORIZON.total_seconds())  # seconds
MODEL = "cart_conversion_probability"


@dataclass(frozen=True)
class Cart:
    """Seconds and sessions of what was put in, and when it was bought."""

    times: list[int]
    sessions: list[int]
    earlier_carts: int
    earlier_purchases: int
    bought_at: int | None = None


def carts_of(events: Any) -> Iterator[Cart]:
    """Carts of one visitor's (second, is a purchase, session) in order of time: putting something in opens
    one, buying closes it, and so does a very long pause."""
    times: list[int] = []
    sessions: list[int] = []
    carts = purchases = 0
    for second, is_purchase, session in events:
        if times and second - times[-1] > EXPIRED:
            yield Cart(times, sessions, carts - 1, purchases)
            times, sessions = [], []
        if is_purchase and times:
            yield Cart(times, sessions, carts - 1, purchases, second)
            times, sessions, purchases = [], [], purchases + 1
        elif not is_purchase:
            carts += not times
            times.append(second)
            sessions.append(session)
    if times:
        yield Cart(times, sessions, carts - 1, purchases)


def looks(path: Path) -> FeatureRows:
    """Each cart at its ages as long as it is not bought, and whether it is within the day after."""
    events = pd.read_parquet(path).sort_values(["user_id", "timestamp"], kind="stable")
    until = int(events["timestamp"].max())
    new = (events["user_id"].diff() != 0) | (events["timestamp"].diff() > GAP)
    events = events.assign(session=new.cumsum(), bought=events["behavior_type"] == "buy")
    carted = events[events["behavior_type"].isin(["cart", "buy"])]
    rows, labels, moments, people = [], [], [], []
    for user, own in carted.groupby("user_id"):
        told = zip(own["timestamp"].tolist(), own["bought"].tolist(), own["session"].tolist(), strict=True)
        for cart in carts_of(told):
            for age in AGES:
                moment = cart.times[0] + 60 * age
                if moment + DAY > until or (cart.bought_at or until + 1) <= moment:
                    continue
                known = [second for second in cart.times if second <= moment]
                sessions = len(set(cart.sessions[: len(known)]))
                idle, before = (moment - known[-1]) / 60, (cart.earlier_carts, cart.earlier_purchases)
                # nothing is taken out and no price is told in this file
                rows.append((age, idle, len(known), 0, 0, sessions, np.nan, *before))
                labels.append(int((cart.bought_at or until + 1) <= moment + DAY))
                moments.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
                people.append(user)
    frame = pd.DataFrame(rows, columns=list(names(MODEL)), dtype=np.float64)
    sources = np.full(len(frame), "taobao")
    return FeatureRows(
        frame, {}, len(frame), {}, np.array(labels), np.array(moments), sources, customers=np.array(people)
    )


@dataclass(frozen=True)
class Carts:
    """A purchase in the day after: learned from earlier looks, judged on the latest fifth."""

    data: str = "Taobao, cart bought within a day"
    file: str = "taobao_events/user_histories.parquet"

    def lines(self, path: Path) -> Iterator[Line]:
        """Every kind of model, beside who was idle the shortest."""
        rows = looks(path)
        train, test = split_carts(MODEL, rows)
        given = rows.frame.iloc[test]
        judged = Judged(
            given.to_numpy(), rows.labels[test] == 1, rows.customers[test], -given["idle_minutes"].to_numpy()
        )
        yield from lines_of(self.data, MODEL, rows.frame.iloc[train], rows.labels[train], judged, {})
