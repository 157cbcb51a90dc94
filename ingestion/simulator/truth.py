"""What only the simulator knows, as files beside the events: models and marts are judged against them."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.simulator import shape
from ingestion.simulator.block import Block
from ingestion.simulator.contexts import CHANNELS
from ingestion.simulator.people import DAY_MS, People, Shop
from ingestion.simulator.plan import Plan
from ingestion.simulator.visits import Kind

PART_VISITS, PART_SECONDS = 50_000, 3_600
TIMES_SAMPLED = 30
UTC_MS = pa.timestamp("ms", tz="UTC")
VISITS = pa.schema(
    [
        ("session_id", pa.string()),
        ("visitor_id", pa.string()),
        ("customer_id", pa.string()),  # whose browser it is, signed in or not; null for bots
        ("is_bot", pa.bool_()),
        ("is_declared_bot", pa.bool_()),
        ("segment", pa.string()),
        ("channel", pa.string()),
        ("campaign_id", pa.string()),  # of the mailing that was clicked
        ("started_at", UTC_MS),  # by a clock that is right
        ("late_seconds", pa.float64()),
        ("clock_error_seconds", pa.float64()),
        ("events", pa.int64()),  # accepted ones, each once
        ("order_id", pa.string()),
        ("order_total", pa.float64()),
        ("is_refunded", pa.bool_()),
    ]
)


class VisitFiles:
    """One process's visits, a file for each so many or each hour: a process that is killed loses no more."""

    def __init__(self, folder: Path, process: int) -> None:
        self._folder, self._process, self._part = folder / "visits", process, 0
        self._folder.mkdir(parents=True, exist_ok=True)
        self._tables: list[pa.Table] = []
        self._flushed = time.monotonic()

    def add(self, plan: Plan, block: Block) -> None:
        """The block's visits of which something was sent."""
        self._tables.append(visits_of(plan, block))
        is_old = time.monotonic() - self._flushed > PART_SECONDS
        if is_old or sum(len(table) for table in self._tables) >= PART_VISITS:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        if self._tables:
            path = self._folder / f"{self._process:02d}-{self._part:05d}.parquet"
            pq.write_table(pa.concat_tables(self._tables), path)
            self._tables, self._part = [], self._part + 1
        self._flushed = time.monotonic()


def visits_of(plan: Plan, block: Block) -> pa.Table:
    """A row for each visit of a block."""
    people, visits, columns = plan.people, block.drawn.visits, block.columns
    counted = block.taken() & (columns.fault == 0) & (columns.visit >= 0)
    events = np.bincount(columns.visit[counted], minlength=len(visits.person))
    ordered = np.isin(np.arange(len(events)), columns.visit[counted & (columns.kind == Kind.ORDER)])
    refunded = np.isin(np.arange(len(events)), columns.visit[counted & (columns.kind == Kind.REFUND)])
    rows = []
    for visit in np.flatnonzero(events).tolist():
        person, campaign = int(visits.person[visit]), int(visits.campaign[visit])
        bot, has_order = person < 0, bool(ordered[visit])
        rows.append(
            {
                "session_id": block.writer.session_id(visit),
                "visitor_id": people.visitor_id(int(visits.device[visit])),
                "customer_id": None if bot else people.customer_id(person),
                "is_bot": bot,
                "is_declared_bot": bool(visits.is_declared[visit]),
                "segment": None if bot else shape.SEGMENTS[people.segment[person]].name,
                "channel": "email" if campaign >= 0 else CHANNELS[visits.channel[visit]],
                "campaign_id": shape.CAMPAIGNS[campaign].campaign_id if campaign >= 0 else None,
                "started_at": int(visits.start_ms[visit] - visits.late_ms[visit]),
                "late_seconds": visits.late_ms[visit] / 1000,
                "clock_error_seconds": visits.clock_ms[visit] / 1000,
                "events": int(events[visit]),
                "order_id": block.writer.properties.order_id(visit) if has_order else None,
                "order_total": block.writer.properties.order_total(visit) if has_order else None,
                "is_refunded": bool(refunded[visit]),
            }
        )
    return pa.Table.from_pylist(rows, schema=VISITS)


def write_world(folder: Path, plan: Plan) -> None:
    """customers, experiments and campaigns: fixed before the first event is sent."""
    folder.mkdir(parents=True, exist_ok=True)
    people = plan.people
    ids = [people.customer_id(person) for person in range(people.count)]
    write(folder / "customers.parquet", customers(plan, ids))
    arms = {
        "experiment_id": [e.experiment_id for e in shape.EXPERIMENTS for _ in ids],
        "customer_id": ids * len(shape.EXPERIMENTS),
        "arm": np.where(people.treated, "treatment", "control").reshape(-1).tolist(),
        "effect": [e.effect for e in shape.EXPERIMENTS for _ in ids],
    }
    write(folder / "experiments.parquet", arms)
    rows: list[dict[str, Any]] = []
    for number, campaign in enumerate(shape.CAMPAIGNS):
        for person in np.flatnonzero(people.mailed[number] | people.held_back[number]).tolist():
            mailed = bool(people.mailed[number, person])
            sent = int(people.sent_at[number, person]) if mailed else None
            about = {"campaign_id": campaign.campaign_id, "customer_id": ids[person], "is_mailed": mailed}
            rows.append({**about, "sent_at": sent, "uplift": campaign.uplift})
    named = [("campaign_id", pa.string()), ("customer_id", pa.string()), ("is_mailed", pa.bool_())]
    schema = pa.schema([*named, ("sent_at", UTC_MS), ("uplift", pa.float64())])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "campaigns.parquet")


def customers(plan: Plan, ids: list[str]) -> dict[str, Any]:
    """What each customer is like; `visits_per_day` holds while they are there."""
    people = plan.people
    times = np.linspace(plan.start_ms, plan.start_ms + plan.span_ms, TIMES_SAMPLED)
    shares = np.array([people.visit_shares(int(time)) for time in times])
    # The mean over the time in which they are there.
    share = shares.sum(axis=0) / np.maximum(1, (shares > 0).sum(axis=0))
    human_visits = plan.options.expected / plan.events_a_visit * (1 - plan.options.knobs.bots)
    second = [people.visitor_id(people.count + person) for person in range(people.count)]
    return {
        "customer_id": ids,
        "visitor_id": [people.visitor_id(person) for person in range(people.count)],
        "second_visitor_id": [
            visitor if has else None for visitor, has in zip(second, people.second_device, strict=True)
        ],
        "segment": [shape.SEGMENTS[segment].name for segment in people.segment],
        "first_at": pa.array(people.born, UTC_MS),
        "churned_at": pa.array(people.gone, UTC_MS),
        "visits_per_day": share * human_visits / (plan.span_ms / DAY_MS),
        "purchase_propensity": people.propensity,
        "churn_per_day": people.churn,
        "mean_order_value": mean_order_value(people, plan.shop),
    }


def mean_order_value(people: People, shop: Shop) -> Any:
    """Lines of an order times pieces of a line times price of a piece, each at its mean."""
    lines = shape.PURCHASES @ np.arange(1, len(shape.PURCHASES) + 1) / shape.PURCHASES.sum()
    pieces = np.interp(np.linspace(0, 1, 10_001), *shape.QUANTITIES)
    by_segment = [np.maximum(1, (pieces * kind.pieces).round()).mean() for kind in shape.SEGMENTS]
    return lines * np.array(by_segment)[people.segment] * shop.mean_price


def write(path: Path, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), path)


def write_summary(folder: Path, plan: Plan, counts: Counter[str]) -> dict[str, Any]:
    """What was sent, by type and by knob; `event_types` counts accepted events, each once."""

    def under(word: str) -> dict[str, int]:
        return {
            name.removeprefix(word): n for name, n in sorted(counts.items()) if name.startswith(word) and n
        }

    plain = ("sent", "accepted", "rejected", "duplicates", "late", "clock_errors", "bots")
    summary = {
        "run": plan.run,
        "options": plan.options.as_dict(),
        **{name: counts[name] for name in plain},
        "malformed": under("malformed "),
        "event_types": under("type "),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary
