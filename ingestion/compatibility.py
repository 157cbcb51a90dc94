"""What was released stays: today's contracts beside the shape that was released."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ingestion import spark_types
from ingestion.contract import FOLDER, Catalogue
from ingestion.contract_files import CHECKS, FILE_NAME, RELEASED, SHARED, types
from lakehouse.errors import UserError

# File -> path of a field -> what others rely on; the path "" is the contract itself.
Shape = dict[str, dict[str, Any]]
Shapes = dict[str, Shape]

# A limit is tighter when it moves in this direction.
LIMITS = {"minLength": 1, "minimum": 1, "exclusiveMinimum": 1, "minItems": 1, "maxLength": -1, "maximum": -1}
KEPT = {*CHECKS, "unit", "pii"} - {"type", "properties", "required", "additionalProperties", "items"}


class Change(NamedTuple):
    """One difference to the release; `mend` is empty where it breaks nothing."""

    file: str
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}, field {self.field}" if self.field else self.file
        return f"{place}: {self.what}{self.mend and f'; {self.mend}'}."


def shapes(catalogue: Catalogue) -> Shapes:
    """What senders and models rely on, of every contract and of the envelope."""
    found: Shapes = {"envelope.v1.json": dict(_fields(catalogue.envelope, ""))}
    for contract in catalogue.versions.values():
        needs = sorted(contract.properties.get("x-required", []))
        head = {"topic": contract.topic, "key": contract.key_field, "needs": needs}
        found[contract.file] = {"": head, **dict(_fields(contract.properties, ""))}
    return found


def _fields(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield from _field(field, prefix + name, name in schema.get("required", ()))


def _field(field: dict[str, Any], path: str, required: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = next(name for name in types(field) if name != "null")
    # What an object or an array holds has paths of its own, and may grow.
    holds = kind in ("object", "array") and "x-spark" not in field
    kept = {word: field[word] for word in sorted(KEPT & field.keys())}
    yield path, {"type": kind if holds else spark_types.spark_type(field), "required": required, **kept}
    yield from _fields(field, f"{path}.")
    if "items" in field:
        yield from _field(field["items"], f"{path}[]", "null" not in types(field["items"]))


def changes(released: Shapes, now: Shapes) -> list[Change]:
    """Every difference that senders or models may notice."""
    gone = ("", "is gone but was released", "put it back, it is still sent")
    found = [Change(file, *gone) for file in sorted(released.keys() - now.keys())]
    found += [Change(file, "", "is new", "") for file in sorted(now.keys() - released.keys())]
    for file in sorted(released.keys() & now.keys()):
        for path, what, breaks in _changes(released[file], now[file]):
            found.append(Change(file, path, what, _mend(file, now) if breaks else ""))
    return found


def _mend(file: str, now: Shapes) -> str:
    event_type = file.split(".")[0]
    if event_type in SHARED:
        return "undo it, or add an optional field instead"
    names = filter(None, map(FILE_NAME.fullmatch, now))
    version = 1 + max(int(name[2]) for name in names if name[1] == event_type)
    return f"undo it, or make it version {version} ({event_type}.v{version}.json)"


def _changes(before: Shape, after: Shape) -> Iterator[tuple[str, str, bool]]:
    for path in sorted(before.keys() | after.keys()):
        parent = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
        if path in before and path in after:
            compare = _field_changes if path else _head_changes
            yield from ((path, *change) for change in compare(before[path], after[path]))
        elif parent and parent not in (after if path in before else before):
            continue  # said of what holds it
        elif path in before:
            yield path, "was removed", True
        else:
            required = after[path]["required"]
            yield path, "is new and required" if required else "is new", required


def _head_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for word in ("topic", "key"):
        if old[word] != new[word]:
            yield _said(word, old, new), True
    for name in sorted({*old["needs"]} ^ {*new["needs"]}):
        needed = name in new["needs"]
        yield f"the envelope's {name} {'became required' if needed else 'is optional now'}", needed


def _field_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    if old["type"] != new["type"]:
        yield _said("type", old, new), True
    if old["required"] != new["required"]:
        yield "became required" if new["required"] else "is optional now", new["required"]
    if old.get("pii") != new.get("pii"):
        yield _said("pii", old, new), spark_types.PII.index(new["pii"]) < spark_types.PII.index(old["pii"])
    for word in ("pattern", "format", "unit"):
        if old.get(word) != new.get(word):
            # Without its pattern more passes; without its unit nobody knows what it means.
            yield _said(word, old, new), word in (old if word == "unit" else new)
    for word, tighter in LIMITS.items():
        if old.get(word) != new.get(word):
            breaks = word in new and (word not in old or (new[word] - old[word]) * tighter > 0)
            yield _said(word, old, new), breaks
    was, now = {*old.get("enum", ())} - {None}, {*new.get("enum", ())} - {None}
    if was != now:
        yield _said("enum", old, new), bool(now) and (not was or not was <= now)


def _said(word: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    return f"its {word} changed from {old.get(word, 'none')} to {new.get(word, 'none')}"


def check(folder: Path = FOLDER) -> list[Change]:
    """What changed since the release."""
    try:
        released = json.loads((folder / RELEASED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        mend = "restore it, or write the first one by `lakehouse contracts release`"
        raise UserError(f"Contracts {RELEASED} cannot be read ({error}); {mend}.") from None
    return changes(released, shapes(Catalogue(folder)))


def release(folder: Path = FOLDER) -> Path:
    """Writes today's shape as the released one, unless it breaks that."""
    path = folder / RELEASED
    if path.exists() and (broken := [str(change) for change in check(folder) if change.mend]):
        raise UserError("\n".join(broken))
    path.write_text(_text(shapes(Catalogue(folder))), encoding="utf-8")
    return path


def _text(found: Shapes) -> str:
    """JSON with a line for each field, so that a review shows what was released."""
    files = []
    for file, shape in sorted(found.items()):
        fields = (f"  {json.dumps(path)}: {json.dumps(shape[path])}" for path in sorted(shape))
        files.append(f" {json.dumps(file)}: {{\n" + ",\n".join(fields) + "\n }")
    return "{\n" + ",\n".join(files) + "\n}\n"
