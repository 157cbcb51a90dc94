"""What runs, since when, and how far landing has come: for people and for monitors."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from ingestion.streams import progress
from ingestion.streams.minutes import live_minutes
from ingestion.topics import topic_names
from lakehouse.errors import UserError
from lakehouse.servers import stack
from lakehouse.settings import HADOOP_USER, Settings


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
    """All servers, landing's lag in records with its last commit, and live.minutes' last change."""

    servers: list[Server]
    lag: int | None
    last_commit_at: str | None
    last_batch_id: int | None
    live_updated_at: str | None

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
    live = live_updated_at(settings) if servers else None
    if landing is None:
        return Status(servers, None, None, None, live)
    return Status(servers, landing.lag, landing.last_commit_at, landing.last_batch_id, live)


def live_updated_at(settings: Settings) -> str | None:
    """When the log of live.minutes last changed, in UTC; None where HDFS does not say."""
    path = live_minutes().location(settings).removeprefix(settings.hdfs)
    asked = {"op": "GETFILESTATUS", "user.name": HADOOP_USER}
    try:
        with httpx.Client(trust_env=False, timeout=5) as client:
            answer = client.get(f"{settings.webhdfs}{path}/_delta_log", params=asked)
        at = answer.json()["FileStatus"]["modificationTime"] / 1000
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    return datetime.fromtimestamp(at, UTC).isoformat()


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
    live = f"live: last update {found.live_updated_at or 'unknown, HDFS does not say'}"
    return "\n".join([*rows, landing, live])
