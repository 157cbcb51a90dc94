"""The only reader of contracts/: checks events, and gives the shapes that others derive from."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from ingestion import contract_text, spark_types
from ingestion.contract_files import CHECKS, Contract, Schema, paths, read, read_contract, types

FOLDER = Path(__file__).parent / "contracts"
MOST_REASONS = 100

Tree = dict[str, Any]


class Requirement(NamedTuple):
    """One check of a contract; a path's `[]` stands for every item of that array.

    `required` and `additionalProperties` (with the allowed names) sit on the field and the object
    they speak of. null counts as absent. A `pattern` must match the whole text.
    """

    path: tuple[str, ...]
    keyword: str
    value: Any

    @property
    def field(self) -> str:
        """The path as people write it: `properties.lines[].quantity`."""
        return ".".join(self.path).replace(".[]", "[]") or "event"


class Catalogue:
    """Every event type that the lakehouse accepts."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = paths(folder)
        # What an event was checked against: the same digest means the very same contracts.
        self.digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        self.envelope = read(folder / "envelope.v1.json")
        self.landing = read(folder / "landing.v1.json")
        contracts = [read_contract(path, self.envelope) for path in files]
        self.versions = {(c.event_type, c.version): c for c in contracts if c is not None}
        # By type: its newest version, since files come in the order of their versions.
        self.contracts = {c.event_type: c for c in self.versions.values()}
        spark_types.union(self.versions.values())  # refuses two types under one name
        # Which versions there are, the files say; which of them a type has, its own validators.
        version: Schema = self.envelope["properties"]["contract_version"]
        version.pop("enum", None)
        self._envelope_validator = _validator(spark_types.bounded(self.envelope))
        version["enum"] = sorted({number for _, number in self.versions})
        self._validators = {key: _validator(c.event) for key, c in self.versions.items()}
        self._integers = {
            key: _tree(r.path for r in self.requirements(*key) if r[1:] == ("type", "integer"))
            for key in self.versions
        }

    def validate(self, event: Any) -> list[str]:
        """Every reason why the event breaks its contract, each with its field; [] where it keeps it."""
        event_type = event.get("event_type") if isinstance(event, dict) else None
        try:
            if not isinstance(event_type, str) or event_type not in self.contracts:
                return [*_reasons(self._envelope_validator, event), *_unknown_type(event_type)]
            version = event.get("contract_version")
            if type(version) not in (int, float):  # a reason of its own, and no end to the others
                version = self.contracts[event_type].version
            if (key := (event_type, version)) not in self._validators:
                return [*_reasons(self._envelope_validator, event), self._unknown_version(*key)]
            validator = self._validators[key]
            valid = validator.is_valid(event)
            # 1.0 is an integer to JSON Schema, but not to Spark.
            if path := _float_at(event, self._integers[key]):
                return [*_reasons(validator, event), f"{field_name(path)}: an integer has no fraction"]
            return [] if valid else list(_reasons(validator, event))
        except ValueError as error:
            return [f"event: cannot be written as JSON: {error}"]

    def contract_of(self, event: Mapping[str, Any]) -> Contract:
        """The contract that a valid event keeps."""
        return self.versions[event["event_type"], event["contract_version"]]

    def topic_of(self, event_type: str) -> str:
        """Kafka topic of the type's newest version."""
        return self.contracts[event_type].topic

    def key_field(self, event_type: str) -> str:
        """Envelope field that is the Kafka key of the type's newest version."""
        return self.contracts[event_type].key_field

    def requirements(self, event_type: str, version: int | None = None) -> list[Requirement]:
        """Every check of the type, envelope included, for those who check without JSON Schema."""
        version = version or self.contracts[event_type].version
        return list(_requirements(self.versions[event_type, version].event, ()))

    def spark_schema(self) -> str:
        """The envelope as a Spark DDL string, with the union of all types' properties."""
        return spark_types.ddl(spark_types.event_columns(self.envelope, self.versions.values()))

    def properties_schema(self) -> str:
        """The union of all types' properties as a Spark type."""
        return spark_types.struct(spark_types.union(self.versions.values()))

    def raw_columns(self) -> list[spark_types.Column]:
        """The columns of raw.events: the envelope and what landing adds."""
        return spark_types.raw_columns(self.envelope, self.landing, self.versions.values())

    def dbt_sources(self) -> str:
        """Text of models/staging/raw/_raw__sources.yml."""
        return contract_text.dbt_sources(self.envelope, self.raw_columns(), self.versions.values())

    def markdown(self) -> str:
        """The event catalogue of docs/data.md."""
        return contract_text.markdown(self.envelope, self.versions.values())

    def _unknown_version(self, event_type: str, version: float) -> str:
        known = ", ".join(str(number) for name, number in self.versions if name == event_type)
        return f"contract_version: {version} is not a known version of {event_type} ({known})"


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The contracts of this project, read once."""
    return Catalogue()


def render() -> list[Path]:
    """Writes what derives from the contracts: dbt's sources and the event catalogue in docs/data.md."""
    return contract_text.write(catalogue().dbt_sources(), catalogue().markdown())


def _validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _requirements(schema: Schema, path: tuple[str, ...]) -> Iterator[Requirement]:
    yield Requirement(path, "type", next(name for name in types(schema) if name != "null"))
    for keyword in sorted(CHECKS - {"type", "properties", "required", "additionalProperties", "items"}):
        if keyword in schema:
            yield Requirement(path, keyword, schema[keyword])
    if "properties" in schema:
        yield Requirement(path, "additionalProperties", tuple(sorted(schema["properties"])))
    for name, child in schema.get("properties", {}).items():
        if name in schema.get("required", []):
            yield Requirement((*path, name), "required", True)
        yield from _requirements(child, (*path, name))
    if "items" in schema:
        yield from _requirements(schema["items"], (*path, "[]"))


def _tree(paths: Iterable[tuple[str, ...]]) -> Tree:
    """The paths step by step, so that what they share is walked once; {} at the end of each."""
    tree: Tree = {}
    for path in paths:
        inner = tree
        for step in path:
            inner = inner.setdefault(step, {})
    return tree


def _float_at(value: Any, tree: Tree) -> tuple[str, ...]:
    """The first of the tree's paths at which a float stands; () where none does."""
    if type(value) is dict:
        for step, inner in tree.items():
            if (found := value.get(step)) is None:
                continue
            if not inner:
                if type(found) is float:
                    return (step,)
            elif deeper := _float_at(found, inner):
                return (step, *deeper)
    elif type(value) is list and (inner := tree.get("[]")) is not None:
        for item in value:
            if not inner and type(item) is float:
                return ("[]",)
            if deeper := _float_at(item, inner):
                return ("[]", *deeper)
    return ()


def _unknown_type(event_type: Any) -> list[str]:
    return [f"event_type: {event_type!r} is not a known event type"] if isinstance(event_type, str) else []


def _reasons(validator: jsonschema_rs.Draft202012Validator, event: Any) -> Iterator[str]:
    malformed: set[str] = set()
    for count, error in enumerate(validator.iter_errors(event)):
        if count == MOST_REASONS:
            yield f"event: more than {MOST_REASONS} reasons; the rest is left out"
            return
        field = field_name(error.instance_path)
        match error.kind:
            case Kind.Required(property=name):
                yield f"{field_name([*error.instance_path, name])}: is required"
            case Kind.AdditionalProperties(unexpected=names):
                for name in names[:MOST_REASONS]:
                    yield f"{field_name([*error.instance_path, name[:100]])}: is not in the contract"
            case Kind.Pattern(pattern=pattern) if pattern == spark_types.BOUNDS["TIMESTAMP"]["pattern"]:
                malformed.add(field)
                yield f"{field}: is not a UTC time such as 2025-01-31T08:30:00Z"
            case Kind.Format() if field in malformed:
                continue
            case _:
                yield f"{field}: {error.message[:200]}"


def field_name(path: Iterable[str | int]) -> str:
    """A path into an event as reasons write it: `properties.lines[0].quantity`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).lstrip(".") or "event"
