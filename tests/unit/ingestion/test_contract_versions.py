"""Versions of a type stand side by side: each event is judged by the one it names."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingestion import topics
from ingestion.contract import FOLDER, Catalogue
from lakehouse.errors import UserError

STORE = {"type": "string", "description": "Where it was bought.", "pii": "quasi"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The contracts, and versions 2 and 10 of order_placed, on a topic of their own."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    contract = json.loads((FOLDER / "order_placed.v1.json").read_text())
    contract["x-topic"] = "commerce"
    contract["properties"] |= {"store_id": STORE}
    contract["required"].append("store_id")
    note = {"type": ["string", "null"], "description": "Note.", "pii": "quasi"}
    contract["properties"]["lines"]["items"]["properties"]["note"] = note
    for version in (2, 10):
        (tmp_path / f"order_placed.v{version}.json").write_text(json.dumps(contract))
    return tmp_path


@pytest.fixture
def versions(folder: Path) -> Catalogue:
    return Catalogue(folder)


def test_an_event_is_judged_by_the_version_it_names(versions: Catalogue, order: dict[str, Any]) -> None:
    assert versions.validate(order) == []
    assert versions.validate({**order, "contract_version": 2}) == ["properties.store_id: is required"]
    with_store = {**order["properties"], "store_id": "s1"}
    assert versions.validate({**order, "contract_version": 2, "properties": with_store}) == []


def test_an_unknown_version_is_one_reason(versions: Catalogue, order: dict[str, Any]) -> None:
    unknown = {**order, "contract_version": 3}
    reason = "contract_version: 3 is not a known version of order_placed (1, 2, 10)"
    assert versions.validate(unknown) == [reason]
    del unknown["source"]
    assert sorted(versions.validate(unknown)) == [reason, "source: is required"]


@pytest.mark.parametrize("version", [None, "1", True, [1], {}])
def test_what_is_no_version_does_not_hide_the_other_reasons(
    versions: Catalogue, order: dict[str, Any], version: Any
) -> None:
    fields = {reason.split(":")[0] for reason in versions.validate({**order, "contract_version": version})}
    assert "contract_version" in fields
    assert version is True or "properties.store_id" in fields


@pytest.mark.parametrize("version", [1.0, 1.5, 2**70, float("inf")])
def test_a_number_that_is_no_version_is_a_reason(
    versions: Catalogue, order: dict[str, Any], version: float
) -> None:
    assert versions.validate({**order, "contract_version": version})


def test_the_newest_version_stands_for_the_type(versions: Catalogue) -> None:
    assert versions.contracts["order_placed"].version == 10
    assert [v for name, v in versions.versions if name == "order_placed"] == [1, 2, 10]


def test_an_event_goes_where_its_version_says(
    versions: Catalogue, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "catalogue", lambda: versions)
    assert topics.route(order)[0] == "orders"
    assert topics.route({**order, "contract_version": 2})[0] == "commerce"


def test_columns_hold_what_any_version_holds(versions: Catalogue) -> None:
    assert "note: STRING, product_id: STRING" in versions.properties_schema()
    sources = versions.dbt_sources()
    assert "- name: properties.lines.note" in sources
    store = sources.split("- name: properties.store_id")[1].split("- name: ")[0]
    assert "pii: quasi" in store  # version 1 says none: the stronger one counts


def test_each_version_has_its_table_in_the_catalogue(versions: Catalogue) -> None:
    assert "### order_placed\n" in versions.markdown()
    assert "### order_placed, version 2\n" in versions.markdown()
    assert "Version of that contract. One of `1`, `2`, `10`." in versions.markdown()


def test_one_name_has_one_type_inside_arrays_too(folder: Path) -> None:
    contract = json.loads((folder / "order_placed.v2.json").read_text())
    contract["properties"]["lines"]["items"]["properties"]["description"]["type"] = ["boolean", "null"]
    (folder / "order_placed.v2.json").write_text(json.dumps(contract))
    with pytest.raises(UserError, match=r"order_placed\.v2\.json: field lines\[\]\.description is BOOLEAN"):
        Catalogue(folder)


@pytest.mark.parametrize("name", ["cart.json", "cart.v0.json", "Cart.v1.json", "envelope.v2.json"])
def test_a_file_that_nobody_would_read_is_refused(folder: Path, name: str) -> None:
    shutil.copy(folder / "cart.v1.json", folder / name)
    with pytest.raises(UserError, match=name):
        Catalogue(folder)
