"""A contract that landing could not check like the collector is refused when it is read."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingestion.contract import FOLDER, Catalogue
from lakehouse.errors import UserError

FIELD = {"type": ["string", "null"], "description": "Something.", "pii": "none"}


def with_fields(folder: Path, fields: dict[str, Any], **more: Any) -> Catalogue:
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    contract = json.loads((FOLDER / "campaign_sent.v1.json").read_text())
    contract["properties"] |= fields
    (folder / "wave.v1.json").write_text(json.dumps(contract | more))
    return Catalogue(folder)


def test_a_new_contract_is_found_by_its_file(tmp_path: Path) -> None:
    assert "greeting" in with_fields(tmp_path, {"greeting": FIELD}).contracts["wave"].properties["properties"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"multipleOf": 2}, "multipleOf is no supported JSON Schema keyword"),
        ({"oneOf": []}, "oneOf is no supported"),
        ({"format": "email"}, "format 'email' is not one of"),
        ({"pattern": "[a-z]+"}, "covers the whole text"),
        ({"type": "string"}, "allows null exactly when it is not required"),
        ({"pii": "perhaps"}, "needs a description and pii"),
        ({"description": ""}, "needs a description and pii"),
        ({"type": ["object", "null"], "properties": {}}, "additionalProperties"),
    ],
)
def test_an_unsupported_field_is_one_clear_sentence(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=r"wave\.v1\.json") as error:
        with_fields(tmp_path, {"greeting": FIELD | change})
    assert sentence in str(error.value)


def test_one_name_has_one_type_across_contracts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one name has one type"):
        with_fields(tmp_path, {"brand": FIELD | {"type": ["integer", "null"]}})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x-key": "shoe_size"}, "no field of the envelope"),
        ({"required": ["campaign_id", "ghost"]}, "ghost is required but not described"),
        ({"additionalProperties": True}, "additionalProperties"),
        ({"properties": {"campaign_id": FIELD, "source": FIELD}, "required": []}, "source is a field of the"),
    ],
)
def test_a_wrong_head_is_one_clear_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        with_fields(tmp_path, {}, **change)


def test_a_field_name_is_snake_case(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lower_snake_case"):
        with_fields(tmp_path, {"Greeting": FIELD})


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "wave.v1.json").write_text("{")
    with pytest.raises(UserError, match=r"wave\.v1\.json cannot be read"):
        Catalogue(tmp_path)
