"""After a fix, a replay of dead letters gives the rows that good events would have given, once."""

import json
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from ingestion import dead_letters
from ingestion.contract import catalogue
from ingestion.resend import Resent, resend
from ingestion.streams import checks
from tests.made import CONSENT, REASONS, order

pytestmark = pytest.mark.engine

SOURCE = "z_letters"
RECEIVED = "2025-01-31T08:30:01.500000Z"
LANDING = {"event_id", "received_at", *catalogue().landing["properties"]}
SAID = ", ".join(column.name for column in catalogue().raw_columns() if column.name not in LANDING)
UNKNOWN_VERSION = "contract_version: is not a known version of order_placed (1)"
UNKNOWN_FIELD = "colour: is not in the contract"
WITHOUT_CONSENT = "properties.lines[].quantity: breaks the contract"
WRONG_TYPE = 'properties.lines[].quantity: is not of type "number"'
MENDED_SINCE = "x: was unknown then"


def made(event_id: str, **envelope: Any) -> dict[str, Any]:
    return order(event_id, **{"source": SOURCE, "consent": CONSENT} | envelope) | {
        "properties": order("o1")["properties"]
    }


def wrong_quantity(event_id: str) -> dict[str, Any]:
    event = made(event_id)
    event["properties"]["lines"][0]["quantity"] = "3"
    return event


@pytest.fixture(scope="module")
def letters(stack: Any) -> dict[str, str]:
    """Landed letters of every origin beside good events; kind of reason -> id of the last such letter."""
    by_collector = [
        made("good"),
        made("version", contract_version=2),
        {**made("field"), "colour": "red"},
        {**wrong_quantity("silent"), "consent": None},
    ]
    settings = stack.settings
    url = f"http://{settings.host}:{settings.collector_port}/v1/events"
    assert httpx.post(url, json=by_collector, timeout=60).status_code == 400
    # Other programs write what they want, and twice.
    by_others = [made("raw-good"), *[wrong_quantity("raw")] * 2]
    stack.send("orders", *map(orjson.dumps, by_others), b"no event")
    mended = {"reasons": [MENDED_SINCE], "payload": json.dumps(made("fixed")), "source": SOURCE}
    stack.send("dead_letter", orjson.dumps(mended | {"received_at": RECEIVED}))
    stack.wait_landed()
    return {row["reason"]: row["last_id"] for row in listed(stack)}


def listed(stack: Any) -> list[dict[str, Any]]:
    shown = json.loads(stack.run("lakehouse", "dead-letters", "list", "--json").stdout)
    return [row for row in shown if row["source"] == SOURCE]


def first_letter(stack: Any, reason: str) -> str:
    return next(dead_letters.letters(stack.settings, reason, SOURCE)).id


def said(stack: Any, event_id: str) -> list[str]:
    """What each accepted row of the event says, all but its id and what collector and landing add."""
    where = f"is_accepted and source = '{SOURCE}' and event_id = '{event_id}'"
    rows = stack.query(f"select to_json(struct({SAID})) as said from raw.events where {where}")
    return [row["said"] for row in rows]


def rejected(stack: Any) -> int:
    return int(stack.query("select count(*) as n from raw.events where not is_accepted")[0]["n"])


def counts(done: Resent) -> tuple[int, int, int]:
    assert done.read == done.published + done.already_accepted + done.not_published
    return done.published, done.already_accepted, done.not_published


def test_letters_are_listed_by_the_kind_of_their_reasons(stack: Any, letters: dict[str, str]) -> None:
    found = {row["reason"]: (row["letters"], row["accepted_since"]) for row in listed(stack)}
    assert found == {
        UNKNOWN_VERSION: (1, 0),
        UNKNOWN_FIELD: (1, 0),
        WITHOUT_CONSENT: (1, 0),
        WRONG_TYPE: (2, 0),
        MENDED_SINCE: (1, 0),
    }


def test_kinds_are_the_same_in_sql_as_in_python(stack: Any) -> None:
    values = ", ".join(f"({checks.literal(reason)})" for reason in REASONS)
    rows = stack.query(f"select r, {dead_letters.kind_sql('r')} as kind from values {values} as made (r)")
    assert {row["r"]: row["kind"] for row in rows} == REASONS


def test_what_keeps_its_contract_by_now_becomes_an_event_once(stack: Any, letters: dict[str, str]) -> None:
    before = rejected(stack)
    rehearsed = resend(stack.settings, source=SOURCE, dry_run=True)
    assert rehearsed.still_broken == {
        f"{WRONG_TYPE} ({first_letter(stack, WRONG_TYPE)})": 2,
        f"{UNKNOWN_VERSION} ({letters[UNKNOWN_VERSION]})": 1,
        f"colour: its value was not kept; mend it in a file ({letters[UNKNOWN_FIELD]})": 1,
        f"event: came without consent, so its content was not kept ({letters[WITHOUT_CONSENT]})": 1,
    }
    stack.wait_landed()
    assert (counts(rehearsed), said(stack, "fixed")) == ((1, 0, 5), [])
    assert "published" in stack.run("lakehouse", "dead-letters", "replay", "--source", SOURCE).stdout
    assert counts(resend(stack.settings, source=SOURCE)) == (0, 1, 5)
    assert counts(resend(stack.settings, reason=MENDED_SINCE)) == (0, 1, 0)
    (row,) = said(stack, "fixed")
    assert row == said(stack, "raw-good")[0]
    received = stack.query(
        "select date_format(received_at, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'\") as at from raw.events"
        f" where source = '{SOURCE}' and event_id = 'fixed'"
    )
    assert received == [{"at": RECEIVED}]
    assert rejected(stack) == before
    now = {row["reason"]: row["accepted_since"] for row in listed(stack)}
    assert (now.pop(MENDED_SINCE), set(now.values())) == (1, {0})


def test_mended_events_give_the_rows_of_good_ones(
    stack: Any, letters: dict[str, str], tmp_path: Path
) -> None:
    command = ["lakehouse", "dead-letters", "show", letters[UNKNOWN_VERSION]]
    assert "reason    contract_version: 2 is not" in stack.run(*command).stdout
    by_collector = json.loads(stack.run(*command, "--payload").stdout)
    assert by_collector["customer_id"].startswith("p1_")
    assert by_collector["received_at"]
    raw = letters[WRONG_TYPE]
    by_others = json.loads(dead_letters.letter(stack.settings, raw).text)
    by_others["properties"]["lines"][0]["quantity"] = 3
    file = tmp_path / "mended.jsonl"
    mended = [
        by_collector | {"contract_version": 1},
        by_others,
        by_others | {"event_id": "bad", "source": "B"},
    ]
    file.write_bytes(b"\n".join(map(orjson.dumps, mended)))
    assert counts(resend(stack.settings, file=file)) == (2, 0, 1)
    assert counts(resend(stack.settings, file=file)) == (0, 2, 1)
    # By the same door with the same pseudonym, or past it with the id in clear.
    assert said(stack, "version") == said(stack, "good")
    assert said(stack, "raw") == said(stack, "raw-good")
    now = {row["reason"]: row["accepted_since"] for row in listed(stack)}
    assert (now[UNKNOWN_VERSION], now[WRONG_TYPE]) == (1, 2)


def test_letters_beyond_one_page_are_all_read(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(dead_letters.letters(stack.settings, None, SOURCE))
    monkeypatch.setattr(dead_letters, "AT_ONCE", 2)
    assert list(dead_letters.letters(stack.settings, None, SOURCE)) == whole
    assert len(whole) == 6


def test_a_letter_that_is_not_there_is_one_sentence(stack: Any) -> None:
    done = stack.run("lakehouse", "dead-letters", "show", "orders-0-999999999", check=False)
    assert done.returncode == 1
    assert "There is no dead letter orders-0-999999999" in done.stderr
