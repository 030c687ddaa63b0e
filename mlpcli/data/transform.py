"""Turns the raw columns of a data set into the network's inputs, by statistics of the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Transform"]

_MEASURED = 1 << 18  # numbers that become float64 at a time: 2 MB
_CACHED = 3 << 15  # numbers that are transformed at a time, 400 kB: they stay in the cache for all passes


@dataclass(frozen=True)
class Transform:
    """A fitted transform: column x becomes the input (x - shift) / scale.

    ``shift`` and ``scale`` are (columns,) float32. A run fits one to the features and, for a regression, one
    to the targets. Both are kept in its checkpoints.
    """

    shift: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, kind: str, X: NDArray[Any], rows: NDArray[np.intp]) -> Transform:
        """Measure ``rows`` of X (n, columns) and return the transform of the given kind.

        none: as they are; center: subtract the mean; standardize: then divide by the standard deviation;
        range: map minimum and maximum to -1 and 1 (CS231n notes, Neural Networks 2, "Data Preprocessing").
        Constant columns are not divided.
        """
        columns = X.shape[1]
        shift, scale = np.zeros(columns), np.ones(columns)
        step = max(1, _MEASURED // columns)
        pieces = [rows[start : start + step] for start in range(0, len(rows), step)]
        if kind in ("center", "standardize"):
            for piece in pieces:
                shift += X[piece].astype(np.float64).sum(axis=0)
            shift /= len(rows)
        if kind == "standardize":
            squares = np.zeros(columns)
            for piece in pieces:
                differences = X[piece] - shift
                differences *= differences
                squares += differences.sum(axis=0)
            scale = np.sqrt(squares / len(rows))
        if kind == "range":
            low = np.min([X[piece].min(axis=0) for piece in pieces], axis=0).astype(np.float64)
            high = np.max([X[piece].max(axis=0) for piece in pieces], axis=0).astype(np.float64)
            shift, scale = (low + high) / 2, (high - low) / 2
        # A column counts as constant if float32 cannot tell its values apart, or cannot hold 1 / scale.
        scale[scale <= np.maximum(1e-7 * np.abs(shift), np.finfo(np.float32).tiny)] = 1
        return cls(shift.astype(np.float32), scale.astype(np.float32))

    @staticmethod
    def shapes(columns: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays of `to_arrays`, for data of so many columns."""
        return {"shift": (columns,), "scale": (columns,)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Transform:
        """Return the transform that `to_arrays` has described.

        The arrays are float32, finite and of the right `shapes`. Raises ValueError, whose text begins with
        the name of an array, where they cannot be applied.
        """
        if not np.all(arrays["scale"] >= np.finfo(np.float32).tiny):
            raise ValueError("scale holds numbers that are not above 0, or cannot be divided by")
        return cls(arrays["shift"], arrays["scale"])

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        return {"shift": self.shift, "scale": self.scale}

    @property
    def n_features(self) -> int:
        """The number of the network's inputs."""
        return len(self.shift)

    def features(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the network's inputs, made from those of the raw columns."""
        return tuple(columns)

    def apply(self, raw: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the inputs (n, n_features) for ``raw`` (n, columns), in ``out`` where it is given.

        Without ``out`` they are divided by the scale, in the precision of ``raw``. With ``out``, which may be
        ``raw`` itself, nothing is allocated: they are multiplied by 1 / scale, in the precision of ``out``,
        and the last digit may differ.
        """
        if out is None:
            inputs: NDArray[Any] = (raw - self.shift) / self.scale
            return inputs
        step = max(1, _CACHED // out.shape[1])
        for start in range(0, len(raw), step):
            block = out[start : start + step]
            if raw is not out:
                np.copyto(block, raw[start : start + step])
            block -= self.shift
            block *= self._factor
        return out

    @cached_property
    def _factor(self) -> NDArray[np.float32]:
        return np.reciprocal(self.scale)

    def undo(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the raw values (n, columns) that became ``inputs``: predicted targets in their own units."""
        values: NDArray[Any] = inputs * self.scale + self.shift
        return values

    def undo_linear(self, w: NDArray[Any], b: float) -> tuple[NDArray[np.float64], float]:
        """Return the weights (columns,) and the bias that give w x + b, of the inputs x, from raw columns."""
        weights = w.astype(np.float64) / self.scale
        return weights, float(b - weights @ self.shift)
