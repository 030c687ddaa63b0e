"""Scaling: statistics by hand, of the training rows and their cells that are there; it can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.data.scaling import SCALINGS, Scaling

X = np.array([[1, 5, 10], [3, 5, 20], [100, 100, 100], [5, 5, 60]], np.float32)
ROWS = np.array([0, 1, 3])  # the third row is held out
STD = np.sqrt(8 / 3), 1.0, np.sqrt(1400 / 3)  # of 1, 3, 5; of 5, 5, 5, which is left alone; of 10, 20, 60

KNOWN = {
    "none": ([0, 0, 0], [1, 1, 1]),
    "center": ([3, 5, 30], [1, 1, 1]),
    "standardize": ([3, 5, 30], STD),
    "range": ([3, 5, 35], [2, 1, 25]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("kind", SCALINGS)
def test_known_values(kind: str, dtype: type) -> None:
    scaling = Scaling.fit(kind, X.astype(dtype), ROWS)
    np.testing.assert_allclose(scaling.shift, KNOWN[kind][0], rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, KNOWN[kind][1], rtol=1e-12)


@pytest.mark.parametrize("kind", SCALINGS)
def test_missing_cells_are_left_out(kind: str) -> None:
    holes = np.vstack([np.insert(X, 1, np.nan, axis=0), np.full((1, 3), np.nan)])
    scaling = Scaling.fit(kind, holes, np.array([0, 1, 2, 4, 5]))
    np.testing.assert_allclose(scaling.shift, KNOWN[kind][0], rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, KNOWN[kind][1], rtol=1e-12)


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_column_without_any_number_is_left_alone(kind: str) -> None:
    scaling = Scaling.fit(kind, np.full((3, 1), np.nan, np.float32), np.arange(3))
    assert (scaling.shift, scaling.scale) == (0, 1)


@pytest.mark.parametrize("kind", SCALINGS)
def test_many_rows_are_measured_in_pieces(kind: str) -> None:
    many = 1e4 + np.random.default_rng(0).standard_normal((200_000, 2))
    scaling = Scaling.fit(kind, many, np.arange(0, 200_000, 2))
    some = many[::2]
    shift = {"none": 0, "range": (some.min(axis=0) + some.max(axis=0)) / 2}.get(kind, some.mean(axis=0))
    scale = {"standardize": some.std(axis=0), "range": np.ptp(some, axis=0) / 2}.get(kind, 1)
    np.testing.assert_allclose(scaling.shift, np.broadcast_to(shift, 2), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, np.broadcast_to(scale, 2), rtol=1e-9)


@pytest.mark.parametrize("kind", ["standardize", "range"])
@given(
    offset=st.floats(-1e9, 1e9),
    power=st.integers(-6, 6),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 40),
)
def test_any_offset_and_scale_of_a_column_give_the_same_inputs(
    kind: str, offset: float, power: int, seed: int, n: int
) -> None:
    """To the digits that the column itself has left: 16 for the offset and the differences together."""
    rows, plain = np.arange(n), np.random.default_rng(seed).uniform(-1, 1, (n, 1))
    moved = offset + 10.0**power * plain
    lost = 1e-15 * (abs(offset) / 10.0**power + 1) / max(np.ptp(plain), 1e-9)
    if lost > 1e-6:
        return
    expected = Scaling.fit(kind, plain, rows).apply(plain)
    np.testing.assert_allclose(Scaling.fit(kind, moved, rows).apply(moved), expected, atol=1e-12 + 20 * lost)


@pytest.mark.parametrize("kind", ["center", "standardize"])
def test_a_row_of_weight_2_counts_like_two_rows(kind: str) -> None:
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(50, 3)), rng.integers(1, 4, 40)
    X[3, 1] = np.nan
    rows = rng.permutation(50)[:40]
    found = Scaling.fit(kind, X, rows, weights / weights.mean())
    expected = Scaling.fit(kind, X, np.repeat(rows, weights))
    np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-12)


def test_undo_gives_the_values_again() -> None:
    scaling = Scaling.fit("standardize", X, ROWS)
    np.testing.assert_allclose(scaling.undo(scaling.apply(X)), X, rtol=1e-12)


def test_arrays_give_the_scaling_again() -> None:
    scaling = Scaling.fit("range", X, ROWS)
    arrays = scaling.to_arrays()
    assert {name: array.shape for name, array in arrays.items()} == Scaling.shapes(3)
    np.testing.assert_array_equal(Scaling.from_arrays(arrays).apply(X), scaling.apply(X))


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e-45, np.nan])
def test_arrays_that_cannot_be_divided_by_are_refused(scale: float) -> None:
    arrays = Scaling.fit("none", X, ROWS).to_arrays() | {"scale": np.array([1, scale, 1])}
    with pytest.raises(ValueError, match=r"^scale holds numbers that are not above 0"):
        Scaling.from_arrays(arrays)
