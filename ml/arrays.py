"""Arrays that come from an artefact: finite, of the shape that they must have, or refused by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]


def numbers(artefact: Mapping[str, Any], field: str, shape: tuple[int | None, ...]) -> Matrix:
    """One field of an artefact as finite numbers of the given shape, else ValueError by name.

    None in `shape` allows any length.
    """
    try:
        values: Matrix = np.array(artefact[field], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{field!r} of the artefact is not a table of numbers") from None
    fits = values.ndim == len(shape) and all(
        wanted is None or wanted == size for wanted, size in zip(shape, values.shape, strict=True)
    )
    if not fits:
        expected = str(shape).replace("None", "any")
        raise ValueError(f"{field!r} of the artefact has shape {values.shape}, expected {expected}")
    if not np.isfinite(values).all():
        raise ValueError(f"{field!r} of the artefact holds NaN or infinite weights")
    return values


def whole(
    artefact: Mapping[str, Any], field: str, shape: tuple[int | None, ...], low: int, high: int
) -> Codes:
    """One field as whole numbers from `low` up to, without, `high`, else ValueError by name."""
    values = numbers(artefact, field, shape)
    if (values != np.floor(values)).any() or ((values < low) | (values >= high)).any():
        raise ValueError(f"{field!r} of the artefact is not whole numbers from {low} to {high - 1}")
    return values.astype(np.int64)


def probabilities(margins: Matrix, link: str) -> Matrix:
    """Sums of a model (n x outputs) as what it predicts, by its link.

    `identity`: as they are. `logistic`: one output becomes two probabilities. `softmax`: they sum to 1.
    """
    if link == "identity":
        return margins
    if link == "logistic":
        # the branch that cannot overflow, for either sign
        positive = margins[:, 0] >= 0
        decay = np.exp(-np.abs(margins[:, 0]))
        chance = np.where(positive, 1 / (1 + decay), decay / (1 + decay))
        other = np.where(positive, decay / (1 + decay), 1 / (1 + decay))
        return np.column_stack([other, chance])
    if link == "softmax":
        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
        return shares
    raise ValueError(f"the artefact's link is {link!r}, known are identity, logistic, softmax")
