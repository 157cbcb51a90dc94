"""`python -m ingestion.collector`: serves the collector on the settings' host and port."""

import socket
import sys
from collections.abc import Callable
from typing import Any

import confluent_kafka
import uvicorn
from starlette.applications import Starlette

from ingestion.collector.app import DELIVERY_SECONDS, create_app
from ingestion.collector.body import MAX_BODY_BYTES
from ingestion.collector.connections import PatientProtocol, make_room
from lakehouse.errors import UserError
from lakehouse.settings import get_settings

BACKLOG = 512


def main(connect: Callable[[dict[str, Any]], Any] = confluent_kafka.Producer) -> None:
    """Binds first, so that a taken port is one clear sentence."""
    try:
        settings = get_settings()
        app = create_app(settings, connect)
    except UserError as error:
        sys.exit(f"Collector: {error}")
    try:
        door = socket.create_server((settings.host, settings.collector_port), backlog=BACKLOG)
    except OSError as error:
        sys.exit(
            f"Collector: {settings.host}:{settings.collector_port} cannot be opened ({error.strerror}); "
            "free the port or set LAKEHOUSE_COLLECTOR_PORT."
        )
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms
    server(app, make_room()).run(sockets=[door])


def server(app: Starlette, room: int) -> uvicorn.Server:
    """A server of the app with room for so many connections."""
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        backlog=BACKLOG,
        limit_concurrency=room,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # whom to believe is LAKEHOUSE_TRUSTED_PROXY's matter
        server_header=False,
        ws="wsproto",
        ws_max_size=MAX_BODY_BYTES,
        ws_per_message_deflate=False,  # what is packed small may be of any size
        timeout_graceful_shutdown=DELIVERY_SECONDS + 5,
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    main()
