"""The ledger's arithmetic against Kafka; tests/engine has the real one."""

from typing import Any

import pytest

from ingestion import ledger
from ingestion.ledger import Ledger, batch_problem, next_offset, partition_problems
from ingestion.streams.progress import Offsets
from lakehouse.errors import UserError
from lakehouse.settings import Settings

NAME = ("orders", 0)


def held(first: int, last: int, rows: int | None = None, offsets: int | None = None) -> dict[str, Any]:
    count = last - first + 1
    return {
        "first_offset": first,
        "last_offset": last,
        "row_count": count if rows is None else rows,
        "offset_count": count if offsets is None else offsets,
    }


@pytest.mark.parametrize(
    ("kafka", "table"),
    [
        (Offsets(0, 0, 0), None),
        (Offsets(0, 7, 0), None),  # nothing has landed yet
        (Offsets(0, 10, 10), held(0, 9)),
        (Offsets(0, 12, 10), held(0, 9)),  # some wait
        (Offsets(8, 10, 10), held(0, 9)),  # retention has deleted what had landed
        (Offsets(10, 10, 10), held(0, 9)),
        (Offsets(5, 10, 10), held(3, 9)),  # the lakehouse came later than Kafka
    ],
)
def test_what_landed_once_or_waits_is_no_problem(kafka: Offsets, table: dict[str, Any] | None) -> None:
    assert partition_problems(NAME, kafka, table) == []


@pytest.mark.parametrize(
    ("kafka", "table", "said"),
    [
        (Offsets(3, 3, 3), None, "Kafka deleted 3 records before they landed"),
        (Offsets(12, 20, 10), held(0, 9), "Kafka deleted 2 records before they landed"),
        (Offsets(0, 5, 5), held(0, 9), "the table goes on to offset 9 and Kafka only to 4"),
        (Offsets(0, 10, 10), held(2, 9), "2 records before offset 2 did not land"),
        (Offsets(0, 10, 10), held(0, 9, 9, 9), "1 records up to offset 9 did not land"),
        (Offsets(0, 10, 10), held(0, 9, 11), "1 records landed twice"),
    ],
)
def test_every_hole_and_double_is_told(kafka: Offsets, table: dict[str, Any] | None, said: str) -> None:
    assert partition_problems(NAME, kafka, table) == [f"orders-0: {said}"]


def test_a_hole_and_a_double_do_not_make_up_for_each_other() -> None:
    assert len(partition_problems(NAME, Offsets(0, 10, 10), held(0, 9, 10, 9))) == 2


def test_what_waits_begins_after_the_last_row_or_with_the_first_record() -> None:
    assert next_offset(Offsets(4, 9, 4), None) == 4
    assert next_offset(Offsets(4, 9, 4), held(0, 6)) == 7


def test_a_batch_that_does_not_balance_is_told_with_its_figures() -> None:
    batch = {"batch": 7, "landed_at": "2025-01-31 08:30:00", "read": 1000, "booked": 998}
    assert batch_problem(batch | {"missing": 2, "gap": 0}) == (
        "batch 7 of 2025-01-31 08:30:00 read 1,000 records and booked 998,"
        " 2 are missing in it and 0 before it"
    )


@pytest.mark.parametrize(
    ("tables", "said"),
    [([], "There is no ledger yet: run `dbt build`"), ([{"tableName": "ledger_batches"}], "is empty")],
)
def test_before_the_first_build_it_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tables: list[dict[str, Any]], said: str
) -> None:
    answers = iter([tables, [{"batches": 0, "until": None, "read": None, "booked": None}]])
    monkeypatch.setattr(ledger, "query", lambda sql, settings: next(answers))
    with pytest.raises(UserError, match=said):
        ledger.read(Settings())


@pytest.mark.parametrize("problems", [[], ["orders-0: 1 records landed twice"]])
def test_the_ledger_says_how_far_it_goes_and_whether_it_balances(problems: list[str]) -> None:
    found = Ledger([], 2, "2025-01-31 08:30:00", 1000, 1000, 5, 40, [], problems)
    assert found.as_dict()["balances"] is (not problems)
    assert found.sentence() == (
        "2 batches until 2025-01-31 08:30:00 UTC: 1,000 records read, 1,000 booked."
        " 5 more wait in Kafka to land, 40 have landed and wait for `dbt build`."
    )
