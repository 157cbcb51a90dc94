"""Exports that no spreadsheet takes for formulas.

Superset's own escaping passes over index labels, categories and all that it streams, and writes by position
into rows that it finds by label: sorted rows leave with each other's texts. So every way out uses `safe`.
"""

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

# The same two rules as in lakehouse/printing.py, which lives in another environment.
FORMULA = re.compile(r"""[\t\r\n]|[\s"]*[=+\-@|%＝＋－＠]""")  # wide ones count as well
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def safe(value: Any) -> Any:
    """Text that begins like a formula, behind an apostrophe; anything else as it is."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy whose texts, headers and index labels are safe; numbers and times keep their types."""
    columns = [
        column
        if is_numeric_dtype(column.dtype) or is_datetime64_any_dtype(column.dtype)
        else pd.Series([safe(value) for value in column], index=frame.index, dtype=object)
        for _, column in frame.items()
    ]
    copy = pd.concat(columns, axis=1) if columns else frame.copy()
    copy.columns = frame.columns  # concat would number them
    if not isinstance(frame.index, pd.RangeIndex):
        copy = copy.rename(index=safe).rename_axis(index=[safe(name) for name in frame.index.names])
    return copy.rename(columns=safe)


class SafeWriter:
    """A csv.writer whose rows are safe."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def writerow(self, row: Any) -> None:
        """One row, a header or values."""
        self.writer.writerow([safe(value) for value in row])


def register() -> None:
    """Put `safe` into each of Superset's ways out; a version without them stops here, at its start."""
    from superset.commands.streaming_export.base import BaseStreamingCSVExportCommand as Streaming
    from superset.utils import csv, excel

    _, quote_formulas = csv.df_to_escaped_csv, excel.quote_formulas
    write_header, process_rows = Streaming._write_csv_header, Streaming._process_rows

    def safe_header(self: Any, columns: list[str], writer: Any, buffer: Any) -> Any:
        return write_header(self, columns, SafeWriter(writer), buffer)

    def safe_rows(self: Any, result: Any, writer: Any, buffer: Any, limit: int | None) -> Iterator[Any]:
        return process_rows(self, result, SafeWriter(writer), buffer, limit)  # type: ignore[no-any-return]

    csv.df_to_escaped_csv = lambda frame, **options: safe_frame(frame).to_csv(escapechar="\\", **options)
    excel.quote_formulas = lambda frame: quote_formulas(safe_frame(frame))
    Streaming._write_csv_header, Streaming._process_rows = safe_header, safe_rows
