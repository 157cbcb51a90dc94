"""Model versions: /lakehouse/ml/models/<name>/<version>/ with manifest.json and model.json.

A version never changes, and no pickle is ever read.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakehouse.errors import UserError
from lakehouse.store import Store, WebHdfsStore
from ml.scorers import Scorer, make_scorer

MODELS_PATH = "/lakehouse/ml/models"
SCHEMA_VERSION = 1
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
VERSION = re.compile(r"v[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class Training:
    """What a version was made from, how well it did, and the parameters that its estimator was given."""

    as_of: Mapping[str, str]
    row_count: int
    table_versions: Mapping[str, int]
    metrics: Mapping[str, float]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of ml/drift.py


@dataclass(frozen=True)
class Manifest:
    """The card of a version; `features` are (name, type) in the order that the model takes them."""

    name: str
    version: str
    created_at: str
    features: tuple[tuple[str, str], ...]
    training: Training
    sha256: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Model:
    """A version that passed every check and can score."""

    manifest: Manifest
    scorer: Scorer


class Registry:
    """Versions of models in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first."""
        found = [entry for entry in self.store.names(checked(NAME, name)) if VERSION.fullmatch(entry)]
        return sorted(found, key=lambda version: int(version[1:]))

    def save(
        self,
        name: str,
        artefact: Mapping[str, Any],
        features: tuple[tuple[str, str], ...],
        training: Training,
    ) -> Manifest:
        """Write the next version: complete in a temporary folder first, visible by one rename."""
        checked(NAME, name)
        make_scorer(artefact)
        model = encoded(artefact)
        while True:
            newest = self.versions(name)[-1:]
            version = f"v{int(newest[0][1:]) + 1}" if newest else "v1"
            created_at = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = Manifest(name, version, created_at, features, training, digest(artefact))
            temporary = f"{name}/.{uuid.uuid4().hex}"
            try:
                self.store.write(f"{temporary}/model.json", model)
                card = json.dumps(asdict(manifest), allow_nan=False, indent=1)
                self.store.write(f"{temporary}/manifest.json", card.encode())
                self.store.rename(temporary, f"{name}/{version}")
            except FileExistsError:  # another training was faster: take the number after its
                self.store.delete(temporary)
                continue
            except BaseException:
                self.store.delete(temporary)
                raise
            return manifest

    def newest(self, name: str) -> Manifest | None:
        """The card of the last version, whether it serves or not."""
        for version in self.versions(name)[-1:]:
            with suppress(ValueError, TypeError, KeyError, FileNotFoundError):
                return read_manifest(self.store.read(f"{name}/{version}/manifest.json"))
        return None

    def load(self, name: str, version: str, features: tuple[str, ...]) -> Model:
        """A version, checked; UserError says what is wrong with it."""
        folder = f"{checked(NAME, name)}/{checked(VERSION, version)}"
        try:
            card = self.store.read(f"{folder}/manifest.json")
            content = self.store.read(f"{folder}/model.json")
        except FileNotFoundError:
            known = ", ".join(self.versions(name)) or "none"
            raise UserError(f"Model {name} has no version {version}; it has {known}.") from None
        try:
            manifest = read_manifest(card)
            if (manifest.name, manifest.version) != (name, version):
                raise ValueError(f"its manifest is that of {manifest.name} {manifest.version}")
            if hashlib.sha256(content).hexdigest() != manifest.sha256:
                raise ValueError("model.json does not have the sha256 of its manifest")
            artefact = json.loads(content, parse_constant=refuse_constant)
            for owner, found in (
                ("manifest", tuple(feature for feature, _ in manifest.features)),
                ("artefact", tuple(artefact["features"])),
            ):
                if found != features:
                    raise ValueError(
                        f"its {owner} has the features {', '.join(found)}; "
                        f"the SQL function gives {', '.join(features)}"
                    )
            return Model(manifest, make_scorer(artefact))
        except (ValueError, TypeError, KeyError) as reason:
            raise UserError(f"Model {name} {version} is refused: {reason}.") from None


def hdfs_registry(webhdfs: str) -> Registry:
    """The lakehouse's own registry; `webhdfs` is `settings.webhdfs`."""
    return Registry(WebHdfsStore(webhdfs, MODELS_PATH))


def encoded(artefact: Mapping[str, Any]) -> bytes:
    """The bytes of model.json; ValueError for NaN, which JSON does not know."""
    return json.dumps(artefact, allow_nan=False, indent=1).encode()


def digest(artefact: Mapping[str, Any]) -> str:
    """The sha256 that the manifest keeps."""
    return hashlib.sha256(encoded(artefact)).hexdigest()


def checked(pattern: re.Pattern[str], value: str) -> str:
    """The value, when it fits: it becomes part of a path."""
    if not pattern.fullmatch(value):
        what = "model name" if pattern is NAME else "model version"
        raise UserError(f"{value!r} is not a {what}: it must match {pattern.pattern}.")
    return value


def read_manifest(card: bytes) -> Manifest:
    """A manifest from its JSON; ValueError, TypeError or KeyError when it is not one."""
    fields = json.loads(card, parse_constant=refuse_constant)
    if fields["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its manifest has schema version {fields['schema_version']}, not 1")
    fields["features"] = tuple((str(name), str(kind)) for name, kind in fields["features"])
    fields["training"] = Training(**fields["training"])
    return Manifest(**fields)


def refuse_constant(constant: str) -> Any:
    """JSON knows no NaN and no Infinity; Python's reader would let them pass."""
    raise ValueError(f"it holds {constant}")
