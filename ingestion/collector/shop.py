"""Serves the tracker and the demo shop that shows it at work."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

TRACKER = Path(__file__).resolve().parents[1] / "tracker"
# Visitors get a new tracker within the hour; until then their browser does not ask.
TRACKER_CACHE = "public, max-age=3600"
# All that a page of the shop may load or call is this server; the page's icon is empty data.
SHOP_POLICY = "default-src 'self'; img-src 'self' data:"


class Pages(StaticFiles):
    """Files with an ETag, so that an unchanged one costs an empty 304, and with the same headers on each."""

    def __init__(self, directory: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=directory, html=True)
        self._headers = {"X-Content-Type-Options": "nosniff", **headers}

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(self._headers)
        return response


def routes() -> list[BaseRoute]:
    """/tracker.js for every site, /shop/ for a look."""
    tracker = Pages(TRACKER, {"Cache-Control": TRACKER_CACHE, "Cross-Origin-Resource-Policy": "cross-origin"})
    shop = Pages(TRACKER / "shop", {"Cache-Control": "no-cache", "Content-Security-Policy": SHOP_POLICY})

    async def tracker_js(request: Request) -> Response:
        return await tracker.get_response("tracker.js", request.scope)

    return [Route("/tracker.js", tracker_js), Mount("/shop", shop, name="shop")]
