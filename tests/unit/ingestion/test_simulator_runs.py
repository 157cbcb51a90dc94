"""Runs of the simulator: what was sent, what it says of that, and its truth agree."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion.collector.publish import Publisher
from ingestion.simulator import run
from ingestion.simulator.faults import Knobs
from ingestion.simulator.plan import Options, options
from lakehouse.errors import UserError
from lakehouse.settings import Settings
from tests.unit.ingestion.test_simulator import CLEAN, FAULTY, NOW, Event, at


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
