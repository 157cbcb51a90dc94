"""HTTP door of the lakehouse: 202 means that Kafka has the events, 400 says what is wrong with them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import confluent_kafka
import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ingestion.collector import shop
from ingestion.collector.publish import KafkaAwayError, Publisher
from lakehouse.settings import Settings

MAX_BODY_BYTES = 1024 * 1024
DELIVERY_SECONDS = 10
RETRY_AFTER_SECONDS = 5


class UnreadableError(ValueError):
    """A body, or a part of one, that is no event."""


class Deliveries:
    """The acknowledgements that one request waits for."""

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


async def track_event(request: Request) -> JSONResponse:
    """POST /track-event: one event."""
    body = await read_body(request)
    return await publish(request, [(parse(body), as_text(body))])


async def events(request: Request) -> JSONResponse:
    """POST /v1/events: an array of events, or an object whose `events` is one."""
    body = await read_body(request)
    parsed = parse(body)
    if isinstance(parsed, dict) and parsed.keys() == {"events"}:
        parsed = parsed["events"]
    if not isinstance(parsed, list | UnreadableError):
        parsed = UnreadableError("is neither an array of events nor an object with only the array `events`")
    if parsed == []:
        parsed = UnreadableError("holds no events")
    if isinstance(parsed, UnreadableError):
        return await publish(request, [(parsed, as_text(body))])
    return await publish(request, [(event, orjson.dumps(event).decode()) for event in parsed])


async def publish(request: Request, batch: list[tuple[Any, str]]) -> JSONResponse:
    """Sends each event, bad ones to dead_letter, and answers when Kafka has acknowledged them all."""
    publisher: Publisher = request.app.state.publisher
    deliveries = Deliveries()
    rejected = []
    try:
        for index, (event, payload) in enumerate(batch):
            deliveries.expect()
            options: Any = {"payload": payload, "on_delivery": deliveries.on_delivery}
            if isinstance(event, UnreadableError):
                reasons = publisher.reject(None, [f"event: {event}"], **options)
            else:
                reasons = publisher.publish(event, **options)
            if reasons:
                event_id = event.get("event_id") if isinstance(event, dict) else None
                rejected.append({"index": index, "event_id": event_id, "reasons": reasons})
        arrived = await deliveries.arrived()
    except KafkaAwayError:
        arrived = False
    if not arrived:
        return JSONResponse(
            {"error": "Kafka does not acknowledge events; send the same events again later."},
            status_code=503,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    answer = {"accepted": len(batch) - len(rejected), "rejected": rejected}
    return JSONResponse(answer, status_code=400 if rejected else 202)


async def health(request: Request) -> JSONResponse:
    """GET /health: the process lives."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """GET /ready: Kafka answers."""
    if await run_in_threadpool(request.app.state.publisher.reachable):
        return JSONResponse({"status": "ok"})
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return JSONResponse({"error": "Kafka does not answer."}, status_code=503, headers=headers)


async def read_body(request: Request) -> bytes:
    """The JSON body; 415 where it says to be something else, 413 where it is too long."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send events as Content-Type: application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"A request holds at most {MAX_BODY_BYTES} bytes; send fewer events.")
    return bytes(body)


def parse(body: bytes) -> Any:
    """The JSON value, or what says why there is none."""
    try:
        value = orjson.loads(body)
        orjson.dumps(value)  # nested deeper than can be written again
    except (orjson.JSONDecodeError, TypeError) as error:
        return UnreadableError(f"is not JSON: {error}")
    return value


def as_text(body: bytes) -> str:
    """The body for a dead letter; bytes that are no text are kept escaped."""
    return body.decode("utf-8", "backslashreplace")


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """An HTTP error as JSON."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def create_app(
    settings: Settings, connect: Callable[[dict[str, Any]], Any] = confluent_kafka.Producer
) -> Starlette:
    """The collector; it starts without Kafka and says so on /ready."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        publisher = Publisher(
            settings,
            patience_seconds=0,
            delivery_seconds=DELIVERY_SECONDS,
            linger_seconds=0.005,
            connect=connect,
        )
        app.state.publisher = publisher
        stopping = threading.Event()

        def take_acknowledgements() -> None:
            while not stopping.is_set():
                publisher.poll(0.5)

        thread = threading.Thread(target=take_acknowledgements, name="acknowledgements", daemon=True)
        thread.start()
        yield
        stopping.set()
        await run_in_threadpool(thread.join)

    return Starlette(
        routes=[
            Route("/track-event", track_event, methods=["POST"]),
            Route("/v1/events", events, methods=["POST"]),
            Route("/health", health),
            Route("/ready", ready),
            *shop.routes(),
        ],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )
