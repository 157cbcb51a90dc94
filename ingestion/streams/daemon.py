"""Parent of landing's Python workers, with all that they need already loaded.

Set `spark.python.daemon.module` to this module. Nothing may be printed: Spark reads stdout.
"""

import gc

import pyspark.worker
from pyspark.daemon import manager

from ingestion.contract import catalogue
from ingestion.streams import files, rows

PRELOADED = (pyspark.worker, files)

if __name__ == "__main__":
    rows.reader(catalogue())
    rows.schema(catalogue())
    gc.freeze()  # workers share these pages for as long as nobody collects them
    manager()
