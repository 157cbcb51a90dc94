"""Parent of the gateway's Python workers, with all that they import already loaded.

A worker imports for seconds, and Spark ends one with every `LIMIT` query; forked from here it starts in
milliseconds. Set `spark.python.daemon.module` to this module. Nothing may be printed: Spark reads stdout.
"""

import gc

import pandas as pd
import pyarrow as pa
import pyspark.worker
from pyspark.daemon import manager

import ml.kernel

PRELOADED = (pd, pa, pyspark.worker, ml.kernel)

if __name__ == "__main__":
    gc.freeze()  # workers share these pages for as long as nobody collects them
    manager()
