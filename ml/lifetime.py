"""Customer lifetime value of a file of purchases: estimates, and how well they foresaw the rest."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lakehouse.errors import UserError
from ml.estimators import value_spend
from ml.estimators.value import (
    DAYS,
    Fitted,
    Histories,
    PurchaseModel,
    Vector,
    fit,
    histories,
    regularity,
)
from ml.estimators.value_cnbd import BG_NBD, MBG_NBD, fit_regular
from ml.estimators.value_pareto import PARETO_NBD
from ml.evaluate import count_metrics, intervals
from ml.files import moments, read_table

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Purchases:
    """Purchases, one a customer and day, and what of the file is not among them."""

    days: pd.DataFrame
    rows: int
    rows_left_out: int


@dataclass(frozen=True)
class Value:
    """All that `lakehouse clv` tells; `customers` has a row each."""

    until: str
    unit: str
    rows: int
    rows_left_out: int
    customer_count: int
    repeat_customers: int
    repeat_purchases: int
    regularity: float | None
    models: dict[str, dict[str, Any]]
    horizon: dict[str, Any] | None
    customers: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, customers left out."""
        return {name: value for name, value in vars(self).items() if name != "customers"}

    def sentence(self) -> str:
        """What was read, for people."""
        return (
            f"{self.customer_count:,} customers until {self.until}, {self.repeat_customers:,} of them came"
            f" again, {self.repeat_purchases:,} times; {self.rows_left_out:,} of {self.rows:,} rows left out."
        )

    def rows_of(self, key: str) -> list[dict[str, Any]]:
        """A table for people: of parameters, or of predictions."""
        if key == "parameters":
            return [
                {
                    "model": name,
                    "parameter": parameter,
                    "estimate": f"{estimate:.4g}",
                    "standard error": shown(model["standard_errors"][parameter]),
                    "log-likelihood": f"{model['log_likelihood']:,.1f}",
                }
                for name, model in self.models.items()
                for parameter, estimate in model["parameters"].items()
            ]
        horizon = self.horizon or {}
        named = {
            **{n: m.get("prediction") for n, m in self.models.items()},
            "as before": horizon.get("as_before"),
        }
        return [
            {"model": name, **{key: round(n, 3) for key, n in told.items() if not isinstance(n, dict)}}
            for name, told in named.items()
            if told
        ]


def shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def estimate(
    path: Path,
    customer: str,
    date_column: str,
    until: date,
    *,
    spend: str | None = None,
    predict: int | None = None,
) -> Value:
    """Fit every model on purchases up to `until`; where the file goes on, or `predict` days are
    asked for, say what they expect, and what came true of it."""
    purchases = read_purchases(path, customer, date_column, spend)
    end = pd.Timestamp(until)
    first, last = purchases.days["day"].min(), purchases.days["day"].max()
    if end < first:
        raise UserError(f"{path} begins on {first.date()}, after --until {until}.")
    seen = histories(purchases.days, end)
    try:
        models = fit_all(seen)
    except ValueError as reason:
        raise UserError(f"{path} gives no lifetime value until {until}: {reason}.") from None
    spenders = {}
    if spend is not None:
        try:
            spenders["gamma_gamma"] = value_spend.fit(seen)
        except ValueError as reason:
            raise UserError(f"Column {spend} of {path} gives no Gamma-Gamma model: {reason}.") from None
    days = predict or max((last - end).days, 0)
    customers = table(seen, models, spenders.get("gamma_gamma"), days)
    told = {name: asdict(fitted) for name, (_, fitted) in models.items()}
    told |= {name: asdict(fitted) for name, fitted in spenders.items()}
    horizon = None
    if days:
        horizon = foresight(purchases.days, seen, customers, end, days, last, told)
    return Value(
        until=str(until),
        unit="week",
        rows=purchases.rows,
        rows_left_out=purchases.rows_left_out,
        customer_count=len(seen),
        repeat_customers=int((seen.x > 0).sum()),
        repeat_purchases=int(seen.x.sum()),
        regularity=regularity(purchases.days, end),
        models=told,
        horizon=horizon,
        customers=customers,
    )


def read_purchases(path: Path, customer: str, date_column: str, spend: str | None) -> Purchases:
    """Purchases of a file. Rows without customer or date are left out, and with `spend` those that
    cost nothing or were refunded."""
    columns = [customer, date_column, *([spend] if spend else [])]
    frame = read_table(path, columns)
    days = pd.DataFrame({"customer": frame[customer], "day": dates(frame[date_column], path)})
    days["spend"] = amounts(frame[spend], path) if spend else np.nan
    kept = days["customer"].notna() & days["day"].notna()
    if spend:
        kept &= days["spend"] > 0
    if not kept.any():
        above = " above 0" if spend else ""
        raise UserError(f"No row of {path} has {' and '.join(columns)}{above}.")
    merged: Any = days[kept].groupby(["customer", "day"], as_index=False)["spend"].sum(min_count=1)
    return Purchases(merged, len(frame), int((~kept).sum()))


def dates(values: Any, path: Path) -> Any:
    """Days of a column; UserError names the first value that is none."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        texts = values.astype("string").str.strip()
        parsed = moments(texts)
        if (bad := texts.notna() & parsed.isna()).any():
            row = int(np.flatnonzero(bad)[0])
            raise UserError(
                f"{texts.iloc[row]!r} in column {values.name} of {path} (row {row + 1}) is no date: "
                "write 2024-01-31 or 2024-01-31T12:00:00."
            )
        values = parsed
    if values.dt.tz is not None:
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if (late := values > pd.Timestamp.max).any():
        row = int(np.flatnonzero(late)[0])
        raise UserError(
            f"{values.iloc[row]} in column {values.name} of {path} (row {row + 1}) is past 2262-04-11,"
            " the last day that can be counted."
        )
    return values.dt.normalize()


def amounts(values: Any, path: Path) -> Any:
    """Money of a column; UserError names the first value that is no number."""
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    if (bad := values.notna() & ~np.isfinite(numbers)).any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"{values.iloc[row]!r} in column {values.name} of {path} (row {row + 1}) is no finite number."
        )
    return numbers


def fit_all(seen: Histories) -> dict[str, tuple[PurchaseModel, Fitted]]:
    """Every model of purchases, fitted."""
    able: tuple[PurchaseModel, ...] = (BG_NBD, PARETO_NBD, MBG_NBD)
    found = {model.name: (model, fit(model, seen)) for model in able}
    regular, fitted = fit_regular(seen)
    return {**found, regular.name: (regular, fitted)}


def table(
    seen: Histories,
    models: dict[str, tuple[PurchaseModel, Fitted]],
    spending: Fitted | None,
    days: int,
) -> pd.DataFrame:
    """One row per customer: history, and per model the chance to be alive and what to expect."""
    columns: dict[str, Any] = {
        "customer": seen.customers,
        "repeat_purchases": seen.x.astype(int),
        "weeks_to_last": seen.t_x,
        "weeks_observed": seen.T,
    }
    if spending:
        columns["expected_spend"] = value_spend.expected(spending.vector, seen)
    for name, (model, fitted) in models.items():
        columns[f"alive_{name}"] = model.alive(fitted.vector, seen)
        if days:
            columns[f"purchases_{name}"] = model.expected(fitted.vector, seen, days / DAYS)
        if days and spending:
            columns[f"value_{name}"] = columns[f"purchases_{name}"] * columns["expected_spend"]
    return pd.DataFrame(columns)


def foresight(
    purchases: pd.DataFrame,
    seen: Histories,
    customers: pd.DataFrame,
    end: pd.Timestamp,
    days: int,
    last: pd.Timestamp,
    told: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """The coming days: what each model expects goes into `told`, beside the naive "as before".
    Compared with what happened only where the file covers all of them."""
    stop = end + pd.Timedelta(days=days)
    horizon: dict[str, Any] = {"days": days, "to": str(stop.date())}
    actual: Vector | None = None
    if last >= stop:
        later = purchases[(purchases["day"] > end) & (purchases["day"] <= stop)]
        counts = later.groupby("customer").size().reindex(seen.customers, fill_value=0)
        actual = np.asarray(counts, dtype=np.float64)
        horizon["actual"] = int(actual.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = np.where(seen.T > 0, seen.x / seen.T, 0.0) * days / DAYS
    horizon["as_before"] = count_metrics(naive, actual)
    for name in told:
        if f"purchases_{name}" in customers:
            expected = customers[f"purchases_{name}"].to_numpy()
            told[name]["prediction"] = judged(expected, actual)
            if f"value_{name}" in customers:
                values = customers[f"value_{name}"]
                # Where spending varies too much, no mean can be told of who came once.
                missing = int(values.isna().sum())
                told[name]["prediction"] |= {
                    "value": float(values.sum()),
                    "customers_without_value": missing,
                }
    return horizon


def judged(expected: Vector, actual: Vector | None) -> dict[str, Any]:
    """Metrics of what is expected, with 95 % intervals over customers where what happened is known."""
    found: dict[str, Any] = {**count_metrics(expected, actual)}
    if actual is not None:
        between = intervals(lambda chosen: count_metrics(expected[chosen], actual[chosen]), len(actual))
        found["intervals"] = between
    return found
