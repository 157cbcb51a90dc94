"""The made shop: the same seed gives the same events, shaped like the files, and its truth is true."""

import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from ingestion.collector.publish import Publisher
from ingestion.contract import catalogue
from ingestion.simulator import run, shape
from ingestion.simulator.faults import Knobs
from ingestion.simulator.people import DAY_MS, People, Shop
from ingestion.simulator.plan import Options, Plan, options
from lakehouse.errors import UserError
from lakehouse.settings import Settings

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


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, fake_producer: Any) -> Any:
    """Runs the whole simulator in this process; gives its result, what was sent and the truth's folder."""

    def publisher(settings: Settings, **asked: Any) -> Publisher:
        return Publisher(settings, **asked, connect=lambda options: fake_producer)

    monkeypatch.setattr(run, "Publisher", publisher)

    def start(asked: Options) -> tuple[run.SimulationResult, list[Event], Path]:
        result = run.simulate(settings, asked, processes=1, truth=tmp_path / "truth")
        return result, fake_producer.events(), tmp_path / "truth"

    return start


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


@pytest.mark.parametrize(("bots", "expected"), [(0.0, {False}), (1.0, {True})])
def test_bots_are_none_or_all_where_the_knob_says_so(
    simulated: Any, bots: float, expected: set[bool]
) -> None:
    _, _, truth = simulated(Options(events=3_000, knobs=Knobs(bots=bots)))
    assert set(pq.read_table(truth / "visits")["is_bot"].to_pylist()) == expected


def test_the_summary_counts_what_was_sent(simulated: Any) -> None:
    result, sent, truth = simulated(Options(events=10_000, knobs=FAULTY))
    summary = json.loads((truth / "summary.json").read_text())
    letters = [event for event in sent if "payload" in event]
    accepted = {event["event_id"]: event for event in sent if "payload" not in event}
    assert result.sent == summary["sent"] == len(sent)
    assert summary["rejected"] == len(letters) == sum(summary["malformed"].values())
    assert {letter["source"] for letter in letters} == {"simulator"}
    assert summary["duplicates"] == len(sent) - len(letters) - len(accepted)
    assert summary["event_types"] == Counter(event["event_type"] for event in accepted.values())
    assert all(summary[name] for name in ("late", "clock_errors", "bots", "duplicates", "rejected"))


def test_the_truth_of_visits_agrees_with_their_events(simulated: Any) -> None:
    _, sent, truth = simulated(Options(events=10_000, knobs=FAULTY))
    events = {event["event_id"]: event for event in sent if "payload" not in event}.values()
    by_session: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if "session_id" in event:
            by_session[event["session_id"]].append(event)
    visits = {row["session_id"]: row for row in pq.read_table(truth / "visits").to_pylist()}
    assert {name: len(found) for name, found in by_session.items()} == {
        name: visit["events"] for name, visit in visits.items()
    }
    for name, visit in visits.items():
        found = by_session[name]
        assert {event["visitor_id"] for event in found} == {visit["visitor_id"]}
        assert {event.get("customer_id", visit["customer_id"]) for event in found} == {visit["customer_id"]}
        orders = [event["properties"] for event in found if event["event_type"] == "order_placed"]
        assert [order["order_id"] for order in orders] == [visit["order_id"]][: len(orders)]
        total = sum(line["line_total"] for order in orders for line in order["lines"])
        assert total == pytest.approx(visit["order_total"] or 0)
        first = min(map(at, found))
        shift = visit["clock_error_seconds"]
        assert first - shift >= visit["started_at"].timestamp() - 0.001
        delays = {round(at(event, "sent_at") - at(event)) for event in found}
        assert all(abs(delay - visit["late_seconds"]) <= 1.5 for delay in delays)
        assert {event["context"]["is_bot"] for event in found} == {visit["is_declared_bot"]}


def test_customers_arms_and_campaigns_agree_with_the_events(simulated: Any) -> None:
    _, sent, truth = simulated(Options(events=30_000, knobs=CLEAN))
    visits = {row["session_id"]: row for row in pq.read_table(truth / "visits").to_pylist()}
    arms = {
        (row["experiment_id"], row["customer_id"]): row["arm"]
        for row in pq.read_table(truth / "experiments.parquet").to_pylist()
    }
    exposures = [event for event in sent if event["event_type"] == "experiment_exposure"]
    assert exposures
    for event in exposures:
        customer = visits[event["session_id"]]["customer_id"]
        assert event["properties"]["arm"] == arms[event["properties"]["experiment_id"], customer]
    campaigns = pq.read_table(truth / "campaigns.parquet").to_pylist()
    mailed = {(row["campaign_id"], row["customer_id"]) for row in campaigns if row["is_mailed"]}
    sent_to = {
        (event["properties"]["campaign_id"], event["customer_id"])
        for event in sent
        if event["event_type"] == "campaign_sent"
    }
    assert sent_to == mailed
    assert 0.9 < len(mailed) / sum(not row["is_mailed"] for row in campaigns) < 1.1
    rows = {row["customer_id"]: row for row in pq.read_table(truth / "customers.parquet").to_pylist()}
    for visit in visits.values():
        if not visit["is_bot"]:
            known = rows[visit["customer_id"]]
            assert visit["visitor_id"] in (known["visitor_id"], known["second_visitor_id"])
            assert visit["segment"] == known["segment"]


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


def test_a_live_run_begins_in_the_midst_of_visits_and_lasts_as_long_as_said(simulated: Any) -> None:
    asked = Options(rate=150, seconds=1.5, start=NOW, knobs=CLEAN)
    result, sent, truth = simulated(asked)
    assert result.sent == len(sent) == pytest.approx(225, rel=0.3)
    times = [at(event, "sent_at") - NOW.timestamp() for event in sent]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 1.5
    starts = {event["session_id"] for event in sent if event["event_type"] == "session_start"}
    assert starts < {event["session_id"] for event in sent if "session_id" in event}
    visits = pq.read_table(truth / "visits").to_pylist()
    assert sum(visit["events"] for visit in visits) == sum("session_id" in event for event in sent)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Give --events N"),
        ({"events": 1, "rate": 1.0}, "Give --events N"),
        ({"events": 1, "seconds": "10s"}, "--for goes with --rate"),
        ({"rate": 1.0, "seconds": "ten"}, "--for ten is no duration"),
        ({"events": 1, "clock_errors": 2.0}, "--clock-errors is a share"),
    ],
)
def test_options_that_make_no_sense_are_one_sentence(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        options(**asked).anchored(NOW)


def test_where_kafka_is_away_nothing_is_begun(simulated: Any, fake_producer: Any, tmp_path: Path) -> None:
    fake_producer.away = True
    with pytest.raises(UserError, match="Kafka does not answer"):
        simulated(Options(events=10))
    assert not (tmp_path / "truth").exists()
