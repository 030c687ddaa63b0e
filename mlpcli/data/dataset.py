"""What every data set is once it has been read or drawn, and what is known of its size before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "Features", "TableSize"]

Features: TypeAlias = "NDArray[np.float32] | NDArray[np.uint8]"


@dataclass(frozen=True)
class Dataset:
    """Examples in rows.

    ``X`` is (n, columns), float32, or uint8 for images, which stay bytes until a batch is gathered, and
    ``columns`` holds the names of its columns. For a classification ``classes`` holds the names of the
    classes and ``y`` (n,) int64 indexes them; for a regression ``classes`` is None and ``y`` is (n, outputs)
    float32. ``test`` is the source's own test set, where it has one.
    """

    X: Features
    y: NDArray[Any]
    columns: tuple[str, ...]
    classes: tuple[str, ...] | None
    test: Dataset | None = None

    def __len__(self) -> int:
        return len(self.X)


class TableSize(NamedTuple):
    """What is known of a table before it is read: ``bytes``, about, that reading it takes, and its widths."""

    bytes: int
    examples: int | None
    inputs: int
    outputs: int | None  # of a regression
    itemsize: int  # bytes of a number of X, as it is kept
