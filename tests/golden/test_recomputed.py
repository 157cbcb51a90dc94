"""Marts of behaviour hold what plain Python computes from the same events, row by row: tests/independent."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from tests.conftest import Stack
from tests.golden.conftest import FIRST, SECOND, SOURCES
from tests.independent import marts
from tests.independent.attribution import attribution
from tests.independent.events import sent
from tests.independent.funnels import funnels
from tests.independent.sessions import cut, summed

pytestmark = pytest.mark.engine

EVENTS = sent(event for event in FIRST + SECOND if event["event_id"] != "bad")
BROWSING = cut(EVENTS)
SESSIONS = summed(EVENTS, BROWSING, datetime.now(UTC).date())


def test_every_session_is_what_its_events_say(landed: Stack) -> None:
    found = marts.sessions(landed.query, SOURCES)
    assert len(found) > 150
    assert marts.session_differences(found, SESSIONS) == []


def test_every_funnel_step_is_what_the_events_say(landed: Stack) -> None:
    expected = funnels(BROWSING, SESSIONS)
    assert len(expected) > 150
    assert marts.funnel_differences(landed.query, SOURCES, expected) == []


def test_every_share_of_a_conversion_is_what_the_visits_say(landed: Stack) -> None:
    """Orders alone are the mart's: their net revenue has expected rows of its own."""
    orders = pd.DataFrame(landed.query("select * from ci_marts.fct_orders where source like 'golden%'"))
    expected = attribution(BROWSING, SESSIONS, orders[orders["source"].isin(SOURCES)])
    assert len(expected) > 500
    found = marts.sessions(landed.query, SOURCES)
    assert marts.share_differences(landed.query, found, SESSIONS, expected) == []
