"""The heaviest models once more in DuckDB: their own SQL in its dialect, on the same rows in Parquet.

Tables that a model reads are written as Parquet to a local folder by the gateway; views between them and the
model are views here, too, so both engines do the same work.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot.errors import SqlglotError

from benchmarks.translate import MACROS, translated

Query = Callable[[str], list[dict[str, Any]]]
STORED = ("table", "incremental", "seed")


@dataclass(frozen=True)
class Node:
    """A relation of the warehouse, and the query that makes it (none of what Python or a seed wrote)."""

    relation: str
    query: str
    is_stored: bool
    parents: tuple[str, ...]


def nodes(manifest: dict[str, Any]) -> dict[str, Node]:
    """Of a compiled project, by dbt's unique id."""
    return {
        name: Node(
            node["relation_name"].replace("`", ""),
            node.get("compiled_code") or "",
            node["resource_type"] == "source" or node["config"]["materialized"] in STORED,
            tuple(node.get("depends_on", {}).get("nodes", ())),
        )
        for name, node in (manifest["nodes"] | manifest["sources"]).items()
        if node["resource_type"] in ("model", "seed", "source")
    }


class Engine:
    """A DuckDB database in a folder that takes tables over from the gateway when they are first needed."""

    def __init__(self, folder: Path, query: Query, project: dict[str, Node]) -> None:
        self._folder, self._query, self._project = folder, query, project
        self._known: set[str] = set()
        self._database = duckdb.connect(str(folder / "duck.db"))
        self._database.execute("set timezone = 'UTC'")
        for macro in MACROS:
            self._database.execute(f"create macro {macro}")

    def run(self, name: str) -> dict[str, float]:
        """Make the model's table: seconds, CPU-seconds and rows."""
        node = self._project[name]
        for parent in node.parents:
            self._prepare(parent)
        query = f"create or replace table result as {translated(node.query)}"
        began, cpu = time.perf_counter(), time.process_time()
        self._database.execute(query)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        ((rows,),) = self._rows("select count(*) from result")
        return {"duckdb_seconds": round(seconds, 2), "duckdb_cpu": round(cpu, 2), "duckdb_rows": rows}

    def _prepare(self, name: str) -> None:
        """The table or view of this name, with what it is made from."""
        node = self._project[name]
        if name in self._known:
            return
        if node.is_stored:
            query = self._copied(node.relation)
        else:
            for parent in node.parents:
                self._prepare(parent)
            query = translated(node.query)
        self._database.execute(f"create schema if not exists {node.relation.partition('.')[0]}")
        self._database.execute(f"create view {node.relation} as {query}")
        self._known.add(name)

    def _copied(self, relation: str) -> str:
        """Reads what the gateway has written of it."""
        folder = self._folder / relation
        self._query(f"insert overwrite directory 'file://{folder}' using parquet select * from {relation}")
        files = f"read_parquet('{folder}/*.parquet')"
        return f"select {', '.join(self._plain(files))} from {files}"

    def _plain(self, table: str) -> Iterator[str]:
        """Columns with times as UTC without a zone, as the functions in these queries take them."""
        for name, kind, *_ in self._rows(f"describe select * from {table}"):
            is_zoned = kind == "TIMESTAMP WITH TIME ZONE"
            yield f'"{name}" at time zone \'UTC\' as "{name}"' if is_zoned else f'"{name}"'

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._database.execute(query).fetchall()


def compare(engine: Engine, heaviest: Iterable[tuple[str, int]], wanted: int) -> list[dict[str, Any]]:
    """A row for each of the heaviest models (dbt's id, rows in Spark), until so many gave as many rows.

    Others say why they cannot be compared.
    """
    rows: list[dict[str, Any]] = []
    alike = 0
    for name, count in heaviest:
        row: dict[str, Any] = {"model": name.split(".")[-1], "rows": count}
        try:
            row |= engine.run(name)
        except (duckdb.Error, SqlglotError) as error:
            row["not_compared"] = str(error).splitlines()[0][:200]
        rows.append(row)
        alike += row.get("duckdb_rows") == count
        if alike == wanted:
            break
    return rows
