"""Carts for training: each at a few moments of its life, with whether it was bought in the day after."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.errors import UserError
from ml.features import CART_FEATURES, RECENT_DAYS, FeatureRows, delta_versions, read_sampled

HORIZON = timedelta(days=1)  # of the label
MOMENT = "date_format(moment_at, \"yyyy-MM-dd'T'HH:mm:ss\")"
TEST_SHARE = 0.2  # of each source's rows, the latest ones
LEAST = 200  # rows on either side of the split in time

Rows = NDArray[np.int64]


def read_carts(spark: Any, model: str, as_of: date | None = None) -> FeatureRows:
    """Read every look at a cart whose next day is known by the end of `as_of`; `dates` are times."""
    versions = delta_versions(spark, CART_FEATURES)
    until = f" and moment_date < date'{as_of.isoformat()}'" if as_of else ""
    found = read_sampled(
        spark,
        model,
        f"from {CART_FEATURES} version as of {versions[CART_FEATURES]}"
        f" where is_bought_next_day is not null{until}",
        "cart_id",
        "moment_date",
        label="int(is_bought_next_day)",
        moment=MOMENT,
        person="person_id",
    )
    if found.row_count == 0:
        raise UserError(f"{CART_FEATURES} knows no cart with a day after it: replay carts, then `dbt build`.")
    return replace(found, table_versions=versions)


def read_recent_carts(spark: Any, model: str) -> FeatureRows:
    """Read every look at a cart in each source's latest days, whatever came of it."""
    versions = delta_versions(spark, CART_FEATURES)
    table = f"{CART_FEATURES} version as of {versions[CART_FEATURES]}"
    found = read_sampled(
        spark,
        model,
        f"from {table} inner join (select source, max(moment_date) as last_date from {table} group by source)"
        f" using (source) where moment_date > date_sub(last_date, {RECENT_DAYS}) and not is_latest",
        "cart_id",
        "moment_date",
        label="int(is_bought_next_day)",
        moment=MOMENT,
        person="person_id",
    )
    return replace(found, table_versions=versions)


def split_carts(name: str, rows: FeatureRows, chosen: Any = None) -> tuple[Rows, Rows]:
    """Of the chosen rows (default: all) those to learn from, and the latest fifth of each source to be
    judged on. What is learned had its next day before the first moment of the test.

    ValueError when there are too few on either side, or all have one label.
    """
    every = np.arange(len(rows.dates)) if chosen is None else chosen
    train, test = np.zeros(len(every), dtype=bool), np.zeros(len(every), dtype=bool)
    moments, sources = rows.dates[every], rows.sources[every]
    for source in np.unique(sources):
        own = sources == source
        first = np.sort(moments[own])[int(own.sum() * (1 - TEST_SHARE))]
        before = (datetime.fromisoformat(first) - HORIZON).isoformat()
        test |= own & (moments >= first)
        train |= own & (moments <= before)
    for what, side in (("to learn from", train), ("to be judged on", test)):
        if side.sum() < LEAST or len(np.unique(rows.labels[every[side]])) < 2:
            raise ValueError(f"the {side.sum()} {what} are too few, or all alike")
    return every[train], every[test]
