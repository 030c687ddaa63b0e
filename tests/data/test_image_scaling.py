"""Images are scaled to the same bytes by oneDNN as by NumPy, in batches of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform
from mlpcli.onednn import find_onednn

ONEDNN, REASON = find_onednn()
SEEDS = range(4)


@pytest.mark.skipif(ONEDNN is None, reason=REASON)
@pytest.mark.parametrize("kind", ["standardize", "center", "none"])
@pytest.mark.parametrize("seed", SEEDS)
def test_images_are_scaled_as_numpy_scales_them(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X: Any = rng.integers(0, 256, (700, 48 * (seed + 1)), np.uint8)
    rows = rng.permutation(700)[:650]
    transform = Transform.fit(kind, X, rows)
    part = Split(X, rng.integers(0, 3, 700), rows)
    by_onednn, by_numpy = Batches(part, transform, onednn=ONEDNN), Batches(part, transform)
    for batch_size in (128, 7, 300, 1, 650, 128):
        pairs = zip(by_onednn.in_order(batch_size), by_numpy.in_order(batch_size), strict=True)
        for (scaled, y), (expected, of_y) in pairs:
            np.testing.assert_array_equal(scaled, expected)
            np.testing.assert_array_equal(y, of_y)
