"""Which rows a model learns from and which it is judged on, and when it may not serve."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Matrix
from ml.evaluate import binary_metrics
from ml.features import LABELS, FeatureRows

LEAST = 200  # rows on either side of the split in time
LEAK = 0.98  # AUC of one feature alone

Rows = NDArray[np.int64]


def sure_gain(gains: Matrix) -> float:
    """The lower end of the 95 % interval of a mean gain."""
    return float(gains.mean() - 1.96 * gains.std() / np.sqrt(len(gains)))


def beside_trivial(gain: tuple[float, float], trivial: str) -> tuple[bool, str]:
    """Whether a first version may serve, by the 95 % interval of its gain on a trivial answer."""
    low, high = gain
    word = "better than" if low > 0 else "worse than" if high < 0 else "no better beyond noise than"
    return high >= 0, f"first version, {word} {trivial}: gain {low:+.4g} to {high:+.4g}"


def latest(rows: FeatureRows) -> Rows:
    """Rows of each source's latest as-of date; ValueError when they are too few."""
    last = {source: max(rows.dates[rows.sources == source]) for source in np.unique(rows.sources)}
    found = np.flatnonzero([day == last[s] for day, s in zip(rows.dates, rows.sources, strict=True)])
    if len(found) < LEAST:
        raise ValueError(f"the {len(found)} of the latest date are too few, {LEAST} are needed")
    return found


def refuse_leaks(rows: FeatureRows, chosen: Rows) -> None:
    """ValueError for a feature that ranks the label all but perfectly, by its value or its absence: no
    honest one does, so it must have been made from the label or after it."""
    truth = rows.labels[chosen] == 1
    for feature in rows.frame.columns:
        values = rows.frame[feature].to_numpy(dtype=np.float64)[chosen]
        missing = np.isnan(values)
        lowest = -1.0 if missing.all() else float(values[~missing].min()) - 1
        for signal in (np.where(missing, lowest, values), missing.astype(np.float64)):
            auc = binary_metrics(truth, signal)["roc_auc"] or 0.5
            if max(auc, 1 - auc) > LEAK:
                raise ValueError(
                    f"feature {feature} alone tells the label, with an AUC of {auc:.3f}: it leaks"
                )


def latest_fifth(rows: FeatureRows) -> tuple[Rows, Rows]:
    """Rows to learn from, and to be judged on: the latest fifth of each source, since calendars of sources
    need not overlap; of one day as they come, which is by hash. ValueError when they are too few."""
    test = np.zeros(len(rows.dates), dtype=bool)
    for source in np.unique(rows.sources):
        own = np.flatnonzero(rows.sources == source)
        order = own[np.argsort(rows.dates[own], kind="stable")]
        test[order[len(order) - len(order) // 5 :]] = True
    if test.sum() < LEAST:
        raise ValueError(f"{len(test)} rated texts are too few, {5 * LEAST} are needed")
    return np.flatnonzero(~test), np.flatnonzero(test)


def split(name: str, rows: FeatureRows, chosen: Any = None) -> tuple[Rows, Rows]:
    """Of the chosen rows (default: all) those to learn from, and those to be judged on: each source's
    latest as-of date. ValueError when there are too few on either side, or all have one label."""
    every = np.arange(len(rows.dates)) if chosen is None else chosen
    train, test = np.zeros(len(every), dtype=bool), np.zeros(len(every), dtype=bool)
    dates, sources = rows.dates[every], rows.sources[every]
    for source in np.unique(sources):
        latest = max(dates[sources == source])
        before = date.fromisoformat(latest) - timedelta(days=LABELS[name].days)
        train |= (sources == source) & (dates <= before.isoformat())
        test |= (sources == source) & (dates == latest)
    for what, side in (("to learn from", train), ("to be judged on", test)):
        if side.sum() < LEAST or len(np.unique(rows.labels[every[side]])) < 2:
            raise ValueError(f"the {side.sum()} {what} are too few, or all alike")
    return every[train], every[test]
