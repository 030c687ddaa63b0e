"""The transform: statistics by hand, of the training rows alone; it can be undone and kept as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform

X = np.array([[1, 5, 10], [3, 5, 20], [100, 100, 100], [5, 5, 60]], np.float32)
ROWS = np.array([0, 1, 3])  # the third row is held out
STD = np.sqrt(8 / 3), 1.0, np.sqrt(1400 / 3)  # of 1, 3, 5; of 5, 5, 5, which is left alone; of 10, 20, 60

KNOWN = {
    "none": ([0, 0, 0], [1, 1, 1]),
    "center": ([3, 5, 30], [1, 1, 1]),
    "standardize": ([3, 5, 30], STD),
    "range": ([3, 5, 35], [2, 1, 25]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("kind", KNOWN)
def test_known_values(kind: str, dtype: type) -> None:
    transform = Transform.fit(kind, X.astype(dtype), ROWS)
    np.testing.assert_allclose(transform.shift, KNOWN[kind][0], rtol=1e-6)
    np.testing.assert_allclose(transform.scale, KNOWN[kind][1], rtol=1e-6)
    assert transform.shift.dtype == transform.scale.dtype == np.float32


def test_large_offsets_and_many_rows() -> None:
    rng = np.random.default_rng(0)
    many = (1e4 + rng.standard_normal((20_000, 2))).astype(np.float32)
    transform = Transform.fit("standardize", many, np.arange(20_000))
    np.testing.assert_allclose(transform.scale, many.astype(np.float64).std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(transform.shift, many.astype(np.float64).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-37, 1e37, 3e38])
def test_sizes_at_the_ends_of_float32(kind: str, size: float) -> None:
    """What cannot be divided by counts as constant; nothing overflows (warnings are errors)."""
    ends = np.array([[-size], [0], [size]], np.float32)
    part = Split(ends, np.zeros(3, int), np.arange(3))
    ((batch, _),) = Batches(part, Transform.fit(kind, ends, part.rows)).in_order(3)
    assert np.isfinite(batch).all()
    if kind == "range" and size > 1e-38:
        np.testing.assert_allclose(batch, [[-1], [0], [1]], rtol=1e-5)


@pytest.fixture
def fitted() -> Transform:
    return Transform.fit("standardize", X, ROWS)


def test_undo_gives_the_raw_values_again(fitted: Transform) -> None:
    np.testing.assert_allclose(fitted.undo(fitted.apply(X)), X, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kept", [np.float32, np.uint8])
@pytest.mark.parametrize("n", [1, 4, 70_000])
def test_a_buffer_is_filled_with_the_same_inputs(fitted: Transform, n: int, kept: type, dtype: type) -> None:
    """However many rows there are, which are transformed in blocks."""
    raw = np.resize(X, (n, 3)).astype(kept)
    out = np.empty((n, 3), dtype)
    assert fitted.apply(raw, out) is out
    np.testing.assert_allclose(out, (raw - np.float64(KNOWN["center"][0])) / STD, rtol=1e-5, atol=1e-6)


def test_the_buffer_may_hold_the_raw_values(fitted: Transform) -> None:
    buffer, out = X.copy(), np.empty_like(X)
    fitted.apply(buffer, buffer)
    np.testing.assert_array_equal(buffer, fitted.apply(X, out))


def test_a_linear_function_of_the_inputs_is_one_of_the_columns(fitted: Transform) -> None:
    w, b = np.array([2.0, -1.0, 0.5]), 3.0
    weights, bias = fitted.undo_linear(w, b)
    np.testing.assert_allclose(X @ weights + bias, fitted.apply(X.astype(np.float64)) @ w + b, rtol=1e-6)


def test_arrays_give_the_transform_again(fitted: Transform) -> None:
    arrays = fitted.to_arrays()
    assert {name: array.shape for name, array in arrays.items()} == Transform.shapes(3)
    again = Transform.from_arrays(arrays)
    np.testing.assert_array_equal(again.apply(X), fitted.apply(X))
    assert again.n_features == len(again.features(("a", "b", "c"))) == 3


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e-45, np.nan])
def test_arrays_that_cannot_be_divided_by_are_refused(fitted: Transform, scale: float) -> None:
    arrays = fitted.to_arrays() | {"scale": np.array([1, scale, 1], np.float32)}
    with pytest.raises(ValueError, match=r"^scale holds numbers that are not above 0"):
        Transform.from_arrays(arrays)
