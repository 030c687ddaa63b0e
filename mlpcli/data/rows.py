"""What a data set says of its rows beside features and targets: how much each of them counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError

__all__ = ["ROLES", "Role", "Roles", "RowFacts", "read_weights"]

Role: TypeAlias = Literal["weight"]  # each is a key of the section `data`
Roles: TypeAlias = Mapping[Role, str]  # the names of the columns, or of the arrays of an npz file

ROLES: dict[Role, str] = {"weight": "is the weight of the rows"}  # what such a column is


@dataclass(frozen=True)
class RowFacts:
    """What is known of the n rows of a data set; None for what is not.

    ``weights`` (n,) say how much each row counts; they are finite, not below 0, and not all 0.
    """

    weights: NDArray[np.float64] | None = None

    def arrays(self) -> list[NDArray[Any]]:
        """Return the arrays that there are."""
        return [array for array in vars(self).values() if array is not None]


def read_weights(where: str, values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Return the weights (n,) of n rows; raises DataError, naming ``where``, if they are no weights."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"{where}: has dtype {values.dtype}; weights are numbers")
    if values.shape not in ((n,), (n, 1)):
        raise DataError(f"{where}: has shape {values.shape}; there is one weight for each of {n:,} rows")
    weights: NDArray[np.float64] = values.reshape(-1).astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise DataError(
            f"{where}[{wrong[0]}] is {weights[wrong[0]]:g}; weights are finite numbers, 0 or more"
        )
    if not weights.any():
        raise DataError(f"{where}: all weights are 0, so that no row counts")
    return weights
