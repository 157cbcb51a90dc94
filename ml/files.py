"""Tables in files, CSV (also gzipped) or Parquet, with one sentence for whatever is wrong with them."""

import operator
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import UserError

Frame = pd.DataFrame

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # pandas writes it beside the columns
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
        frame = (read_parquet if kind(path) == "Parquet" else read_csv)(path, columns)
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
        if kind(path) == "Parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False)
    except OSError as reason:
        raise UserError(f"{path} cannot be written ({reason.strerror or reason}).") from None


def kind(path: Path) -> str:
    """What a file is taken for, by its name."""
    return "Parquet" if path.suffix.lower() == ".parquet" else "CSV"


def read_parquet(path: Path, columns: Sequence[str] | None) -> Frame:
    """As the file says it, whoever wrote it: pandas' own notes would hide columns as an index, and
    whole numbers beside a missing one would lose their last digits as floats."""
    file = pq.ParquetFile(path)
    there = [name for name in file.schema_arrow.names if not UNNAMED_INDEX.fullmatch(name)]
    require(columns or (), there, path)
    wanted = list(dict.fromkeys(columns)) if columns else there
    read = file.read(columns=wanted)
    frame: Frame = read.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return frame


def read_csv(path: Path, columns: Sequence[str] | None) -> Frame:
    """Text; UserError where rows have more fields than the header, since nobody can say which is which."""
    options: Any = {
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",  # spreadsheets put a mark before the first name
    }
    # pandas would number names that come twice
    names = [str(name) for name in pd.read_csv(path, header=None, nrows=1, **options).iloc[0]]
    require(columns or (), [name for name in names if name], path)
    wanted = list(dict.fromkeys(columns)) if columns else None
    # fewer names than fields would make an index of the first ones
    options |= {"na_values": list(MISSING), "index_col": False, "skip_blank_lines": len(names) > 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            pd.read_csv(path, nrows=1, **options)  # with `usecols` pandas would not look
            frame: Frame = pd.read_csv(path, usecols=wanted, **options)
        except pd.errors.ParserWarning:
            raise UserError(
                f"{path} has more fields in a row than the {len(names)} names of its first line:"
                " give each column a name."
            ) from None
    return frame


def require(columns: Sequence[str], there: Sequence[str], path: Path) -> None:
    """UserError that names the columns which are not there, and those which are; or one that is twice."""
    if twice := [name for name, count in Counter(there).items() if count > 1]:
        raise UserError(f"{path} names the column {twice[0]} twice: which one is meant cannot be told.")
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
        if pd.api.types.is_bool_dtype(values) and value.lower() in ("true", "false"):
            value = str(int(value.lower() == "true"))
        number = pd.to_numeric(pd.Series([value]), errors="coerce")[0]
        if pd.notna(number) and not pd.api.types.is_datetime64_any_dtype(values):
            met = SIGNS[sign](pd.to_numeric(values, errors="coerce"), number)
        elif pd.api.types.is_datetime64_any_dtype(values):
            met = SIGNS[sign](values, instant(value, column, values.dt.tz))
        else:
            met = SIGNS[sign](values.astype("string"), value)
        frame = frame[met.fillna(sign == "!=").astype(bool)]
    return frame


def moments(texts: Any) -> Any:
    """Times in UTC of a series of texts, NaT where there is none or the text is no ISO date."""
    # "now" and "today" would be the clock's
    return pd.to_datetime(texts.where(texts.str.match(r"\d")), format="ISO8601", errors="coerce", utc=True)


def instant(value: str, column: str, zone: Any) -> pd.Timestamp:
    """A date or time of a condition, in the zone of the column where it has one; else in UTC."""
    try:
        moment = pd.Timestamp(value)
    except ValueError:
        raise UserError(f"{value!r} is no date, as column {column} holds.") from None
    if zone is not None:
        return moment.tz_localize(zone) if moment.tzinfo is None else moment.tz_convert(zone)
    return moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)
