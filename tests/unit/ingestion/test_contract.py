"""Contracts: what is accepted, every reason why not, and the shapes derived from them."""

import copy
import csv
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion import contract_text
from ingestion.contract import Requirement, catalogue
from lakehouse.settings import ROOT
from tests.made import values

TYPES = sorted(catalogue().contracts)
EVENTS = {name: values(catalogue().contracts[name].event) for name in TYPES}


def raw_source() -> dict[str, Any]:
    """The source of raw.events, as dbt reads it."""
    table: dict[str, Any] = yaml.safe_load(catalogue().dbt_sources())["sources"][0]["tables"][0]
    return table


@pytest.mark.parametrize("event_type", TYPES)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_event_built_from_a_contract_keeps_it(event_type: str, data: st.DataObject) -> None:
    event = data.draw(EVENTS[event_type])
    assert catalogue().validate(event) == []


@pytest.mark.parametrize("event_type", TYPES)
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_breaking_any_requirement_is_a_reason_on_its_field(event_type: str, data: st.DataObject) -> None:
    event = data.draw(EVENTS[event_type])
    broken = [r for r in catalogue().requirements(event_type) if r.keyword in ("type", "required") and r.path]
    there = [r for r in broken if "[]" not in r.path and all(event.get(step) for step in r.path[:-1][:1])]
    requirement = data.draw(st.sampled_from(there))
    holder = event
    for step in requirement.path[:-1]:
        holder = holder[step]
    if requirement.keyword == "required":
        del holder[requirement.path[-1]]
    else:
        holder[requirement.path[-1]] = "yes" if requirement.value == "boolean" else True
    assert any(reason.startswith(requirement.field + ":") for reason in catalogue().validate(event))


def test_the_seed_of_event_types_names_every_type() -> None:
    with (ROOT / "seeds" / "event_types.csv").open() as file:
        assert sorted(row["event_type"] for row in csv.DictReader(file)) == TYPES


def test_what_a_person_writes_is_personal_data() -> None:
    pii = {c["name"]: c["config"]["meta"]["pii"] for c in raw_source()["columns"]}
    assert {pii[f"properties.{name}"] for name in ("text", "title", "query", "link_url")} == {"quasi"}
    assert {pii[f"properties.{name}"] for name in ("author_name", "email", "post_url")} == {"direct"}


@pytest.mark.parametrize(
    ("event_type", "properties", "field"),
    [
        ("review", {"product_id": "p1", "rating": 6}, "rating"),
        ("review", {"product_id": "p1", "rating": 4.5}, "rating"),
        ("scroll", {"depth_percent": 101}, "depth_percent"),
        ("payment", {"order_id": "1", "amount": 9.9, "payment_status": "lost"}, "payment_status"),
        ("payment", {"order_id": "1", "amount": -1, "payment_status": "paid"}, "amount"),
        ("consent_changed", {"analytics": "yes", "marketing": False}, "analytics"),
        ("customer_updated", {"age": -1}, "age"),
    ],
)
def test_a_value_outside_its_range_is_a_reason(
    order: dict[str, Any], event_type: str, properties: dict[str, Any], field: str
) -> None:
    reasons = catalogue().validate({**order, "event_type": event_type, "properties": properties})
    assert {reason.split(":")[0] for reason in reasons} == {f"properties.{field}"}


def test_every_reason_is_given_with_its_field(order: dict[str, Any]) -> None:
    del order["source"]
    order["occurred_at"] = "2025-01-31 08:30:00"
    order["properties"]["lines"][0] |= {"quantity": "abc", "colour": "red"}
    assert sorted(catalogue().validate(order)) == [
        "occurred_at: is not a UTC time such as 2025-01-31T08:30:00Z",
        "properties.lines[0].colour: is not in the contract",
        'properties.lines[0].quantity: "abc" is not of type "number"',
        "source: is required",
    ]


@pytest.mark.parametrize(
    "occurred_at",
    [
        "2025-01-31T08:30:00+01:00",
        "2025-01-31T08:30:00",
        "2025-02-30T08:30:00Z",
        "2025-01-31T24:30:00Z",
        "2025-01-31T08:30:60Z",
        "2025-01-31T08:30:00Z\n",
        "0001-01-31T08:30:00Z",
        "2025-01-31T08:30:00.1234567Z",
        "",
        1738312200,
    ],
)
def test_a_time_is_utc_and_real(order: dict[str, Any], occurred_at: Any) -> None:
    assert catalogue().validate({**order, "occurred_at": occurred_at})


@pytest.mark.parametrize("fraction", ["", ".1", ".123", ".123456"])
def test_a_time_may_have_microseconds(order: dict[str, Any], fraction: str) -> None:
    assert catalogue().validate({**order, "occurred_at": f"2025-01-31T08:30:00{fraction}Z"}) == []


def test_what_spark_could_not_hold_is_refused(order: dict[str, Any]) -> None:
    line = order["properties"]["lines"][0]
    for field, value in {"line_total": 10**14, "unit_price": -(10**14), "quantity": 1e301}.items():
        bad = copy.deepcopy(order)
        bad["properties"]["lines"] = [{**line, field: value}]
        assert [r.split(":")[0] for r in catalogue().validate(bad)] == [f"properties.lines[0].{field}"]
    assert catalogue().validate({**order, "occurrence": 2**31}) != []
    assert catalogue().validate({**order, "occurrence": 1.0}) == ["occurrence: an integer has no fraction"]


@pytest.mark.parametrize("event", [None, [], "text", 1, {}, {"event_type": []}, {"event_type": "cart"}])
def test_what_is_no_event_has_reasons(event: Any) -> None:
    assert catalogue().validate(event)


def test_an_unknown_type_is_named_beside_the_other_reasons(order: dict[str, Any]) -> None:
    reasons = catalogue().validate({**order, "event_type": "applause", "occurred_at": "today"})
    assert "event_type: 'applause' is not a known event type" in reasons
    assert any(reason.startswith("occurred_at:") for reason in reasons)


def test_a_customer_is_required_where_the_contract_says_so(order: dict[str, Any]) -> None:
    sent = {**order, "event_type": "campaign_sent", "properties": {"campaign_id": "1"}}
    assert catalogue().validate(sent) == []
    assert catalogue().validate({**sent, "customer_id": None})
    assert catalogue().validate({k: v for k, v in sent.items() if k != "customer_id"}) == [
        "customer_id: is required"
    ]


def test_reasons_are_bounded(order: dict[str, Any]) -> None:
    order["properties"]["lines"] = [{"quantity": "x" * 10_000}] * 1_000
    reasons = catalogue().validate(order)
    assert len(reasons) == 101
    assert max(map(len, reasons)) < 400


def test_what_is_no_json_is_a_reason(order: dict[str, Any]) -> None:
    assert catalogue().validate({**order, "customer_id": object()})[0].startswith("event: cannot be written")


def test_requirements_tell_every_check_of_a_type() -> None:
    told = catalogue().requirements("order_placed")
    quantity = ("properties", "lines", "[]", "quantity")
    assert Requirement(quantity, "type", "number") in told
    assert Requirement(quantity, "required", True) in told
    assert Requirement(("properties", "revision"), "minimum", 0) in told
    assert Requirement(("properties", "order_status"), "enum", ["placed", "cancelled"]) in told
    assert Requirement(("occurred_at",), "format", "date-time") in told
    assert {r.field for r in told} >= {"event", "properties.lines[]", "properties.lines[].quantity"}


def test_topic_and_key_come_from_the_contract() -> None:
    assert catalogue().topic_of("refund") == "commerce"
    assert catalogue().key_field("purchase") == "visitor_id"


def test_spark_schema_is_the_envelope_with_the_sorted_union_of_properties() -> None:
    schema = catalogue().spark_schema()
    assert schema.startswith("event_id STRING, event_type STRING, contract_version INT, source STRING, ")
    assert "occurred_at TIMESTAMP" in schema
    assert "context STRUCT<bot_reasons: ARRAY<STRING>, bot_score: DOUBLE, " in schema
    assert "line_total: DECIMAL(18,4)" in schema
    assert "starts_on: DATE" in schema
    inside = catalogue().properties_schema()
    assert inside in schema
    assert inside.index("age_band") < inside.index("lines: ARRAY<STRUCT<") < inside.index("store_id")


def test_spark_schema_does_not_depend_on_the_order_of_files() -> None:
    from ingestion.contract import Catalogue

    assert Catalogue().spark_schema() == catalogue().spark_schema()
    assert Catalogue().dbt_sources() == catalogue().dbt_sources()


def test_raw_columns_hold_what_landing_adds() -> None:
    columns = {column.name: column.spark_type for column in catalogue().raw_columns()}
    assert columns["rejection_reasons"] == "ARRAY<STRING>"
    assert columns["payload"] == "BINARY"
    assert columns["kafka_offset"] == "BIGINT"
    assert list(columns)[-1] == "landed_date"


def test_dbt_sources_tag_every_column_with_pii() -> None:
    table = raw_source()
    pii = {column["name"]: column["config"]["meta"]["pii"] for column in table["columns"]}
    assert pii["customer_id"] == "direct"
    assert pii["properties.age_band"] == "quasi"
    assert pii["properties.lines.quantity"] == "none"
    assert (pii["context"], pii["context.page_url"], pii["consent.analytics"]) == ("none", "quasi", "none")
    assert table["config"]["loaded_at_field"] == "landed_at"
    assert all(column["description"] for column in table["columns"])


def test_derived_files_are_current() -> None:
    page = contract_text.DATA_PAGE.read_text()
    assert contract_text.data_page(page, catalogue().markdown()) == page, "run: lakehouse contracts render"
    written = contract_text.DBT_SOURCES.read_text()
    assert written == catalogue().dbt_sources(), "run: lakehouse contracts render"
