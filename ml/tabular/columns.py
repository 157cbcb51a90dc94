"""What the columns of a table hold, and their values in one form: numbers, days, levels, texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.errors import UserError
from ml.arrays import Matrix
from ml.files import Frame, moments

LEVELS = 50  # of a category that get a column of their own
WORDS = 3.0  # on average, from which a varied column is text
DAY = 86_400_000_000  # microseconds
KINDS = {"number": "numbers", "date": "dates", "category": "text", "text": "text"}
HUGE = 1e37  # trees take numbers of 32 bits, which end soon after
DECIMALS = re.compile(r"^([+-]?\d+)\.0+$")
TRUTH = {"true": "1", "false": "0"}
NO_VALUE = ("", "na", "n/a", "nan", "null", "none")

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Column:
    """A column and its kind: number, date, category, text, or dropped with the reason."""

    name: str
    kind: str
    reason: str = ""


def infer(frame: Frame, target: str) -> list[Column]:
    """Kinds of all columns but the target; UserError when none is left to learn from."""
    columns = [inferred(frame[name]) for name in frame.columns if name != target]
    if all(column.kind == "dropped" for column in columns):
        why = ", ".join(f"{column.name} is {column.reason}" for column in columns) or "there is no other"
        raise UserError(f"No column beside {target} can be learned from: {why}.")
    return columns


def inferred(values: Any) -> Column:
    """The kind of one column."""
    name = str(values.name)
    dtype = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Column(name, "date") if values.nunique() > 1 else Column(name, "dropped", "constant")
    texts = as_texts(values)
    present = texts[known(texts)]
    if len(present) == 0:
        return Column(name, "dropped", "empty")
    distinct = len(set(present))
    if distinct == 1 and len(present) == len(texts):
        return Column(name, "dropped", "constant")
    unique = distinct == len(texts) and len(texts) >= 20
    numbers = parsed_numbers(texts)
    if not np.isnan(numbers[known(texts)]).any():
        refuse_huge(numbers, texts, name, "the data")
        whole = unique and bool((numbers == np.floor(numbers)).all())
        if whole and (counts_up(numbers) or looks_like_id(name)):
            return Column(name, "dropped", "an id")
        return Column(name, "number")
    if parsed_dates(present).notna().all():
        return Column(name, "date")
    words = float(np.mean([len(text.split()) for text in present[:5_000]]))
    if words >= WORDS and distinct > max(LEVELS / 2, 0.1 * len(present)):
        return Column(name, "text")
    if unique or (distinct > LEVELS and distinct > 0.5 * len(present)):
        return Column(name, "dropped", "an id")
    return Column(name, "category")


def counts_up(numbers: Matrix) -> bool:
    """Whether whole numbers go up one by one, as row numbers do."""
    return bool((np.diff(numbers) == 1).all())


def looks_like_id(name: str) -> bool:
    words = name.replace("-", "_").replace(" ", "_").lower().split("_")
    return words[-1] in ("id", "key", "uuid", "number", "no") or name.endswith("ID")


def as_texts(values: Any) -> Texts:
    """Values as stripped text, None where there is none; whole numbers without their .0."""
    if pd.api.types.is_float_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.array([None if np.isnan(n) else plain(repr(float(n))) for n in numbers], dtype=object)
    found: list[str | None] = []
    for value in values.tolist():
        if isinstance(value, list | dict | set | np.ndarray):
            raise UserError(f"Column {values.name} holds {type(value).__name__}s, not single values.")
        text = None if value is None or value is pd.NA or value is pd.NaT or value != value else str(value)
        text = text.strip() if text is not None else None
        found.append(None if text is None or text.lower() in NO_VALUE else text)
    return np.array(found, dtype=object)


def plain(text: str) -> str:
    """A whole number without the decimals that some programs write, other text as it is."""
    return DECIMALS.sub(r"\1", text)


def same(text: str) -> str:
    """A label in the one spelling by which labels are compared: 1.0 is 1, TRUE is true."""
    text = plain(text)
    return text.lower() if text.lower() in TRUTH else text


def known(texts: Texts) -> NDArray[np.bool_]:
    return np.array([text is not None for text in texts], dtype=bool)


def parsed_numbers(texts: Texts) -> Matrix:
    """Numbers, 1 for true and 0 for false, NaN where there is none or the text is none of these."""
    read = [text if text is None else TRUTH.get(text.lower(), text) for text in texts]
    numbers: Matrix = pd.to_numeric(pd.Series(read, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    return numbers


def parsed_dates(texts: Texts) -> Any:
    """Times in UTC, NaT where there is none or the text is no ISO date."""
    return moments(pd.Series(texts, dtype="string"))


def number_values(values: Any, where: str) -> Matrix:
    """A column of numbers; UserError names the first value that is none."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        raise UserError(f"Column {values.name} of {where} must hold numbers, not dates.")
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers: Matrix = values.to_numpy(dtype=np.float64, na_value=np.nan)
        texts = np.array([None if np.isnan(number) else str(number) for number in numbers], dtype=object)
    else:
        texts = as_texts(values)
        numbers = parsed_numbers(texts)
    refuse(known(texts) & np.isnan(numbers), texts, values.name, where, "numbers")
    refuse_huge(numbers, texts, values.name, where)
    return numbers


def date_values(values: Any, where: str) -> Any:
    """A column of times, in UTC; UserError names the first value that is none."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return pd.to_datetime(values, utc=True).reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(values.dtype):
        raise UserError(f"Column {values.name} of {where} must hold dates, not numbers.")
    texts = as_texts(values)
    times = parsed_dates(texts)
    refuse(known(texts) & times.isna().to_numpy(), texts, values.name, where, "dates")
    return times


def text_values(values: Any, where: str) -> Texts:
    """A column of levels or texts; UserError when it holds numbers or dates by its type."""
    dtype = values.dtype
    is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if (is_number and values.notna().any()) or pd.api.types.is_datetime64_any_dtype(dtype):
        held = "numbers" if is_number else "dates"
        raise UserError(f"Column {values.name} of {where} must hold text, not {held}.")
    return as_texts(values)


def refuse(bad: Any, texts: Texts, name: str, where: str, wanted: str) -> None:
    """UserError for the first bad value."""
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"Column {name} of {where} must hold {wanted}; row {row + 1} holds {str(texts[row])[:40]!r}."
        )


def refuse_huge(numbers: Matrix, texts: Texts, name: str, where: str) -> None:
    """UserError for the first number that is infinite, or may become so."""
    refuse(np.abs(numbers) > HUGE, texts, name, where, f"numbers within {HUGE:.0e}".replace("+", ""))


def check_columns(frame: Frame, columns: Sequence[Column], target: str, where: str) -> None:
    """UserError that names columns which the model needs and a table lacks, or does not know."""
    wanted = [column.name for column in columns if column.kind != "dropped"]
    if missing := [name for name in wanted if name not in frame.columns]:
        plural = "s" if len(missing) > 1 else ""
        raise UserError(f"{where} lacks the column{plural} {', '.join(missing)}, which the model needs.")
    known_names = {column.name for column in columns} | {target}
    if extra := [str(name) for name in frame.columns if name not in known_names]:
        plural = "s" if len(extra) > 1 else ""
        raise UserError(f"{where} has the column{plural} {', '.join(extra)}, which the model does not know.")
