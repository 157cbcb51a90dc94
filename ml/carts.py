"""Carts for training: each at a few moments of its life, with whether it was bought in the day after."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.errors import UserError
from ml.features import CART_FEATURES, MAX_ROWS, FeatureRows, names, teaching

HORIZON = timedelta(days=1)  # of the label
TEST_SHARE = 0.2  # of each source's rows, the latest ones
LEAST = 200  # rows on either side of the split in time

Rows = NDArray[np.int64]


def read_carts(spark: Any, model: str, as_of: date | None = None) -> FeatureRows:
    """Read every look at a cart whose next day is known by the end of `as_of`; `dates` are times.

    Beyond `MAX_ROWS` rows a sample of carts by hash is taken, each with all its moments.
    """
    if not spark.catalog.tableExists(CART_FEATURES):
        raise UserError(f"{CART_FEATURES} does not exist yet: run `dbt build` first.")
    version = spark.sql(f"describe history {CART_FEATURES} limit 1").first()["version"]
    until = f" and moment_date < date'{as_of.isoformat()}'" if as_of else ""
    rows = f"from {CART_FEATURES} version as of {version} where is_bought_next_day is not null{until}"
    counted = spark.sql(
        f"select source, string(max(moment_date)) as as_of, count(*) as rows {rows} group by source"
    ).collect()
    sources = teaching([row["source"] for row in counted])
    counted = sorted((row for row in counted if row["source"] in sources), key=lambda row: row["source"])
    total = sum(row["rows"] for row in counted)
    if total == 0:
        raise UserError(f"{CART_FEATURES} knows no cart with a day after it: replay carts, then `dbt build`.")
    share = -(-total // MAX_ROWS)
    frame = spark.sql(
        f"""
        select {", ".join(f"double({name}) as {name}" for name in names(model))},
            int(is_bought_next_day) as label,
            date_format(moment_at, "yyyy-MM-dd'T'HH:mm:ss") as moment, source, person_id
        {rows} and source in ({", ".join(f"'{source}'" for source in sources)})
            and pmod(xxhash64(cart_id, source), {share}) = 0
        order by moment_at, source, cart_id
        """
    ).toPandas()
    return FeatureRows(
        frame=frame[list(names(model))],
        as_of={row["source"]: row["as_of"] for row in counted},
        row_count=total,
        table_versions={CART_FEATURES: version},
        labels=frame["label"].to_numpy(),
        dates=frame["moment"].to_numpy(),
        sources=frame["source"].to_numpy(),
        customers=frame["person_id"].to_numpy(),
    )


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
