"""Spark by itself, without servers: what our estimators are measured against."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks import machine
from lakehouse.session import engine_session
from lakehouse.settings import Settings

MEMORY = "4g"


@contextmanager
def spark_alone() -> Iterator[SparkSession]:
    """A session on this machine's cores and in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        own = {
            "spark.hadoop.fs.defaultFS": "file:///",
            "spark.sql.warehouse.dir": folder,
            # FPGrowth recurses deeper than a thread's usual stack; the compiler is left as Java has it.
            "spark.driver.extraJavaOptions": "-Xss64m -XX:-UsePerfData -Duser.timezone=UTC",
            "spark.log.level": "ERROR",
        }
        cores = len(machine.cores())
        spark = engine_session(Settings(state=Path(folder)), "benchmark", cores, MEMORY, own)
        try:
            yield spark
        finally:
            spark.stop()
