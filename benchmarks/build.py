"""What dbt builds cost, full and incremental, model by model: `python -m benchmarks.build`.

Kafka, HDFS, landing and a gateway of its own on free ports; the made events of the simulator. History grows
tenfold between two increments of the same size, which shows what depends on it. The heaviest models are then
made once more by DuckDB.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.another_engine import Engine, compare, nodes
from benchmarks.dbt import run_dbt
from benchmarks.servers import HDFS, servers
from benchmarks.spark_log import Statement, busy_seconds, statements
from ingestion.simulator.plan import FIRST_DAY, Options
from ingestion.simulator.run import simulate
from ingestion.streams import progress
from ingestion.topics import topic_names
from lakehouse import printing, warehouse
from lakehouse.settings import Settings

INCREMENT = 0.005  # of all events
GROWTH = 10  # the whole history by the first part of it
FIRST_DAYS = 30.0  # event time of the first part; the whole has as many events a day
LONGEST_SECONDS = 3_600
HEAVIEST = 10  # models shown, and compared with another engine


@dataclass(frozen=True)
class Run:
    """One `dbt run`: when, and what it cost beside Spark's tasks."""

    name: str
    began: float
    ended: float
    gateway_cpu_seconds: float
    dbt_cpu_seconds: float
    models: dict[str, float]  # seconds of each, by dbt
    added_to: frozenset[str]  # those of them that are incremental


class Lake:
    """Servers that run, and a shop whose time goes on."""

    def __init__(self, settings: Settings, interface: Any, events: int) -> None:
        self._settings, self._events = settings, events
        self._gateway = int(interface.getProcessInfo("gateway")["pid"])
        self._day = 0.0
        self.sent = 0

    def land(self, count: int) -> None:
        """So many events more, and wait until they are in raw.events."""
        days = FIRST_DAYS * count * GROWTH / self._events
        start, customers = FIRST_DAY + timedelta(days=self._day), max(50, self._events // 500)
        print(f"landing {count:,} events of {days:.1f} days", flush=True)
        options = Options(events=count, start=start, days=days, customers=customers)
        self.sent += simulate(self._settings, options).sent
        self._day += days
        deadline = time.monotonic() + LONGEST_SECONDS
        while progress.read(self._settings, topic_names()).lag:
            if time.monotonic() > deadline:
                raise SystemExit(f"Landing did not take {count:,} events within {LONGEST_SECONDS} s.")
            time.sleep(1)

    def build(self, name: str, *arguments: str) -> Run:
        """`dbt run`, as a user would."""
        print(f"building: {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="lakehouse-dbt-") as target:
            gateway, dbt, began = machine.cpu_seconds(self._gateway), children_cpu(), time.time()
            run_dbt(self._settings, target, "run", *arguments)
            ended = time.time()
            results = json.loads((Path(target) / "run_results.json").read_text())["results"]
            project = json.loads((Path(target) / "manifest.json").read_text())["nodes"].values()
        return Run(
            name,
            began,
            ended,
            machine.cpu_seconds(self._gateway) - gateway,
            children_cpu() - dbt,
            {each["unique_id"].split(".")[-1]: each["execution_time"] for each in results},
            frozenset(n["name"] for n in project if n["config"]["materialized"] == "incremental"),
        )

    def seed(self) -> None:
        """The lookups, which are no part of any figure."""
        with tempfile.TemporaryDirectory(prefix="lakehouse-dbt-") as target:
            run_dbt(self._settings, target, "seed")

    def in_duckdb(self, full: Run) -> list[dict[str, Any]]:
        """What DuckDB takes for the models that were the slowest of a full build."""
        print("building the heaviest models by DuckDB", flush=True)
        with tempfile.TemporaryDirectory(prefix="lakehouse-duckdb-") as folder:
            run_dbt(self._settings, folder, "compile", "--full-refresh")
            project = nodes(json.loads((Path(folder) / "manifest.json").read_text()))
            slowest = sorted(full.models, key=full.models.__getitem__, reverse=True)
            tables = (f"model.customer_lakehouse.{name}" for name in slowest)
            heaviest = (
                (name, self._query(f"select count(*) as n from {project[name].relation}")[0]["n"])
                for name in tables
                if project[name].is_stored
            )
            return compare(Engine(Path(folder), self._query, project), heaviest, HEAVIEST)

    def _query(self, sql: str) -> list[dict[str, Any]]:
        return warehouse.query(sql, self._settings)


def children_cpu() -> float:
    """CPU-seconds of the processes that have ended, dbt among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures(run: Run, ran: list[Statement]) -> dict[str, float]:
    """Of one run; `overhead` is its whole time by the time in which a statement ran."""
    of_run = [each for each in ran if run.began <= each.started <= run.ended]
    busy = busy_seconds(of_run)
    return {
        "seconds": round(run.ended - run.began, 1),
        "sql_seconds": round(busy, 1),
        "overhead": round((run.ended - run.began) / busy, 2),
        "gateway_cpu_seconds": round(run.gateway_cpu_seconds, 1),
        "dbt_cpu_seconds": round(run.dbt_cpu_seconds, 1),
        "rows_read": sum(each.rows_read for each in of_run),
        "mb_read": round(sum(each.bytes_read for each in of_run) / 1e6, 1),
        "models": len(run.models),
    }


def growth(run: Run, of_tenth: Run, ran: list[Statement], what: str) -> float:
    """What incremental models read in a run, by what they read in another."""
    read, before = (
        sum(getattr(s, what) for s in ran if s.node in of.added_to and of.began <= s.started <= of.ended)
        for of in (run, of_tenth)
    )
    return round(read / before, 2)


def by_model(runs: list[Run], ran: list[Statement]) -> list[dict[str, Any]]:
    """A row for each model, heaviest first: seconds, CPU-seconds of tasks and rows read in each run."""
    rows = []
    for model in runs[0].models:
        row: dict[str, Any] = {"model": model}
        for run in runs:
            own = [s for s in ran if s.node == model and run.began <= s.started <= run.ended]
            row[f"{run.name}: seconds"] = round(run.models.get(model, 0.0), 2)
            row[f"{run.name}: cpu"] = round(sum(each.cpu_seconds for each in own), 2)
            row[f"{run.name}: rows"] = sum(each.rows_read for each in own)
        rows.append(row)
    return sorted(rows, key=lambda row: -float(row[f"{runs[0].name}: seconds"]))


def beside_spark(row: dict[str, Any], models: list[dict[str, Any]]) -> dict[str, Any]:
    """What Spark took for the same model in the full build."""
    (spark,) = (each for each in models if each["model"] == row["model"])
    return {**row, "spark_seconds": spark["full: seconds"], "spark_cpu": spark["full: cpu"]}


def measure(events: int) -> dict[str, Any]:
    """One whole run: a tenth and an increment, then all of it and an increment of the same size."""
    increment, first = max(1, round(events * INCREMENT)), events // GROWTH
    with tempfile.TemporaryDirectory(prefix="lakehouse-log-") as log:
        spark = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{log}"}
        spark |= {"spark.eventLog.rolling.enabled": "false", "spark.eventLog.compress": "false"}
        with servers(("kafka", *HDFS), ("gateway", "landing"), spark=spark) as (settings, interface):
            about, lake = machine.facts(settings), Lake(settings, interface, events)
            lake.seed()
            lake.land(first)
            runs = [lake.build("first")]
            lake.land(increment)
            runs.append(lake.build("increment on a tenth"))
            lake.land(events - first - increment)
            runs.append(lake.build("full", "--full-refresh"))
            lake.land(increment)
            runs.append(lake.build("increment"))
            engines = lake.in_duckdb(runs[2])
        # The gateway has ended, so its log is whole.
        (file,) = Path(log).iterdir()
        with file.open() as lines:
            ran = statements(lines)
    found = {run.name: figures(run, ran) for run in runs}
    compared = {
        "incremental_share_of_full": round(found["increment"]["seconds"] / found["full"]["seconds"], 3),
        "rows_read_growth": round(
            found["increment"]["rows_read"] / found["increment on a tenth"]["rows_read"], 2
        ),
        "rows_read_growth_of_incremental_models": growth(runs[3], runs[1], ran, "rows_read"),
        "bytes_read_growth_of_incremental_models": growth(runs[3], runs[1], ran, "bytes_read"),
    }
    models = by_model([runs[2], runs[3], runs[1]], ran)
    engines = [beside_spark(row, models) for row in engines]
    alike = [row for row in engines if row.get("duckdb_rows") == row["rows"]]
    if alike:
        spark, duck = (sum(row[name] for row in alike) for name in ("spark_cpu", "duckdb_cpu"))
        compared["cpu_times_duckdb"] = round(spark / duck, 1)
    load = round(psutil.getloadavg()[0], 1)
    return {
        "machine": {**about, "duckdb": version("duckdb"), "load_after": load},
        "build": {"events": lake.sent, "increment": increment, **compared, "runs": found},
        "models": models,
        "engines": engines,
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many events (default: 1,000,000)")
    parser.add_argument("--keep", default="build", metavar="NAME", help="the result's name (default: build)")
    given = parser.parse_args()
    result = measure(given.events)
    machine.keep(given.keep, result)
    runs = result["build"].pop("runs")
    printing.show_table([{"run": name, **{k: str(v) for k, v in run.items()}} for name, run in runs.items()])
    printing.show_table([{k: str(v) for k, v in row.items()} for row in result["models"][:HEAVIEST]])
    columns = list(dict.fromkeys(name for row in result["engines"] for name in row))
    printing.show_table([{k: str(row.get(k, "")) for k in columns} for row in result["engines"]])
    rows = {**result["build"], **result["machine"]}
    printing.show_table([{"what": name.replace("_", " "), "value": str(v)} for name, v in rows.items()])


if __name__ == "__main__":
    main()
