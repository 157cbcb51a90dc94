"""One published value is one typed value, from whatever format."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources.values import flag, identifier, moment, money, number, since_1970, text

NAN = float("nan")


@pytest.mark.parametrize("value", [17850, 17850.0, "17850", "17850.0", " 17850 "])
def test_an_id_is_the_same_from_every_format(value: Any) -> None:
    assert identifier(value) == "17850"


@pytest.mark.parametrize(("value", "id_"), [("85123A", "85123A"), ("C536379", "C536379"), ("1.10", "1.10")])
def test_an_id_that_is_no_number_stays(value: str, id_: str) -> None:
    assert identifier(value) == id_


@pytest.mark.parametrize("read", [identifier, text, number, money, moment])
@pytest.mark.parametrize("empty", [None, "", NAN])
def test_an_empty_cell_is_none(read: Any, empty: Any) -> None:
    if not (read is moment and empty is NAN):
        assert read(empty) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (6, 6),
        (6.0, 6),
        ("6", 6),
        ("6.0", 6),
        ("-1", -1),
        ("2.55", 2.55),
        (Decimal("2.55"), 2.55),
        ("1e3", 1000),
    ],
)
def test_a_number_is_whole_or_a_float(value: Any, expected: Any) -> None:
    assert number(value) == expected
    assert type(number(value)) is type(expected)


@pytest.mark.parametrize("value", ["abc", "1,5", "1_000", "nan", "inf", "0x10", "--1", "1.2.3", "٣"])
def test_what_is_no_number_stays_text_for_the_contract_to_reject(value: str) -> None:
    assert number(value) == value
    assert money(value) == value


def test_an_amount_has_no_float_noise() -> None:
    assert money(6 * 2.55) == 15.3
    assert money(1.776357e-15) == 0
    assert money("0.1000000000000000055511151231257827") == 0.1
    assert money(0.001) == 0.001


@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False))
def test_an_amount_of_cents_is_exact(amount: Decimal) -> None:
    assert Decimal(repr(money(str(amount)))) == amount == Decimal(repr(money(float(amount))))


@pytest.mark.parametrize(
    "value",
    [
        datetime(2010, 12, 1, 8, 26),
        "2010-12-01 08:26:00",
        "2010-12-01T08:26:00",
        "2010-12-01 08:26:00.000000",
        "2010-12-01 08:26:00 UTC",
        "2010-12-01T09:26:00+01:00",
        "12/1/2010 8:26",
        "12/01/2010 08:26:00",
    ],
)
def test_a_time_is_the_same_from_every_format(value: Any) -> None:
    assert moment(value) == "2010-12-01T08:26:00Z"


@pytest.mark.parametrize(
    "value", ["yesterday", "13/31/2010 8:26", "2010-02-30 08:26:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_stays_text_for_the_contract_to_reject(value: str) -> None:
    assert moment(value) == value


def test_fractions_of_a_second_stay() -> None:
    assert moment("2010-12-01 08:26:00.250") == "2010-12-01T08:26:00.25Z"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_511_539_200, "2017-11-24T16:00:00Z"),
        ("1511539200.5", "2017-11-24T16:00:00.5Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (None, None),
        ("soon", "soon"),
        (10**15, "1000000000000000"),
    ],
)
def test_unix_seconds_are_a_time_or_stay_the_text_they_were(value: Any, expected: str | None) -> None:
    assert since_1970(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, True),
        (0.0, False),
        ("1", True),
        (" False ", False),
        (True, True),
        (None, None),
        ("perhaps", "perhaps"),
    ],
)
def test_a_flag_is_true_or_false_or_stays_the_text_it_was(value: Any, expected: Any) -> None:
    assert flag(value) is expected or flag(value) == expected == "perhaps"
