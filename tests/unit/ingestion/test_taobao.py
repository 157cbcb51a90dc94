"""Taobao's histories as events, wrong clocks and all."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES, taobao
from ingestion.sources.records import to_events
from lakehouse.errors import UserError


def events(path: Path) -> list[dict[str, Any]]:
    return [event for batch in to_events("taobao", taobao.records(path)) for event in batch]


def test_a_taobao_record_is_an_event_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ["7,11,3,pv,1511539200", "7,11,3,cart,1511539201", "7,11,3,fav,1511539202", "7,11,3,buy,1"]
    path.write_text("\n".join([",".join(taobao.COLUMNS), *rows, "7,11,3,clap,soon"]))
    *known, unknown = events(path)
    assert known[0]["occurred_at"] == "2017-11-24T16:00:00Z"  # midnight of 25 November in +08:00
    assert known[0]["customer_id"] == known[0]["visitor_id"] == "7"
    assert known[0]["properties"] == {"product_id": "11", "category_id": "3"}
    assert [event["event_type"] for event in known] == ["product_view", "cart", "favourite", "purchase"]
    assert known[3]["occurred_at"] == "1970-01-01T00:00:01Z"  # a wrong clock is sent as it is
    assert not any(catalogue().validate(event) for event in known)
    assert [reason.split(":")[0] for reason in catalogue().validate(unknown)] == ["occurred_at", "event_type"]


def test_taobao_gives_the_same_events_from_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame([(7, 11, 3, "pv", 1_511_539_200)] * 2, columns=list(taobao.COLUMNS))
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    told = events(tmp_path / "a.parquet")
    assert told == events(tmp_path / "a.csv")
    assert [event["occurrence"] for event in told] == [1, 2]


def test_wrong_columns_of_taobao_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user_id,item_id,category_id,behavior_type\n7,11,3,pv\n")
    with pytest.raises(UserError, match="has no column timestamp"):
        events(tmp_path / "a.csv")


def test_taobao_gives_its_known_counts_and_keeps_wrong_clocks(shared: Any) -> None:
    path = shared("taobao_events/user_histories.parquet")
    told = events(path)
    assert len({event["event_id"] for event in told}) == len(told) == SOURCES["taobao"].total(path) == 84_475
    assert Counter(event["event_type"] for event in told) == {
        "product_view": 75_872,
        "cart": 4_497,
        "favourite": 2_356,
        "purchase": 1_750,
    }
    assert len({event["customer_id"] for event in told}) == 815
    inside = ("2017-11-24T16:00:00Z", "2017-12-03T16:00:00Z")  # nine days of +08:00
    assert sum(not inside[0] <= event["occurred_at"] < inside[1] for event in told) == 35
    assert not any(catalogue().validate(event) for event in told)
