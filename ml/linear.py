"""Linear models as arrays, and their exact reasons."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml.arrays import Matrix, numbers


class Linear:
    """weights (outputs x width) times standardised features, plus intercepts (outputs).

    Fields: `mean`, `scale` (width), `weights`, `intercept`. A feature at its mean has no influence,
    so contributions are told from there, as J. Lundberg and S. Lee (2017) do for independent ones.
    """

    def __init__(self, fields: Mapping[str, Any], width: int) -> None:
        self.mean = numbers(fields, "mean", (width,))
        self.scale = numbers(fields, "scale", (width,))
        self.weights = numbers(fields, "weights", (None, width))
        self.intercept = numbers(fields, "intercept", (len(self.weights),))
        if not (self.scale > 0).all():
            raise ValueError("'scale' of the artefact is not positive throughout")

    @property
    def outputs(self) -> int:
        return len(self.weights)

    def margins(self, rows: Matrix) -> Matrix:
        """Sums before the link, n x outputs."""
        sums: Matrix = ((rows - self.mean) / self.scale) @ self.weights.T + self.intercept
        return sums

    def contributions(self, rows: Matrix, output: int = 0) -> tuple[float, Matrix]:
        """(base, n x width): base plus a row's contributions is its margin of that output."""
        parts: Matrix = (rows - self.mean) / self.scale * self.weights[output]
        return float(self.intercept[output]), parts


def linear_fields(mean: Any, scale: Any, weights: Any, intercept: Any) -> dict[str, Any]:
    """Fields of a fitted model; a feature that never varied keeps the scale 1."""
    scale = np.asarray(scale, dtype=np.float64)
    return {
        "mean": np.asarray(mean, dtype=np.float64),
        "scale": np.where(scale > 0, scale, 1.0),
        "weights": np.atleast_2d(np.asarray(weights, dtype=np.float64)),
        "intercept": np.atleast_1d(np.asarray(intercept, dtype=np.float64)),
    }
