"""Reviews, likes, shares and mentions from files; the rows are made, but for the published reviews."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.contract import catalogue
from ingestion.sources import SOURCES, reviews, social
from ingestion.sources.records import to_events
from lakehouse.errors import UserError

CLOTHING = pd.DataFrame(
    [
        (1, 501, "Nice", ' It fits, "really" ', 5, 1),
        (2, 501, None, "Too short", 2, 0),
        (4, 22, None, None, 4, 1),
    ],
    columns=list(reviews.CLOTHING),
)
REVIEW = {"occurred_at": "2025-01-31T08:30:00+01:00", "product_id": 22, "rating": 4, "is_verified": True}
MENTION = {"event_type": "mention", "occurred_at": "2025-01-31T08:30:00Z", "text": "Lovely", "platform": "x"}
LIKE = {"event_type": "like", "occurred_at": "2025-01-31T08:31:00Z", "visitor_id": "v-1", "product_id": "22"}
SHARE = {"event_type": "share", "occurred_at": "2025-01-31T08:32:00Z", "content_id": "7", "customer_id": 5}


def events(source: str, path: Path) -> list[dict[str, Any]]:
    return [event for batch in to_events(source, SOURCES[source].records(path)) for event in batch]


def json_lines(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def fields(event: dict[str, Any]) -> list[str]:
    return sorted(reason.split(":")[0] for reason in catalogue().validate(event))


def test_a_clothing_review_is_a_review(tmp_path: Path) -> None:
    CLOTHING.to_parquet(tmp_path / "a.parquet")
    first, untitled, wordless = events("reviews", tmp_path / "a.parquet")
    assert first["properties"] == {
        "product_id": "501",
        "rating": 5,
        "title": "Nice",
        "text": 'It fits, "really"',
        "language": "en",
        "is_recommended": True,
    }
    assert (first["event_type"], first["occurred_at"]) == ("review", "2018-01-01T00:00:00Z")
    assert (untitled["properties"]["title"], untitled["properties"]["is_recommended"]) == (None, False)
    assert wordless["properties"]["text"] is None
    assert not any(fields(event) for event in (first, untitled, wordless))


def test_clothing_reviews_are_the_same_from_csv(tmp_path: Path) -> None:
    CLOTHING.to_parquet(tmp_path / "a.parquet")
    CLOTHING.rename(columns={"review_id": ""}).to_csv(tmp_path / "a.csv", index=False)
    assert events("reviews", tmp_path / "a.csv") == events("reviews", tmp_path / "a.parquet")


def test_a_review_of_json_lines_has_its_own_time(tmp_path: Path) -> None:
    (event, again) = events("reviews", json_lines(tmp_path / "a.jsonl", REVIEW, REVIEW))
    assert event["occurred_at"] == "2025-01-31T07:30:00Z"
    assert (event["properties"]["product_id"], event["properties"]["is_verified"]) == ("22", True)
    assert (again["occurrence"], again["event_id"] != event["event_id"]) == (2, True)
    assert fields(event) == []


def test_a_bad_review_becomes_a_reason(tmp_path: Path) -> None:
    bad = [
        {**REVIEW, "rating": 6},
        {**REVIEW, "is_verified": "perhaps"},
        {**REVIEW, "occurred_at": ["now"]},
        {},
    ]
    told = events("reviews", json_lines(tmp_path / "a.jsonl", *bad))
    assert [fields(event) for event in told] == [
        ["properties.rating"],
        ["properties.is_verified"],
        ["occurred_at"],
        ["occurred_at", "properties.product_id", "properties.rating"],
    ]


def test_wrong_columns_of_reviews_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review_id,Clothing ID,Title,Rating,Recommended IND\n1,2,x,3,1\n")
    with pytest.raises(UserError, match="has no column Review Text"):
        events("reviews", tmp_path / "a.csv")
    with pytest.raises(
        UserError, match="line 2: no column is named stars; known are occurred_at, product_id"
    ):
        events("reviews", json_lines(tmp_path / "a.jsonl", REVIEW, {"stars": 5}))


@pytest.mark.parametrize(
    ("line", "fault"),
    [(b"{", "line 2: not JSON"), (b"[1]", "line 2: no JSON object"), (b'{"text": "\xa3"}', "not UTF-8")],
)
def test_what_is_no_json_line_is_named(tmp_path: Path, line: bytes, fault: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(json.dumps(REVIEW).encode() + b"\n" + line + b"\n")
    with pytest.raises(UserError, match=fault):
        events("reviews", tmp_path / "a.jsonl")


def test_likes_shares_and_mentions_are_events_of_their_kind(tmp_path: Path) -> None:
    mention, like, share = events("social", json_lines(tmp_path / "a.jsonl", MENTION, LIKE, SHARE))
    assert not any(fields(event) for event in (mention, like, share))
    assert (mention["event_type"], mention["properties"]) == ("mention", {"platform": "x", "text": "Lovely"})
    assert (like["visitor_id"], like["properties"]) == ("v-1", {"product_id": "22"})
    assert (share["customer_id"], share["properties"]) == ("5", {"content_id": "7"})


def test_social_events_are_the_same_from_csv(tmp_path: Path) -> None:
    rows = [MENTION, LIKE, SHARE]
    pd.DataFrame(rows, columns=list(social.COLUMNS)).to_csv(tmp_path / "a.csv.gz", index=False)
    expected = events("social", json_lines(tmp_path / "a.jsonl", *rows))
    assert events("social", tmp_path / "a.csv.gz") == expected


def test_what_a_like_does_not_have_is_a_reason_and_not_lost(tmp_path: Path) -> None:
    wordy, wordless, unknown = events(
        "social",
        json_lines(
            tmp_path / "a.jsonl",
            {**LIKE, "text": "Lovely"},
            {**MENTION, "text": " "},
            {**LIKE, "event_type": "poke"},
        ),
    )
    assert (fields(wordy), wordy["properties"]["text"]) == (["properties.text"], "Lovely")
    assert (fields(wordless), fields(unknown)) == (["properties.text"], ["event_type"])


def test_a_csv_of_social_events_needs_every_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("event_type,occurred_at\nlike,2025-01-31T08:31:00Z\n")
    with pytest.raises(UserError, match="has no column customer_id, visitor_id, platform"):
        events("social", tmp_path / "a.csv")


def test_the_published_reviews_are_all_there(shared: Any) -> None:
    path = shared("clothing_reviews/train.parquet")
    told = events("reviews", path)
    assert len({event["event_id"] for event in told}) == len(told) == SOURCES["reviews"].total(path) == 17_545
    assert not any(catalogue().validate(event) for event in told)
    missing = {name: sum(e["properties"][name] is None for e in told) for name in ("title", "text")}
    assert missing == {"title": 2_871, "text": 622}
    ratings = Counter(event["properties"]["rating"] for event in told)
    assert ratings == {5: 9_787, 4: 3_817, 3: 2_118, 2: 1_199, 1: 624}
    assert sum(event["properties"]["is_recommended"] for event in told) == 14_392
    assert len({event["properties"]["product_id"] for event in told}) == 969
