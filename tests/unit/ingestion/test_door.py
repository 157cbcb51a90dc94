"""The collector's door: keys, limits, consent, pseudonyms, WebSocket, figures; with a fake producer."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ingestion.collector import body
from ingestion.collector.access import Buckets, SourceKeys, household_of
from ingestion.contract import catalogue
from lakehouse.errors import UserError

SERVER_KEY, BROWSER_KEY, OTHER_KEY = "server-key-of-the-web", "public-key-of-the-web", "server-key-of-an-app"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
PACKED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
OpenDoor = Callable[..., TestClient]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"# shop\nweb server {SERVER_KEY}\nweb browser {BROWSER_KEY}\n\napp server {OTHER_KEY}\n")
    return file


def silent(order: dict[str, Any]) -> dict[str, Any]:
    """The event without a word on consent."""
    return {name: value for name, value in order.items() if name != "consent"}


def test_no_id_address_or_user_agent_reaches_kafka(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any]
) -> None:
    sent = order | {"visitor_id": "visitor-7", "session_id": "session-7"}
    sent["context"] = {"page_url": "https://shop.test/?email=bob@mail.test", "language": "de"}
    headers = {"User-Agent": CHROME, "X-Forwarded-For": "8.8.8.8"}
    assert open_door(trusted_proxy=True).post("/track-event", json=sent, headers=headers).status_code == 202
    (event,) = fake_producer.events()
    text = json.dumps(event)
    assert not [
        clear for clear in ("17850", "visitor-7", "session-7", "bob", "8.8.8", "Mozilla") if clear in text
    ]
    assert event["context"]["country_code"] == "US"
    assert event["context"]["browser_name"] == "Chrome"
    assert fake_producer.sent[0][1] == event["customer_id"]


def test_nor_by_way_of_a_dead_letter(open_door: OpenDoor, fake_producer: Any, order: dict[str, Any]) -> None:
    bad = order | {"contract_version": 2, "email": "bob@mail.test", "visitor_id": 17850}
    assert open_door().post("/track-event", json=bad).status_code == 400
    text = json.dumps(fake_producer.events("dead_letter"))
    assert not [clear for clear in ("17850", "bob") if clear in text]


def test_the_same_customer_has_the_same_pseudonym(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any]
) -> None:
    open_door().post("/v1/events", json=[order, {**order, "event_id": "e-2"}, {**order, "customer_id": "1"}])
    first, second, other = [event["customer_id"] for event in fake_producer.events()]
    assert first == second != other


@pytest.mark.parametrize("consent", [None, {"analytics": False, "marketing": True}, {}])
def test_a_browser_without_consent_leaves_a_count(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any], consent: Any
) -> None:
    answer = open_door().post("/track-event", json={**order, "consent": consent})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    ((topic, _, event),) = fake_producer.sent
    assert (topic, event["event_type"]) == ("clickstream", "event_counted")
    assert event["properties"] == {"counted_event_type": "order_placed"}
    assert event["occurred_at"] == "2025-01-31T08:00:00Z"
    assert set(event["context"]) <= {"device_type", "country_code"}
    assert "17850" not in json.dumps(event)
    assert catalogue().validate(event) == []


def test_without_consent_a_bad_event_is_answered_in_full_and_kept_bare(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any]
) -> None:
    bad = silent(order) | {"customer_id": 17850}
    answer = open_door().post("/track-event", json=bad)
    assert "17850" in answer.json()["rejected"][0]["reasons"][0]
    (letter,) = fake_producer.events("dead_letter")
    assert (letter["reasons"], letter["source"]) == (["customer_id: breaks the contract"], "web")
    assert json.loads(letter["payload"]) == {"event_type": "order_placed", "source": "web"}


@pytest.mark.parametrize(("setting", "kept"), [(True, "order_placed"), (False, "event_counted")])
def test_a_server_that_is_silent_about_consent_has_it_by_setting(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any], keys: Path, setting: bool, kept: str
) -> None:
    client = open_door(source_keys_file=keys, server_consent=setting)
    client.post("/track-event", json=silent(order), headers={"X-Source-Key": SERVER_KEY})
    client.post("/track-event?key=" + BROWSER_KEY, json=silent(order))
    assert [event["event_type"] for event in fake_producer.events()] == [kept, "event_counted"]
    assert fake_producer.events()[0]["context"]["device_type"] == "server" or kept == "event_counted"


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Authorization": f"Bearer {SERVER_KEY}"}, "", 202),
        ({"Authorization": f"bearer {BROWSER_KEY}"}, "", 202),
        ({"X-Source-Key": SERVER_KEY}, "", 202),
        ({}, f"?key={BROWSER_KEY}", 202),
        ({}, f"?key={SERVER_KEY}", 401),
        ({"Authorization": f"Basic {SERVER_KEY}"}, "", 401),
        ({"X-Source-Key": SERVER_KEY + "x"}, "", 401),
        ({"X-Source-Key": "\xff"}, "", 401),
        ({}, "", 401),
    ],
)
def test_with_keys_only_their_holders_may_send(
    open_door: OpenDoor, order: dict[str, Any], keys: Path, headers: dict[str, str], query: str, status: int
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = open_door(source_keys_file=keys).post(f"/track-event{query}", json=order, headers=raw)
    assert answer.status_code == status
    assert status == 202 or answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_is_for_its_source_alone(
    open_door: OpenDoor, fake_producer: Any, order: dict[str, Any], keys: Path
) -> None:
    client = open_door(source_keys_file=keys)
    answer = client.post("/v1/events", json=[order], headers={"X-Source-Key": OTHER_KEY})
    assert answer.json()["rejected"][0]["reasons"] == ["source: is not app, which the key is for"]
    assert fake_producer.events("dead_letter")[0]["source"] is None


@pytest.mark.parametrize(
    "line", ["web server short", "web admin " + "k" * 20, "Web server " + "k" * 20, "web"]
)
def test_a_keys_file_that_makes_no_sense_names_the_line_and_no_key(tmp_path: Path, line: str) -> None:
    file = tmp_path / "keys"
    file.write_text(f"\n{line}\n")
    with pytest.raises(UserError, match="line 2") as error:
        SourceKeys(file)
    assert "kkk" not in str(error.value)


def test_a_key_stands_once_and_its_file_is_there(tmp_path: Path, keys: Path) -> None:
    keys.write_text(f"web server {SERVER_KEY}\napp server {SERVER_KEY}\n")
    with pytest.raises(UserError, match="line 2"):
        SourceKeys(keys)
    with pytest.raises(UserError, match="LAKEHOUSE_SOURCE_KEYS_FILE"):
        SourceKeys(tmp_path / "absent")


def test_a_bucket_fills_again_and_each_sender_has_one() -> None:
    now = [0.0]
    buckets = Buckets(2, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(11)] == [0] * 10 + [1]
    assert buckets.take("b") == 0
    now[0] += 1
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]
    assert not any(Buckets(0).take("a") for _ in range(1000))


def test_who_comes_too_often_is_asked_to_wait(open_door: OpenDoor, order: dict[str, Any]) -> None:
    client = open_door(requests_per_second=0.1)
    assert client.post("/track-event", json=order).status_code == 202
    answer = client.post("/track-event", json=order)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 10
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_trusted_proxy_names_the_sender(
    open_door: OpenDoor, order: dict[str, Any], trusted: bool
) -> None:
    client = open_door(requests_per_second=0.01, trusted_proxy=trusted)
    sent = [{"X-Forwarded-For": "9.9.9.9, 10.0.0.1"}, {"X-Forwarded-For": "9.9.9.9, 10.0.0.2"}]
    found = [client.post("/track-event", json=order, headers=headers).status_code for headers in sent]
    assert found == [202, 202 if trusted else 429]


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("2606:4700::1", "2606:4700::ffff:1", True),
        ("2606:4700::1", "2606:4700:0:1::1", False),
        ("8.8.8.8", "8.8.8.9", False),
        ("::ffff:8.8.8.8", "::ffff:8.8.8.9", False),
        ("unknown", "testclient", False),
    ],
)
def test_a_line_has_one_limit_for_all_its_addresses(first: str, second: str, are_one: bool) -> None:
    assert (household_of(first) == household_of(second)) is are_one


def test_packed_events_are_unpacked(open_door: OpenDoor, order: dict[str, Any]) -> None:
    packed = gzip.compress(json.dumps([order]).encode())
    assert open_door().post("/v1/events", content=packed, headers=PACKED).status_code == 202


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (gzip.compress(b" " * 500 * body.MAX_BODY_BYTES, 9), 413),
        (gzip.compress(b"[]")[:-4], 400),
        (gzip.compress(b"[]") * 2, 400),
        (b"no gzip", 400),
        (b"", 400),
    ],
    ids=["bomb", "cut off", "two", "plain", "empty"],
)
def test_a_bomb_or_what_is_no_gzip_is_refused(
    open_door: OpenDoor, fake_producer: Any, packed: bytes, status: int
) -> None:
    assert open_door().post("/v1/events", content=packed, headers=PACKED).status_code == status
    assert fake_producer.sent == []


def test_another_encoding_is_415(open_door: OpenDoor) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    assert open_door().post("/v1/events", content=b"[]", headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("properties", "limit"),
    [
        ({"a": json.loads("[" * 20 + "]" * 20)}, "nested deeper"),
        ({"a": "x" * (body.MAX_TEXT + 1)}, "a text has more"),
        ({"x" * (body.MAX_TEXT + 1): 1}, "a text has more"),
        ({"a": [0] * (body.MAX_KEYS + 1)}, "keys and items"),
    ],
)
def test_an_event_beyond_the_limits_is_rejected(
    open_door: OpenDoor, order: dict[str, Any], properties: Any, limit: str
) -> None:
    answer = open_door().post("/v1/events", json=[order, {**order, "properties": properties}])
    assert (answer.status_code, answer.json()["accepted"]) == (400, 1)
    assert limit in answer.json()["rejected"][0]["reasons"][0]


def test_only_pages_on_the_list_may_read_answers(open_door: OpenDoor, order: dict[str, Any]) -> None:
    client = open_door(allowed_origins="https://shop.test, https://m.shop.test/")
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, allowed in (("https://m.shop.test", True), ("https://evil.test", False)):
        asked = client.options("/v1/events", headers={"Origin": origin, **wanted})
        assert (asked.headers.get("Access-Control-Allow-Origin") == origin) is allowed
        answer = client.post("/track-event", json=order, headers={"Origin": origin})
        assert ("Access-Control-Allow-Origin" in answer.headers) is allowed
    plain = open_door().post("/track-event", json=order, headers={"Origin": "https://shop.test"})
    assert "Access-Control-Allow-Origin" not in plain.headers


def test_figures_tell_what_became_of_events(open_door: OpenDoor, order: dict[str, Any]) -> None:
    client = open_door()
    client.post("/v1/events", json=[order, silent(order), {}])
    client.post("/v1/events", content=b"", headers={"Content-Type": "text/html"})
    shown = client.get("/metrics").text
    for line in ('events_total{outcome="accepted"} 2', 'events_total{outcome="counted"} 1',
                 'events_total{outcome="rejected"} 1', 'refused_total{status="415"} 1', "in_flight 0",
                 "publish_seconds_count 1"):  # fmt: skip
        assert f"collector_{line}.0\n" in shown


def test_the_description_holds_every_event_type_and_every_reference_leads_somewhere(
    open_door: OpenDoor,
) -> None:
    document = open_door().get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert set(catalogue().contracts) < set(schemas)
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    assert '"pii"' not in text
    assert document["openapi"] == "3.1.0"
