"""Who asks what somebody else is asking just now waits for that answer, which is in the cache then.

Superset looks into the cache and asks the gateway where nothing is there: each time an answer grows old, all
viewers of a board would ask at once.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Turns:
    """One at a time for each name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[Any, threading.RLock] = {}
        self._wanted: Counter[Any] = Counter()

    @contextmanager
    def of(self, name: Any) -> Iterator[None]:
        """Wait for it, and have it to the end of the block."""
        with self._lock:
            turn = self._turns.setdefault(name, threading.RLock())
            self._wanted[name] += 1
        try:
            with turn:
                yield
        finally:
            with self._lock:
                self._wanted[name] -= 1
                if not self._wanted[name]:
                    del self._wanted[name], self._turns[name]


def register() -> None:
    """Around Superset's own look into the cache and question to the gateway."""
    from superset.common.query_context_processor import QueryContextProcessor

    turns, ask = Turns(), QueryContextProcessor.get_df_payload

    def ask_in_turn(self: Any, query_obj: Any, *arguments: Any, **options: Any) -> Any:
        with turns.of(self.query_cache_key(query_obj)):
            return ask(self, query_obj, *arguments, **options)

    QueryContextProcessor.get_df_payload = ask_in_turn
