"""A million customers scored, and value clusters chosen on 100,000: `python -m benchmarks.customers`.

HDFS and a gateway of its own; `marts.fct_customer_features_daily` is made, dbt builds the scores from it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks import machine
from benchmarks.dbt import run_dbt
from benchmarks.served import FEATURES_SQL, TAUGHT, Served, chances, make_tables, read
from benchmarks.servers import HDFS, servers
from lakehouse import printing
from lakehouse.settings import Settings
from lakehouse.warehouse import execute, query
from ml.estimators.segments import ValueClusters
from ml.estimators.value_lifetime import LifetimeValue
from ml.features import names

CHOSEN = 100_000  # customers on whom value clusters are chosen
KINDS = {"purchase_probability": "xgboost", "churn_probability": "linear"}
MODELS = (*KINDS, "lifetime_value", "customer_segment")


def make_marts(settings: Settings, rows: int) -> None:
    """What fct_customer_scores reads, with the columns that it reads."""
    for schema in ("marts", "intermediate"):
        execute(f"create schema if not exists {schema}", settings)
    made = FEATURES_SQL.format(rows=rows)
    features = "marts.fct_customer_features_daily"
    execute(f"create table {features} using delta as select * except (id) from ({made})", settings)
    bounds = "select 'made' as source, date'2026-01-31' as last_date"
    execute(f"create table intermediate.int_sources_bounded using delta as {bounds}", settings)


def promote(settings: Settings, customers: Any) -> None:
    """A champion of each model, fitted on the first customers."""
    taught = customers.head(TAUGHT)
    for model, kind in KINDS.items():
        chances(taught, kind, model).promote(settings)
    for model, estimator in (("lifetime_value", LifetimeValue()), ("customer_segment", ValueClusters())):
        fitted = estimator.fit(taught[list(names(model))])
        Served(model, model, fitted, fitted.predict).promote(settings)


def choice(customers: Any) -> dict[str, Any]:
    """Value clusters of three to six, by silhouette: one thread, as training has it."""
    given = customers.head(CHOSEN)[list(names("customer_segment"))]
    began, cpu = time.monotonic(), time.process_time()
    with threadpool_limits(1):
        fitted = ValueClusters().fit(given)
    return {
        "customers": len(given),
        "clusters": fitted.n_clusters_,
        "seconds": round(time.monotonic() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }


def spent(pid: int, work: Callable[[], object]) -> dict[str, float]:
    """Seconds, and CPU-seconds of the gateway with its workers."""
    cpu, began = machine.cpu_seconds(pid), time.monotonic()
    work()
    return {
        "seconds": round(time.monotonic() - began, 1),
        "gateway_cpu_seconds": round(machine.cpu_seconds(pid) - cpu, 1),
    }


def measure(rows: int) -> dict[str, Any]:
    """Scores alone by one statement, then scores with bands and reasons by dbt, twice."""
    with (
        servers(HDFS, ("gateway",)) as (settings, interface),
        tempfile.TemporaryDirectory(prefix="lakehouse-dbt-") as target,
    ):
        about, pid = machine.facts(settings), int(interface.getProcessInfo("gateway")["pid"])
        make_marts(settings, rows)
        make_tables(settings, max(CHOSEN, TAUGHT))
        customers = read(settings, "select * from bench.customers order by id")
        promote(settings, customers)
        asked = ", ".join(
            f"ml.{model}({', '.join(f'double({name})' for name in names(model))}) as {model}"
            for model in MODELS
        )
        scored = f"""create or replace table bench.scored using delta as
            select source, customer_id, {asked} from marts.fct_customer_features_daily"""
        execute(scored.replace("_daily", "_daily limit 1000"), settings)  # a warm-up
        found = {"scores": spent(pid, lambda: execute(scored, settings))}
        run_dbt(settings, target, "run", "--select", "stg_ml__champions", "int_scores_asked")
        build = ("run", "--select", "fct_customer_scores")
        found["scores with reasons"] = spent(pid, lambda: run_dbt(settings, target, *build))
        found["the same again, where nothing changed"] = spent(pid, lambda: run_dbt(settings, target, *build))
        counts = {
            "scores": query(f"select count({'), count('.join(MODELS)}) from bench.scored", settings)[0],
            "scores with reasons": query(
                "select model_name, count(*) as customers from marts.fct_customer_scores"
                " where size(reasons) > 0 and coalesce(score, expected_value) is not null"
                " group by model_name",
                settings,
            ),
        }
        assert set(counts["scores"].values()) == {rows}
        assert [row["customers"] for row in counts["scores with reasons"]] == [rows] * 3
    return {"machine": about, "customers": rows, "champions": KINDS, **found, "choice": choice(customers)}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.customers", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers (default: 1,000,000)")
    found = measure(parser.parse_args().rows)
    machine.keep("customers", found)
    printing.show_table([{"what": name, "value": str(value)} for name, value in found.items()])


if __name__ == "__main__":
    main()
