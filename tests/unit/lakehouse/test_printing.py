"""Rows as a table, JSON or CSV."""

import csv
import dataclasses
import io
import json
from datetime import datetime
from decimal import Decimal

import pytest

from lakehouse import printing

ROWS: printing.Rows = [
    {"n": 1, "text": 'a,"b"\nc', "price": Decimal("2.50"), "at": datetime(2025, 1, 31, 8, 30), "no": None},
    {"n": 2, "text": "é", "price": None, "at": None, "no": None},
]


def test_json_is_one_array_with_numbers_as_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show(ROWS, "json")
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "n": 1,
        "text": 'a,"b"\nc',
        "price": 2.5,
        "at": "2025-01-31 08:30:00",
        "no": None,
    }
    assert second["text"] == "é"


def test_csv_has_a_header_and_quotes_what_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show(ROWS, "csv")
    header, first, second = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == list(ROWS[0])
    assert first == ["1", 'a,"b"\nc', "2.50", "2025-01-31 08:30:00", ""]
    assert second == ["2", "é", "", "", ""]


@pytest.mark.parametrize(("form", "shown"), [("json", "[]"), ("csv", ""), ("table", "0 rows")])
def test_no_rows_is_no_error(capsys: pytest.CaptureFixture[str], form: str, shown: str) -> None:
    printing.show([], form)
    assert capsys.readouterr().out.strip() == shown


def test_a_result_shows_each_field_and_each_of_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    for parts, expected in (({"a (x-0-1)": 1200}, "parts: a (x-0-1) │ 1,200"), ({}, "parts │ none")):
        printing.show_result(dataclasses.make_dataclass("Result", ["read", "parts"])(3, parts))
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        assert lines[-2:] == ["read │ 3", expected]


def test_a_table_shows_what_is_in_brackets_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show([{"reason": "[red]lines[/0]", "flag": True}], "table")
    out = capsys.readouterr().out
    assert "[red]lines[/0]" in out
    assert "1 row\n" in out
