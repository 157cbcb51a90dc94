"""Sources whose calendars do not overlap are each learned from and each judged."""

import numpy as np
import pandas as pd
import pytest

from ml.features import FeatureRows
from ml.splits import latest_fifth


def texts(**days: list[str]) -> FeatureRows:
    rows = [(source, day) for source, of in days.items() for day in of]
    sources, dates = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    return FeatureRows(pd.DataFrame({"text": dates}), {}, len(rows), {}, dates=dates, sources=sources)


def months(year: int) -> list[str]:
    return [f"{year}-{month:02}-01" for month in range(1, 11)] * 60


def test_the_latest_fifth_of_each_source_is_for_judging() -> None:
    rows = texts(old=months(2010), new=months(2025))
    train, test = latest_fifth(rows)
    assert sorted([*train, *test]) == list(range(1_200))
    for source, year in (("old", 2010), ("new", 2025)):
        own = test[rows.sources[test] == source]
        assert len(own) == 120
        assert set(rows.dates[own]) == {f"{year}-09-01", f"{year}-10-01"}


def test_of_one_day_they_are_taken_as_they_come() -> None:
    _, test = latest_fifth(texts(one=["2025-01-01"] * 1_000))
    np.testing.assert_array_equal(test, np.arange(800, 1_000))


def test_too_few_are_said() -> None:
    with pytest.raises(ValueError, match="999 rated texts are too few, 1000 are needed"):
        latest_fifth(texts(one=["2025-01-01"] * 999))
