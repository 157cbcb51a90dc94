"""What users of the Thrift door may do: its owners everything, all others read marts and reports.

Spark knows no rights. ReaderRights.java is a check of its analyzer. See docs/decisions/0020.
"""

from pathlib import Path
from typing import Any

from lakehouse.java_source import compiled

READER_RIGHTS = Path(__file__).with_name("ReaderRights.java")
SCHEMAS = ("live", "marts", "reports")
# what boards show of the other schemas; a test holds it to the datasets
TABLES = (
    "ops.ledger",
    "ops.ledger_batches",
    "staging.stg_live__event_types",
    "staging.stg_live__minutes",
    "staging.stg_live__pages",
    "staging.stg_live__products",
)
# schemas of SQL functions that answer with what they read themselves
CALLABLE = ("ml",)


def guard(spark: Any, owners: str) -> None:
    """Put the check into every session opened from now on; `owners` are names with commas between."""
    compiler = compiled(spark, READER_RIGHTS)
    rights = compiler.getClassLoader().loadClass(READER_RIGHTS.stem).newInstance()
    for user in owners.split(","):
        rights.own(user.strip())
    for name in (*SCHEMAS, *TABLES):
        rights.read(name)
    for schema in CALLABLE:
        rights.call(schema)
    spark._jsparkSession.extensions().injectCheckRule(rights)
