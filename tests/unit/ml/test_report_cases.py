"""What the report makes of published files before any model sees it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lakehouse.settings import ROOT
from ml.report.carts import AGES, Cart, carts_of, looks
from ml.report.lines import Cost
from ml.report.models import place
from ml.report.offers import ranked
from ml.report.sessions import taobao

HOUR, DAY = 3_600, 86_400


def test_a_cart_is_opened_by_the_first_thing_in_it_and_closed_by_buying() -> None:
    events = [
        (0, True, 1),  # bought without a cart: of none
        (10, False, 1),
        (20, False, 2),
        (30, True, 2),
        (40, False, 3),
        (40 + 31 * DAY, True, 4),  # too late to be of that cart
        (50 + 31 * DAY, False, 4),
    ]
    assert list(carts_of(events)) == [
        Cart([10, 20], [1, 2], 0, 0, 30),
        Cart([40], [3], 1, 1),
        Cart([50 + 31 * DAY], [4], 2, 1),
    ]


def write(path: Path, *events: tuple[int, str, int]) -> Path:
    """A file like Taobao's: who, what, when; a product and category each."""
    columns = ["user_id", "behavior_type", "timestamp"]
    frame = pd.DataFrame(events, columns=columns).assign(item_id=range(len(events)), category_id=7)
    frame.to_parquet(path)
    return path


def test_a_cart_is_looked_at_until_it_is_bought_and_while_its_next_day_is_known(tmp_path: Path) -> None:
    file = write(
        tmp_path / "events.parquet",
        (1, "cart", 0),
        (1, "cart", HOUR // 2),
        (1, "buy", 2 * HOUR),
        (2, "cart", 3 * DAY),
        (2, "buy", 5 * DAY),
        (2, "cart", 5 * DAY + HOUR),
        (2, "pv", 6 * DAY + HOUR + 600),
    )
    rows = looks(file)
    told = rows.frame[["age_minutes", "idle_minutes", "added_count", "session_count", "earlier_cart_count"]]
    assert told.to_numpy().tolist() == [
        [10, 10, 1, 1, 0],
        [60, 30, 2, 1, 0],  # at twelve hours it was bought
        *([age, age, 1, 1, 0] for age in AGES),
        [10, 10, 1, 1, 1],  # of the later ones the next day is not over
    ]
    assert rows.labels.tolist() == [1, 1, 0, 0, 0, 0]
    assert rows.customers.tolist() == [1, 1, 2, 2, 2, 2]
    assert rows.dates[0] == "1970-01-01T00:10:00"


def test_sessions_end_with_a_pause_and_come_in_order_of_their_beginning(tmp_path: Path) -> None:
    events = ((2, "pv", 50), (2, "pv", 60), (1, "pv", 100), (1, "pv", 1_900), (1, "pv", 3_701))
    file = write(tmp_path / "events.parquet", *events)
    assert taobao(file, "item_id") == ([["0", "1"], ["2", "3"], ["4"]], [2, 1, 1])
    assert taobao(file, "category_id")[0] == [["7"], ["7"], ["7"]]  # none right after itself


def test_intervals_of_ranks_draw_whole_people() -> None:
    """A person with many cases counts as one: the interval is that of two people, all or nothing."""
    ranks, usual = np.array([0] * 99 + [-1]), {"hit_rate_at_10": 0.5, "ndcg_at_10": 0.25}
    whose = ["a"] * 99 + ["b"]
    of_people, ndcg = ranked("a file", "a model", ranks, usual, Cost(1.0), whose)
    of_cases, _ = ranked("a file", "a model", ranks, usual, Cost(1.0))
    assert (of_people.value, of_people.baseline, ndcg.baseline) == (pytest.approx(0.99), 0.5, 0.25)
    assert of_people.interval == [0.0, 1.0]
    assert of_cases.interval is not None
    assert of_cases.interval[0] > 0.95
    assert (of_people.cost, ndcg.cost) == (Cost(1.0), None)


def test_a_file_is_in_the_folder_or_in_the_package_that_it_names(tmp_path: Path) -> None:
    assert place("ml/report/carts.py", tmp_path) == ROOT / "ml/report/carts.py"
    (tmp_path / "ml/report").mkdir(parents=True)
    (tmp_path / "ml/report/carts.py").touch()
    assert place("ml/report/carts.py", tmp_path) == tmp_path / "ml/report/carts.py"
    assert place("nowhere_at_all/carts.py", tmp_path) is None
