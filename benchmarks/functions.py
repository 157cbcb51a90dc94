"""What SQL functions cost over Thrift, beside the estimator itself and a function of one row at a time.

`python -m benchmarks.functions`: HDFS and a gateway of its own, made customers.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from pyspark.sql.functions import udf
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks import machine
from benchmarks.served import TEXT_ROWS, Served, make_tables, of_customers, of_texts, read
from benchmarks.servers import HDFS, servers
from lakehouse import printing
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from lakehouse.warehouse import closed_quietly, connect

EXPLAINED_ROWS = 10  # one row is explained where so many are scored
ONE_BY_ONE = 10_000  # rows that are given one at a time
COLUMNS = (
    "function",
    "rows",
    "cpu_seconds",
    "scan",
    "direct",
    "above_direct",
    "rows_per_second",
    "times_less",
)


class Gateway:
    """Statements over one Thrift session, and what they cost the gateway with its Python workers."""

    def __init__(self, settings: Settings, pid: int, rounds: int) -> None:
        self.settings, self._pid, self._rounds = settings, pid, rounds

    def cost(self, sql: str, rows: int, rounds: int | None = None) -> tuple[float, float]:
        """CPU-seconds of a million rows, and rows a second; the least of some rounds, after a warm-up."""
        with (
            closed_quietly(connect(self.settings)) as connection,
            closed_quietly(connection.cursor()) as cursor,
        ):

            def ask() -> None:
                cursor.execute(sql)
                cursor.fetchall()

            return self._least(ask, rows, rounds)

    def one_by_one(self, served: Served, sql: str, rows: int) -> float:
        """CPU-seconds of a million rows by a plain Python function of the fitted estimator."""
        spark = remote_session(self.settings)
        direct, columns = served.direct, served.columns()

        def answer(*given: Any) -> str:
            return str(direct(pd.DataFrame([given], columns=columns))[0])

        try:
            spark.udf.register("one_by_one", udf(answer, "string", useArrow=False))
            return self._least(lambda: spark.sql(sql).collect(), rows, 1)[0]
        finally:
            spark.stop()

    def _least(self, work: Callable[[], Any], rows: int, rounds: int | None = None) -> tuple[float, float]:
        work()
        found = []
        for _ in range(rounds or self._rounds):
            cpu, began = machine.cpu_seconds(self._pid), time.monotonic()
            work()
            found.append((machine.cpu_seconds(self._pid) - cpu, time.monotonic() - began))
        return min(cpu for cpu, _ in found) / rows * 1e6, rows / min(seconds for _, seconds in found)


def directly(served: Served, frame: pd.DataFrame) -> float:
    """CPU-seconds of a million rows by the estimator in memory, one thread."""
    given, found = frame[served.columns()], []
    with threadpool_limits(1):
        served.direct(given.head(1_000))
        for _ in range(3):
            began = time.process_time()
            served.direct(given)
            found.append(time.process_time() - began)
    return min(found) / len(given) * 1e6


def row(
    gateway: Gateway, served: Served, table: str, frame: pd.DataFrame, scan: float, compares: bool
) -> list[dict[str, Any]]:
    """A function and its `_explained` form."""
    served.promote(gateway.settings)
    given, rows = ", ".join(served.columns()), len(frame)
    direct = directly(served, frame)
    cost, speed = gateway.cost(f"select count(ml.{served.model}({given})) from {table}", rows)
    told = {"function": served.name, "rows": rows, "cpu_seconds": cost, "scan": scan, "direct": direct}
    told |= {"above_direct": cost - direct, "rows_per_second": round(speed)}
    if compares:
        count = min(ONE_BY_ONE, rows)
        sql = f"select count(one_by_one({given})) from (select * from {table} limit {count})"
        told["times_less"] = gateway.one_by_one(served, sql, count) / cost
    found = [told]
    if served.model != "customer_segment":
        few = rows // EXPLAINED_ROWS
        told_of = f"count(ml.{served.model}_explained({given}).version)"
        sql = f"select {told_of} from (select * from {table} limit {few})"
        cost, speed = gateway.cost(sql, few, rounds=1)
        name = served.name.replace(served.model, f"{served.model}_explained")
        found.append({"function": name, "rows": few, "cpu_seconds": cost, "rows_per_second": round(speed)})
    return found


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Every function, on the same rows."""
    with servers(HDFS, ("gateway",)) as (settings, interface):
        about = machine.facts(settings)
        gateway = Gateway(settings, int(interface.getProcessInfo("gateway")["pid"]), rounds)
        make_tables(settings, rows)
        customers = read(settings, "select * from bench.customers order by id")
        texts = read(settings, "select * from bench.texts order by id")
        found = []
        for served in of_customers(customers):
            print(f"{served.name} ...", flush=True)
            scan = scanned(gateway, served.columns(), "bench.customers", rows)
            compares = served.name != "purchase_probability, tree"
            found += row(gateway, served, "bench.customers", customers, scan, compares)
        scan = scanned(gateway, ["length(text)"], "bench.texts", rows // TEXT_ROWS)
        found += row(gateway, of_texts(texts), "bench.texts", texts, scan, True)
    return {"machine": about, "rounds": rounds, "functions": [rounded(each) for each in found]}


def scanned(gateway: Gateway, columns: list[str], table: str, rows: int) -> float:
    """CPU-seconds of a million rows whose columns are read and added up."""
    return gateway.cost(f"select {', '.join(f'sum({column})' for column in columns)} from {table}", rows)[0]


def rounded(told: dict[str, Any]) -> dict[str, Any]:
    """Hundredths are enough; what was not measured stays away."""
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in told.items()}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that are timed (default: 3)")
    given = parser.parse_args()
    found = measure(given.rows, given.rounds)
    machine.keep("functions", found)
    shown = [{column: told.get(column, "") for column in COLUMNS} for told in found["functions"]]
    printing.show_table(shown, count=False)


if __name__ == "__main__":
    main()
