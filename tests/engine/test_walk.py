"""The running collector, walked along its own description: it does what it says, whatever is sent."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from jsonschema_rs import validator_for
from schemathesis import GenerationMode, checks

from ingestion.contract import catalogue
from tests.conftest import Stack

pytestmark = pytest.mark.engine

OWN = {
    "source": "z_walk",
    "occurred_at": "2025-01-31T08:30:00Z",
    "consent": {"analytics": False, "marketing": False},
}
ENVELOPE = {name: validator_for(catalogue().envelope["properties"][name]) for name in OWN}
BOUNDED = hypothesis_settings(
    max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
# What leads to a person is taken out before it is checked: then nobody minds that it broke its contract.
LENIENT = [check for check in checks.CHECKS.get_all() if check.__name__ == "negative_data_rejection"]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    return f"http://{stack.settings.host}:{stack.settings.collector_port}"


def sent(value: Any) -> Any:
    """As a sender writes it, whole numbers as such; valid events are of this test, one day, without consent.

    What they leave is a count: no odd amount and no far century is in the marts of other tests.
    """
    if isinstance(value, list):
        return [sent(each) for each in value]
    if isinstance(value, dict):
        return {key: OWN[key] if is_valid(key, each) else sent(each) for key, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def is_valid(field: str, value: Any) -> bool:
    return field in OWN and ENVELOPE[field].is_valid(value)


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *(("POST", path, mode) for path in ("/track-event", "/v1/events") for mode in (POSITIVE, NEGATIVE)),
        *(("GET", path, POSITIVE) for path in ("/health", "/ready", "/metrics")),
        ("GET", "/v1/stream", NEGATIVE),
    ],
)
def test_the_collector_does_as_its_description_says(
    address: str, method: str, path: str, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_url(f"{address}/openapi.json")[path][method]
    answered = 0

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def walk(case: Any) -> None:
        nonlocal answered
        case.body = sent(case.body)
        case.call_and_validate(excluded_checks=LENIENT, timeout=30)
        answered += 1

    walk()
    assert answered
    figures = httpx.get(f"{address}/metrics", timeout=30).text
    assert "collector_in_flight 0.0\n" in figures
