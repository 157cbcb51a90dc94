"""Landing's own check of what no collector checked: the same validator, whatever the bytes are."""

from typing import Any

import orjson
import pytest

from ingestion.contract import catalogue
from ingestion.streams import checks


def test_a_record_that_keeps_its_contract_has_no_reasons(order: dict[str, Any]) -> None:
    assert checks.reasons(orjson.dumps(order)) == []


def test_reasons_are_those_of_the_collector(order: dict[str, Any]) -> None:
    bad = {**order, "source": "No Good", "contract_version": 2}
    assert checks.reasons(orjson.dumps(bad)) == catalogue().validate(bad) != []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "event: is empty"),
        (b"{", "event: is not JSON"),
        (b'{"a": 1} {"a": 1}', "event: is not JSON: unexpected content after document"),
        (b"{'a': 1}", "event: is not JSON"),
        (b'{"a": NaN}', "event: is not JSON"),
        (b'"\\ud800"', "event: is not JSON: no low surrogate"),
        (b'{"a": "\xff"}', "event: is not UTF-8 at byte 7"),
        (b"[" * 100_000, "event: is not JSON"),
        (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, "event: cannot be written as JSON"),
        (b"[]", "event: [] is not of type"),
        (b"null", "event: null is not of type"),
    ],
)
def test_bytes_of_any_kind_are_a_reason_and_no_error(payload: bytes, reason: str) -> None:
    assert any(found.startswith(reason) for found in checks.reasons(payload)), checks.reasons(payload)


def test_only_a_stamp_of_these_contracts_counts() -> None:
    assert f"X'{catalogue().digest}'" in checks.is_stamped(catalogue())


def test_text_in_sql_cannot_end_its_quotes() -> None:
    assert checks.literal("it's a \\") == "'it\\'s a \\\\'"
