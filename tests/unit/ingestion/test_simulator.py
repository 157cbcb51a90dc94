"""The made shop: the same seed gives the same events, and they are shaped like the files."""

import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ingestion.contract import catalogue
from ingestion.simulator import run, shape
from ingestion.simulator.faults import Knobs
from ingestion.simulator.people import DAY_MS, People, Shop
from ingestion.simulator.plan import Options, Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = 60_000
CLEAN = Knobs(duplicates=0, late=0, clock_errors=0, malformed=0)
FAULTY = Knobs(bots=0.3, duplicates=0.05, late=0.1, clock_errors=0.1, malformed=0.04)
# What other doors make: a count without consent is the collector's.
NOT_MADE = {"event_counted"}

Event = dict[str, Any]


def made(asked: Options, processes: int = 1) -> list[Event]:
    """Every event of a run of fixed length, process by process."""
    plan = Plan(asked.anchored(NOW))
    return [
        event
        for process in range(processes)
        for events, _ in run.blocks_in_order(plan, process, processes, threading.Event())
        for event in events
    ]


def at(event: Event, field: str = "occurred_at") -> float:
    return datetime.fromisoformat(event[field]).timestamp()


@pytest.fixture(scope="module")
def clean() -> list[Event]:
    """A run without faults, bots included."""
    return made(Options(events=EVENTS, knobs=CLEAN))


@pytest.fixture(scope="module")
def human_visits(clean: list[Event]) -> dict[str, list[Event]]:
    """Session -> its events, in their order; bots left out by what the truth calls them."""
    plan = Plan(Options(events=EVENTS, knobs=CLEAN).anchored(NOW))
    bots = {plan.people.visitor_id(2 * plan.people.count + bot) for bot in range(plan.people.bots)}
    found: dict[str, list[Event]] = defaultdict(list)
    for event in clean:
        if "session_id" in event and event["visitor_id"] not in bots:
            found[event["session_id"]].append(event)
    return found


def test_the_same_seed_gives_the_same_events_whatever_the_number_of_processes() -> None:
    asked = Options(events=24_000, seed=3, knobs=FAULTY)
    alone, by_two = (sorted(made(asked, processes), key=json.dumps) for processes in (1, 2))
    assert alone == by_two
    other = {event["event_id"] for event in made(Options(events=1_000, seed=4, knobs=FAULTY))}
    assert other.isdisjoint(event["event_id"] for event in alone)


@pytest.mark.parametrize("count", [1, 7, 2_000, 12_345])
def test_exactly_as_many_events_are_made_as_asked_for(count: int) -> None:
    events = made(Options(events=count, knobs=CLEAN))
    assert len(events) == len({event["event_id"] for event in events}) == count


def test_every_event_keeps_its_contract_and_every_type_is_made(clean: list[Event]) -> None:
    contracts = catalogue()
    assert [reason for event in clean for reason in contracts.validate(event)] == []
    types = {event["event_type"] for event in clean}
    assert set(contracts.contracts) - types == NOT_MADE
    assert {event["source"] for event in clean} == {"simulator"}


def test_one_process_sends_in_the_order_of_time(clean: list[Event]) -> None:
    sent = [at(event, "sent_at") for event in clean]
    assert sent == sorted(sent)


def test_visits_are_shaped_like_those_of_taobao(human_visits: dict[str, list[Event]]) -> None:
    actions = ("product_view", "cart", "favourite", "purchase")
    counts = [Counter(event["event_type"] for event in events) for events in human_visits.values()]
    lengths = np.array([sum(count[action] for action in actions) for count in counts])
    assert np.mean(lengths == 1) == pytest.approx(shape.ONE_ACTION, abs=0.03)
    assert lengths.mean() == pytest.approx(shape.MEAN_ACTIONS, rel=0.08)
    assert np.mean([count["purchase"] > 0 for count in counts]) == pytest.approx(shape.BUYING, abs=0.02)
    assert sum(c["cart"] for c in counts) / lengths.sum() == pytest.approx(shape.CART, rel=0.15)
    assert sum(c["favourite"] for c in counts) / lengths.sum() == pytest.approx(shape.FAVOURITE, rel=0.2)


def test_a_visit_never_pauses_for_half_an_hour_and_has_one_start(
    human_visits: dict[str, list[Event]],
) -> None:
    for events in human_visits.values():
        times = sorted(map(at, events))
        assert all(later - earlier < 1800 for earlier, later in pairwise(times))
        assert [event["event_type"] for event in events].count("session_start") == 1
        assert len({event["visitor_id"] for event in events}) == 1


def test_visits_come_at_the_hours_and_by_the_channels_of_the_files(
    human_visits: dict[str, list[Event]],
) -> None:
    starts = [min(events, key=at) for events in human_visits.values()]
    hours = Counter(datetime.fromisoformat(event["occurred_at"]).hour for event in starts)
    shares = np.array([hours[hour] / len(starts) for hour in range(24)])
    assert np.abs(shares - shape.HOURS).max() < 0.015
    channels = Counter(event["context"]["channel_group"] for event in starts)
    mailed = channels.pop("email")
    for channel, share in shape.CHANNELS.items():
        assert channels[channel] / (len(starts) - mailed) == pytest.approx(share, abs=0.025)


def test_a_visit_lands_once_and_goes_on_inside(human_visits: dict[str, list[Event]]) -> None:
    for events in human_visits.values():
        pages = [event for event in sorted(events, key=at) if event["event_type"] == "page_view"]
        inside = [page["context"]["channel_group"] == "internal" for page in pages]
        assert inside == [False] + [True] * (len(pages) - 1)


def test_products_prices_and_pieces_are_shaped_like_the_files(clean: list[Event]) -> None:
    views = [event["properties"] for event in clean if event["event_type"] == "product_view"]
    assert np.mean(["category_code" not in view for view in views]) == pytest.approx(0.33, abs=0.05)
    assert np.mean(["brand" not in view for view in views]) == pytest.approx(shape.NO_BRAND, abs=0.05)
    ranked = sorted(Counter(view["product_id"] for view in views).values(), reverse=True)
    assert sum(ranked[:200]) / len(views) == pytest.approx(0.45, abs=0.06)
    prices = Shop(seed=1).price
    assert np.median(prices) == pytest.approx(np.exp(shape.PRICE_LOG_MEAN), rel=0.1)
    pieces = [
        line["quantity"]
        for event in clean
        if event["event_type"] == "order_placed"
        for line in event["properties"]["lines"]
    ]
    assert np.median(pieces) == pytest.approx(6, abs=2)


def test_knobs_break_as_many_events_as_they_say() -> None:
    events = made(Options(events=EVENTS // 2, knobs=FAULTY))
    ids = Counter(event["event_id"] for event in events)
    assert (len(events) - len(ids)) / len(ids) == pytest.approx(FAULTY.duplicates, rel=0.1)
    broken = sum(bool(catalogue().validate(event)) for event in events)
    assert broken / len(ids) == pytest.approx(FAULTY.malformed, rel=0.1)
    by_id = defaultdict(list)
    for event in events:
        by_id[event["event_id"]].append(event)
    assert all(len(copies) < 3 and copies[0] == copies[-1] for copies in by_id.values())


def test_an_experiment_and_a_campaign_work_by_their_true_effect() -> None:
    people = People(seed=1, count=20_000, start_ms=0, span_ms=30 * DAY_MS, events=1e7)
    everyone, before = np.arange(people.count), np.zeros(people.count, dtype=np.int64)
    factor, treated = people.buying_factor(everyone, before), people.treated[0]
    assert factor[treated].mean() / factor[~treated].mean() == pytest.approx(1 + shape.EXPERIMENTS[0].effect)
    assert factor.mean() == pytest.approx(1, abs=0.01)
    mailed = people.mailed[0]
    after = before + int(0.44 * 30 * DAY_MS)
    uplift = people.buying_factor(everyone, after) / factor
    assert uplift[mailed] == pytest.approx(1 + shape.CAMPAIGNS[0].uplift)
    assert uplift[~mailed] == pytest.approx(1)


def test_segments_together_behave_as_the_files_do() -> None:
    kinds = shape.SEGMENTS
    assert sum(kind.visits for kind in kinds) == pytest.approx(1)
    assert sum(kind.people for kind in kinds) == pytest.approx(1)
    assert sum(k.visits * k.one_action for k in kinds) == pytest.approx(shape.ONE_ACTION, abs=0.001)
    assert sum(k.visits * k.buying for k in kinds) == pytest.approx(shape.BUYING, abs=0.001)
