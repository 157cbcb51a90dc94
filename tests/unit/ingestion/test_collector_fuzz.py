"""Whatever is sent, the collector answers for itself: never a 5xx, and every event is told of."""

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ingestion.contract import catalogue
from ingestion.topics import DEAD_LETTER
from tests.made import values

PATIENT = hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)
CONTRACTS = catalogue().contracts
GOOD = st.one_of(
    [values(CONTRACTS[name].event) for name in ("product_view", "order_placed", "customer_updated")]
)
FIELDS = st.sampled_from([*catalogue().envelope["properties"], "unknown"])

MARK = "4711081512345678"
CLEAR = st.sampled_from([MARK, int(MARK), [MARK], {"id": MARK}, MARK * 20])
SENT = {"Content-Type": "application/json"}


@st.composite
def odd_events(draw: st.DrawFn) -> Any:
    """An event that keeps its contract, but for some fields."""
    return {**draw(GOOD), **draw(st.dictionaries(FIELDS, JSON, max_size=3))}


@PATIENT
@given(batch=st.lists(GOOD | odd_events() | JSON, min_size=1, max_size=4))
def test_every_event_is_accepted_or_rejected_and_written(
    open_door: Callable[..., TestClient], fake_producer: Any, batch: list[Any]
) -> None:
    client, before = door(open_door), len(fake_producer.sent)
    answer = client.post(
        "/v1/events", content=orjson.dumps(batch), headers={"Content-Type": "application/json"}
    )
    told = answer.json()
    assert answer.status_code == (400 if told["rejected"] else 202)
    assert told["accepted"] + len(told["rejected"]) == len(batch)
    written = fake_producer.sent[before:]
    assert len([topic for topic, _, _ in written if topic == DEAD_LETTER]) == len(told["rejected"])
    assert all(catalogue().validate(event) == [] for topic, _, event in written if topic != DEAD_LETTER)


@PATIENT
@given(
    event=odd_events(),
    consent=st.sampled_from([{"analytics": True}, {"analytics": False}, None, "yes"]),
    ids=st.dictionaries(st.sampled_from(["customer_id", "visitor_id", "session_id"]), CLEAR, min_size=1),
)
def test_no_id_is_ever_written_in_clear(
    open_door: Callable[..., TestClient], fake_producer: Any, event: Any, consent: Any, ids: dict[str, Any]
) -> None:
    client, before = door(open_door), len(fake_producer.sent)
    client.post("/track-event", content=orjson.dumps({**event, "consent": consent, **ids}), headers=SENT)
    ((_, key, written),) = fake_producer.sent[before:]
    assert MARK not in f"{key} {orjson.dumps(written).decode()}"


@PATIENT
@given(
    path=st.sampled_from(["/track-event", "/v1/events", "/v1/events?key=x"]),
    content=st.binary(max_size=200) | JSON.map(orjson.dumps),
    kind=st.sampled_from(["application/json", "text/plain", "text/html", ""]),
    encoding=st.sampled_from(["", "identity", "gzip", "br"]),
    headers=st.dictionaries(
        st.sampled_from(["User-Agent", "X-Forwarded-For", "Authorization", "X-Source-Key", "Origin"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    ),
)
def test_no_request_is_the_collectors_own_error(
    open_door: Callable[..., TestClient],
    path: str,
    content: bytes,
    kind: str,
    encoding: str,
    headers: dict[str, str],
) -> None:
    sent = {"Content-Type": kind, "Content-Encoding": encoding, **headers}
    raw = {name: value.encode("latin-1") for name, value in sent.items() if value}
    assert door(open_door).post(path, content=content, headers=raw).status_code in (202, 400, 413, 415)


@PATIENT
@given(message=st.text(max_size=200) | JSON.map(lambda value: orjson.dumps(value).decode()))
def test_no_message_ends_the_socket(open_door: Callable[..., TestClient], message: str) -> None:
    with door(open_door).websocket_connect("/v1/stream") as socket:
        socket.send_text(message)
        assert set(socket.receive_json()) == {"accepted", "rejected"}


def door(open_door: Callable[..., TestClient]) -> TestClient:
    """One collector for all examples of a test."""
    if not hasattr(open_door, "client"):
        open_door.client = open_door(trusted_proxy=True, requests_per_second=0)  # type: ignore[attr-defined]
    client: TestClient = open_door.client  # type: ignore[attr-defined]
    return client
