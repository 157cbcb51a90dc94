"""Published files through the commands for any file: models of a column, rules, lifetime value."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ml.files import read_table
from ml.lifetime import estimate
from ml.mining import mine
from ml.report.lines import Cost, Line, speed, spent
from ml.tabular import artefact
from ml.tabular.fit import fit

METRICS = {"roc_auc": "AUC", "average_precision": "AP", "minority_f1": "F1 of the rarer class"}
SOLD = ("InvoiceNo !^ C", "Quantity > 0", "UnitPrice > 0", "CustomerID > 0")


@dataclass(frozen=True)
class Column:
    """A column of a file to predict, from the others or from `given` alone; published figures by model."""

    data: str
    file: str
    target: str
    models: Sequence[str]
    folds: int
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    given: Sequence[str] | None = None

    def lines(self, path: Path) -> Iterator[Line]:
        """Each model, cross-validated as `lakehouse model fit` does."""
        frame = read_table(path, None if self.given is None else [*self.given, self.target])
        with tempfile.TemporaryDirectory() as folder:
            data, out = Path(folder) / "data.parquet", Path(folder) / "model"
            frame.to_parquet(data)
            for model in self.models:
                told = fit(data, self.target, out / model, model=model, folds=self.folds)
                size = sum(file.stat().st_size for file in (out / model).iterdir())
                scored = frame.head(2_000)
                score = partial(artefact.read(out / model).predict, scored, str(path))
                rate = speed(score, len(scored))
                yield from self._of(model, told, Cost(told["training_cpu_seconds"], size, rate))

    def _of(self, model: str, told: dict[str, Any], cost: Cost) -> Iterator[Line]:
        metrics = told["metrics"]
        rate = metrics["base_rate"]
        rarer = min(rate, 1 - rate)
        baselines = {"roc_auc": 0.5, "average_precision": rate, "minority_f1": 2 * rarer / (1 + rarer)}
        for key, name in METRICS.items():
            yield Line(
                self.data,
                model,
                name,
                metrics[key],
                metrics["intervals"][key],
                baselines[key],
                rate,
                self.published.get(model, {}).get(key),
                cost if key == "roc_auc" else None,
            )


@dataclass(frozen=True)
class Rules:
    """Rules of the Online Retail file's invoices, and how many are published."""

    where: Sequence[str]
    support: float
    confidence: float
    published: float
    file: str = "online_retail/online_retail.parquet"

    @property
    def data(self) -> str:
        return ", ".join(["Online Retail", *self.where])

    def lines(self, path: Path) -> Iterator[Line]:
        """How many rules there are; a count has no interval."""
        with spent() as seconds:
            found = mine(
                path, "InvoiceNo", "StockCode", self.support, self.confidence, where=[*SOLD, *self.where]
            )
        model = f"rules, support {self.support:g}, confidence {self.confidence:g}"
        yield Line(
            self.data, model, "rules", len(found.rules), published=self.published, cost=Cost(seconds())
        )


@dataclass(frozen=True)
class Purchases:
    """The grocer's e-log: purchases of the year to come, all models of `lakehouse clv`."""

    data: str = "grocery e-log, 364 days"
    file: str = "grocery_elog/groceryElog.csv.gz"
    published: Mapping[str, float] = field(default_factory=lambda: {"pareto_nbd": 0.688, "mbg_cnbd_k": 0.644})

    def lines(self, path: Path) -> Iterator[Line]:
        """The error of each model beside that of each customer's own rate."""
        with spent() as seconds:
            found = estimate(path, "cust", "date", date(2006, 12, 31))
        baseline = (found.horizon or {})["as_before"]["relative_mae"]
        cost: Cost | None = Cost(seconds())  # of all of them together
        for model, told in found.models.items():
            prediction = told["prediction"]
            yield Line(
                self.data,
                model,
                "relative MAE",
                prediction["relative_mae"],
                prediction["intervals"]["relative_mae"],
                baseline,
                published=self.published.get(model),
                cost=cost,
            )
            cost = None
