"""One file is the only place of an event's shape: what is added there arrives everywhere by itself."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from ingestion import topics
from ingestion.contract import FOLDER, Catalogue
from ingestion.streams import raw, rows

FIELD = {"type": ["number", "null"], "description": "Tip for the courier.", "pii": "quasi", "unit": "money"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project's contracts with a field more in one file."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "order_placed.v1.json"
    contract = json.loads(path.read_text())
    contract["properties"]["tip"] = FIELD
    path.write_text(json.dumps(contract))
    return tmp_path


def tipped(order: dict[str, Any], tip: Any) -> dict[str, Any]:
    return {**order, "properties": {**order["properties"], "tip": tip}}


def test_adding_a_field_to_one_file_reaches_everything_that_derives_from_it(
    folder: Path, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = Catalogue(folder)
    for module in (topics, raw):
        monkeypatch.setattr(module, "catalogue", lambda: contracts)

    assert Catalogue().validate(tipped(order, 1.5)) == ["properties.tip: is not in the contract"]
    assert contracts.validate(tipped(order, 1.5)) == []
    assert contracts.validate(tipped(order, "x")) == ['properties.tip: "x" is not of types "null", "number"']
    assert topics.route(tipped(order, 1.5)) == ("orders", "17850")
    assert "tip: DECIMAL(18,4)" in contracts.spark_schema()
    assert rows.schema(contracts).field("properties").type.field("tip").type == pa.decimal128(18, 4)
    assert "tip: DECIMAL(18,4)" in raw.raw_events().columns
    table = yaml.safe_load(contracts.dbt_sources())["sources"][0]["tables"][0]
    assert [column for column in table["columns"] if column["name"] == "properties.tip"] == [
        {
            "name": "properties.tip",
            "description": "Tip for the courier.",
            "data_type": "decimal(18,4)",
            "config": {"meta": {"pii": "quasi"}},
        }
    ]
    section = contracts.markdown().split("### order_placed\n")[1].split("### ")[0]
    assert "| tip | decimal(18,4) |  | quasi | Tip for the courier. |" in section
    assert contracts.digest != Catalogue().digest  # landing checks anew what waits in Kafka


def test_adding_a_file_adds_a_type_with_its_topic_and_key(
    folder: Path, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = json.loads((folder / "order_placed.v1.json").read_text())
    (folder / "order_changed.v1.json").write_text(json.dumps(contract | {"x-topic": "commerce"}))
    contracts = Catalogue(folder)
    monkeypatch.setattr(topics, "catalogue", lambda: contracts)
    changed = {**order, "event_type": "order_changed"}
    assert contracts.validate(changed) == []
    assert topics.route(changed) == ("commerce", "17850")
    assert "### order_changed\n" in contracts.markdown()
