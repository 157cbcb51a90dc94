"""Viewers who ask the same at once cost one question."""

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor

from lakehouse.settings import ROOT

SPEC = importlib.util.spec_from_file_location("turns", ROOT / "superset" / "lakehouse_cache.py")
assert SPEC is not None
assert SPEC.loader is not None
cache = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(cache)

VIEWERS = 8


def test_the_same_is_asked_once_and_nothing_is_kept() -> None:
    turns, answers, asked = cache.Turns(), {}, []
    together = threading.Barrier(VIEWERS)

    def view(_: int) -> str:
        together.wait()
        with turns.of("panel"):
            if "panel" not in answers:
                asked.append("panel")
                answers["panel"] = "drawn"
            return answers["panel"]

    with ThreadPoolExecutor(VIEWERS) as pool:
        assert set(pool.map(view, range(VIEWERS))) == {"drawn"}
    assert asked == ["panel"]
    assert (turns._turns, dict(turns._wanted)) == ({}, {})


def test_other_questions_do_not_wait() -> None:
    turns, inside = cache.Turns(), threading.Barrier(2)

    def view(name: str) -> bool:
        with turns.of(name):
            return inside.wait(10) >= 0

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(view, ("one", "other")))


def test_a_failed_question_lets_the_next_one_in() -> None:
    turns = cache.Turns()
    for _ in range(2):
        try:
            with turns.of("panel"):
                raise OSError("the gateway is away")
        except OSError:
            pass
    assert turns._turns == {}
