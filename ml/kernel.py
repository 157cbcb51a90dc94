"""The one Python function behind every model's SQL function, run by the gateway's Arrow workers.

`k_score(name, version, features) -> struct<score, label>`. No type-checking-only imports here:
Spark reads the annotations.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import UserError
from ml.features import FEATURES, names
from ml.registry import Model, hdfs_registry

NAME = "k_score"
RETURNS = "score double, label string"
SCORE_TYPE = pa.struct([("score", pa.float64()), ("label", pa.string())])

Kernel = Callable[[pa.Array, pa.Array, pa.Array], pa.Array]


def make_kernel(webhdfs: str) -> Kernel:
    """The function that workers run. It carries the registry's address: they read no settings."""

    def k_score(name: pa.Array, version: pa.Array, features: pa.Array) -> pa.Array:
        return score(name, version, features, webhdfs)

    return k_score


@lru_cache(maxsize=32)
def load(webhdfs: str, name: str, version: str) -> Model:
    """A version, read once per worker: versions never change."""
    if name not in FEATURES:
        raise UserError(f"There is no model {name!r}; there are {', '.join(sorted(FEATURES))}.")
    return hdfs_registry(webhdfs).load(name, version, names(name))


def score(name: pa.Array, version: pa.Array, features: pa.Array, webhdfs: str) -> pa.Array:
    """Score a batch. NULL where name, version or a feature is NULL, NaN or infinite."""
    name, version = name.cast(pa.string()), version.cast(pa.string())
    features = features.cast(pa.list_(pa.float64()))  # a literal may be of decimals, or untyped NULL
    models = [
        (model_name.as_py(), model_version.as_py())
        for model_name in name.unique()
        for model_version in version.unique()
        if model_name.is_valid and model_version.is_valid
    ]
    if len(models) == 1 and not name.null_count and not version.null_count:
        return score_one(load(webhdfs, *models[0]), features)
    # rare: NULLs, several models or several versions in one batch
    parts = [pa.array([], SCORE_TYPE)]
    positions = np.full(len(features), -1)
    scored = 0
    for model_name, model_version in models:
        chosen = pc.and_(pc.equal(name, model_name), pc.equal(version, model_version))
        rows = np.flatnonzero(chosen.fill_null(False).to_numpy(zero_copy_only=False))
        if len(rows):
            parts.append(score_one(load(webhdfs, model_name, model_version), features.take(rows)))
            positions[rows] = np.arange(scored, scored + len(rows))
            scored += len(rows)
    return pa.concat_arrays(parts).take(pa.array(positions, mask=positions < 0))


def score_one(model: Model, features: pa.Array) -> pa.Array:
    """Score a batch by one model; a NULL list, or one with a NULL in it, has no score."""
    expected = [feature for feature, _ in model.manifest.features]
    lengths = pc.fill_null(pc.list_value_length(features), len(expected)).to_numpy()
    if (lengths != len(expected)).any():
        raise UserError(
            f"Model {model.manifest.name} takes {len(expected)} features "
            f"({', '.join(expected)}), not {lengths[lengths != len(expected)][0]}."
        )
    values = features.flatten().to_numpy(zero_copy_only=False)  # NULL becomes NaN
    rows = values.reshape(-1, len(expected))
    usable = np.isfinite(rows).all(axis=1)
    if features.null_count or not usable.all():
        positions = np.flatnonzero(features.is_valid().to_numpy(zero_copy_only=False))[usable]
        scores, codes = np.full(len(features), np.nan), np.zeros(len(features), dtype=np.int64)
        scores[positions], codes[positions] = model.scorer.score(rows[usable])
        missing = np.ones(len(features), dtype=bool)
        missing[positions] = False
    else:
        scores, codes = model.scorer.score(rows)
        missing = np.zeros(len(features), dtype=bool)
    labels = pa.array(model.scorer.labels).take(pa.array(codes))
    return pa.StructArray.from_arrays(
        [pa.array(scores), labels], fields=list(SCORE_TYPE), mask=pa.array(missing)
    )
