"""The acknowledgements that requests wait for."""

import asyncio
from collections.abc import Callable
from typing import Any

WAITING_SECONDS, IDLE_SECONDS = 0.002, 1.0


class Deliveries:
    """Counts what one request has on its way to Kafka; made inside the running event loop."""

    def __init__(self, expected: int) -> None:
        self._all: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open, self._failed = expected, False

    def on_delivery(self, error: Any, message: Any) -> None:
        """Called inside the event loop, by whoever polls Kafka."""
        self._open -= 1
        self._failed |= error is not None
        if self._open == 0 and not self._all.done():  # as it is where the request has ended
            self._all.set_result(not self._failed)

    async def arrived(self) -> bool:
        """True when all are acknowledged, False when one is not."""
        return await self._all


class Acknowledgements:
    """Takes Kafka's acknowledgements in, in the event loop's own thread; often while a request waits.

    In a thread of its own each of them would wait for the interpreter's lock, which requests hold.
    """

    def __init__(self, poll: Callable[[float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._poll, self._waiting = poll, 0
        self._timer: asyncio.Handle = self._loop.call_soon(self._take)

    async def of(self, deliveries: Deliveries) -> bool:
        """Waits; True when all are acknowledged, False when one is not."""
        self._waiting += 1
        if self._waiting == 1:
            self._again()
        try:
            return await deliveries.arrived()
        finally:
            self._waiting -= 1

    def stop(self) -> None:
        """Polls no more."""
        self._timer.cancel()

    def _take(self) -> None:
        self._poll(0)
        self._again()

    def _again(self) -> None:
        self._timer.cancel()
        pause = WAITING_SECONDS if self._waiting else IDLE_SECONDS
        self._timer = self._loop.call_later(pause, self._take)
