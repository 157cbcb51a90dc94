"""The check of leaks finds the leaks that are planted, and nothing else."""

import pandas as pd

from tests.leaks import leaks

KEYS = ["source", "customer_id"]
KNOWN = pd.DataFrame(
    {
        "source": ["shop", "shop", "feed"],
        "customer_id": ["c1", "c2", "c1"],
        "order_count": [2, 1, 1],
        "median_gap_days": [10.0, None, None],
    }
)


def test_the_same_rows_in_another_order_leak_nothing() -> None:
    assert leaks(KNOWN, KNOWN.iloc[::-1], KEYS) == []


def test_a_planted_leak_is_named_by_row_and_column() -> None:
    knows_the_future = KNOWN.assign(order_count=[3, 1, 1], median_gap_days=[10.0, None, 4.0])
    assert leaks(knows_the_future, KNOWN, KEYS) == [
        "('shop', 'c1'): order_count",
        "('feed', 'c1'): median_gap_days",
    ]


def test_a_row_that_later_events_add_or_take_away_is_a_leak() -> None:
    assert leaks(KNOWN, KNOWN.iloc[:2], KEYS) == ["('feed', 'c1'): only with later events"]
    assert leaks(KNOWN.iloc[1:], KNOWN, KEYS) == ["('shop', 'c1'): only without later events"]
