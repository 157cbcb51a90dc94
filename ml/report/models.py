"""Every model on every published file: what it reaches, beside what is published, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from lakehouse.errors import UserError
from ml.report.files import Column, Purchases, Rules
from ml.report.lines import Line
from ml.report.retail import Chances, Values
from ml.tabular.models import FOR_CLASSES

REVIEWS, RECOMMENDED = "clothing_reviews/train.parquet", "Recommended IND"


class Case(Protocol):
    """A data set in a file, and the models that are held against it."""

    @property
    def data(self) -> str: ...

    @property
    def file(self) -> str: ...

    def lines(self, path: Path) -> Iterator[Line]: ...


# Where the published figures come from is told in docs/models.md.
CASES: tuple[Case, ...] = (
    Column(
        "telco churn", "telco_churn/telco.csv.gz", "Churn", FOR_CLASSES, 10, {"logistic": {"roc_auc": 0.8455}}
    ),
    Column(
        "online shoppers",
        "online_shoppers/train.csv.gz",
        "Revenue",
        FOR_CLASSES,
        10,
        {
            "boosting": {"roc_auc": 0.935, "average_precision": 0.755},
            "xgboost": {"roc_auc": 0.937, "average_precision": 0.754},
        },
    ),
    Column("clothing reviews", REVIEWS, RECOMMENDED, ("logistic",), 5),
    Column(
        "clothing reviews, title and text alone",
        REVIEWS,
        RECOMMENDED,
        ("logistic",),
        5,
        {"logistic": {"roc_auc": 0.959, "minority_f1": 0.735}},
        ("Title", "Review Text"),
    ),
    Rules((), 0.02, 0.5, 32),
    Rules((), 0.01, 0.6, 166),
    Rules(("Country = France",), 0.05, 0.6, 178),
    Purchases(),
    Chances(),
    Values("2011-05-31"),
    Values("2011-08-31"),
)


def report(data: Path, progress: Callable[[str], None]) -> list[Line]:
    """The lines of every case whose file is in the folder; UserError where none is."""
    there = [case for case in CASES if (data / case.file).is_file()]
    if not there:
        files = ", ".join(sorted({case.file for case in CASES}))
        raise UserError(f"{data} holds none of the files that are reported on: {files}.")
    found: list[Line] = []
    for case in CASES:
        if case in there:
            progress(f"{case.data} ...")
            found += case.lines(data / case.file)
        else:
            progress(f"{case.data}: left out, {case.file} is not in {data}.")
    return found
