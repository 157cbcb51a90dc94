"""Who may come in, and how often: for HTTP and WebSocket alike."""

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ingestion.collector.access import Buckets, Grant, SourceKeys, address_of, household_of
from ingestion.collector.enrich import Sender
from ingestion.collector.metrics import Metrics
from lakehouse.settings import Settings


class Door:
    """Who comes in: a sender with the right key who does not come too often."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._keys = SourceKeys(settings.source_keys_file)
        self._buckets = Buckets(settings.requests_per_second)
        self._origins = origins(settings)

    def admit(self, connection: HTTPConnection) -> tuple[Sender, Grant | None]:
        """The sender and what its key allows; 401 without a key, 429 when it comes too often."""
        address = address_of(connection, self._settings)
        grant = self._keys.grant(connection)
        is_server = grant is not None and grant.is_server
        self._slow_down(
            f"server {grant.source}" if grant and is_server else f"address {household_of(address)}"
        )
        if grant is None and self._keys.are_required:
            needed = "Send the source's key as 'Authorization: Bearer KEY' or 'X-Source-Key: KEY'."
            raise HTTPException(401, needed, {"WWW-Authenticate": "Bearer"})
        return Sender(address, connection.headers.get("user-agent"), is_server), grant

    def _slow_down(self, sender: str) -> None:
        """429 where the sender's bucket is empty."""
        if wait := self._buckets.take(sender):
            raise HTTPException(
                429, "Too many requests; send fewer, larger batches.", {"Retry-After": str(wait)}
            )

    def knows(self, origin: str | None) -> bool:
        """Whether a page of this origin may open a WebSocket, which CORS does not watch."""
        return origin is None or not self._origins or bool({origin, "*"} & set(self._origins))


def origins(settings: Settings) -> list[str]:
    """Origins whose pages may read the answers."""
    return [origin.strip().rstrip("/") for origin in settings.allowed_origins.split(",") if origin.strip()]
