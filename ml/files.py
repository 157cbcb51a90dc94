"""Tables in files, CSV (also gzipped) or Parquet, with one sentence for whatever is wrong with them."""

import operator
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import UserError

Frame = pd.DataFrame

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
CONDITION = re.compile(r"\s*(?P<column>.+?)\s*(?P<sign><=|>=|!=|=|<|>|\^|!\^)\s*(?P<value>.*?)\s*")
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def read_table(path: Path, columns: Sequence[str] | None = None) -> Frame:
    """The rows of a file; text stays text in CSV, so that ids keep their zeros.

    Only `columns` are read where they are given. UserError when the file or a column is not there,
    or there is no row.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        frame = read_parquet(path, columns) if path.suffix == ".parquet" else read_csv(path, columns)
    except (OSError, EOFError, zlib.error, pa.ArrowException, UnicodeDecodeError, pd.errors.ParserError) as e:
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise UserError(f"{path} cannot be read as {kind(path)}: {reason}.") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    if not len(frame):
        raise UserError(f"{path} has no rows.")
    return frame


def write_table(frame: Frame, path: Path) -> None:
    """Write rows as Parquet or CSV, by the file's name; UserError when it cannot be written."""
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False)
    except OSError as reason:
        raise UserError(f"{path} cannot be written ({reason.strerror}).") from None


def kind(path: Path) -> str:
    """What a file is taken for, by its name."""
    return "Parquet" if path.suffix == ".parquet" else "CSV"


def read_parquet(path: Path, columns: Sequence[str] | None) -> Frame:
    file = pq.ParquetFile(path)
    require(columns or (), file.schema_arrow.names, path)
    frame: Frame = file.read(columns=list(dict.fromkeys(columns)) if columns else None).to_pandas()
    return frame


def read_csv(path: Path, columns: Sequence[str] | None) -> Frame:
    options: Any = {
        "dtype": str,
        "keep_default_na": False,
        "na_values": list(MISSING),
        "encoding": "utf-8-sig",
    }
    options["encoding"] = "utf-8-sig"  # spreadsheets put a mark before the first name
    header = pd.read_csv(path, nrows=0, **options)
    require(columns or (), list(header.columns), path)
    # fewer names than fields would make an index of the first ones
    wanted = list(dict.fromkeys(columns)) if columns else None
    frame: Frame = pd.read_csv(path, index_col=False, usecols=wanted, **options)
    return frame


def require(columns: Sequence[str], there: Sequence[str], path: Path) -> None:
    """UserError that names the columns which are not there, and those which are."""
    if missing := [name for name in columns if name not in there]:
        word = "column" if len(missing) == 1 else "columns"
        raise UserError(
            f"{path} has no {word} {', '.join(missing)}; it has {', '.join(map(str, there)) or 'none'}."
        )


def condition(text: str) -> tuple[str, str, str]:
    """(column, sign, value) of `COLUMN SIGN VALUE`; `^` is "begins with", `!^` "does not"."""
    found = CONDITION.fullmatch(text)
    if not found:
        raise UserError(
            f"{text!r} is no condition: write COLUMN SIGN VALUE with one of {', '.join(SIGNS)}, ^, !^."
        )
    return found["column"], found["sign"], found["value"]


def matching(frame: Frame, conditions: Sequence[str]) -> Frame:
    """The rows that meet every condition. Numbers compare as numbers where the value is one; a
    missing value meets none but `!=` and `!^`."""
    for text in conditions:
        column, sign, value = condition(text)
        values = frame[column]
        if sign in ("^", "!^"):
            begins = values.astype("string").str.startswith(value).fillna(False).astype(bool)
            frame = frame[begins if sign == "^" else ~begins]
            continue
        number = pd.to_numeric(pd.Series([value]), errors="coerce")[0]
        if pd.notna(number) and not pd.api.types.is_datetime64_any_dtype(values):
            met = SIGNS[sign](pd.to_numeric(values, errors="coerce"), number)
        elif pd.api.types.is_datetime64_any_dtype(values):
            met = SIGNS[sign](values, instant(value, column))
        else:
            met = SIGNS[sign](values.astype("string"), value)
        frame = frame[met.fillna(sign == "!=").astype(bool)]
    return frame


def instant(value: str, column: str) -> pd.Timestamp:
    """A date or time of a condition."""
    try:
        return pd.Timestamp(value)
    except ValueError:
        raise UserError(f"{value!r} is no date, as column {column} holds.") from None
