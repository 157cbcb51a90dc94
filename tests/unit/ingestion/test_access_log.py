"""A web server's log: every line is a page view that names nobody, or is rejected by its number."""

import gzip
import re
from collections import Counter
from pathlib import Path
from typing import Any

import crawleruseragents
import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES
from ingestion.sources.records import to_events
from lakehouse.errors import UserError

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def events(path: Path) -> list[dict[str, Any]]:
    return [
        event for batch in to_events("access_log", SOURCES["access_log"].records(path)) for event in batch
    ]


def line(
    request: str = "GET /shop/22?q=me%40x.test HTTP/1.1",
    status: int = 200,
    referrer: str = "-",
    agent: str = FIREFOX,
    address: str = "8.8.8.8",
) -> str:
    time = "02/Jan/2020:10:05:03 +0200"
    return f'{address} - jane [{time}] "{request}" {status} 512 "{referrer}" "{agent}"'


def told(folder: Path, *lines: str) -> list[dict[str, Any]]:
    path = folder / "access.log"
    path.write_text("\n".join(lines) + "\n")
    return events(path)


def test_a_line_is_a_page_view_that_names_nobody(tmp_path: Path) -> None:
    (event,) = told(tmp_path, line(referrer="https://www.google.com/search?q=jane"))
    assert catalogue().validate(event) == []
    assert (event["event_type"], event["occurred_at"]) == ("page_view", "2020-01-02T08:05:03Z")
    assert event["properties"] == {"page_type": "page"}
    assert event["context"] == {
        "page_url": "/shop/22",
        "referrer_url": "https://www.google.com/search",
        "device_type": "desktop",
        "os_name": "Linux",
        "browser_name": "Firefox",
        "country_code": "US",
        "channel_group": "organic_search",
        "bot_score": 0,
        "bot_reasons": [],
        "is_bot": False,
    }
    assert not re.search("8[.]8|jane|rv:120|me.*x.test", str(event))


def test_a_visitor_is_one_address_with_one_user_agent(tmp_path: Path) -> None:
    first, other_page, other_address, other_agent = told(
        tmp_path, line(), line("GET / HTTP/1.1"), line(address="8.8.4.4"), line(agent="curl/8.5.0")
    )
    assert first["visitor_id"] == other_page["visitor_id"]
    assert len({e["visitor_id"] for e in (first, other_address, other_agent)}) == 3


@pytest.mark.parametrize(
    ("request_", "status", "kind", "page_url"),
    [
        ("GET /a/b.html HTTP/1.1", 304, "page", "/a/b.html"),
        ("GET /style.css?v=3.1 HTTP/1.0", 200, "asset", "/style.css"),
        ("HEAD /LOGO.PNG HTTP/1.1", 200, "asset", "/LOGO.PNG"),
        ("GET /gone.css HTTP/1.1", 404, "error", "/gone.css"),
        ("POST /cart HTTP/1.1", 500, "error", "/cart"),
        ("GET //double HTTP/1.1", 200, "page", "//double"),
        ("GET http://shop.test/a HTTP/1.1", 200, "page", "http://shop.test/a"),
        (r"\x16\x03\x01", 400, "error", None),
        (r"GET /say\"hi\" HTTP/1.1", 200, "page", r"/say\"hi\""),
        ("-", 408, "error", None),
    ],
)
def test_what_was_asked_for_has_its_kind(
    tmp_path: Path, request_: str, status: int, kind: str, page_url: str | None
) -> None:
    (event,) = told(tmp_path, line(request_, status))
    assert (event["properties"]["page_type"], event["context"].get("page_url")) == (kind, page_url)
    assert catalogue().validate(event) == []


def test_a_campaign_is_read_from_the_address(tmp_path: Path) -> None:
    (event,) = told(tmp_path, line("GET /?utm_source=news&utm_medium=email&token=x HTTP/1.1"))
    context = event["context"]
    assert context["page_url"] == "/?utm_source=news&utm_medium=email"
    assert (context["campaign_source"], context["channel_group"]) == ("news", "email")


def test_a_link_that_may_be_internal_has_no_channel(tmp_path: Path) -> None:
    (event,) = told(tmp_path, line(referrer="http://somewhere.test/"))
    assert "channel_group" not in event["context"]


@pytest.mark.parametrize(
    ("agent", "reason"), [(GOOGLEBOT, "known_crawler"), ("-", "no_user_agent"), ("curl/8.5.0", "http_client")]
)
def test_a_crawler_is_flagged_and_kept(tmp_path: Path, agent: str, reason: str) -> None:
    (event,) = told(tmp_path, line(agent=agent))
    assert (event["context"]["is_bot"], event["context"]["bot_reasons"]) == (True, [reason])


@pytest.mark.parametrize(
    "bad",
    [
        line()[:-1],
        line().rpartition(' "')[0],
        "8.8.8.8 - - hello",
        '{"request": "GET /"}',
        line(status=20000),
    ],
)
def test_a_malformed_line_is_rejected_with_its_number_and_without_its_text(tmp_path: Path, bad: str) -> None:
    first, rejected, last = told(tmp_path, line(), bad, line())
    assert "properties.malformed_line_2: is not in the contract" in catalogue().validate(rejected)
    assert not re.search("8[.]8|hello|GET", str(rejected))
    assert (first["occurrence"], last["occurrence"]) == (1, 2)


def test_a_time_that_is_none_is_a_reason(tmp_path: Path) -> None:
    (event,) = told(tmp_path, line().replace("02/Jan", "31/Feb"))
    assert [reason.split(":")[0] for reason in catalogue().validate(event)] == ["occurred_at"]


def test_more_fields_at_the_end_and_empty_lines_are_no_fault(tmp_path: Path) -> None:
    told_events = told(tmp_path, line() + ' "203.0.113.9" 0.012', "", line())
    assert [catalogue().validate(event) for event in told_events] == [[], []]


def test_a_packed_log_gives_the_same_events(tmp_path: Path) -> None:
    expected = told(tmp_path, line(), line(agent=GOOGLEBOT))
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress((tmp_path / "access.log").read_bytes()))
    assert events(packed) == expected
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match="is truncated or damaged"):
        events(packed)


def test_a_log_that_is_not_utf8_is_named_by_place(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(line().encode() + b"\n\xa3\n")
    with pytest.raises(UserError, match=r"not UTF-8 at byte \d+ in line 2"):
        events(tmp_path / "access.log")


def test_the_published_log_loses_no_line(shared: Any) -> None:
    path = shared("web_access_log/apache_access.log.gz")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    pairs = list(zip(events(path), lines, strict=True))
    assert len({event["event_id"] for event, _ in pairs}) == len(pairs) == 10_000
    rejected = [number for number, (event, _) in enumerate(pairs, 1) if catalogue().validate(event)]
    assert rejected == [8_899]
    good = [pair for pair in pairs if "context" in pair[0]]
    assert len(good) == 9_999
    assert len({written.split()[0] for _, written in good}) == 1_753
    assert len({event["visitor_id"] for event, _ in good}) == 1_861
    assert Counter(event["properties"]["page_type"] for event, _ in good) == {
        "asset": 5_356,
        "page": 4_423,
        "error": 220,
    }
    crawled = [event for event, written in good if crawleruseragents.is_crawler(written.split('"')[5])]
    assert len(crawled) == 1_955
    assert all(event["context"]["is_bot"] for event in crawled)
    # And those that name no browser, HTTP clients, and crawlers that only ua-parser knows.
    assert sum(event["context"]["is_bot"] for event, _ in good) == 2_184
