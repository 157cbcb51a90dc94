from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.another_engine import Engine, Node, compare, nodes
from benchmarks.translate import MACROS, translated


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    for macro in MACROS:
        database.execute(f"create macro {macro}")
    return database


@pytest.mark.parametrize(
    ("spark", "rows"),
    [
        # whole hours, not boundaries of hours that were crossed
        ("select timestampdiff(hour, timestamp'2024-01-01 00:59', timestamp'2024-01-01 02:01')", [(1,)]),
        (
            "select timediff(second, timestamp'2024-01-01 00:00:00.9', timestamp'2024-01-01 00:00:01.1')",
            [(0,)],
        ),
        (
            "select size(collect_set(a) filter (where a > 1)) from values (1), (2), (2), (null) as t (a)",
            [(1,)],
        ),
        ("select struct(1 as n) as first_one, first_one.n + 1 as next_one", [({"n": 1}, 2)]),
        ("select stack(2, 'a', 1, 'b', 2.5) as (name, n)", [("a", 1), ("b", 2.5)]),
        ("select explode(map('a', 1, 'b', 2)) as (name, n)", [("a", 1), ("b", 2)]),
        ("select percentile(a, 0.5) from values (1), (2) as t (a)", [(1.5,)]),
        ("select mode(a, true) from values ('z'), ('y'), ('z'), ('y'), ('a') as t (a)", [("y",)]),
        ("select struct(*) as all_of_it from values (1, 'x') as t (a, b)", [({"a": 1, "b": "x"},)]),
        (
            "select string(trunc(date'2024-05-16', part)) from values ('week'), ('month') as t (part)",
            [("2024-05-13",), ("2024-05-01",)],
        ),
        (
            "select exists(array('ab', 'c'), r -> r like 'a%'), exists(array('c'), r -> r like 'a%')",
            [(True, False)],
        ),
        ("select get(array(7, 8), 1), get(array(7, 8), 2)", [(8, None)]),
        (
            "select filter(a, (each, n) -> each is distinct from get(a, n - 1)), transform(a, (each, n) -> n)"
            " from (select array(7, 7, 8, 7) as a)",
            [([7, 8, 7], [0, 1, 2, 3])],
        ),
        ("select find_in_set('b', 'a,b'), find_in_set('c', 'a,b')", [(2, 0)]),
        (
            "select count(*) from (select explode(sequence(first_date, date'2024-03-01'))"
            " from (select date'2024-02-28' as first_date))",
            [(3,)],
        ),
        (
            "select timestamp_micros(1000000) + make_dt_interval(0, 0, 30) = timestamp'1970-01-01 00:30:01'",
            [(True,)],
        ),
    ],
)
def test_a_query_of_spark_gives_the_same_in_duckdb(
    database: duckdb.DuckDBPyConnection, spark: str, rows: list[tuple[Any, ...]]
) -> None:
    assert database.execute(translated(spark)).fetchall() == rows


def test_a_field_of_a_table_stays_one(database: duckdb.DuckDBPyConnection) -> None:
    query = "select t.a as u, u.a as b from values (1) as t (a) cross join values (2) as u (a)"
    assert database.execute(translated(query)).fetchall() == [(1, 2)]


def project() -> dict[str, Node]:
    def node(name: str, kind: str, materialized: str, query: str, *parents: str) -> dict[str, Any]:
        return {
            "resource_type": kind,
            "relation_name": f"`marts`.`{name}`",
            "config": {"materialized": materialized},
            "compiled_code": query,
            "depends_on": {"nodes": list(parents)},
        }

    return nodes(
        {
            "nodes": {
                "model.shop.sold": node("sold", "model", "incremental", "never run"),
                "model.shop.dear": node(
                    "dear", "model", "view", "select * from marts.sold where price > 1", "model.shop.sold"
                ),
                "model.shop.sums": node(
                    "sums",
                    "model",
                    "table",
                    "select day, sum(price) from marts.dear group by day",
                    "model.shop.dear",
                ),
                "model.shop.odd": node("odd", "model", "table", "select no_such_function(1)"),
                "test.shop.any": {"resource_type": "test"},
            },
            "sources": {},
        }
    )


def test_models_are_made_from_tables_that_the_gateway_writes_and_views_between(tmp_path: Path) -> None:
    asked: list[str] = []

    def query(sql: str) -> list[dict[str, Any]]:
        """The gateway's part: three sales as Parquet, times with a zone as Spark writes them."""
        asked.append(sql)
        (tmp_path / "marts.sold").mkdir()
        days = ("2024-01-01", "2024-01-01", "2024-01-02")
        sales = " union all ".join(
            f"select {price} as price, timestamptz'{day} 00:00:00+00' as day"
            for price, day in enumerate(days, 1)
        )
        duckdb.execute(f"copy ({sales}) to '{tmp_path}/marts.sold/part.parquet' (format parquet)")
        return []

    engine = Engine(tmp_path, query, project())
    rows = compare(engine, [("model.shop.odd", 1), ("model.shop.sums", 2), ("model.shop.dear", 9)], wanted=1)
    assert [sql.split(" using ")[1] for sql in asked] == ["parquet select * from marts.sold"]
    assert [row["model"] for row in rows] == ["odd", "sums"]
    assert "no_such_function" in rows[0]["not_compared"]
    assert rows[1]["duckdb_rows"] == 2
    assert rows[1]["duckdb_seconds"] >= 0
