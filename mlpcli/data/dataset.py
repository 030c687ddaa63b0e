"""What every data set is once it has been read or drawn, and what is known of its size before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import Kinds
from mlpcli.data.rows import RowFacts

__all__ = ["Dataset", "Features", "Labelled", "TableSize"]

Features: TypeAlias = "NDArray[np.float32] | NDArray[np.float64] | NDArray[np.uint8]"


@dataclass(frozen=True)
class Dataset:
    """Examples in rows.

    ``X`` is (n, columns): float32; float64 if float32 would lose digits that tell rows apart; or uint8 for
    images, which stay bytes until a batch is gathered. A missing cell is NaN. ``columns`` holds the names of
    its columns, ``kinds`` what those hold that are not plain numbers, and ``dropped`` for each column that
    was left out of the table the reason. For a classification ``classes`` holds the names of the classes and
    ``y`` (n,) int64 indexes them; for a regression ``classes`` is None and ``y`` is (n, outputs), float32 or
    float64. ``test`` is the source's own test set, where it has one. ``about`` is what is known of its rows,
    and ``notes`` say which were left out, and what was found out about the file. ``kept`` tells for each row
    of the source whether it is among them; None if all are. ``numerals`` are the ``decimal`` point and the
    ``thousands`` of its text, as far as they were found out.
    """

    X: Features
    y: NDArray[Any]
    columns: tuple[str, ...]
    classes: tuple[str, ...] | None
    test: Dataset | None = None
    kinds: Kinds = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    about: RowFacts = field(default_factory=RowFacts)
    notes: tuple[str, ...] = ()
    kept: NDArray[np.bool_] | None = None
    numerals: Mapping[str, str] = field(default_factory=dict)

    @property
    def row_numbers(self) -> NDArray[np.intp]:
        """The numbers (n,) of the rows in their source, of which the first row is number 1."""
        return np.arange(1, len(self) + 1) if self.kept is None else np.flatnonzero(self.kept) + 1

    def __len__(self) -> int:
        return len(self.X)


class TableSize(NamedTuple):
    """What is known of a table before it is read: ``bytes``, about, that reading it takes, and its widths.

    ``about`` is an estimate of the examples, if their number is not known; ``spare`` are the bytes that are
    freed once it has been read. ``features`` are the inputs of a network that the columns become, and
    ``direct`` those of them that are no bins, where the first rows tell; None: as many as columns. Of data
    that are read in blocks, at most ``sampled`` rows of each split are kept in memory; None if all are.
    """

    bytes: int
    examples: int | None
    inputs: int
    outputs: int | None  # of a regression, or classes as far as they are known
    itemsize: int  # bytes of a number of X, as it is kept
    about: int | None = None
    spare: int = 0
    features: int | None = None
    direct: int | None = None
    sampled: int | None = None


class Labelled(NamedTuple):
    """Rows X (n, columns), their targets, what is known of them, and ``notes`` on those left out.

    Of a piece of a table ``read`` is the number of its rows, with those that were left out.
    """

    X: Features
    y: NDArray[Any]
    about: RowFacts
    notes: tuple[str, ...] = ()
    read: int = 0
