"""Push the boards in superset/assets to a running Superset; doing it twice changes nothing."""

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from lakehouse.assets import ASSETS, Asset, chart_nodes, check, filters, of_kind, read
from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import Settings

ADMIN = "admin"
TIMEOUT_SECONDS = 120  # a fresh Superset still loads
# An import asks the gateway for each table, which may be busy with a build.
IMPORT_SECONDS = 900


def push(settings: Settings, assets: Path = ASSETS) -> list[str]:
    """Check, then create or overwrite every asset; the addresses of the boards."""
    problems = check(assets)
    if problems:
        more = f" (and {len(problems) - 1} more: `lakehouse dashboards check`)" if problems[1:] else ""
        raise UserError(f"Nothing was pushed: {problems[0]}{more}.")
    found, _ = read(assets)
    archive = ("assets.zip", bundle(localised(found, settings)))
    with connected(settings) as client:
        answer = client.post(
            "/api/v1/assets/import/",
            data={"passwords": "{}"},
            files={"bundle": archive},
            timeout=IMPORT_SECONDS,
        )
    url = superset.url(settings)
    if answer.status_code != httpx.codes.OK:
        raise UserError(f"Superset at {url} refused the boards: {reason(answer)}.")
    boards = of_kind(found, "dashboards").values()
    return [f"{url}/superset/dashboard/{board['slug']}/" for board in boards]


@contextmanager
def connected(settings: Settings) -> Iterator[httpx.Client]:
    """A client of Superset's API, logged in as its administrator; UserError when it is away."""
    url, password = superset.url(settings), superset.admin_password(settings)
    try:
        with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            _log_in(client, password)
            yield client
    except httpx.TransportError as error:
        raise UserError(
            f"Superset does not answer at {url} ({error}): start it with `lakehouse up`,"
            " or read `lakehouse logs superset`."
        ) from error


def localised(found: dict[str, Asset], settings: Settings) -> dict[str, Asset]:
    """A copy with what depends on this installation: addresses, periods, and numbers for charts."""
    local = copy.deepcopy(found)
    for database in of_kind(local, "databases").values():
        parts = urlsplit(database["sqlalchemy_uri"])
        place = f"{parts.username}@{settings.host}:{settings.thrift_port}"
        database["sqlalchemy_uri"] = parts._replace(netloc=place).geturl()
    charts = {chart["uuid"]: chart for chart in of_kind(local, "charts").values()}
    # Superset translates these into its own; any number does that is unique in the bundle.
    numbers = {uuid: number for number, uuid in enumerate(sorted(charts), 1)}
    for board in of_kind(local, "dashboards").values():
        board["metadata"].setdefault("refresh_frequency", settings.dashboards_refresh_seconds)
        for node in chart_nodes(board):
            uuid = node["meta"]["uuid"]
            node["meta"] |= {"chartId": numbers[uuid], "sliceName": charts[uuid]["slice_name"]}
        _name_nodes(board["position"], "ROOT_ID", [])
        for rule in filters(board):
            scope = rule["scope"]
            scope["excluded"] = [numbers[uuid] for uuid in scope["excluded"]]
    return local


def _name_nodes(position: Asset, name: str, parents: list[str]) -> None:
    """Each node of a layout repeats its own name and those above it."""
    node = position[name]
    node |= {"id": name, "parents": parents, "children": node.get("children", [])}
    for child in node["children"]:
        _name_nodes(position, child, [*parents, name])


def bundle(found: dict[str, Asset]) -> bytes:
    """The zip that Superset imports; the same assets give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, asset in sorted(found.items()):
            text = yaml.safe_dump(asset, sort_keys=False, allow_unicode=True)
            archive.writestr(zipfile.ZipInfo(f"assets/{path}"), text)
    return content.getvalue()


def _log_in(client: httpx.Client, password: str) -> None:
    """A token for the API, and the session's answer to cross-site forgery."""
    identity = {"username": ADMIN, "password": password, "provider": "db", "refresh": False}
    answer = client.post("/api/v1/security/login", json=identity)
    if answer.status_code != httpx.codes.OK:
        raise UserError(
            f"Superset at {client.base_url} does not accept the user {ADMIN}: {reason(answer)};"
            " was its password changed in the browser?"
        )
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    token = client.get("/api/v1/security/csrf_token/").raise_for_status().json()["result"]
    client.headers.update({"X-CSRFToken": token, "Referer": str(client.base_url)})


def reason(answer: httpx.Response) -> str:
    """The sentence in Superset's answer, whichever of its shapes it has."""
    try:
        body: dict[str, Any] = answer.json()
    except json.JSONDecodeError:
        return f"HTTP {answer.status_code}"
    errors = body.get("errors") or []
    said = body.get("message") or "; ".join(str(error.get("message")) for error in errors)
    details = "; ".join(
        f"{key}: {value}"
        for error in errors
        for key, value in (error.get("extra") or {}).items()
        if key != "issue_codes"
    )
    return " ".join(part for part in (str(said), details) if part).rstrip(".") or "no reason given"
