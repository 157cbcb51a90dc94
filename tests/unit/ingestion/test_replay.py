"""Replay: what is chosen, at which pace, and how it goes on after an interruption."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ingestion import replay as replaying
from ingestion.collector.publish import Publisher
from ingestion.replay import Days, Pace, replay
from ingestion.sources import online_retail
from lakehouse.errors import UserError
from lakehouse.settings import Settings

LINES = 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten lines, one a day; the last two are identical to the first."""
    path = tmp_path / "retail.csv"
    days = [*range(1, LINES - 1), 1, 1]
    lines = [f"{day},A,x,1,2011-11-{day:02d} 08:00:00,2.5,7,France" for day in days]
    path.write_text("\n".join([",".join(online_retail.COLUMNS), *lines, ""]))
    return path


@pytest.fixture
def run(settings: Settings, file: Path, fake_producer: Any) -> Any:
    """One replay command, each with a publisher of its own to the same fake Kafka."""

    def run(**options: Any) -> Any:
        publisher = Publisher(settings, patience_seconds=0.05, connect=lambda given: fake_producer)
        return replay("online_retail", file, settings, publisher=publisher, **options)

    return run


def sent_days(fake_producer: Any) -> list[int]:
    return [int(event["properties"]["order_id"]) for event in fake_producer.events("orders")]


def bookmarks(settings: Settings) -> list[Path]:
    return list((settings.state / "replay").glob("*"))


def test_every_record_is_published_in_file_order(run: Any, fake_producer: Any, settings: Settings) -> None:
    result = run()
    assert (result.read, result.published, result.rejected, result.skipped) == (LINES, LINES, 0, 0)
    assert sent_days(fake_producer) == [1, 2, 3, 4, 5, 6, 7, 8, 1, 1]
    assert [event["occurrence"] for event in fake_producer.events()][-2:] == [2, 3]
    assert bookmarks(settings) == []


@pytest.mark.parametrize("pseudonymise", [True, False])
def test_ids_of_a_file_stay_as_published_unless_the_settings_say_otherwise(
    settings: Settings, file: Path, fake_producer: Any, pseudonymise: bool
) -> None:
    publisher = Publisher(settings, connect=lambda given: fake_producer)
    chosen = settings.replace(pseudonymise_replays=pseudonymise)
    replay("online_retail", file, chosen, publisher=publisher)
    customers = {event["customer_id"] for event in fake_producer.events()}
    assert len(customers) == 1
    assert (customers == {"7"}) is not pseudonymise
    assert all(customer.startswith("p1_") for customer in customers) is pseudonymise


def test_a_log_leads_to_nobody_without_the_key_and_a_rotation_doubles_no_line(
    settings: Settings, fake_producer: Any, tmp_path: Path
) -> None:
    log, keys = tmp_path / "access.log", tmp_path / "keys"
    log.write_text('8.8.8.8 - - [02/Jan/2020:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\nno request\n')
    chosen = settings.replace(pseudonym_key_file=keys)
    for written in (f"p1:{'1' * 64}", f"p1:{'2' * 64}", f"p2:{'3' * 64}\np1:{'2' * 64}"):
        keys.write_text(written)
        replay("access_log", log, chosen, publisher=Publisher(settings, connect=lambda given: fake_producer))
    one, other, rotated = fake_producer.events("clickstream")
    assert one["visitor_id"] != other["visitor_id"]
    assert one["event_id"] != other["event_id"] == rotated["event_id"]
    assert (other["visitor_id"][:3], rotated["visitor_id"][:3]) == ("p1_", "p2_")
    letters = [json.loads(letter["payload"])["event_id"] for letter in fake_producer.events("dead_letter")]
    assert letters[0] != letters[1] == letters[2]


def test_a_finished_replay_starts_anew_and_gives_the_same_ids(run: Any, fake_producer: Any) -> None:
    run()
    run()
    ids = [event["event_id"] for event in fake_producer.events()]
    assert ids[:LINES] == ids[LINES:]


def test_days_choose_from_included_to_excluded(run: Any, fake_producer: Any) -> None:
    result = run(from_="2011-11-03", to="2011-11-05")
    assert sent_days(fake_producer) == [3, 4]
    assert (result.read, result.published, result.skipped) == (LINES, 2, 8)


def test_identical_records_are_counted_before_days_and_limits_choose(run: Any, fake_producer: Any) -> None:
    run()
    whole = {event["event_id"] for event in fake_producer.events()}
    fake_producer.sent.clear()
    run(from_="2011-11-01", to="2011-11-02", limit=2)
    assert [event["occurrence"] for event in fake_producer.events()] == [1, 2]
    assert {event["event_id"] for event in fake_producer.events()} <= whole


@pytest.mark.parametrize("limit", [1, 3, LINES, LINES + 5])
def test_a_limit_counts_records(run: Any, fake_producer: Any, limit: int) -> None:
    assert run(limit=limit).published == len(fake_producer.sent) == min(limit, LINES)


def test_a_record_without_readable_time_is_rejected_and_never_filtered_away(
    run: Any, file: Path, fake_producer: Any
) -> None:
    file.write_text(file.read_text() + "99,A,x,1,soon,2.5,7,France\n")
    result = run(from_="2011-11-08")
    assert (result.published, result.rejected) == (1, 1)
    assert "occurred_at" in fake_producer.events("dead_letter")[0]["reasons"][0]


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Ctrl-C while the event after so many is published."""
    publish, left = Publisher.publish, [count]

    def interrupted(self: Publisher, event: Any) -> list[str]:
        if not left[0]:
            raise error
        left[0] -= 1
        return publish(self, event)

    monkeypatch.setattr(Publisher, "publish", interrupted)


def test_an_interrupted_replay_goes_on_where_kafka_had_acknowledged(
    run: Any, fake_producer: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(4, patch, KeyboardInterrupt())
        with pytest.raises(UserError, match="interrupted after 4 records"):
            run()
    assert len(bookmarks(settings)) == 1
    result = run()
    assert (result.published, result.skipped) == (LINES - 4, 4)
    assert sent_days(fake_producer) == [1, 2, 3, 4, 5, 6, 7, 8, 1, 1]
    assert [event["occurrence"] for event in fake_producer.events()][-2:] == [2, 3]
    assert bookmarks(settings) == []


def test_another_choice_of_days_or_a_changed_file_has_no_part_in_it(
    run: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(4, patch, KeyboardInterrupt())
        with pytest.raises(UserError):
            run()
    assert run(from_="2011-11-01").published == LINES
    file.write_text(file.read_text() + "9,A,x,1,2011-11-09 08:00:00,2.5,7,France\n")
    assert run().published == LINES + 1


def test_from_start_forgets_the_interruption(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(4, patch, KeyboardInterrupt())
        with pytest.raises(UserError):
            run()
    assert run(resume=False).published == LINES


def test_a_second_interruption_does_not_lose_the_first_bookmark(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count, reached in ((6, 6), (0, 6), (1, 7)):
        with monkeypatch.context() as patch:
            interrupt_after(count, patch, KeyboardInterrupt())
            with pytest.raises(UserError, match=f"interrupted after {reached} records"):
                run()


def test_progress_is_kept_while_it_runs(
    run: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "SAVE_SECONDS", 0)
    with monkeypatch.context() as patch:
        interrupt_after(4, patch, RuntimeError("killed"))
        with pytest.raises(RuntimeError):
            run()
    assert '"records": 4' in bookmarks(settings)[0].read_text()
    assert run().skipped == 4


def test_a_damaged_bookmark_is_a_fresh_start(
    run: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(4, patch, KeyboardInterrupt())
        with pytest.raises(UserError):
            run()
    bookmarks(settings)[0].write_text("{")
    assert run().published == LINES


def test_when_kafka_goes_away_only_what_it_acknowledged_is_remembered(
    run: Any, fake_producer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce = fake_producer.produce

    def fail_from_fourth(topic: str, **given: Any) -> None:
        fake_producer.away = len(fake_producer.sent) >= 3
        fake_producer.room = 1 if fake_producer.away else 10**9
        produce(topic, **given)

    monkeypatch.setattr(replaying, "SAVE_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(fake_producer, "produce", fail_from_fourth)
        with pytest.raises(UserError, match="goes on after the 3 records that arrived"):
            run()
    fake_producer.away, fake_producer.room = False, 10**9
    assert run().skipped == 3


def test_without_kafka_nothing_starts(run: Any, fake_producer: Any) -> None:
    fake_producer.away = True
    with pytest.raises(UserError, match="start it with 'lakehouse up'"):
        run()
    assert fake_producer.sent == []


def test_a_broken_line_says_how_many_precede_it_and_how_to_go_on(
    run: Any, file: Path, fake_producer: Any
) -> None:
    file.write_text(file.read_text() + "9,A,x\n10,A,x,1,2011-11-10 08:00:00,2.5,7,France\n")
    with pytest.raises(UserError, match=r"line 12: 3 fields instead of 8.*The 10 records before.*again"):
        run()
    assert len(fake_producer.sent) == LINES
    file.write_text(file.read_text().replace("9,A,x\n", "9,A,x,1,2011-11-09 08:00:00,2.5,7,France\n"))
    run()
    assert len({event["event_id"] for event in fake_producer.events()}) == LINES + 2


def test_a_missing_file_is_one_sentence_without_more(settings: Settings, publisher: Publisher) -> None:
    with pytest.raises(UserError, match=r"no\.csv does not exist or is not a file; check the path\.$"):
        replay("rees46", Path("no.csv"), settings, publisher=publisher)


@pytest.mark.parametrize("day", ["2011-13-01", "28.11.2011", "20111128", "today", "2011-11-28T00:00:00"])
def test_a_wrong_day_is_refused(run: Any, day: str) -> None:
    with pytest.raises(UserError, match=r"--to .+ is no day"):
        run(to=day)


def test_days_hold_to_the_second() -> None:
    days = Days.parse("2011-11-28", "2011-11-30")
    assert days.hold("2011-11-28T00:00:00Z")
    assert days.hold("2011-11-29T23:59:59.999Z")
    assert not days.hold("2011-11-27T23:59:59Z")
    assert not days.hold("2011-11-30T00:00:00Z")


def test_progress_tells_records_read(run: Any) -> None:
    told: list[tuple[int, int | None]] = []
    run(progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (LINES, None)


def test_a_rate_is_kept() -> None:
    pace, start = Pace(200), time.monotonic()
    for _ in range(40):
        pace.step()
    assert 0.19 <= time.monotonic() - start < 1.0
