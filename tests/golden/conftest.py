"""Golden events: landed in rounds and built after each, for all tests of this room.

Every case's first.jsonl is landed shuffled and built; then all of both files is landed shuffled, the first
ones for a second time and one event of them changed; then everything is built anew. Meanwhile copies of all
events, under sources of their own, land in rounds that chance draws: what test_rounds compares. One build on
the way ends as if it had been killed.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NO_TESTS, Stack
from tests.golden.rounds import draw

HERE = Path(__file__).parent
CASES = sorted(folder.parent for folder in HERE.glob("*/expected"))
REJECTED = 1
SEED = 20240305
COPIES, ROUNDS = 4, 4
IS_COPY = "source rlike '^golden.*_[0-9]$'"
# Builds on the way make what the next one adds to, and what that is made from; all else is made whole.
ADDED_TO = ("--select", "+config.materialized:incremental")
KILLED = ("--select", "+int_events_sessionized", "+fct_order_lines")  # and not what is made from these
NO_VIEWS = ("--exclude", "config.materialized:view")


def events(name: str) -> list[dict[str, Any]]:
    """What that file of every case holds."""
    texts = [(case / name).read_text(encoding="utf-8") for case in CASES]
    return [json.loads(line) for text in texts for line in text.splitlines()]


FIRST, SECOND = events("first.jsonl"), events("second.jsonl")
SOURCES = sorted({event["source"] for event in FIRST + SECOND})


def land(stack: Stack, sent: list[dict[str, Any]], seed: int) -> None:
    """In an order of its own; where ids repeat, in this very order of the copies."""
    shuffled = list(sent)
    random.Random(seed).shuffle(shuffled)
    stack.publish(shuffled)
    stack.wait_landed()


def changed_replay() -> list[dict[str, Any]]:
    """An event under an id that has landed, with another amount; the first to land must win."""
    event = json.loads(json.dumps(next(event for event in FIRST if event["source"] == "golden")))
    event["properties"]["lines"][0] |= {"quantity": 999, "line_total": 999}
    return [event]


@pytest.fixture(scope="session")
def landed(stack: Stack) -> Stack:
    """All landed, each round followed by an incremental build; all tests on what the last one gave."""
    valid = [event for event in FIRST + SECOND if event["event_id"] != "bad"]
    first, *middle, last = draw(valid, COPIES, ROUNDS, SEED)
    land(stack, FIRST + first, SEED)
    stack.dbt("build", *NO_TESTS, *ADDED_TO)
    for sent, selected in zip(middle, (ADDED_TO, KILLED), strict=True):
        stack.publish(sent)
        stack.wait_landed()
        stack.dbt("run", *selected, *NO_VIEWS)
    land(stack, SECOND + FIRST + changed_replay(), SEED + 1)
    stack.publish(last)
    stack.wait_landed()
    stack.dbt("build")
    return stack
