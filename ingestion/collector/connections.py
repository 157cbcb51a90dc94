"""HTTP as uvicorn speaks it, for senders who hold a connection and say nothing, too little, or too much."""

import asyncio
import resource
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# From a request's first byte, or the connection's start, to its last byte.
REQUEST_SECONDS = 30
# Well above the limit of a body: who sends somewhat too much is told so, and not cut off.
REQUEST_BYTES = 16 * 1024 * 1024
MOST_FILES = 12_000
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
WHOLE = (h11.DONE, h11.MUST_CLOSE)


def make_room() -> int:
    """Lets the process open as many files as it may; the connections that this leaves room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed * 3 // 4  # the rest is for those who are told that there is no room, and for Kafka


class PatientProtocol(H11Protocol):
    """Gives up a connection whose request does not come whole in time, and refuses those beyond the limit."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            # Not counted: those who came before must not be refused, too.
            self.connections.discard(self)
            self.transport.write(FULL)
            self.transport.close()
        else:
            self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._received += len(data)
        if self.conn.their_state in WHOLE or self.transport.get_protocol() is not self:
            self._relax()
        elif self._received > REQUEST_BYTES:
            self.transport.abort()
        else:
            self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # of a second request, which came with the first
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _relax(self) -> None:
        self._received = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
