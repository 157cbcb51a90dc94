"""Hashes of tables that do not depend on the order of their rows."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.conftest import Stack

Column = dict[str, Any]
Columns = dict[str, list[Column]]


def models(stack: Stack) -> list[dict[str, Any]]:
    """What dbt knows of each model, in target `ci`."""
    manifest = json.loads((stack.dbt_files() / "manifest.json").read_text(encoding="utf-8"))
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def tables(stack: Stack, holds: Callable[[dict[str, Any]], bool]) -> Columns:
    """Columns as documented, by name in schemas of target `ci`, of models whose configuration is so."""
    return {
        f"ci_{model['config']['schema']}.{model['name']}": list(model["columns"].values())
        for model in models(stack)
        if holds(model["config"])
    }


def answers(config: Mapping[str, Any]) -> bool:
    """Whether it is a mart, a report or part of the ledger."""
    return config["schema"] in ("marts", "reports", "ops")


def is_incremental(config: Mapping[str, Any]) -> bool:
    """Whether a build adds to what the table holds."""
    return bool(config["materialized"] == "incremental")


def hashes(
    stack: Stack, asked: Columns, part: str = "''", where: str = "true"
) -> dict[tuple[str, str], tuple[int, str]]:
    """Rows and hash of each table, part by part: all in one statement."""
    union = " union all ".join(
        f"select '{name}' as name, {part} as part, count(*) as n, string(sum("
        f"cast(xxhash64(to_json(struct({_texts(columns)}))) as decimal(38, 0)))) as h"
        f" from {name} where {where} group by all"
        for name, columns in asked.items()
    )
    return {(row["name"], row["part"]): (row["n"], row["h"]) for row in stack.query(union)}


def _texts(columns: Iterable[Column]) -> str:
    """Sums of doubles depend on the order of their rows in the last digits."""
    return ", ".join(
        f"round({c['name']}, 7) as {c['name']}" if c["data_type"] == "double" else c["name"] for c in columns
    )
