"""Golden events: landed in two halves and built after each, for all tests of this room.

Every case's first.jsonl is landed shuffled and built; then all of both files is landed shuffled, the first
ones for a second time and one event of them changed; then everything is built anew.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack

HERE = Path(__file__).parent
CASES = sorted(folder.parent for folder in HERE.glob("*/expected"))
REJECTED = 1
SEED = 20240305
NO_TESTS = ("--exclude-resource-types", "test", "unit_test")


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
    """Both halves landed, each followed by an incremental build; all tests on what both gave."""
    land(stack, FIRST, SEED)
    stack.dbt("build", *NO_TESTS)
    land(stack, SECOND + FIRST + changed_replay(), SEED + 1)
    stack.dbt("build")
    return stack
