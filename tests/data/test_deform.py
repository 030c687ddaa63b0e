"""Deformations: images of coordinates, which show where each pixel comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.deform import Deformer

HEIGHT, WIDTH = 9, 12
CENTER = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
OFF = {"rotate": 0.0, "scale": 0.0, "stretch": 0.0}
Array = NDArray[Any]


def deformed(images: Array, seed: int = 0, **settings: float) -> Array:
    images = images.astype(np.float32)
    Deformer(images.shape[1:], **OFF | settings).apply(images, np.random.default_rng(seed))
    return images


def coordinates(n: int) -> Array:
    """Return images (n, 3, height, width): 1, and how far a pixel is below and to the right of the center."""
    down, right = np.mgrid[:HEIGHT, :WIDTH] - CENTER[:, None, None]
    return np.tile(np.stack([np.ones_like(down), down, right]), (n, 1, 1, 1))


def maps(**settings: float) -> Array:
    """Return the matrices (400, 2, 2) that take (down, right) of a pixel to those of where it comes from.

    Interpolation between linear values is exact, so that pixels which are 1 in the first channel tell them.
    """
    n = 400
    found = deformed(coordinates(16 * n), **settings)[::16]
    source = coordinates(1)[0]
    matrices = []
    for image in found:
        is_inside = np.abs(image[0] - 1) < 1e-5
        assert is_inside.sum() > 20
        matrix, rest, *_ = np.linalg.lstsq(source[1:, is_inside].T, image[1:, is_inside].T, rcond=None)
        assert rest.max() < 1e-6
        matrices.append(matrix.T)
    return np.array(matrices)


def test_nothing_asked_for_changes_nothing() -> None:
    images = np.random.default_rng(0).standard_normal((20, 2, HEIGHT, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(deformed(images), images, atol=1e-6)


def test_images_are_turned_evenly_to_both_sides() -> None:
    found = maps(rotate=20)
    np.testing.assert_allclose(found @ found.swapaxes(1, 2), np.tile(np.eye(2), (400, 1, 1)), atol=1e-5)
    angles = np.degrees(np.arctan2(found[:, 0, 1], found[:, 0, 0]))
    assert np.abs(angles).max() == pytest.approx(20, abs=0.5)
    assert np.mean(angles) == pytest.approx(0, abs=2)
    assert np.mean(np.abs(angles) < 10) == pytest.approx(0.5, abs=0.08)


def test_images_are_as_often_enlarged_as_made_smaller() -> None:
    found = maps(scale=0.5)
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 0], found[:, 1, 1], atol=1e-5)
    sizes = 1 / found[:, 0, 0]
    assert (sizes.min(), sizes.max()) == pytest.approx((1 / 1.5, 1.5), abs=0.02)
    assert np.mean(sizes > 1) == pytest.approx(0.5, abs=0.08)


def test_a_stretch_keeps_the_area() -> None:
    found = maps(stretch=0.5)
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-5)
    ratios = found[:, 0, 0] / found[:, 1, 1]  # of width to height, as of a square
    assert (ratios.min(), ratios.max()) == pytest.approx((1 / 1.5, 1.5), abs=0.02)


def test_images_are_stretched_and_scaled_before_they_are_turned() -> None:
    """Undone, a turn is then the first: rows of the matrix stay at right angles, and columns do not."""
    found = maps(rotate=40, scale=0.2, stretch=0.8)
    np.testing.assert_allclose(np.vecdot(found[:, 0], found[:, 1]), 0, atol=1e-5)
    assert np.abs(np.vecdot(found[:, :, 0], found[:, :, 1])).max() > 0.1


def test_pixels_are_interpolated_between_four_and_0_outside() -> None:
    """Against a plain loop over pixels, with the map that the coordinates of the same draws tell."""
    image = np.random.default_rng(1).standard_normal((1, 1, HEIGHT, WIDTH))
    settings = {"rotate": 30, "scale": 0.3, "stretch": 0.3}
    ones = deformed(coordinates(1), **settings)[0]
    padded = np.pad(image[0, 0], 12)
    found = deformed(image, **settings)[0, 0]
    is_inside = np.abs(ones[0] - 1) < 1e-5
    matrix = np.linalg.lstsq(coordinates(1)[0][1:, is_inside].T, ones[1:, is_inside].T, rcond=None)[0].T
    for y in range(HEIGHT):
        for x in range(WIDTH):
            at = matrix @ (np.array([y, x]) - CENTER) + CENTER + 12
            (row, column), (below, beside) = np.floor(at).astype(int), at % 1
            four = padded[row : row + 2, column : column + 2]
            expected = np.array([1 - below, below]) @ four @ np.array([1 - beside, beside])
            assert found[y, x] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("n", [1, 16, 40])
def test_sixteen_images_share_a_map(n: int) -> None:
    found = deformed(coordinates(n), rotate=40)
    for first in range(0, n, 16):
        group = found[first : first + 16]
        assert (group == group[0]).all()
    assert len({image.tobytes() for image in found}) == -(-n // 16)


def test_batches_of_other_sizes_share_the_memory() -> None:
    """The last batch of an epoch is smaller, and the next one again as large."""
    deformer, rng = Deformer((3, HEIGHT, WIDTH), **OFF | {"rotate": 20.0}), np.random.default_rng(0)
    for n in (40, 5, 40, 70):
        images = coordinates(n).astype(np.float32)
        deformer.apply(images, rng)
        assert len({image.tobytes() for image in images}) == -(-n // 16)
