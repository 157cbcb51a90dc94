"""The check that features know nothing of what happened after their date."""

import pandas as pd


def leaks(features: pd.DataFrame, rebuilt: pd.DataFrame, keys: list[str]) -> list[str]:
    """What of the features of a date differs when they are rebuilt from the events up to that date alone.

    Both frames hold the rows of the same dates, one row for each value of `keys`, with the same columns.
    Returns one line for each column and each row that differ; none means that nothing leaks.
    """
    left, right = (frame.set_index(keys).sort_index() for frame in (features, rebuilt))
    only = [f"{key}: only with later events" for key in left.index.difference(right.index)]
    only += [f"{key}: only without later events" for key in right.index.difference(left.index)]
    both = left.index.intersection(right.index)
    left, right = left.loc[both], right.loc[both, left.columns]
    differs = (left != right) & ~(left.isna() & right.isna())
    return only + [
        f"{key}: {column}" for column in left.columns for key in both[differs[column].to_numpy(dtype=bool)]
    ]
