"""The one Python function behind every model's SQL function, run by the gateway's Arrow workers.

`k_score(name, version, features) -> struct<score, label>`, and `k_explain` with reasons and version
beside them. No type-checking-only imports here: Spark reads the annotations.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import UserError
from ml.arrays import Codes
from ml.features import FEATURES, names
from ml.lifetime_value import LifetimeValueScorer
from ml.propensity import PropensityScorer, in_words
from ml.registry import Model, hdfs_registry
from ml.sentiment import SentimentScorer

NAME = "k_score"
RETURNS = "score double, label string"
SCORE_TYPE = pa.struct([("score", pa.float64()), ("label", pa.string())])
EXPLAIN = "k_explain"
EXPLAINS = "score double, band string, reasons array<string>, version string"
EXPLAIN_TYPE = pa.struct(
    [
        ("score", pa.float64()),
        ("band", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("version", pa.string()),
    ]
)

Kernel = Callable[[pa.Array, pa.Array, pa.Array], pa.Array]


def make_kernel(webhdfs: str) -> Kernel:
    """The function that workers run. It carries the registry's address: they read no settings."""

    def k_score(name: pa.Array, version: pa.Array, features: pa.Array) -> pa.Array:
        return score(name, version, features, webhdfs)

    return k_score


def make_explain_kernel(webhdfs: str) -> Kernel:
    """The same for reasons."""

    def k_explain(name: pa.Array, version: pa.Array, features: pa.Array) -> pa.Array:
        return by_model(name, version, features, webhdfs, explain_one, EXPLAIN_TYPE)

    return k_explain


@lru_cache(maxsize=32)
def load(webhdfs: str, name: str, version: str) -> Model:
    """A version, read once per worker: versions never change."""
    if name not in FEATURES:
        raise UserError(f"There is no model {name!r}; there are {', '.join(sorted(FEATURES))}.")
    return hdfs_registry(webhdfs).load(name, version, names(name))


def score(name: pa.Array, version: pa.Array, features: pa.Array, webhdfs: str) -> pa.Array:
    """Score a batch. NULL where name, version or a needed feature is NULL, NaN or infinite."""
    return by_model(name, version, features, webhdfs, score_one, SCORE_TYPE)


def by_model(
    name: pa.Array,
    version: pa.Array,
    features: pa.Array,
    webhdfs: str,
    work: Callable[[Model, pa.Array], pa.Array],
    kind: pa.DataType,
) -> pa.Array:
    """The work of each model on its rows, in the order of the batch."""
    name, version = name.cast(pa.string()), version.cast(pa.string())
    # a literal may be of decimals, or untyped NULL
    features = features.cast(pa.string() if is_text(features.type) else pa.list_(pa.float64()))
    models = [
        (model_name.as_py(), model_version.as_py())
        for model_name in name.unique()
        for model_version in version.unique()
        if model_name.is_valid and model_version.is_valid
    ]
    if len(models) == 1 and not name.null_count and not version.null_count:
        return work(load(webhdfs, *models[0]), features)
    # rare: NULLs, several models or several versions in one batch
    parts = [pa.array([], kind)]
    positions = np.full(len(features), -1)
    scored = 0
    for model_name, model_version in models:
        chosen = pc.and_(pc.equal(name, model_name), pc.equal(version, model_version))
        rows = np.flatnonzero(chosen.fill_null(False).to_numpy(zero_copy_only=False))
        if len(rows):
            parts.append(work(load(webhdfs, model_name, model_version), features.take(rows)))
            positions[rows] = np.arange(scored, scored + len(rows))
            scored += len(rows)
    return pa.concat_arrays(parts).take(pa.array(positions, mask=positions < 0))


def is_text(kind: pa.DataType) -> bool:
    """Whether features are one text a row, and not a list of numbers."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def score_one(model: Model, features: pa.Array) -> pa.Array:
    """Score a batch by one model; a NULL list, or one with a NULL in it, has no score."""
    rows, positions = usable_rows(model, features)
    scores, codes = model.scorer.score(rows)
    if len(positions) < len(features):
        every, their = np.full(len(features), np.nan), np.zeros(len(features), dtype=np.int64)
        every[positions], their[positions] = scores, codes
        scores, codes = every, their
    labels = pa.array(model.scorer.labels).take(pa.array(codes))
    return structs([pa.array(scores), labels], SCORE_TYPE, positions)


def explain_one(model: Model, features: pa.Array) -> pa.Array:
    """Score, band, reasons in words and version of each row; UserError for a model that has none."""
    scorer = model.scorer
    rows, positions = usable_rows(model, features)
    if isinstance(scorer, PropensityScorer):
        _, parts = scorer.explain(rows)
        reasons = in_words(names_of(model), rows, parts)
    elif isinstance(scorer, LifetimeValueScorer):
        reasons = scorer.reasons(rows)
    elif isinstance(scorer, SentimentScorer):
        reasons = [scorer.reasons(text) for text in rows]
    else:
        raise UserError(f"Model {model.manifest.name} gives no reasons.")
    scores, codes = scorer.score(rows)
    told: list[list[str] | None] = [None] * len(features)
    every, bands = np.full(len(features), np.nan), np.zeros(len(features), dtype=np.int64)
    every[positions], bands[positions] = scores, codes
    for position, reason in zip(positions, reasons, strict=True):
        told[position] = reason
    columns = [
        pa.array(every),
        pa.array(scorer.labels).take(pa.array(bands)),
        pa.array(told, pa.list_(pa.string())),
        pa.array([model.manifest.version] * len(features), pa.string()),
    ]
    return structs(columns, EXPLAIN_TYPE, positions)


def names_of(model: Model) -> list[str]:
    """Features of a version, in order."""
    return [feature for feature, _ in model.manifest.features]


def usable_rows(model: Model, features: pa.Array) -> tuple[Any, Codes]:
    """The rows that can be scored, and where they are in the batch: those with every number that the
    model needs, or with a text. UserError when lists have another length than its features."""
    expected = names_of(model)
    if is_text(features.type) or isinstance(model.scorer, SentimentScorer):
        valid = np.flatnonzero(features.is_valid().to_numpy(zero_copy_only=False))
        if len(valid) and not (is_text(features.type) and isinstance(model.scorer, SentimentScorer)):
            wanted = "a text" if isinstance(model.scorer, SentimentScorer) else "numbers"
            raise UserError(f"Model {model.manifest.name} takes {wanted} ({', '.join(expected)}).")
        return np.array([features[int(place)].as_py() for place in valid], dtype=object), valid
    lengths = pc.fill_null(pc.list_value_length(features), len(expected)).to_numpy()
    if (lengths != len(expected)).any():
        raise UserError(
            f"Model {model.manifest.name} takes {len(expected)} features "
            f"({', '.join(expected)}), not {lengths[lengths != len(expected)][0]}."
        )
    values = features.flatten().to_numpy(zero_copy_only=False)  # NULL becomes NaN
    rows = values.reshape(-1, len(expected))
    usable = (np.isfinite(rows) | (np.isnan(rows) & model.scorer.optional)).all(axis=1)
    if not features.null_count and usable.all():
        return rows, np.arange(len(rows))
    return rows[usable], np.flatnonzero(features.is_valid().to_numpy(zero_copy_only=False))[usable]


def structs(columns: list[pa.Array], kind: pa.DataType, positions: Codes) -> pa.Array:
    """Columns as structs, NULL but at the given positions."""
    missing = np.ones(len(columns[0]), dtype=bool)
    missing[positions] = False
    return pa.StructArray.from_arrays(columns, fields=list(kind), mask=pa.array(missing))
