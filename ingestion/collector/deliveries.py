"""The acknowledgements that one request waits for."""

import asyncio
import threading
from typing import Any


class Deliveries:
    """Counts what is on its way to Kafka; made inside the running event loop."""

    def __init__(self, expected: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._all: asyncio.Future[bool] = self._loop.create_future()
        self._lock = threading.Lock()
        self._open, self._failed = expected, False

    def on_delivery(self, error: Any, message: Any) -> None:
        """Called by the thread that polls Kafka; only the last wakes the event loop."""
        with self._lock:
            self._open -= 1
            self._failed |= error is not None
            is_last = self._open == 0
        if is_last:
            self._loop.call_soon_threadsafe(self._close)

    async def arrived(self) -> bool:
        """True when all are acknowledged, False when one is not."""
        return await self._all

    def _close(self) -> None:
        if not self._all.done():  # as it is where the sender has gone
            self._all.set_result(not self._failed)
