"""Small tables in .npy files that are read in tiny blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.large.blocks import cut_in_blocks, rows_of_none
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.large.source import LargeData, survey
from mlpcli.data.large.targets import Targets

Opened = Callable[..., LargeData]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Return a function that writes arrays and opens them, in blocks of 7 rows."""

    def make(
        X: NDArray[Any],
        y: NDArray[Any],
        weights: NDArray[Any] | None = None,
        *,
        missing: Any = "fill",
        quantiles: bool = False,
        seed: int = 0,
        counts: dict[str, int] | None = None,
    ) -> LargeData:
        for name, array in (("X", X), ("y", y), ("weights", weights)):
            if array is not None:
                np.save(tmp_path / f"{name}.npy", array)
        n = len(X)
        rows, targets = NpyRows(tmp_path / "X.npy"), Targets(NpyRows(tmp_path / "y.npy"), n, None, missing)
        own = None if weights is None else NpyRows(tmp_path / "weights.npy")
        sizes = counts or {"test": n // 5, "val": n // 5, "train": n // 2}
        parts = cut_in_blocks(n, 7, sizes, np.random.default_rng(seed))
        unused = rows_of_none(n, parts.values(), 7)
        drawn = np.random.default_rng(1)
        found = survey(rows, targets, own, parts, unused, missing, drawn, quantiles=quantiles)
        return LargeData(rows, targets, own, parts, missing, found)

    return make
