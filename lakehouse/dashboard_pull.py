"""Write what was changed in the browser back into superset/assets, each change as its line."""

import io
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
import yaml

from lakehouse.assets import ASSETS, FORBIDDEN_KEYS, Asset, chart_nodes, check, filters, nodes, of_kind, read
from lakehouse.dashboards import connected, reason
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from lakehouse.yaml_text import changed

# What Superset derives, repeats or numbers anew: a push makes it again.
OF_CHARTS = FORBIDDEN_KEYS | {"query_context", "dashboards", "extra_form_data", "url_params"}
OF_BOARDS = {
    "chart_configuration", "global_chart_configuration", "default_filters", "filter_scopes",
    "shared_label_colors", "map_label_colors", "color_scheme_domain", "import_time", "show_native_filters",
    "show_chart_timestamps", "native_filter_migration", "positions",
}  # fmt: skip
OF_FILTERS = {"chartsInScope", "tabsInScope"}


def pull(settings: Settings, assets: Path = ASSETS) -> list[str]:
    """The files of charts and boards that were changed; UserError, and none is, when one would not hold."""
    found, problems = read(assets)
    if problems:
        raise UserError(f"Nothing was pulled: {problems[0]}.")
    there = exported(settings)
    numbers = {
        node["meta"]["chartId"]: node["meta"]["uuid"]
        for board in of_kind(there, "dashboards").values()
        for node in chart_nodes(board)
    }
    by_uuid = {asset["uuid"]: asset for asset in there.values() if "uuid" in asset}
    texts = {}
    for path, asset in (of_kind(found, "charts") | of_kind(found, "dashboards")).items():
        pulled = by_uuid.get(asset["uuid"])
        if pulled is None:
            raise UserError(
                f"Nothing was pulled: Superset does not have {path}; `lakehouse dashboards push` brings it,"
                " or take the file away with its place on a board."
            )
        clean = _board(pulled, numbers, settings) if path.startswith("dashboards/") else _chart(pulled)
        text = (assets / path).read_text(encoding="utf-8")
        if (new := changed(text, settled(asset, clean))) != text:
            texts[path] = new
    _refuse_strangers(found, by_uuid, texts)
    _write(assets, texts)
    return sorted(texts)


def exported(settings: Settings) -> dict[str, Asset]:
    """Every asset that Superset has, by the path that it gives it."""
    with connected(settings) as client:
        answer = client.get("/api/v1/assets/export/")
    if answer.status_code != httpx.codes.OK:
        raise UserError(f"Superset did not export its boards: {reason(answer)}.")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name.partition("/")[2]: yaml.safe_load(archive.read(name)) for name in archive.namelist()}


def settled(old: Any, new: Any) -> Any:
    """The new content, where what is empty counts as what is not there, and order only where it matters."""
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {name: settled(old.get(name), value) for name, value in new.items()}
        return {name: value for name, value in kept.items() if name in old or not _empty(value)} | {
            name: value for name, value in old.items() if name not in new and _empty(value)
        }
    if isinstance(new, dict):
        return {name: settled(None, value) for name, value in new.items() if not _empty(value)}
    if isinstance(old, list) and isinstance(new, list):
        if len(old) == len(new):
            return [settled(*pair) for pair in zip(old, new, strict=True)]
        named = {item["id"]: item for item in old if isinstance(item, dict) and "id" in item}
        return [settled(named.get(item.get("id")), item) if isinstance(item, dict) else item for item in new]
    return new if not (_empty(old) and _empty(new)) else old


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _chart(there: Asset) -> Asset:
    params = {name: value for name, value in there["params"].items() if name not in OF_CHARTS}
    return {name: value for name, value in there.items() if name not in OF_CHARTS} | {"params": params}


def _board(there: Asset, numbers: dict[int, str], settings: Settings) -> Asset:
    """Without ids, and with the charts' uuids where Superset has its numbers."""
    metadata = {name: value for name, value in there["metadata"].items() if name not in OF_BOARDS}
    if metadata.get("refresh_frequency") == settings.dashboards_refresh_seconds:
        del metadata["refresh_frequency"]
    board = there | {"metadata": metadata}
    for rule in filters(board):
        for name in OF_FILTERS & rule.keys():
            del rule[name]
        excluded = rule.get("scope", {}).get("excluded", [])
        rule["scope"]["excluded"] = [numbers[number] for number in excluded if number in numbers]
    for _, node in nodes(board):
        for name in {"id", "parents"} & node.keys():
            del node[name]
        for name in {"chartId", "sliceName"} & node.get("meta", {}).keys():
            del node["meta"][name]
    return board


def _refuse_strangers(found: dict[str, Asset], by_uuid: dict[str, Asset], texts: dict[str, str]) -> None:
    """A chart made in the browser has a uuid of its own, which no file may have."""
    known = {asset["uuid"] for asset in of_kind(found, "charts").values()}
    for path, text in texts.items():
        if not path.startswith("dashboards/"):
            continue
        for node in chart_nodes(yaml.safe_load(text)):
            if (uuid := node["meta"]["uuid"]) not in known:
                name = by_uuid.get(uuid, {}).get("slice_name", uuid)
                raise UserError(
                    f"Nothing was pulled: {path} shows the chart {name!r}, which has no file in charts/;"
                    " write one (its uuid follows from its path) and push, or take it off the board."
                )


def _write(assets: Path, texts: dict[str, str]) -> None:
    """All or nothing: what would not pass the check is not written."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(shutil.copytree(assets, Path(folder) / "assets"))
        for path, text in texts.items():
            (trial / path).write_text(text, encoding="utf-8")
        if problems := check(trial):
            raise UserError(f"Nothing was pulled: {problems[0]}.")
    for path, text in texts.items():
        (assets / path).write_text(text, encoding="utf-8")
