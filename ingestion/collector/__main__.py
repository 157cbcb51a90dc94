"""`python -m ingestion.collector`: serves the collector on the settings' host and port."""

import socket
import sys

import uvicorn

from ingestion.collector.app import create_app
from lakehouse.settings import get_settings


def main() -> None:
    """Binds first, so that a taken port is one clear sentence."""
    settings = get_settings()
    try:
        door = socket.create_server((settings.host, settings.collector_port), backlog=512)
    except OSError as error:
        sys.exit(
            f"Collector: {settings.host}:{settings.collector_port} cannot be opened ({error.strerror}); "
            "free the port or set LAKEHOUSE_COLLECTOR_PORT."
        )
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms
    config = uvicorn.Config(create_app(settings), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[door])


if __name__ == "__main__":
    main()
