"""How Superset speaks to the gateway: Spark's time grains, its lists of views and functions."""

from typing import Any

from superset.db_engine_specs import spark


class LakehouseEngineSpec(spark.SparkEngineSpec):
    """Spark SQL behind `spark://`; Superset's own spec answers to `hive://` only."""

    engine = "spark"
    engine_name = "Customer Lakehouse"
    default_driver = "thrift"
    _show_functions_column = "function"
    # There is one catalog. Inherited from Presto's, this would look for tables in a catalog `default`.
    supports_catalog = supports_dynamic_catalog = supports_cross_catalog_queries = False

    @classmethod
    def get_default_catalog(cls, database: Any) -> str | None:
        """None: see above."""
        return None

    @classmethod
    def get_view_names(cls, database: Any, inspector: Any, schema: str | None) -> set[str]:
        """The dialect knows which column holds the name."""
        return set(inspector.get_view_names(schema))


def register() -> None:
    """Superset finds specs by walking its own modules, so ours is hung into one of them."""
    spark.LakehouseEngineSpec = LakehouseEngineSpec
