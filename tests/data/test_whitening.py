"""Whitening: as its definition says it, by hand; what it does to neighbors; what it is measured on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform
from mlpcli.data.whitening import WHITENED, filter_shape
from mlpcli.errors import DataError

IMAGES = [(3, 18, 18), (1, 8, 8), (1, 4, 4), (1, 5, 5), (2, 6, 9)]
EPSILON = 0.16


def smooth(image: tuple[int, int, int], n: int, dtype: type = np.uint8, seed: int = 0) -> NDArray[Any]:
    """Return images (n, columns) whose pixels are much like their neighbors, on a mean that is not flat."""
    channels, height, width = image
    noise = np.random.default_rng(seed).normal(size=(n, channels, height + 2, width + 2))
    noise[:, 1:] += noise[:, :1]  # and channels that are like each other
    for axis in (2, 3):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    lit = np.linspace(-20, 20, width)
    return np.clip(128 + lit + 8 * noise[:, :, 1:-1, 1:-1], 0, 255).reshape(n, -1).astype(dtype)


def patches(images: NDArray[Any], k: int) -> NDArray[np.float64]:
    """Return all k x k patches of images (n, channels, height, width), one in each row."""
    windows = sliding_window_view(images, (k, k), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1] * k * k)


def fitted(image: tuple[int, int, int], X: NDArray[Any], rows: Any = None, **more: Any) -> Transform:
    return Transform.fit("whiten", X, np.arange(len(X)) if rows is None else rows, image=image, **more)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_it_is_what_its_definition_says(image: tuple[int, int, int], dtype: type) -> None:
    X, rows = smooth(image, 30, dtype), np.arange(0, 30, 2)
    transform = fitted(image, X, rows)
    centered = X - X[rows].mean(axis=0, dtype=np.float64)
    scaled = (centered / np.sqrt((centered[rows] ** 2).mean())).reshape(-1, *image)
    channels, _, k, _ = filter_shape(image)
    P = patches(scaled[rows], k)
    w, V = np.linalg.eigh(P.T @ P / len(P))
    Z = V @ np.diag(1 / np.sqrt(w + EPSILON)) @ V.T
    middle = Z.reshape(channels, k, k, -1)[:, k // 2, k // 2]
    filters = middle / (P @ middle.T).std()
    h = k // 2
    padded = np.pad(scaled, ((0, 0), (0, 0), (h, h), (h, h)), mode="edge")
    expected = (patches(padded, k) @ filters.T).reshape(len(X), -1, channels).swapaxes(1, 2)
    found = transform.apply(X)
    np.testing.assert_allclose(found, expected.reshape(len(X), -1), atol=1e-9)
    np.testing.assert_allclose(transform.apply(X, np.empty(X.shape, np.float32)), found, atol=2e-5)


def test_neighbors_are_uncorrelated_as_far_as_epsilon_allows() -> None:
    """Pixels inside have a covariance near the identity, which those of the images are far from."""
    image, n = (3, 18, 18), 300
    X = smooth(image, n)
    whitened = fitted(image, X).apply(X).reshape(n, *image)[:, :, 4:-4, 4:-4]
    assert whitened.std() == pytest.approx(1, rel=1e-9)

    def worst(images: NDArray[Any]) -> float:
        P = patches(images - images.mean(axis=0), 3)
        C = np.corrcoef(P.T)
        return float(np.abs(C - np.eye(len(C))).max())

    assert worst(X.reshape(n, *image).astype(float)) > 0.7
    assert worst(whitened) < 0.35


def test_pixels_at_the_border_are_not_larger_than_others() -> None:
    image, n = (3, 18, 18), 300
    X = smooth(image, n)
    spread = fitted(image, X).apply(X).reshape(n, *image).std(axis=(0, 1))
    assert spread[0, 0] < 1.2 * spread[4:-4, 4:-4].mean()
    assert spread.max() < 1.5 * spread[4:-4, 4:-4].mean()


def test_an_image_that_is_moved_is_whitened_to_the_same_inside() -> None:
    image = (3, 18, 18)
    transform = fitted(image, smooth(image, 40, np.float64))
    deviations = smooth(image, 1, np.float64, seed=1).reshape(1, *image) - 128
    mean = transform.scaling.shift.reshape(image)
    one, two = mean + deviations, mean + np.roll(deviations, (2, 3), axis=(2, 3))
    here, there = (transform.apply(each.reshape(1, -1)).reshape(image) for each in (one, two))
    inside = slice(4 + 3, -4)
    np.testing.assert_allclose(
        there[:, inside, inside], np.roll(here, (2, 3), axis=(1, 2))[:, inside, inside], atol=1e-9
    )


def test_only_the_training_split_is_measured() -> None:
    image, rows = (1, 8, 8), np.arange(40)
    X = smooth(image, 60, np.float64)
    other = X.copy()
    other[40:] = 1e6
    for name, array in fitted(image, X, rows).to_arrays().items():
        np.testing.assert_array_equal(array, fitted(image, other, rows).to_arrays()[name])


def test_many_images_are_measured_and_whitened_in_blocks() -> None:
    image, n = (1, 4, 4), 2 * WHITENED + 3
    X = smooth(image, n)
    transform = fitted(image, X)
    alone = np.concatenate([transform.apply(X[i : i + 1]) for i in range(0, n, 50)])
    np.testing.assert_allclose(transform.apply(X)[::50], alone, atol=1e-12)


def test_an_image_of_weight_2_counts_like_two() -> None:
    image, rows = (1, 8, 8), np.arange(30)
    X = smooth(image, 30)
    weights = np.where(rows < 10, 2.0, 1.0)
    twice = fitted(image, X, np.concatenate([rows, rows[:10]])).to_arrays()
    for name, array in fitted(image, X, rows, weights=weights).to_arrays().items():
        np.testing.assert_allclose(array, twice[name], rtol=1e-9, atol=1e-12)


def test_images_that_are_all_the_same_are_0() -> None:
    X = np.full((5, 16), 7, np.uint8)
    np.testing.assert_array_equal(fitted((1, 4, 4), X).apply(X), 0)


def test_a_missing_pixel_of_the_training_split_is_refused_and_that_of_a_new_image_is_the_mean() -> None:
    X = smooth((1, 4, 4), 20, np.float32)
    transform = fitted((1, 4, 4), X)
    gap, mean = X[:1].copy(), X[:1].copy()
    gap[0, 5], mean[0, 5] = np.nan, transform.scaling.shift[5]
    np.testing.assert_allclose(transform.apply(gap), transform.apply(mean), atol=1e-6)
    X[3, 4:6] = np.nan
    with pytest.raises(DataError, match=r"some of the training images are missing 2; set data.missing: drop"):
        fitted((1, 4, 4), X)


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_a_checkpoint_keeps_it(image: tuple[int, int, int]) -> None:
    X = smooth(image, 10)
    transform = fitted(image, X)
    arrays = transform.to_arrays()
    columns = X.shape[1]
    assert {name: array.shape for name, array in arrays.items()} == Transform.shapes(
        columns, {}, fill=False, image=image
    )
    again = Transform.from_arrays(arrays, (), {}, {}, image=image)
    np.testing.assert_array_equal(again.apply(X), transform.apply(X))
    assert (again.n_features, again.n_direct, again.is_plain) == (columns, columns, False)


def test_batches_of_images_are_whitened_once() -> None:
    X, rows = smooth((1, 8, 8), 50), np.array([7, 3, 40, 11, 20])
    transform = fitted((1, 8, 8), X, rows)
    split = Split(X, np.arange(50), rows)
    expected = transform.apply(X[rows], np.empty((5, 64), np.float32))
    for keep in (True, False):
        found = [(batch.copy(), y.copy()) for batch, y in Batches(split, transform, keep=keep).in_order(2)]
        np.testing.assert_allclose(np.concatenate([batch for batch, _ in found]), expected, atol=1e-5)
        np.testing.assert_array_equal(np.concatenate([y for _, y in found]), rows)
    kept = Batches(split, transform, keep=True)
    X[...] = 0  # the bytes are not read again
    np.testing.assert_array_equal(next(kept.in_order(5))[0], expected)


def test_torch_filters_the_same() -> None:
    torch = pytest.importorskip("torch")
    X = smooth((3, 18, 18), 6, np.float64)
    transform = fitted((3, 18, 18), X)
    assert transform.whitening is not None
    filters = torch.tensor(transform.whitening.filters)
    pixels = torch.tensor(transform.scaling.apply(X)).view(-1, 3, 18, 18)
    expected = torch.nn.functional.conv2d(pixels, filters, padding=4).flatten(1).numpy()
    np.testing.assert_allclose(transform.apply(X), expected, atol=1e-9)
