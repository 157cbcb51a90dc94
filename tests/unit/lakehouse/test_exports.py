"""What is exported opens in a spreadsheet as text, by whichever way it leaves."""

import csv
import importlib.util
import io
from typing import Any

import pandas as pd
import pytest

from lakehouse import printing
from lakehouse.settings import ROOT

SPEC = importlib.util.spec_from_file_location("exports", ROOT / "superset" / "lakehouse_exports.py")
assert SPEC is not None
assert SPEC.loader is not None
exports = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(exports)

FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "|calc", "%x", " =1", "\t=1", "\r=1", "\ttext", '"=1', '""=1'),
    *("=cmd|' /C calc'!A0", '=HYPERLINK("//x")', "＝1", "\u00a0=1", "-", "+", "=", "--1", "-1-", "- 1"),
]
HARMLESS = ["", "a", "a=1", "-1", "+1", "-1.50", "1e-3", "-2E+5", "2025-01-31", "'=1", "é", "10 %"]


@pytest.mark.parametrize("safe", [printing.safe, exports.safe], ids=["sql", "superset"])
def test_only_what_begins_like_a_formula_gets_an_apostrophe(safe: Any) -> None:
    assert [safe(text) for text in FORMULAS] == [f"'{text}" for text in FORMULAS]
    assert [safe(text) for text in HARMLESS] == HARMLESS
    assert [safe(value) for value in (-1, -1.5, None, True)] == [-1, -1.5, None, True]


def test_csv_by_hand_is_safe_in_its_header_too(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show([{"=name": "=1+1", "n": -1}], "csv")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [["'=name", "n"], ["'=1+1", "-1"]]


def test_json_by_hand_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show([{"name": "=1+1"}], "json")
    assert capsys.readouterr().out == '[{"name": "=1+1"}]\n'


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"=v": ["a", "=1", "=2"]}).sort_values("=v", ascending=False),
        pd.DataFrame({"=v": ["=1", "=2"]}, index=[7, 7]),
        pd.DataFrame({"=v": [-1]}, index=pd.Index(["=1"], name="=i")),
        pd.DataFrame({"=v": [-1]}, index=pd.MultiIndex.from_tuples([("=1", "=2")], names=["=i", "j"])),
        pd.DataFrame([["=1", "=2"]], columns=["=v", "=v"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("=v", "=a"), ("=v", "=b")])),
        pd.DataFrame({"=v": pd.Series(["=1", None], dtype="category")}),
        pd.DataFrame({"=v": pd.Series(["=1", None], dtype="string")}),
    ],
    ids=["sorted", "index twice", "index", "two indexes", "same names", "two headers", "category", "string"],
)
def test_a_frame_of_any_shape_is_safe(frame: pd.DataFrame) -> None:
    before = frame.to_csv()
    cells = [cell for line in csv.reader(io.StringIO(exports.safe_frame(frame).to_csv())) for cell in line]
    assert cells == [printing.safe(cell) for line in csv.reader(io.StringIO(before)) for cell in line]
    assert frame.to_csv() == before, "the frame itself is what the chart draws"


def test_numbers_and_times_keep_their_types() -> None:
    whole = pd.Series([1, None, 3], dtype=object)
    frame = pd.DataFrame({"n": [1, -2, 3], "whole": whole, "at": pd.date_range("2025-01-31", periods=3)})
    safe = exports.safe_frame(frame)
    assert list(safe.dtypes) == list(frame.dtypes)
    assert safe.to_csv() == frame.to_csv()
    assert exports.safe_frame(frame.iloc[:0]).to_csv() == frame.iloc[:0].to_csv()
    assert exports.safe_frame(pd.DataFrame()).empty
