"""Tables as the matrices that models take; learned once, served from plain fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Matrix, numbers
from ml.files import Frame
from ml.tabular.columns import DAY, LEVELS, Column, date_values, known, number_values, text_values
from ml.text import Sparse, TfIdf

TERMS = 30_000  # of a text column, the most frequent ones
EPOCH = pd.Timestamp(0, tz="UTC").as_unit("us")  # nanoseconds would end in 2262
PARTS = ("weekday", "month", "hour")


@dataclass(frozen=True)
class Encoded:
    """`dense` (n x width) beside one sparse matrix per text column."""

    dense: Matrix
    texts: tuple[Sparse, ...]


class Encoder:
    """Numbers and days with the median where they are missing, and a flag for it; dates also as
    weekday, month and hour; a column per level of a category; TF-IDF of texts.

    `fields` are plain values: `columns`, `medians`, `flagged`, `levels`, `texts`.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.columns = [Column(**column) for column in fields["columns"]]
        self.texts = {name: TfIdf(text) for name, text in fields["texts"].items()}
        self.medians = {name: float(numbers(fields["medians"], name, ())) for name in fields["medians"]}
        self.names = tuple(self._names())

    @property
    def width(self) -> int:
        return len(self.names)

    def transform(self, frame: Frame, where: str) -> Encoded:
        """Rows of a table; UserError, which calls the table `where`, for a value of another kind."""
        blocks, texts = [np.empty((len(frame), 0))], []
        for column in self.columns:
            if column.kind == "text":
                found = text_values(frame[column.name], where)
                texts.append(self.texts[column.name].transform(["" if t is None else t for t in found]))
            elif column.kind != "dropped":
                blocks.append(self._block(frame[column.name], column, where))
        return Encoded(np.hstack(blocks), tuple(texts))

    def _block(self, values: Any, column: Column, where: str) -> Matrix:
        if column.kind == "category":
            levels = self.fields["levels"][column.name]
            found = text_values(values, where)
            return np.column_stack([found == level for level in [*levels, None]]).astype(np.float64)
        numbers = plain_numbers(values, column, where)
        missing = np.isnan(numbers[:, 0])
        numbers[missing, 0] = self.medians[column.name]
        if column.name in self.fields["flagged"]:
            numbers = np.column_stack([numbers, missing.astype(np.float64)])
        return numbers

    def _names(self) -> list[str]:
        """What the columns of `dense` mean."""
        names = []
        for column in self.columns:
            if column.kind in ("number", "date"):
                names.append(column.name)
                if column.kind == "date":
                    names += [f"{column.name}: {part}" for part in PARTS]
                if column.name in self.fields["flagged"]:
                    names.append(f"{column.name} is missing")
            elif column.kind == "category":
                names += [f"{column.name} = {level}" for level in self.fields["levels"][column.name]]
                names.append(f"{column.name} is missing")
        return names


def plain_numbers(values: Any, column: Column, where: str) -> Matrix:
    """Numbers (n x 1), or a date's day, weekday, month and hour (n x 4); a missing one is NaN in the
    first column and 0 in the others."""
    if column.kind == "number":
        return number_values(values, where).reshape(-1, 1).copy()
    times = date_values(values, where)
    day = (times.dt.as_unit("us") - EPOCH) / np.timedelta64(DAY, "us")
    parts = [times.dt.weekday, times.dt.month, times.dt.hour]
    columns = [part.fillna(0).to_numpy(dtype=np.float64) for part in parts]
    return np.column_stack([day.to_numpy(dtype=np.float64), *columns])


def learn_encoder(frame: Frame, columns: Sequence[Column], where: str = "the data") -> Encoder:
    """What the rows of a table teach: medians, levels, vocabularies."""
    fields: dict[str, Any] = {"medians": {}, "flagged": [], "levels": {}, "texts": {}}
    kept = []
    for column in columns:
        values = frame[column.name]
        if column.kind in ("number", "date"):
            found = plain_numbers(values, column, where)[:, 0]
            missing = np.isnan(found)
            fields["medians"][column.name] = 0.0 if missing.all() else float(np.nanmedian(found))
            fields["flagged"] += [column.name] if missing.any() else []
        elif column.kind == "category":
            texts = text_values(values, where)
            counts = Counter(texts[known(texts)])
            common = sorted(counts, key=lambda level: (-counts[level], level))[:LEVELS]
            fields["levels"][column.name] = sorted(common)
        elif column.kind == "text":
            texts = text_values(values, where)
            vocabulary = learn_terms(["" if text is None else text for text in texts])
            if not vocabulary["vocabulary"]:
                column = Column(column.name, "dropped", "text without words that recur")
            else:
                fields["texts"][column.name] = vocabulary
        kept.append(column)
    fields["columns"] = [asdict(column) for column in kept]
    return Encoder(fields)


def learn_terms(texts: Sequence[str]) -> dict[str, Any]:
    """The vocabulary of texts: words and pairs of words that are in two texts at least."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=TERMS)
    try:
        vectorizer.fit(texts)
    except ValueError:  # no term is in two texts
        return {"vocabulary": [], "idf": [], "longest": 2}
    terms = [str(term) for term in vectorizer.get_feature_names_out()]
    return {"vocabulary": terms, "idf": np.asarray(vectorizer.idf_, dtype=np.float64), "longest": 2}
