"""Every query of docs/sql-cookbook.md runs as it stands."""

import re

import pytest

from lakehouse.settings import ROOT
from tests.conftest import Stack

pytestmark = pytest.mark.engine

PAGE = (ROOT / "docs" / "sql-cookbook.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_the_cookbook_answers_twenty_questions() -> None:
    assert len(QUERIES) >= 20


def test_every_query_of_the_cookbook_runs(marts: Stack) -> None:
    answers = {query: marts.query(query) for query in QUERIES}
    # What a made shop with orders must have; reviews, campaigns and models of chances it may lack.
    assert all(answers[query] for query in QUERIES if "rpt_overview" in query or "ops.ledger" in query)
