"""Which table gives which event: every mistake in the file is a sentence before anything is captured."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.sources.database import mapping
from lakehouse.errors import UserError
from lakehouse.settings import Settings

SHOP = Settings().database_tables
NO_LINES = {"table": "a", "order": "b", "properties": {}}


def changed(tmp_path: Path, *path: str, **changes: Any) -> Path:
    """The shop's mapping with some fields of one part of it changed, or left out where None."""
    told = yaml.safe_load(SHOP.read_text())
    part = told["tables"]
    for step in path:
        part = part[step]
    for name, value in changes.items():
        part.pop(name, None)
        if value is not None:
            part[name] = value
    file = tmp_path / "tables.yaml"
    file.write_text(yaml.safe_dump(told))
    return file


def test_the_example_keeps_the_contracts() -> None:
    tables = mapping.read(SHOP).by_name()
    assert [name for _, name in tables] == ["customers", "products", "orders", "payments"]
    assert {schema for schema, _ in tables} == {"public"}
    assert tables["public", "customers"].properties["is_deleted"] == "False"


@pytest.mark.parametrize(
    ("path", "changes", "said"),
    [
        (("orders",), {"event": "order_sent"}, "orders: there is no event type order_sent; known are "),
        (("orders",), {"evnt": "order_placed"}, "tables.orders.evnt: Extra inputs are not permitted"),
        (("orders",), {"lines": None}, "orders: event type order_placed needs lines"),
        (("payments",), {"lines": NO_LINES}, "payments: event type payment has no lines"),
        (("payments", "properties"), {"amount": None}, "payments, properties: field amount is required"),
        (("payments", "properties"), {"hue": "c"}, "payments, properties: there is no field hue; known are "),
        (("orders", "properties"), {"revision": "id"}, "orders, properties: there is no field revision"),
        (("orders", "lines", "properties"), {"quantity": None}, "orders, lines: field quantity is required"),
        (("orders", "lines"), {"order": None}, "tables.orders.lines.order: Field required"),
        (("orders", "deleted"), {"state": "gone"}, "orders, deleted: there is no field state"),
        (("orders", "deleted"), {"order_status": "gone"}, "orders, deleted: order_status is not one of"),
        (("customers",), {"customer_id": None}, "customers: event type customer_updated needs customer_id"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence_with_its_place(
    tmp_path: Path, path: tuple[str, ...], changes: dict[str, Any], said: str
) -> None:
    file = changed(tmp_path, *path, **changes)
    with pytest.raises(UserError) as refused:
        mapping.read(file)
    assert f"{file}, {said}" in str(refused.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    file = changed(tmp_path, "payments", "properties", amount=None, colour="c")
    with pytest.raises(UserError) as refused:
        mapping.read(file)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("content", [None, b"tables: [", b"\xff"])
def test_a_file_that_cannot_be_read_names_its_setting(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tables.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match="LAKEHOUSE_DATABASE_TABLES"):
        mapping.read(file)


def test_a_table_of_another_schema_is_named_with_it(tmp_path: Path) -> None:
    file = tmp_path / "tables.yaml"
    told = yaml.safe_load(SHOP.read_text())["tables"]["payments"]
    file.write_text(yaml.safe_dump({"tables": {"billing.payments": told}}))
    assert list(mapping.read(file).by_name()) == [("billing", "payments")]
