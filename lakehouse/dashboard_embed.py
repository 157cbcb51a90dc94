"""A board in a page of one's own: a guest's token opens that board alone, with the rows of some sources."""

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Template
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from lakehouse.dashboard_users import narrowing_roles, told
from lakehouse.dashboards import connected
from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import Settings

PAGE = superset.FOLDER / "embed.html"
LOOPBACK = ("127.0.0.1", "localhost")
# A token lives five minutes.
REFRESH_SECONDS = 240


class Guest(NamedTuple):
    """The number under which a board is embedded, and a token that opens it for five minutes."""

    uuid: str
    token: str


def invite(
    settings: Settings, board: str, sources: Sequence[str] = (), countries: Sequence[str] = ()
) -> Guest:
    """A guest of this board; without sources (countries) every row is seen, with some, theirs alone."""
    rows = [{"clause": name} for name in narrowing_roles(sources, countries)]
    origins = superset.embed_origins(settings)
    if not origins:
        raise UserError(
            "Boards are not embedded anywhere: set LAKEHOUSE_DASHBOARDS_EMBED_ORIGINS, then"
            " `lakehouse down` and `up`."
        )
    with connected(settings) as client:
        place = f"/api/v1/dashboard/{board}/embedded"
        answer = client.post(place, json={"allowed_domains": origins})
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise UserError(f"Superset has no board {board}: `lakehouse dashboards push` brings them.")
        uuid = str(told(answer)["result"]["uuid"])
        who = {"username": "guest", "first_name": "Guest", "last_name": board}
        body = {"user": who, "resources": [{"type": "dashboard", "id": uuid}], "rls": rows}
        return Guest(uuid, str(told(client.post("/api/v1/security/guest_token/", json=body))["token"]))


def page(settings: Settings, board: str, uuid: str) -> str:
    """HTML that shows the board in a frame and fetches a token from beside itself, again and again."""
    values = {"board": board, "superset": superset.url(settings), "uuid": uuid}
    return Template(PAGE.read_text()).substitute(values, refresh_seconds=REFRESH_SECONDS)


def sample(
    settings: Settings, board: str, sources: Sequence[str] = (), countries: Sequence[str] = ()
) -> ThreadingHTTPServer:
    """A web server for that page at the first loopback origin of the settings; it hands out tokens."""
    origins = [urlsplit(origin) for origin in superset.embed_origins(settings)]
    port = next((each.port for each in origins if each.hostname in LOOPBACK and each.port), None)
    if port is None:
        raise UserError(
            "LAKEHOUSE_DASHBOARDS_EMBED_ORIGINS names no port of 127.0.0.1 for the sample:"
            " add one, or take --token for a page of your own."
        )
    uuid = invite(settings, board, sources, countries).uuid

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # another name that leads here is a foreign page in search of a token
            if self.headers.get("Host") not in [f"{name}:{port}" for name in LOOPBACK]:
                return self.send_error(403)
            if self.path == "/":
                return self.answer("text/html", page(settings, board, uuid))
            if self.path == "/token":
                token = invite(settings, board, sources, countries).token
                return self.answer("application/json", json.dumps({"token": token}))
            return self.send_error(404)

        def answer(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UserError(f"Port {port} for the sample is taken ({error.strerror}).") from None
