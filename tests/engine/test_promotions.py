"""Two users promote at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from ml import catalog

pytestmark = pytest.mark.engine


def test_two_promotions_at_once_both_serve(stack: Any) -> None:
    settings, before, both = stack.settings, catalog.champions(stack.settings), Barrier(2)

    def promote(name: str, version: str) -> None:
        both.wait()
        catalog.promote(name, version, settings)

    names = ("z_first", "z_second")
    try:
        with ThreadPoolExecutor(2) as pool:
            for number in range(1, 6):
                asked = [pool.submit(promote, name, f"v{number}") for name in names]
                assert [done.result() for done in asked] == [None, None]
                assert catalog.champions(settings) == before | dict.fromkeys(names, f"v{number}")
    finally:
        stack.query(f"alter view ml.champion as {catalog.values(before)}")
