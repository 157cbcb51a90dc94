"""Rankings, and who was last seen when."""

import pyarrow as pa

from ingestion.streams.tally import MOST_RANKED, OTHERS, last_seen, ranked


def test_a_ranking_keeps_its_total() -> None:
    rows = [{"page": f"/{n}", "views": 2} for n in range(MOST_RANKED + 5)]
    assert ranked(rows)[-1] == {"page": OTHERS, "views": 10}
    assert ranked(rows[:MOST_RANKED]) == rows[:MOST_RANKED]


def test_last_seen_counts_each_id_once() -> None:
    minutes = [pa.array(ids, pa.int64()).to_numpy() for ids in ([1, 2, 3], [2, 4], [], [3])]
    assert last_seen(minutes) == [1, 2, 0, 1]
