"""A value changed in a YAML text changes its line alone."""

import difflib
import random
from typing import Any

import pytest
import yaml

from lakehouse.assets import ASSETS
from lakehouse.yaml_text import changed

TEXT = """\
# what it is
name: Old, and "quoted"
size: {width: 3, height: 16} # both in units
list:
- a
- b # the second
- {c: 1, d: [x, y]}
deep:
  - id: one
    # why one
    values: [1, 2]
    more:
      inner: true
  - id: two
    values: []
last: ''
"""


def content() -> Any:
    return yaml.safe_load(TEXT)


def difference(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def change(path: str, value: Any) -> list[str]:
    """The lines that differ when the value at this path does; without a value it is taken away."""
    new = content()
    *outer, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    target = new
    for name in outer:
        target = target[name]
    if value is None:
        del target[last]
    elif isinstance(target, list) and last == len(target):
        target.append(value)
    else:
        target[last] = value
    after = changed(TEXT, new)
    assert yaml.safe_load(after) == new
    return difference(TEXT, after)


def test_the_same_content_changes_no_byte() -> None:
    assert changed(TEXT, content()) == TEXT


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        ("name", "New", ['-name: Old, and "quoted"', "+name: New"]),
        ("name", "yes", ['-name: Old, and "quoted"', "+name: 'yes'"]),
        (
            "size.width",
            4,
            [
                "-size: {width: 3, height: 16} # both in units",
                "+size: {width: 4, height: 16} # both in units",
            ],
        ),
        (
            "size.depth",
            2,
            [
                "-size: {width: 3, height: 16} # both in units",
                "+size: {width: 3, height: 16, depth: 2} # both in units",
            ],
        ),
        ("list.1", None, ["-- b # the second"]),
        ("list.3", "e, f", ["+- e, f"]),
        ("list.2.d.0", "x, y", ["-- {c: 1, d: [x, y]}", "+- {c: 1, d: ['x, y', y]}"]),
        ("deep.0.id", None, ["-  - id: one", "-    # why one", "-    values: [1, 2]", "+  - values: [1, 2]"]),
        ("deep.0.more.other", {"a": [1]}, ["+      other:", "+        a: [1]"]),
        ("deep.0.more", None, ["-    more:", "-      inner: true"]),
        ("deep.2", {"id": "three"}, ["+  - {id: three}"]),
        ("list", [], ["-list:", "-- a", "-- b # the second", "-- {c: 1, d: [x, y]}", "+list: []"]),
        ("last", "a\nb", ["-last: ''", '+last: "a\\nb"']),
        ("later", 1, ["+later: 1"]),
        ("last", None, ["-last: ''"]),
    ],
)
def test_a_change_touches_its_lines_alone(path: str, value: Any, lines: list[str]) -> None:
    assert change(path, value) == lines


def test_a_text_without_a_last_break_gets_one() -> None:
    assert changed("a: 1", {"a": 1, "b": 2}) == "a: 1\nb: 2\n"


def test_what_cannot_be_kept_is_written_anew() -> None:
    assert changed("a: # why\n  b: 1\n", {"a": []}) == "a: []\n"


def scattered(value: Any, chance: random.Random) -> Any:
    """The same with some values changed, added and taken away."""
    if isinstance(value, dict):
        kept = {k: scattered(v, chance) for k, v in value.items() if chance.random() > 0.1}
        return kept | ({"added: key": ["a", {"b": "c, d"}]} if chance.random() < 0.2 else {})
    if isinstance(value, list):
        kept_list = [scattered(v, chance) for v in value if chance.random() > 0.1]
        return kept_list + (["more: 1"] if chance.random() < 0.2 else [])
    return value if chance.random() > 0.2 else chance.choice([None, "x: y #z", 7, [], {}, "a\nb", True])


@pytest.mark.parametrize("seed", range(3))
def test_assets_take_every_change(seed: int) -> None:
    chance = random.Random(seed)
    for file in [*sorted(ASSETS.glob("dashboards/*.yaml")), *sorted(ASSETS.glob("charts/*.yaml"))[seed::6]]:
        text = file.read_text()
        assert changed(text, yaml.safe_load(text)) == text
        new = scattered(yaml.safe_load(text), chance)
        assert yaml.safe_load(changed(text, new)) == new, file
