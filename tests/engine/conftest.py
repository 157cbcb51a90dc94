"""Published files, replayed and built once for all tests that read them; a shop's database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from lakehouse.demo import NO_UNIT_TESTS
from tests.conftest import Stack, free_port
from tests.postgres import Postgres, running
from tests.shop_database import Shop

# All of the Google store is a million rows: its products, its hits and the first of its looks land here; what
# all of it gives as events is in test_sources.
GA_PRODUCTS_AND_HITS, GA_LOOKS = 1_092 + 15_134, 50_000
FILES = {
    "online_retail": ("online_retail/online_retail.parquet",),
    "rees46": ("rees46_events/2019-Oct_first_170min.csv.gz",),
    "taobao": ("taobao_events/user_histories.parquet",),
    "access_log": ("web_access_log/apache_access.log.gz",),
    "reviews": ("clothing_reviews/train.parquet",),
    "ga_store": ("ga_store", "--limit", str(GA_PRODUCTS_AND_HITS + GA_LOOKS)),
}
EVENT_MARTS = ("+fct_order_lines", "+fct_events")
CUSTOMER_MARTS = ("+fct_cohort_retention", "+int_customers_scored_rfm")
SESSION_MARTS = ("+fct_sessions",)


def build(stack: Stack, command: str, *models: str) -> None:
    """These models, once everything has landed."""
    stack.wait_landed(900)
    # Without the tests that also read models which are not built here, and those that read no data.
    tests = (*NO_UNIT_TESTS, "--indirect-selection", "cautious") if command == "build" else ()
    stack.dbt(command, *tests, "--select", *models)


@pytest.fixture(scope="session")
def files(stack: Stack, shared_data: Path) -> Path:
    """All of them replayed, landed and built."""
    for source, (file, *options) in FILES.items():
        stack.run("lakehouse", "replay", source, str(shared_data / file), *options)
    build(stack, "build", *EVENT_MARTS, *CUSTOMER_MARTS, *SESSION_MARTS)
    return shared_data


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running(free_port()) as server:
        yield server


@pytest.fixture
def shop(stack: Stack, postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Shop]:
    name = f"z_{abs(hash(request.node.name)) % 10**8}"
    with postgres.shop(name):
        settings = stack.settings.replace(database=SecretStr(postgres.address(name)), database_source=name)
        yield Shop(stack, postgres, name, settings)
