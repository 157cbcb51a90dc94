"""What runs, since when, and how far landing has come: for people and for monitors."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.streams import progress
from ingestion.topics import topic_names
from lakehouse.errors import UserError
from lakehouse.servers import stack
from lakehouse.settings import Settings


@dataclass(frozen=True)
class Server:
    """One supervised program. `since` is in UTC; null where it does not run."""

    name: str
    state: str
    answers: bool
    pid: int | None
    since: str | None


@dataclass(frozen=True)
class Status:
    """All servers, and landing's lag in records with its last commit."""

    servers: list[Server]
    lag: int | None
    last_commit_at: str | None
    last_batch_id: int | None

    @property
    def ok(self) -> bool:
        """Whether everything that should run answers."""
        return bool(self.servers) and all(server.answers for server in self.servers)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"ok": self.ok}


def status(settings: Settings) -> Status:
    """Ask the supervisor, each port, and Kafka. Never an error: what is away is said to be."""
    servers = []
    for process in stack.processes(settings):
        running = process["state"] == "running"
        port = stack.port_of(settings, process["name"])
        answers = running and (port is None or stack.answers(settings.host, port))
        since = datetime.fromtimestamp(process["since"], UTC).isoformat() if process["since"] else None
        servers.append(Server(process["name"], process["state"], answers, process["pid"], since))
    try:
        landing = progress.read(settings, topic_names()) if servers else None
    except UserError:
        landing = None
    if landing is None:
        return Status(servers, None, None, None)
    return Status(servers, landing.lag, landing.last_commit_at, landing.last_batch_id)


def as_text(found: Status) -> str:
    """The same as a table and a sentence."""
    if not found.servers:
        return "Nothing runs: start it with `lakehouse up`."
    rows = [
        f"{server.name:<12}{'up' if server.answers else server.state:<10}"
        f"{server.since or '-':<28}pid {server.pid or '-'}"
        for server in found.servers
    ]
    if found.lag is None:
        landing = "landing: Kafka gives no offsets; see `lakehouse logs kafka`"
    elif found.last_commit_at is None:
        landing = f"landing: {found.lag:,} records behind, nothing committed yet"
    else:
        landing = (
            f"landing: {found.lag:,} records behind, last commit {found.last_commit_at}"
            f" (batch {found.last_batch_id})"
        )
    return "\n".join([*rows, landing])
