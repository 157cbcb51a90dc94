"""`python -m ingestion.collector`: serves the collector on the settings' host and port."""

import socket
import sys

import uvicorn

from ingestion.collector.app import create_app
from ingestion.collector.body import MAX_BODY_BYTES
from lakehouse.errors import UserError
from lakehouse.settings import get_settings


def main() -> None:
    """Binds first, so that a taken port is one clear sentence."""
    try:
        settings = get_settings()
        app = create_app(settings)
    except UserError as error:
        sys.exit(f"Collector: {error}")
    try:
        door = socket.create_server((settings.host, settings.collector_port), backlog=512)
    except OSError as error:
        sys.exit(
            f"Collector: {settings.host}:{settings.collector_port} cannot be opened ({error.strerror}); "
            "free the port or set LAKEHOUSE_COLLECTOR_PORT."
        )
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # whom to believe is LAKEHOUSE_TRUSTED_PROXY's matter
        server_header=False,
        ws="wsproto",
        ws_max_size=MAX_BODY_BYTES,
    )
    uvicorn.Server(config).run(sockets=[door])


if __name__ == "__main__":
    main()
