"""The rules of the warehouse and of imports, as tests. No engine: dbt only parses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.settings import ROOT

Node = dict[str, Any]
PREFIXES = {
    "staging": ("stg_",),
    "intermediate": ("int_",),
    "marts": ("fct_", "dim_"),
    "reports": ("rpt_",),
    "ops": ("ledger",),
}
MAY_READ = {
    "staging": set[str](),
    "intermediate": {"staging", "intermediate", "marts"},
    "marts": {"staging", "intermediate", "marts"},
    "reports": {"intermediate", "marts", "ops"},
    "ops": {"staging", "intermediate", "ops"},
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Node:
    target = tmp_path_factory.mktemp("dbt")
    dbt = Path(sys.executable).with_name("dbt")
    command = [dbt, "--quiet", "--no-use-colors", "--log-path", target, "parse", "--target-path", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    parsed: Node = json.loads((target / "manifest.json").read_text())
    return parsed


@pytest.fixture(scope="module")
def models(manifest: Node) -> list[Node]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert len(found) > 15
    return found


def layer(model: Node) -> str:
    return str(model["fqn"][1])


def sql(model: Node) -> str:
    return (ROOT / model["original_file_path"]).read_text(encoding="utf-8")


def grain(model: Node) -> list[str]:
    return list(model["config"]["meta"].get("grain", []))


def names(broken: list[Node]) -> list[str]:
    return [model["name"] for model in broken]


def test_only_staging_reads_sources(models: list[Node]) -> None:
    reads_source = [m for m in models if any(n.startswith("source.") for n in m["depends_on"]["nodes"])]
    assert names([m for m in reads_source if layer(m) != "staging"]) == []


def test_layers_read_downwards(manifest: Node, models: list[Node]) -> None:
    wrong = [
        f"{model['name']} reads {parent}"
        for model in models
        for parent in model["depends_on"]["nodes"]
        if parent.startswith("model.") and layer(manifest["nodes"][parent]) not in MAY_READ[layer(model)]
    ]
    assert wrong == []


def test_names_tell_the_layer(models: list[Node]) -> None:
    assert names([m for m in models if not m["name"].startswith(PREFIXES[layer(m)])]) == []


def test_every_model_macro_and_seed_has_its_yml(manifest: Node, models: list[Node]) -> None:
    ours = [m for m in manifest["macros"].values() if m["package_name"] == "customer_lakehouse"]
    assert names([m for m in ours if not m["description"]]) == []
    pairs = models + [n for n in manifest["nodes"].values() if n["resource_type"] == "seed"]
    for node in pairs:
        path = ROOT / node["original_file_path"]
        assert node["patch_path"].endswith(str(path.with_suffix(".yml").relative_to(ROOT)))


def test_names_are_unique_across_schemas(models: list[Node]) -> None:
    found = [m["alias"] for m in models]
    assert sorted(found) == sorted(set(found))


def test_every_model_has_grain_and_description(models: list[Node]) -> None:
    assert names([m for m in models if not grain(m) or not set(grain(m)) <= set(m["columns"])]) == []
    assert names([m for m in models if not m["description"].startswith("One row per")]) == []


def test_every_column_is_described_and_typed(models: list[Node]) -> None:
    columns = [(m["name"], c) for m in models for c in m["columns"].values()]
    assert [(n, c["name"]) for n, c in columns if not c["description"] or not c["data_type"]] == []


def test_every_grain_is_tested(manifest: Node, models: list[Node]) -> None:
    """By a key test; a view may leave it to a table of the same grain that it feeds or is fed by."""
    tested = set()
    for test in manifest["nodes"].values():
        if test.get("test_metadata", {}).get("name") == "unique_together":
            attached = manifest["nodes"][test["attached_node"]]
            if set(test["test_metadata"]["kwargs"]["columns"]) == set(grain(attached)):
                tested.add(attached["unique_id"])
    for _ in models:  # from table to view to view
        for view in (m for m in models if m["config"]["materialized"] == "view"):
            key = view["unique_id"]
            neighbours = {*manifest["parent_map"][key], *manifest["child_map"][key]} & tested
            if any(set(grain(manifest["nodes"][n])) == set(grain(view)) for n in neighbours):
                tested.add(key)
    assert names([m for m in models if m["unique_id"] not in tested]) == []


def test_marts_and_reports_keep_a_contract(models: list[Node]) -> None:
    public = [m for m in models if layer(m) in ("marts", "reports")]
    assert names([m for m in public if not m["config"]["contract"]["enforced"]]) == []


def test_marts_and_reports_have_an_owner(manifest: Node, models: list[Node]) -> None:
    owners = {g["name"]: g["owner"].get("email") for g in manifest["groups"].values()}
    public = [m for m in models if layer(m) in ("marts", "reports")]
    assert names([m for m in public if not owners.get(m["group"])]) == []


def test_columns_about_a_person_are_tagged_as_their_contract_tags_them(
    manifest: Node, models: list[Node]
) -> None:
    source = manifest["sources"]["source.customer_lakehouse.raw.events"]["columns"].values()
    tags = {re.sub(r"^(properties|context)\.", "", c["name"]): c["config"]["meta"]["pii"] for c in source}
    personal = {name: tag for name, tag in tags.items() if tag != "none" and "." not in name}
    assert {"customer_id", "visitor_id", "age_band", "country_code"} <= set(personal)
    untagged = [
        f"{model['name']}.{name}"
        for model in models
        for name, column in model["columns"].items()
        if name in personal and column["config"]["meta"].get("pii") != personal[name]
    ]
    assert untagged == []


def test_models_read_alike(models: list[Node]) -> None:
    for model in models:
        lines = sql(model).rstrip("\n").split("\n")
        assert len(lines) <= 100, model["name"]
        assert lines[0].startswith("-- One row per "), model["name"]
        assert re.fullmatch(r"select \* from \w+", lines[-1]), model["name"]


def test_no_model_depends_on_the_clock(models: list[Node]) -> None:
    clock = re.compile(r"\b(now|current_date|current_timestamp|rand|uuid)\b", re.IGNORECASE)
    assert names([m for m in models if clock.search(sql(m))]) == []


def test_no_window_looks_from_each_row_to_the_end(manifest: Node, models: list[Node]) -> None:
    """Spark walks such a frame anew for every row, which takes the square of the busiest actor's events."""
    macros = [m for m in manifest["macros"].values() if m["package_name"] == "customer_lakehouse"]
    texts = {node["name"]: node.get("raw_code") or node["macro_sql"] for node in [*models, *macros]}
    frame = re.compile(r"(current\s+row|following)\s+and\s+unbounded\s+following", re.I)
    assert [name for name, text in texts.items() if frame.search(text)] == []


def test_every_dashboard_dataset_is_in_an_exposure(manifest: Node) -> None:
    exposed = {n.split(".")[-1] for e in manifest["exposures"].values() for n in e["depends_on"]["nodes"]}
    assert all(e["owner"]["email"] for e in manifest["exposures"].values())
    datasets = [yaml.safe_load(text) for text in texts("superset/assets/datasets")]
    drawn = {c["dataset_uuid"] for c in map(yaml.safe_load, texts("superset/assets/charts"))}
    of_dbt = {d["table_name"] for d in datasets if d["schema"] != "raw" and d["uuid"] in drawn}
    assert of_dbt
    assert of_dbt - exposed == set()


def test_every_mart_and_report_is_a_dataset(models: list[Node]) -> None:
    """Else row level rules would not reach it in SQL Lab, or analysts could not ask it at all."""
    datasets = {yaml.safe_load(text)["table_name"] for text in texts("superset/assets/datasets")}
    assert {m["name"] for m in models if layer(m) in ("marts", "reports")} - datasets == set()


def texts(folder: str) -> list[str]:
    return [file.read_text(encoding="utf-8") for file in sorted((ROOT / folder).rglob("*.yaml"))]


def test_sources_are_as_the_contracts_say() -> None:
    from ingestion.contract import catalogue

    written = (ROOT / "models/staging/raw/_raw__sources.yml").read_text(encoding="utf-8")
    assert written == catalogue().dbt_sources(), "run `lakehouse contracts render`"


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
