"""Brings features to a common scale, with statistics of the training split only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling", "fit_scaling"]

_NUMBERS = 1 << 18  # at a time become float64: 2 MB


@dataclass(frozen=True)
class Scaling:
    """x becomes (x - shift) / scale; both are (features,) float32."""

    shift: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (n, features), scaled."""
        scaled: NDArray[Any] = (values - self.shift) / self.scale
        return scaled

    def undo(self, scaled: NDArray[Any]) -> NDArray[Any]:
        """Return scaled values (n, features) in their own units."""
        values: NDArray[Any] = scaled * self.scale + self.shift
        return values


def fit_scaling(kind: str, X: NDArray[Any], rows: NDArray[np.intp]) -> Scaling:
    """Measure ``rows`` of X (n, features) and return the scaling of the given kind.

    none; center: subtract the mean; standardize: then divide by the standard deviation; scale: minimum and
    maximum go to -1 and 1 (CS231n notes, Neural Networks 2, "Data Preprocessing"). Constant features are
    not divided.
    """
    features = X.shape[1]
    shift, scale = np.zeros(features), np.ones(features)
    step = max(1, _NUMBERS // features)
    pieces = [rows[start : start + step] for start in range(0, len(rows), step)]
    if kind in ("center", "standardize"):
        for piece in pieces:
            shift += X[piece].astype(np.float64).sum(axis=0)
        shift /= len(rows)
    if kind == "standardize":
        squares = np.zeros(features)
        for piece in pieces:
            differences = X[piece] - shift
            differences *= differences
            squares += differences.sum(axis=0)
        scale = np.sqrt(squares / len(rows))
    if kind == "scale":
        low = np.min([X[piece].min(axis=0) for piece in pieces], axis=0).astype(np.float64)
        high = np.max([X[piece].max(axis=0) for piece in pieces], axis=0).astype(np.float64)
        shift, scale = (low + high) / 2, (high - low) / 2
    # Constant, to float32's precision, or so nearly that 1 / scale would be past its range.
    scale[scale <= np.maximum(1e-7 * np.abs(shift), np.finfo(np.float32).tiny)] = 1
    return Scaling(shift.astype(np.float32), scale.astype(np.float32))
