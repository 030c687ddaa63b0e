"""Penalties: known values."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.nn.penalties import PENALTIES
from mlpcli.passes import NumpyPasses

W = np.array([3.0, -4.0, 0.0])
KNOWN = {"l1": (0.1 * 7, [0.1, -0.1, 0.0]), "l2": (0.5 * 0.1 * 25, [0.3, -0.4, 0.0])}


@pytest.mark.parametrize("name", PENALTIES)
def test_known_values(name: str) -> None:
    value, gradient = KNOWN[name]
    assert PENALTIES[name].value(W, 0.1) == pytest.approx(value)
    dw = np.ones(3)
    PENALTIES[name].add_gradient(W, 0.1, dw, np.empty(3), NumpyPasses())
    np.testing.assert_allclose(dw, 1 + np.array(gradient))
