"""HTTP door of the lakehouse: 202 means that Kafka has the events, 400 says what is wrong with them."""

import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import confluent_kafka
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ingestion.collector import agents, body, openapi, places, shop
from ingestion.collector.deliveries import Acknowledgements
from ingestion.collector.door import Door, origins
from ingestion.collector.intake import RETRY_AFTER_SECONDS, Intake, Reception
from ingestion.collector.publish import Publisher
from ingestion.collector.stream import no_socket, stream
from lakehouse.privacy import pseudonym
from lakehouse.settings import Settings

DELIVERY_SECONDS = 10


async def track_event(request: Request) -> JSONResponse:
    """POST /track-event: one event."""
    return await take(request, body.one_event)


async def events(request: Request) -> JSONResponse:
    """POST /v1/events: an array of events, or an object whose `events` is one."""
    return await take(request, body.many_events)


async def take(request: Request, read: Callable[[bytes], list[Any]]) -> JSONResponse:
    """Admits the sender, reads the body, answers when Kafka has it."""
    sender, grant = request.app.state.door.admit(request)
    batch = read(await body.read_body(request))
    answer = await request.app.state.reception.take(batch, sender, grant)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if answer.status == 503 else None
    return JSONResponse(answer.body, status_code=answer.status, headers=headers)


async def health(request: Request) -> JSONResponse:
    """GET /health: the process lives."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """GET /ready: Kafka answers."""
    if await run_in_threadpool(request.app.state.publisher.reachable):
        return JSONResponse({"status": "ok"})
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return JSONResponse({"error": "Kafka does not answer."}, status_code=503, headers=headers)


async def metrics(request: Request) -> Response:
    """GET /metrics: figures for Prometheus."""
    return Response(request.app.state.door.metrics.text(), media_type="text/plain; version=0.0.4")


async def description(request: Request) -> Response:
    """GET /openapi.json: this door, with every event type."""
    return Response(openapi.description(), media_type="application/json")


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """An HTTP error as JSON."""
    assert isinstance(error, HTTPException)
    if error.status_code in (401, 413, 415, 429):
        request.app.state.door.metrics.refused.labels(error.status_code).inc()
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def end() -> None:
    """Lets the server answer who waits and stop; the supervisor starts the next one."""
    signal.raise_signal(signal.SIGTERM)


def create_app(
    settings: Settings,
    connect: Callable[[dict[str, Any]], Any] = confluent_kafka.Producer,
    end: Callable[[], None] = end,
) -> Starlette:
    """The collector; it starts without Kafka and says so on /ready. A client broken for good calls `end`."""
    door = Door(settings)
    pseudonyms = pseudonym.load(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        publisher = Publisher(
            settings,
            patience_seconds=0,
            delivery_seconds=DELIVERY_SECONDS,
            linger_seconds=0.005,
            connect=connect,
        )
        app.state.publisher, app.state.door = publisher, door
        told = False

        def poll(seconds: float) -> None:
            nonlocal told
            publisher.poll(seconds)
            if publisher.fault and not told:
                told = True
                print(f"Collector: its Kafka client is broken ({publisher.fault}).", file=sys.stderr)
                end()

        acknowledgements = Acknowledgements(poll)
        intake = Intake(publisher, pseudonyms, door.metrics, server_consent=settings.server_consent)
        app.state.reception = Reception(intake, acknowledgements, door.metrics)
        places.countries()  # here, and not while the first sender waits
        agents.read_agent("warm up", is_server=False)
        yield
        acknowledgements.stop()

    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins(settings),
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Encoding", "Content-Type", "X-Source-Key"],
        max_age=86_400,
    )
    return Starlette(
        routes=[
            Route("/track-event", track_event, methods=["POST"]),
            Route("/v1/events", events, methods=["POST"]),
            WebSocketRoute("/v1/stream", stream),
            Route("/v1/stream", no_socket),
            Route("/health", health),
            Route("/ready", ready),
            *shop.routes(),
            Route("/metrics", metrics),
            Route("/openapi.json", description),
        ],
        middleware=[cors] if origins(settings) else [],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )
