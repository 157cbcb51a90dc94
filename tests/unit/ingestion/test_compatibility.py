"""What was released stays: each kind of change is either an addition or a sentence that refuses it."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import compatibility
from ingestion.compatibility import changes, check, release
from ingestion.contract import FOLDER, Catalogue, catalogue
from lakehouse.errors import UserError

Schema = dict[str, Any]
Edit = Callable[[Schema], Any]
WAVE: Schema = {
    "description": "Someone waved.",
    "owner": "web",
    "x-topic": "social",
    "x-key": "visitor_id",
    "x-required": ["visitor_id"],
    "type": "object",
    "additionalProperties": False,
    "required": ["hand", "fingers", "gestures"],
    "properties": {
        "hand": {"type": "string", "description": "Which.", "pii": "quasi", "enum": ["left", "right"]},
        "fingers": {"type": "integer", "description": "How many.", "pii": "none", "minimum": 1, "maximum": 5},
        "word": {
            "type": ["string", "null"],
            "description": "What was said.",
            "pii": "direct",
            "pattern": "^[a-z]+$",
            "minLength": 1,
            "maxLength": 9,
        },
        "height": {"type": ["number", "null"], "description": "How high.", "pii": "none", "unit": "cm"},
        "gestures": {
            "type": "array",
            "description": "One by one.",
            "pii": "none",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["form"],
                "properties": {
                    "form": {"type": "string", "description": "Form.", "pii": "none"},
                    "speed": {
                        "type": ["number", "null"],
                        "description": "Speed.",
                        "pii": "none",
                        "exclusiveMinimum": 0,
                    },
                },
            },
        },
    },
}
OPTIONAL = {"type": ["string", "null"], "description": "New.", "pii": "none"}


def field(name: str, **changed: Any) -> Edit:
    """Changes words of a field; None takes the word away."""

    def edit(schema: Schema) -> None:
        inside = schema["properties"]
        for step in name.split(".")[:-1]:
            inside = inside[step]["items"]["properties"]
        words = inside[name.split(".")[-1]]
        words |= changed
        for word in [word for word in changed if changed[word] is None]:
            del words[word]

    return edit


def head(**changed: Any) -> Edit:
    return lambda schema: schema.update(changed)


def add(name: str, words: Schema, *, required: bool = False) -> Edit:
    def edit(schema: Schema) -> None:
        schema["properties"][name] = words
        schema["required"] += [name] * required

    return edit


def turn_required(schema: Schema) -> None:
    field("height", type="number")(schema)
    schema["required"].append("height")


def turn_optional(schema: Schema) -> None:
    field("fingers", type=["integer", "null"])(schema)
    schema["required"].remove("fingers")


def remove(name: str) -> Edit:
    return lambda schema: (schema["properties"].pop(name), schema["required"].remove(name))


def remove_inside(schema: Schema) -> None:
    del schema["properties"]["gestures"]["items"]["properties"]["speed"]


BREAKING: list[tuple[Edit, str, str]] = [
    (remove("hand"), "hand", "was removed"),
    (remove("gestures"), "gestures", "was removed"),
    (remove_inside, "gestures[].speed", "was removed"),
    (field("fingers", type="number"), "fingers", "its type changed from BIGINT to DOUBLE"),
    (field("gestures.form", type="boolean"), "gestures[].form", "its type changed from STRING to BOOLEAN"),
    (add("mood", OPTIONAL | {"type": "string"}, required=True), "mood", "is new and required"),
    (turn_required, "height", "became required"),
    (field("hand", enum=["left"]), "hand", "its enum changed from ['left', 'right'] to ['left']"),
    (field("word", enum=["hello", None]), "word", "its enum changed from none to"),
    (field("fingers", minimum=2), "fingers", "its minimum changed from 1 to 2"),
    (field("fingers", maximum=4), "fingers", "its maximum changed from 5 to 4"),
    (field("height", minimum=0), "height", "its minimum changed from none to 0"),
    (field("word", minLength=2), "word", "its minLength changed from 1 to 2"),
    (field("word", maxLength=8), "word", "its maxLength changed from 9 to 8"),
    (field("gestures", minItems=2), "gestures", "its minItems changed from 1 to 2"),
    (field("gestures.speed", exclusiveMinimum=1), "gestures[].speed", "its exclusiveMinimum changed"),
    (field("word", pattern="^[a-y]+$"), "word", "its pattern changed from ^[a-z]+$ to ^[a-y]+$"),
    (field("hand", pattern="^.*$"), "hand", "its pattern changed from none"),
    (field("word", pii="quasi"), "word", "its pii changed from direct to quasi"),
    (field("height", unit="inch"), "height", "its unit changed from cm to inch"),
    (field("height", unit=None), "height", "its unit changed from cm to none"),
    (head(**{"x-topic": "orders"}), "", "its topic changed from social to orders"),
    (head(**{"x-key": "customer_id"}), "", "its key changed from visitor_id to customer_id"),
    (head(**{"x-required": ["visitor_id", "session_id"]}), "", "the envelope's session_id became required"),
]
ADDITIVE: list[tuple[Edit, str, str]] = [
    (add("mood", OPTIONAL), "mood", "is new"),
    (add("moods", OPTIONAL | {"type": ["array", "null"], "items": {"type": "string"}}), "moods", "is new"),
    (turn_optional, "fingers", "is optional now"),
    (field("hand", enum=["left", "right", "both"]), "hand", "its enum changed"),
    (field("hand", enum=None), "hand", "its enum changed"),
    (field("fingers", minimum=0), "fingers", "its minimum changed from 1 to 0"),
    (field("fingers", maximum=6), "fingers", "its maximum changed from 5 to 6"),
    (field("fingers", maximum=None), "fingers", "its maximum changed from 5 to none"),
    (field("word", maxLength=10), "word", "its maxLength changed from 9 to 10"),
    (field("word", pattern=None), "word", "its pattern changed from ^[a-z]+$ to none"),
    (field("hand", pii="direct"), "hand", "its pii changed from quasi to direct"),
    (field("fingers", unit="fingers"), "fingers", "its unit changed from none to fingers"),
    (head(**{"x-required": []}), "", "the envelope's visitor_id is optional now"),
]
UNSEEN: list[Edit] = [
    field("hand", description="Which one."),
    field("hand", enum=["right", "left"]),
    head(description="Somebody waved.", owner="community"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Contracts of which `wave` was released."""
    for name in ("envelope", "landing", "cart"):
        shutil.copy(FOLDER / f"{name}.v1.json", tmp_path)
    write(tmp_path, WAVE)
    release(tmp_path)
    return tmp_path


def write(folder: Path, schema: Schema, version: int = 1) -> None:
    (folder / f"wave.v{version}.json").write_text(json.dumps(schema))


def edited(*edits: Edit) -> Schema:
    schema = copy.deepcopy(WAVE)
    for edit in edits:
        edit(schema)
    return schema


def test_the_contracts_of_this_project_break_nothing_released() -> None:
    assert [str(change) for change in check() if change.mend] == []


@pytest.mark.parametrize(("edit", "name", "what"), BREAKING)
def test_a_breaking_change_is_refused_in_one_sentence(folder: Path, edit: Edit, name: str, what: str) -> None:
    write(folder, edited(edit))
    (change,) = check(folder)
    place = f"wave.v1.json, field {name}: {what}" if name else f"wave.v1.json: {what}"
    assert str(change).startswith(place)
    assert str(change).endswith("; undo it, or make it version 2 (wave.v2.json).")


@pytest.mark.parametrize("edit", [edit for edit, _, what in BREAKING if "its type" not in what])
def test_the_same_change_passes_as_a_new_version(folder: Path, edit: Edit) -> None:
    write(folder, edited(edit), version=2)
    assert [str(change) for change in check(folder) if change.mend] == []


def test_the_next_version_is_one_that_is_not_taken(folder: Path) -> None:
    write(folder, WAVE, version=2)
    write(folder, edited(remove("hand")))
    (broken,) = [str(change) for change in check(folder) if change.mend]
    assert broken.endswith("make it version 3 (wave.v3.json).")


@pytest.mark.parametrize(("edit", "name", "what"), ADDITIVE)
def test_an_addition_passes_and_is_counted(folder: Path, edit: Edit, name: str, what: str) -> None:
    write(folder, edited(edit))
    (change,) = check(folder)
    assert (change.field, change.mend) == (name, "")
    assert change.what.startswith(what)


@pytest.mark.parametrize("edit", UNSEEN)
def test_words_for_people_are_no_change(folder: Path, edit: Edit) -> None:
    write(folder, edited(edit))
    assert check(folder) == []


@given(st.lists(st.sampled_from([edit for edit, *_ in ADDITIVE] + UNSEEN), unique=True))
def test_any_additions_together_break_nothing(edits: list[Edit]) -> None:
    before, after = ({"wave.v1.json": shape_of(schema)} for schema in (WAVE, edited(*edits)))
    assert [change for change in changes(before, after) if change.mend] == []


@given(
    st.sampled_from([edit for edit, *_ in BREAKING]),
    st.lists(st.sampled_from([*UNSEEN, add("humour", OPTIONAL), add("moods", OPTIONAL)]), unique=True),
)
def test_a_break_is_seen_among_any_additions(broken: Edit, edits: list[Edit]) -> None:
    before, after = ({"wave.v1.json": shape_of(schema)} for schema in (WAVE, edited(*edits, broken)))
    assert len([change for change in changes(before, after) if change.mend]) == 1


def shape_of(schema: Schema) -> compatibility.Shape:
    """The shape that `shapes` gives for one contract."""
    top = {"topic": schema["x-topic"], "key": schema["x-key"], "needs": schema["x-required"]}
    return {"": top, **dict(compatibility._fields(schema, ""))}


def test_a_new_type_passes_and_a_removed_one_does_not(folder: Path) -> None:
    shutil.copy(FOLDER / "refund.v1.json", folder)
    assert [str(change) for change in check(folder)] == ["refund.v1.json: is new."]
    (folder / "cart.v1.json").unlink()
    assert [str(change) for change in check(folder) if change.mend] == [
        "cart.v1.json: is gone but was released; put it back, it is still sent."
    ]


def test_the_envelope_has_no_second_version(folder: Path) -> None:
    envelope = json.loads((folder / "envelope.v1.json").read_text())
    envelope["properties"]["session_id"]["maxLength"] = 64
    (folder / "envelope.v1.json").write_text(json.dumps(envelope))
    assert [str(change) for change in check(folder)] == [
        "envelope.v1.json, field session_id: its maxLength changed from 128 to 64; "
        "undo it, or add an optional field instead."
    ]


def test_a_new_version_is_an_addition_to_the_envelope_too(folder: Path) -> None:
    write(folder, WAVE, version=2)
    assert {(change.file, change.mend) for change in check(folder)} == {
        ("envelope.v1.json", ""),
        ("wave.v2.json", ""),
    }


def test_a_release_is_refused_where_it_would_break_the_last_one(folder: Path) -> None:
    before = (folder / "released.json").read_text()
    write(folder, edited(remove("hand")))
    with pytest.raises(UserError, match="field hand: was removed"):
        release(folder)
    assert (folder / "released.json").read_text() == before
    write(folder, edited(add("mood", OPTIONAL)))
    release(folder)
    assert check(folder) == []


def test_without_a_release_the_sentence_says_how_to_make_one(folder: Path) -> None:
    (folder / "released.json").write_text("<<<<<<< ours")
    for attempt in (check, release):
        with pytest.raises(UserError, match=r"released\.json cannot be read"):
            attempt(folder)
    (folder / "released.json").unlink()
    with pytest.raises(UserError, match="lakehouse contracts release"):
        check(folder)


def test_every_check_that_a_contract_may_use_is_compared() -> None:
    assert {"pii", "unit", "pattern", "format", "enum", *compatibility.LIMITS} == compatibility.KEPT


def test_the_release_is_no_contract_and_changes_no_digest(folder: Path) -> None:
    digest = Catalogue(folder).digest
    (folder / "released.json").unlink()
    assert Catalogue(folder).digest == digest
    assert "released" not in catalogue().contracts
