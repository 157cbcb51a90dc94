"""Pseudonyms: the same id, the same one; no way back; keys that are made, kept and rotated."""

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import UserError
from lakehouse.privacy.pseudonym import REMOVED, Direct, Key, Pseudonyms, load, pseudonymised, read_keys
from lakehouse.settings import Settings

OLD, NEW = Key("p1", b"o" * 32), Key("p2", b"n" * 32)
CUSTOMER = Direct(("customer_id",), False)


def test_an_id_has_one_pseudonym_per_source_and_field() -> None:
    by = Pseudonyms([OLD])
    places = [("web", "customer_id"), ("shop", "customer_id"), ("web", "visitor_id")]
    found = [by.of(source, field, "17850") for source, field in places]
    assert len(set(found)) == 3
    assert found == [Pseudonyms([OLD]).of(source, field, "17850") for source, field in places]


@given(st.text(min_size=1, max_size=128))
def test_a_pseudonym_names_its_key_and_fits_every_id_field(value: str) -> None:
    pseudonym = Pseudonyms([OLD]).of("web", "customer_id", value)
    assert pseudonym.startswith("p1_")
    assert len(pseudonym) == 35
    assert pseudonym.isascii()


def test_a_new_key_makes_new_pseudonyms_and_the_old_ones_are_still_found() -> None:
    before, after = Pseudonyms([OLD]), Pseudonyms([NEW, OLD])
    old, new = before.of("web", "customer_id", "1"), after.of("web", "customer_id", "1")
    assert new.startswith("p2_")
    assert after.all_of("web", "customer_id", "1") == [new, old]


def test_ids_become_pseudonyms_and_the_rest_is_removed() -> None:
    fields = [
        CUSTOMER,
        Direct(("properties", "email"), False),
        Direct(("properties", "full_name"), True),
        Direct(("properties", "people", "[]", "person_id"), False),
    ]
    people = [{"person_id": "7", "role": "guest"}, {"role": "host"}, 3]
    event = {
        "source": "web",
        "customer_id": "1",
        "properties": {"email": "a@b.de", "full_name": "A B", "people": people},
    }
    hidden = pseudonymised(event, fields, Pseudonyms([OLD]))
    assert hidden["customer_id"].startswith("p1_")
    assert set(hidden["properties"]) == {"full_name", "people"}
    assert hidden["properties"]["full_name"] == REMOVED
    assert hidden["properties"]["people"][0]["person_id"].startswith("p1_")
    assert hidden["properties"]["people"][1:] == people[1:]
    assert event["customer_id"] == "1"
    assert people[0]["person_id"] == "7"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(17850, 0), (["17850"], []), (True, False), ("", ""), ("x" * 129, "*" * 129), (None, None)],
)
def test_what_broke_the_contract_still_breaks_it_and_is_not_shown(sent: Any, kept: Any) -> None:
    hidden = pseudonymised({"source": 3, "customer_id": sent}, [CUSTOMER], Pseudonyms([OLD]))
    assert hidden["customer_id"] == kept


def test_the_first_use_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    first = load(settings).of("web", "customer_id", "1")
    file = tmp_path / "state" / "secrets" / "pseudonym_keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["pseudonym_keys"]
    assert load(settings).of("web", "customer_id", "1") == first


def test_the_key_file_may_be_elsewhere_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# since May\np2:{'6e' * 32}\n\np1:{'6f' * 32}\n")
    assert read_keys(file) == [NEW, OLD]
    assert load(Settings(pseudonym_key_file=file)).of("web", "customer_id", "1").startswith("p2_")


@pytest.mark.parametrize(
    "text", ["p1:abcd", "p1", f"P1:{'0a' * 32}", f"p1:{'0a' * 32}\np1:{'0b' * 32}", "", "# none\n"]
)
def test_a_key_file_that_makes_no_sense_is_one_sentence_without_the_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        load(Settings(pseudonym_key_file=file))
    assert str(file) in str(error.value)
    assert "0a0a" not in str(error.value)


def test_a_key_file_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="LAKEHOUSE_PSEUDONYM_KEY_FILE"):
        load(Settings(pseudonym_key_file=tmp_path))
