"""The contracts' checks as one Spark SQL condition, so that a record is checked by whatever door it came.

Text in, text out, no JVM: `record` is the parsed event, `text` the record as it came. A check that
several types share stands once: Spark plans this condition anew for every micro-batch. Unlike JSON
Schema, Spark takes a number where a string is due, and keeps it as that string.
"""

from collections.abc import Iterable

from ingestion.contract import Catalogue, Requirement
from ingestion.topics import CHECKED

CORRUPT = "_corrupt"
TIMES = ("occurred_at", "sent_at", "received_at")


def parse_schema(catalogue: Catalogue) -> str:
    """Schema of `record`: the event, its times still as text, and what could not be read."""
    text = catalogue.spark_schema()
    for name in TIMES:
        text = text.replace(f"{name} TIMESTAMP", f"{name} STRING", 1)
    return f"{text}, {CORRUPT} STRING"


def literal(value: object) -> str:
    """A value as SQL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value}D" if isinstance(value, float) else str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def names(values: Iterable[str]) -> str:
    """An array of strings as SQL."""
    return f"array({', '.join(literal(value) for value in values)})"


def bound(column: str, requirement: Requirement) -> str | None:
    """The condition that a value of this column keeps; None where its Spark type already says it."""
    keyword, value = requirement.keyword, requirement.value
    comparisons = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">"}
    lengths = {"minLength": ">=", "maxLength": "<="}
    if keyword == "enum":
        return f"{column} in ({', '.join(literal(option) for option in value)})"
    if keyword in comparisons and abs(value) < 2**31 - 1:
        return f"{column} {comparisons[keyword]} {literal(value)}"
    if keyword in lengths:
        return f"char_length({column}) {lengths[keyword]} {value}"
    if keyword == "minItems":
        return f"size({column}) >= {value}"
    # Dates inside properties are read as dates; only the envelope's times are still text here.
    is_date = "[0-9]{3}-" in str(value)
    if keyword == "pattern" and (len(requirement.path) == 1 or not is_date):
        # Java's $ also matches before a last line break; \z does not.
        return f"{column} rlike {literal(value.removesuffix('$') + chr(92) + 'z')}"
    return None


def items(conditions: list[tuple[str, str]]) -> list[str]:
    """(array, condition on its item) pairs as one condition per array: lambdas are slow to enter."""
    by_array: dict[str, list[str]] = {}
    for array, kept in conditions:
        by_array.setdefault(array, []).append(kept)
    return [
        f"coalesce(forall({array}, item -> {' and '.join(kept)}), true)" for array, kept in by_array.items()
    ]


def conditions(requirements: list[Requirement]) -> list[str]:
    """What a record of one type must keep, keys apart."""
    plain = [one for r in requirements if "[]" not in r.path and (one := condition(r))]
    nested = []
    for requirement in requirements:
        if "[]" in requirement.path:
            split = requirement.path.index("[]")
            inner = requirement._replace(path=("item", *requirement.path[split + 1 :]))
            if inner.path[1:] and (kept := condition(inner)):
                nested.append(("record." + ".".join(requirement.path[:split]), kept))
    return plain + items(nested)


def condition(requirement: Requirement) -> str | None:
    """SQL that is true where the check holds, and never null; None where none is due."""
    path = requirement.path
    column = ".".join(path if path[:1] == ("item",) else ("record", *path))
    if requirement.keyword == "required":
        return f"{column} is not null"
    kept = bound(column, requirement)
    return f"coalesce({kept}, true)" if kept else None


def shared(kept: dict[str, list[str]]) -> str:
    """Conditions of all types: those that every type has once, the others by type."""
    common = [c for c in next(iter(kept.values())) if all(c in others for others in kept.values())]
    by_type: dict[str, list[str]] = {}
    for event_type, conditions in kept.items():
        for one in conditions:
            if one not in common:
                by_type.setdefault(one, []).append(event_type)
    limited = [
        f"(record.event_type not in ({', '.join(map(literal, types))}) or {one})"
        for one, types in by_type.items()
    ]
    return " and ".join([*common, *limited])


def keys(place: tuple[str, ...]) -> str:
    """The keys that the record has at a place: of an object, or of all objects of an array."""
    if place[-1:] == ("[]",):
        array = "$." + ".".join(place[:-1])
        maps = f"from_json(get_json_object(text, '{array}'), 'array<map<string, string>>')"
        return f"flatten(transform({maps}, item -> map_keys(item)))"
    found = f"get_json_object(text, '$.{'.'.join(place)}')" if place else "text"
    return f"json_object_keys({found})"


def only_known(known: dict[tuple[str, ...], dict[str, tuple[str, ...]]]) -> str:
    """No key anywhere that the type's contract does not name."""
    kept = []
    for place, by_type in known.items():
        options: dict[tuple[str, ...], list[str]] = {}
        for event_type, allowed in by_type.items():
            options.setdefault(allowed, []).append(event_type)
        cases = " ".join(
            f"when record.event_type in ({', '.join(map(literal, types))}) then {names(allowed)}"
            for allowed, types in options.items()
        )
        kept.append(f"coalesce(size(array_except({keys(place)}, case {cases} end)), 0) = 0")
    return " and ".join(kept)


def acceptance(catalogue: Catalogue) -> str:
    """One condition: the record keeps the contract of its type. Never null."""
    kept: dict[str, list[str]] = {}
    known: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for event_type in catalogue.contracts:
        requirements = [r for r in catalogue.requirements(event_type) if r.path != ("event_type",)]
        kept[event_type] = conditions(requirements)
        for requirement in requirements:
            if requirement.keyword == "additionalProperties":
                known.setdefault(requirement.path, {})[event_type] = requirement.value
    times = " and ".join(
        f"(record.{name} is null or try_cast(record.{name} as timestamp) is not null)" for name in TIMES
    )
    checked = f"get(headers, 0).key = {literal(CHECKED)} and get(headers, 0).value = X'{catalogue.digest}'"
    # Reading the keys again costs most, so it comes last.
    return (
        f"coalesce(record.{CORRUPT} is null"
        f" and record.event_type in ({', '.join(map(literal, catalogue.contracts))})"
        f" and (coalesce({checked}, false) or"
        f" is_valid_utf8(value) and {shared(kept)} and {times} and {only_known(known)}), false)"
    )
