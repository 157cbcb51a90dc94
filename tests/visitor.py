"""A visitor's browser, and a server that records what it sends.

The recording collector stands in for the collector at HTTP: it serves the same files, keeps every request as
it came, and can be told how to answer. The real collector is met in tests/engine and by the last test of
tests/e2e/test_shop.py.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ingestion.collector import shop

Event = dict[str, Any]
# The tracker sends after two seconds; the rest is for a busy machine.
SENT_WITHIN_SECONDS = 20
# Longer than the tracker waits before it sends.
QUIET_SECONDS = 3
SECRET = "ada.private@example.com"
PAGE = """<!doctype html>
<html lang="en">
<title>Test page</title>
<link rel="icon" href="data:,">
<script src="/tracker.js" {attributes}></script>
<h1 data-track="headline">Headline</h1>
<p><b>One</b> <b class="two">Two</b></p>
<button id="plain">Plain</button><button data-track="named"><i>Named</i></button>
<div data-track-ignore><button id="ignored">Ignored</button></div>
<form name="contact" action="/page/thanks">
<input id="id" name="email"><input type="password" name="secret"><textarea name="text"></textarea>
<button id="send">Send</button>
</form>
<div style="height: 4000px"></div>
</html>"""


@dataclass(frozen=True)
class Sent:
    """One request as it came."""

    body: str
    headers: dict[str, str]
    query: dict[str, str]

    @property
    def events(self) -> list[Event]:
        events: list[Event] = json.loads(self.body)["events"]
        return events


@dataclass
class RecordingCollector:
    """Takes what a browser sends; `answers` are given first, then 202 to everything."""

    url: str = ""
    attributes: str = ""
    requests: list[Sent] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = (await request.body()).decode()
        self.requests.append(Sent(body, dict(request.headers), dict(request.query_params)))
        accepted = {"accepted": len(self.requests[-1].events), "rejected": []}
        status, headers, answer = self.answers.pop(0) if self.answers else (202, {}, accepted)
        return JSONResponse(answer, status, headers)

    async def page(self, request: Request) -> Response:
        return HTMLResponse(PAGE.replace("{attributes}", self.attributes))

    def app(self) -> Starlette:
        """The files of the real collector, and doors of its own."""
        taking = Route("/v1/events", self.take, methods=["POST"])
        return Starlette(routes=[taking, Route("/page{rest:path}", self.page), *shop.routes()])

    def events(self, *types: str) -> list[Event]:
        """What was sent so far, in order."""
        events = [event for request in list(self.requests) for event in request.events]
        return [event for event in events if not types or event["event_type"] in types]

    def wait_for(self, *types: str, count: int = 1) -> list[Event]:
        """The events of these types, once there are so many of each."""
        deadline = time.monotonic() + SENT_WITHIN_SECONDS
        while missing := [name for name in types if len(self.events(name)) < count]:
            if time.monotonic() > deadline:
                came = [event["event_type"] for event in self.events()]
                pytest.fail(f"{missing} did not come; what came: {came}")
            time.sleep(0.05)
        return self.events(*types)


@dataclass(frozen=True)
class Visitor:
    """A person at the browser."""

    browser: Chrome
    collector: RecordingCollector

    def open(self, address: str = "/page", attributes: str | None = None) -> None:
        if attributes is not None:
            self.collector.attributes = f'data-source="web" {attributes}'
        self.browser.get(self.collector.url + address)

    def follow(self, address: str) -> None:
        """Goes there as a link does, with a referrer."""
        self.run("location.href = arguments[0]", address)
        wait = WebDriverWait(self.browser, SENT_WITHIN_SECONDS)
        wait.until(lambda page: page.current_url.endswith(address))

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def consent(self, analytics: bool, marketing: bool = False) -> Any:
        choice = {"analytics": analytics, "marketing": marketing}
        return self.run("return lakehouse.consent(arguments[0])", choice)

    def click(self, selector: str) -> None:
        act(self.browser, selector, lambda element: element.click())

    def type(self, selector: str, text: str) -> None:
        act(self.browser, selector, lambda element: element.send_keys(text))

    def scroll(self, share: float) -> None:
        height = "document.documentElement.scrollHeight"
        self.run(f"scrollTo(0, {height} * arguments[0] - innerHeight)", share)

    def stored(self) -> dict[str, Any]:
        """Everything that this site keeps in the browser."""
        script = "return [{...localStorage}, {...sessionStorage}, document.cookie]"
        local, session, cookie = self.run(script)
        return {**local, **session, **({"cookie": cookie} if cookie else {})}

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.stored()["lakehouse.web"])
        return state


def act(browser: Chrome, selector: str, action: Callable[[Any], object]) -> None:
    """Does it to the element, once there is one that its page still holds.

    Between the finding and the action a page may have gone: a link was clicked just before.
    """

    def acted(page: Chrome) -> bool:
        action(page.find_element(By.CSS_SELECTOR, selector))
        return True

    _patient(browser).until(acted, f"no {selector}")


def wait_until(browser: Chrome, selector: str, holds: Callable[[Any], bool]) -> None:
    """Until the condition holds of the element, on this page or the one that is coming."""
    message = f"{selector} is not as awaited"
    _patient(browser).until(lambda page: holds(page.find_element(By.CSS_SELECTOR, selector)), message)


def _patient(browser: Chrome) -> WebDriverWait[Chrome]:
    passing = (NoSuchElementException, StaleElementReferenceException)
    return WebDriverWait(browser, SENT_WITHIN_SECONDS, ignored_exceptions=passing)


def set_offline(browser: Chrome, offline: bool) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def moment(text: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    return datetime.fromisoformat(text)


def ids(events: list[Event], name: str = "event_id") -> set[str]:
    return {event[name] for event in events}
