"""Marts do not depend on how events landed: in which rounds, in what order, how late and how often.

That the incremental builds of all rounds give what one full refresh does is in test_golden.
"""

from collections.abc import Iterator

import pytest

from tests.conftest import Stack
from tests.golden.conftest import COPIES, IS_COPY, SOURCES
from tests.golden.hashes import answers, hashes, tables

pytestmark = pytest.mark.engine

# Names that are made from the source, of which each copy has its own.
OF_SOURCE = {"source", "session_id", "cart_id", "conversion_id"}
# What tells when or how often an event landed, and may differ; so may all columns named `...landed...`.
OF_LANDING = {"is_late", "received_at", "changed_at"}
COUNTS_ARRIVALS = {"ci_ops.ledger", "ci_ops.ledger_batches", "ci_ops.ledger_reads", "ci_reports.rpt_cleaning"}


@pytest.fixture(scope="module")
def copied(landed: Stack) -> Iterator[Stack]:
    """Copies are of use here alone."""
    yield landed
    landed.set_aside(IS_COPY)


def test_every_mart_is_the_same_however_its_events_landed(copied: Stack) -> None:
    told = OF_SOURCE | OF_LANDING
    asked = {
        name: [column for column in columns if not (column["name"] in told or "landed" in column["name"])]
        for name, columns in tables(copied, answers).items()
        if name not in COUNTS_ARRIVALS
    }
    found = hashes(copied, asked, part="source", where=IS_COPY)
    by_case: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for (table, source), of_copy in sorted(found.items()):
        by_case.setdefault((table, source.rpartition("_")[0]), []).append(of_copy)
    differing = {
        where: copies for where, copies in by_case.items() if len(copies) != COPIES or len(set(copies)) > 1
    }
    assert differing == {}
    assert {case for _, case in by_case} == set(SOURCES)
    assert len({table for table, _ in by_case}) > 25
