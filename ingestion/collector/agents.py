"""User agent -> device, system, browser, and how sure it is that no human acted."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import crawleruseragents
import ua_parser

LONGEST = 512
HTTP_CLIENT = re.compile(
    r"(?:python|aiohttp|curl|wget|okhttp|java|apache-httpclient|go-http-client|go-resty|node|axios|undici|got|"
    r"guzzlehttp|php|symfony|ruby|faraday|rest-client|libwww-perl|lwp|reqwest|hyper|dart|dotnet|restsharp|"
    r"postmanruntime|insomnia|httpie|k6|jakarta|vert\.x)\b",
    re.IGNORECASE,
)
HEADLESS = re.compile(r"headless|phantomjs|slimerjs|puppeteer|playwright|selenium|webdriver", re.IGNORECASE)
TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobi)", re.IGNORECASE)
MOBILE = re.compile(r"mobi|iphone|ipod|android|opera mini|windows phone", re.IGNORECASE)
DESKTOP = {"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"}

# How sure each sign is by itself; several together make it surer.
KNOWN_CRAWLER, HEADLESS_BROWSER, HTTP_LIBRARY = "known_crawler", "headless_browser", "http_client"
NO_USER_AGENT, NO_LANGUAGE, NO_SCREEN, WINDOW_TOO_LARGE = (
    "no_user_agent",
    "no_language",
    "no_screen",
    "window_larger_than_screen",
)
WEIGHTS = {
    KNOWN_CRAWLER: 0.95,
    HEADLESS_BROWSER: 0.9,
    HTTP_LIBRARY: 0.8,
    NO_USER_AGENT: 0.7,
    NO_SCREEN: 0.4,
    WINDOW_TOO_LARGE: 0.3,
    NO_LANGUAGE: 0.2,
}
IS_BOT_FROM = 0.5


class Agent(NamedTuple):
    """What a user agent tells."""

    device_type: str = "unknown"
    os_name: str | None = None
    browser_name: str | None = None
    reasons: tuple[str, ...] = ()


def read_agent(user_agent: str | None, *, is_server: bool) -> Agent:
    """Device, system and browser; a server with a source key is none the more a bot for being one."""
    text = (user_agent or "").strip()[:LONGEST]
    if not text:
        return Agent("server") if is_server else Agent(reasons=(NO_USER_AGENT,))
    agent = _parsed(text)
    if is_server and (agent.reasons == (HTTP_LIBRARY,) or agent.device_type == "unknown"):
        return agent._replace(device_type="server", reasons=())
    return agent


def bot_score(reasons: list[str]) -> float:
    """0 without a reason; each one takes its part of what is left to 1."""
    human = 1.0
    for reason in reasons:
        human *= 1 - WEIGHTS[reason]
    return round(1 - human, 4)


def page_reasons(context: dict[str, Any]) -> list[str]:
    """Signs in what a page sent of itself; a sender that tells nothing of a page gives none."""
    if not context.get("page_url"):
        return []
    reasons = [] if context.get("language") else [NO_LANGUAGE]
    width, height = context.get("screen_width"), context.get("screen_height")
    if width == 0 or height == 0:
        reasons.append(NO_SCREEN)
    elif _is_larger(context.get("viewport_width"), width) or _is_larger(
        context.get("viewport_height"), height
    ):
        reasons.append(WINDOW_TOO_LARGE)
    return reasons


def _is_larger(window: Any, screen: Any) -> bool:
    """Twice: a turned telephone and a zoomed page are people."""
    return type(window) is int and type(screen) is int and window > 2 * screen


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Agent:
    found = ua_parser.parse(text)
    system = found.os.family if found.os else None
    browser = found.user_agent.family if found.user_agent else None
    if HTTP_CLIENT.match(text):
        return Agent("unknown", system, browser, (HTTP_LIBRARY,))
    reasons = [HEADLESS_BROWSER] if HEADLESS.search(text) else []
    if crawleruseragents.is_crawler(text) or (found.device and found.device.family == "Spider"):
        reasons.append(KNOWN_CRAWLER)
    if reasons:
        return Agent("bot", system, browser, tuple(reasons))
    return Agent(_device_type(text, system), system, browser)


def _device_type(text: str, system: str | None) -> str:
    if TABLET.search(text):
        return "tablet"
    if MOBILE.search(text):
        return "mobile"
    return "desktop" if system in DESKTOP else "unknown"
