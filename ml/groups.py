"""Fairness: gaps between groups of people, read from a version's metrics (`ml/evaluate.py` makes them)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

KEY = re.compile(r"(?P<column>[a-z_]+)=(?P<group>.*): (?P<measure>[a-z_]+(?: se)?)")
JUDGED = ("roc_auc", "brier", "bias", "selection_rate")
TOLERANCE = "fairness: tolerance"
BEYOND = "fairness: gaps beyond tolerance"
GAP = "fairness: gap of "
LEVEL = 0.05  # that any gap of a column is called one by chance

Groups = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Gap:
    """How a group differs from the largest one of its column, and by how much that may be chance."""

    column: str
    group: str
    measure: str
    difference: float
    noise: float

    def is_beyond(self, tolerance: float) -> bool:
        """Whether it is larger than the tolerance, whatever chance adds or takes."""
        return abs(self.difference) - self.noise > tolerance


def by_column(metrics: Mapping[str, float]) -> Groups:
    """Measures of each group of each column, out of a version's metrics."""
    found: Groups = {}
    for key, value in metrics.items():
        if told := KEY.fullmatch(key):
            column = found.setdefault(told["column"], {})
            column.setdefault(told["group"], {})[told["measure"]] = value
    return found


def without_groups(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of everybody together."""
    return {key: value for key, value in metrics.items() if not KEY.fullmatch(key)}


def gaps(metrics: Mapping[str, float]) -> Iterator[Gap]:
    """Every gap to the largest group of a column. Noise is the interval's half width; the more groups,
    the wider it is (Bonferroni), so that many small ones find no gap by chance."""
    for column, groups in by_column(metrics).items():
        largest = max(groups, key=lambda group: groups[group]["rows"])
        others = [group for group in groups if group != largest]
        width = NormalDist().inv_cdf(1 - LEVEL / 2 / max(len(others), 1))
        for group in others:
            for measure in JUDGED:
                if measure in groups[group] and measure in groups[largest]:
                    here, there = groups[group], groups[largest]
                    error = (here[f"{measure} se"] ** 2 + there[f"{measure} se"] ** 2) ** 0.5
                    yield Gap(column, group, measure, here[measure] - there[measure], width * error)


def judged(metrics: Mapping[str, float], tolerance: float) -> dict[str, float]:
    """What joins the metrics: tolerance, count of gaps beyond it and each of them; nothing without groups."""
    if not by_column(metrics):
        return {}
    beyond = [gap for gap in gaps(metrics) if gap.is_beyond(tolerance)]
    named = {f"{GAP}{gap.measure}, {gap.column}={gap.group}": gap.difference for gap in beyond}
    return {TOLERANCE: tolerance, BEYOND: float(len(beyond)), **named}


def table(metrics: Mapping[str, float]) -> list[dict[str, str]]:
    """A row per group, for people; each measure with its standard error."""
    beyond = {
        (gap.column, gap.group, gap.measure) for gap in gaps(metrics) if gap.is_beyond(metrics[TOLERANCE])
    }
    rows = []
    for column, groups in by_column(metrics).items():
        for group, told in groups.items():
            row = {"group": f"{column} {group}", "rows": f"{told['rows']:,.0f}"}
            row["base rate"] = f"{told['base_rate']:.3f}"
            for measure in JUDGED:
                mark = " !" if (column, group, measure) in beyond else ""
                value = f"{told[measure]:.3f} ± {told[f'{measure} se']:.3f}{mark}" if measure in told else ""
                row[measure.replace("_", " ")] = value
            rows.append(row)
    return rows


def sentence(metrics: Mapping[str, float]) -> str:
    """What was found, of a model of chances; nothing of another."""
    if "base_rate" not in metrics:
        return ""
    if TOLERANCE not in metrics:
        return "No group of people is large enough, or known at all: nothing is said of fairness."
    count, tolerance = metrics[BEYOND], metrics[TOLERANCE]
    said = "No gap" if not count else "1 gap" if count == 1 else f"{count:.0f} gaps"
    marked = ", each marked with !" if count else ""
    return f"{said} between groups of people beyond the tolerance of {tolerance:g}{marked}."
