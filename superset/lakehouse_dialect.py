"""The `spark://` address for SQLAlchemy: PyHive's dialect, corrected for Spark's answers."""

from functools import partial
from typing import Any

from lakehouse_sessions import Pool
from pyhive import hive
from pyhive.sqlalchemy_hive import HiveDialect
from sqlalchemy import text
from sqlalchemy.dialects import registry

# Spark answers SHOW TABLES with (namespace, name, ...); PyHive reads the first column.
NAME = 1
# The gateway knows the versions of what it has written, and boards show nothing else but live rows, which it
# holds itself: so no question waits for it to look into a table's log; it looks afterwards.
CONFIGURATION = {"set:hivevar:spark.databricks.delta.stalenessLimit": "10s"}
SESSIONS = Pool(partial(hive.connect, configuration=CONFIGURATION))


class SparkDialect(HiveDialect):
    """Thrift to Spark SQL."""

    name = "spark"

    def connect(self, *_: Any, **options: Any) -> Any:
        """A session that is kept; SQLAlchemy's own pool lives no longer than one of Superset's queries."""
        return SESSIONS.take(**options)

    def get_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Tables and views together, as Spark lists them."""
        return self._names(connection, "show tables", schema)

    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Views alone."""
        return self._names(connection, "show views", schema)

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        """Spark reports a missing table in words that PyHive does not know."""
        names = self.get_table_names(connection, schema)
        return table_name.lower() in {name.lower() for name in names}

    def _names(self, connection: Any, statement: str, schema: str | None) -> list[str]:
        if schema:
            statement += f" in {self.identifier_preparer.quote_identifier(schema)}"
        return [row[NAME] for row in connection.execute(text(statement))]


def register() -> None:
    """Make `spark://` known to SQLAlchemy in this process."""
    registry.register("spark", __name__, SparkDialect.__name__)
