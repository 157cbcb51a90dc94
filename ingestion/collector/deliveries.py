"""The acknowledgements that one request waits for."""

import asyncio
from typing import Any


class Deliveries:
    """Counts what is on its way to Kafka; used inside the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all = self._loop.create_future()
        self._open, self._failed = 1, False

    def on_delivery(self, error: Any, message: Any) -> None:
        """Called by the thread that polls Kafka."""
        self._loop.call_soon_threadsafe(self._close, error is not None)

    def expect(self) -> None:
        """One more event is on its way."""
        self._open += 1

    async def arrived(self) -> bool:
        """True when all are acknowledged, False when one is not."""
        self._close(False)
        await self._all
        return not self._failed

    def _close(self, failed: bool) -> None:
        self._open -= 1
        self._failed |= failed
        if self._open == 0 and not self._all.done():
            self._all.set_result(None)
