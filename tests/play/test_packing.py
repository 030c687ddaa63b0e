"""Arrays become numbers and bytes that JSON can hold, whatever they are."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest

from mlpcli.play.packing import bounded, finite, pack_images, rounded, short_points


def test_each_image_runs_from_its_smallest_to_its_largest_value() -> None:
    images = np.array([[[-1.0, 1.0], [0.0, 3.0]], [[5.0, 5.0], [5.0, 5.0]]], np.float32)
    packed = pack_images(images)
    assert list(base64.b64decode(packed["bytes"])) == [0, 127, 63, 255, 0, 0, 0, 0]
    assert (packed["low"], packed["high"]) == ([-1, 5], [3, 5])


def test_or_between_the_ends_that_are_given() -> None:
    packed = pack_images(np.array([[[0.5, 2.0, -1.0]]]), np.zeros(1), np.ones(1))
    assert list(base64.b64decode(packed["bytes"])) == [127, 255, 0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123456, 0.123), (-98765.0, -98800), (1e-9, 1e-9), (0.0, 0), (1e38, 1e30), (math.nan, 0), (2.0, 2)],
)
def test_numbers_keep_so_many_digits(value: float, shown: float) -> None:
    assert rounded(np.array([[value]]), 3) == [[pytest.approx(shown, rel=1e-12)]]
    assert rounded(np.float64(value), 3) == pytest.approx(shown, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, None), (math.inf, None), (math.nan, None), (1.23456789, 1.2346)]
)
def test_what_is_not_finite_is_none(value: float | None, shown: float | None) -> None:
    assert finite(value) == shown


def test_values_are_kept_within_bounds() -> None:
    np.testing.assert_array_equal(bounded(np.array([-9.0, math.nan, 2.0]), 5.0), [-5, 0, 2])


def test_points_keep_the_digits_of_their_range() -> None:
    assert short_points(np.array([[0.0, 1e-7], [1234.56789, 2e-7]])) == [[0, 1e-7], [1234.57, 2e-7]]
