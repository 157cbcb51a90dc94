"""Every model on every published file: what it reaches, beside what is published, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from lakehouse.errors import UserError
from ml.report.carts import Carts
from ml.report.clusters import Groups
from ml.report.files import Column, Purchases, Rules
from ml.report.lines import Line
from ml.report.offers import Offers
from ml.report.retail import GROCER, Chances, Values, grocer_orders_of
from ml.report.reviews import Reviews
from ml.report.sessions import NextItems, rees46, taobao
from ml.tabular.models import FOR_CLASSES

REES46 = "rees46_events/2019-Oct_first_170min.csv.gz"
TAOBAO = "taobao_events/user_histories.parquet"
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
    Values("2017-09-30", "Complete Journey", GROCER, grocer_orders_of),
    Carts(),
    Groups(),
    Reviews(),
    Offers(),
    NextItems("REES46, next product", REES46, "product_id", rees46, 3),
    NextItems("Taobao, next product", TAOBAO, "item_id", taobao, 3),
    NextItems("Taobao, next category", TAOBAO, "category_id", taobao, 2),
)


def report(data: Path, progress: Callable[[str], None], cases: Sequence[Case] = CASES) -> list[Line]:
    """The lines of every case whose file is there; UserError where the folder holds none of them."""
    if not any((data / case.file).is_file() for case in cases):
        files = ", ".join(sorted({case.file for case in cases}))
        raise UserError(f"{data} holds none of the files that are reported on: {files}.")
    found: list[Line] = []
    for case in cases:
        if path := place(case.file, data):
            progress(f"{case.data} ...")
            found += case.lines(path)
        else:
            progress(f"{case.data}: left out, {case.file} is not in {data}.")
    return found


def place(file: str, data: Path) -> Path | None:
    """Where a file is: in the folder, or else in the installed package that its own folder names."""
    package, _, inside = file.partition("/")
    spec = find_spec(package)
    homes = [data / file, *(Path(home) / inside for home in (spec and spec.submodule_search_locations) or ())]
    return next((path for path in homes if path.is_file()), None)
