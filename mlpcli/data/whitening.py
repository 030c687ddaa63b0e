"""Whitens images: filters that make neighboring pixels, which are much alike, uncorrelated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.data.scaling import SCALINGS, Matrix, Scaling, Weights
from mlpcli.errors import DataError

__all__ = ["WHITENED", "Whitening", "filter_shape"]

Shape = tuple[int, int, int]  # channels, height, width

WHITENED = 256  # images at a time: enough for the BLAS, and a few megabytes
_EPSILON = 0.16  # added to variances, as a share of the mean variance of a pixel: noise is not blown up
_LARGEST = 9  # pixels, the side of a filter
_GAP = 16  # numbers, 64 bytes or more


def filter_shape(image: Shape) -> tuple[int, int, int, int]:
    """Return the shape (channels, channels, k, k) of the filters of images (channels, height, width).

    k is 9, and for small images the largest odd number up to half their side, but at least 3.
    """
    half = min(image[1:]) // 2
    k = max(3, min(_LARGEST, half - 1 + half % 2))
    return image[0], image[0], k, k


@dataclass(frozen=True)
class Whitening:
    """Whitens scaled images of the shape ``image`` (channels, height, width) with ``filters``.

    The filters are (channels, channels, k, k) float64. With h = (k - 1) / 2, a whitened pixel is

        Y[o, i, j] = sum over c, a, b of filters[o, c, a, b] X[c, i + a - h, j + b - h]

    where a pixel outside of the image is like the nearest one inside. Zeros would be edges there, and
    whitened pixels at the border larger than all others.
    """

    image: Shape
    filters: NDArray[np.float64]
    _bands: dict[np.dtype[Any], NDArray[Any]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def fit(
        cls, image: Shape, X: Matrix, rows: NDArray[np.intp], weights: Weights = None
    ) -> tuple[Scaling, Whitening]:
        """Return the scaling of pixels, and the whitening of what is scaled, measured on ``rows`` of X.

        X is (n, columns), and ``weights`` (rows,), all above 0, say how much each row counts. The scaling
        subtracts the mean of each pixel, and divides by one standard deviation, which is that of all pixels
        together. C is the covariance of all k x k patches of the images, with the eigenvalues w and the
        eigenvectors V; ZCA whitens a patch with V diag(1 / sqrt(w + epsilon)) V.T, and the filters are the
        rows of that matrix for the pixel in the middle, divided by the standard deviation of what they make.

        See Krizhevsky, 2009, "Learning Multiple Layers of Features from Tiny Images", appendix A; Coates, Ng
        and Lee, 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", for patches;
        CS231n notes, Neural Networks 2, "Data Preprocessing". Raises DataError if a pixel is missing.
        """
        mean, deviations = SCALINGS["standardize"](X, rows, weights)
        scaling = Scaling.measured(mean, np.full_like(mean, np.sqrt(np.mean(deviations**2))))

        def blocks() -> Iterator[tuple[NDArray[np.float64], Weights]]:
            for start in range(0, len(rows), WHITENED):
                some = slice(start, start + WHITENED)
                pixels = X[rows[some]]
                missing = int(np.count_nonzero(np.isnan(pixels))) if pixels.dtype.kind == "f" else 0
                if missing:
                    raise DataError(
                        "data.scaling: whiten needs all pixels, and some of the training images are missing "
                        f"{missing:,}; set data.missing: drop, or data.scaling: standardize"
                    )
                yield scaling.apply(pixels), None if weights is None else weights[some]

        shape = filter_shape(image)
        channels, _, k, _ = shape
        C = _covariance(blocks(), image, k)
        w, V = np.linalg.eigh(C)
        of_patches = (V / np.sqrt(np.maximum(w, 0) + _EPSILON)) @ V.T
        own = of_patches.reshape(channels, k * k, -1)[:, k * k // 2]
        variance = float(np.mean(np.einsum("oi,ij,oj->o", own, C, own)))
        return scaling, cls(image, (own / (np.sqrt(variance) or 1)).reshape(shape))

    def apply(self, X: NDArray[Any], out: NDArray[Any]) -> None:
        """Whiten scaled images X (n, columns) into ``out``, which is no part of X and of the same type."""
        channels, height, width = self.image
        row = channels * width
        bands = self._bands_of(X.dtype)
        k = self.filters.shape[-1]
        for start in range(0, len(X), WHITENED):
            some = slice(start, start + WHITENED)
            lines = _lines(X[some], self.image, k // 2)
            whitened = _matrix((len(lines), height * row), X.dtype)
            for i in range(height):  # from the lines around line i
                around = lines[:, i * row : (i + k) * row]
                np.matmul(around, bands, out=whitened[:, i * row : (i + 1) * row])
            by_line = whitened.reshape(-1, height, channels, width)
            out[some].reshape(-1, *self.image)[...] = by_line.transpose(0, 2, 1, 3)

    def _bands_of(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return the matrix that makes a whitened line of the k lines around it, (k row, row)."""
        found = self._bands.get(np.dtype(dtype))
        if found is None:
            channels, _, width = self.image
            k, row = self.filters.shape[-1], channels * width
            bands = np.zeros((k, channels, width, channels, width))
            for b in range(k):
                nearest = np.clip(np.arange(width) + b - k // 2, 0, width - 1)
                bands += np.einsum("oca,yx->acxoy", self.filters[..., b], np.eye(width)[nearest])
            found = self._bands[np.dtype(dtype)] = bands.reshape(k * row, row).astype(dtype)
        return found


def _lines(X: NDArray[Any], image: Shape, more: int = 0) -> NDArray[Any]:
    """Return images (n, channels height width) as lines (n, (height + 2 more) channels width).

    The first line of an image, and its last one, come so many times ``more``.
    """
    channels, height, width = image
    lines = _matrix((len(X), (height + 2 * more) * channels * width), X.dtype)
    by_line = lines.reshape(-1, height + 2 * more, channels, width)
    by_line[:, more : more + height] = X.reshape(-1, *image).transpose(0, 2, 1, 3)
    by_line[:, :more] = by_line[:, more, None]
    by_line[:, more + height :] = by_line[:, more + height - 1, None]
    return lines


def _matrix(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an empty matrix, whose rows do not all begin at the same place of a page of memory.

    Where they do, as in images of 32 x 32 floats, they are in each other's way in the cache: products of some
    of their columns may take ten times as long.
    """
    n, columns = shape
    return np.empty((n, columns + _GAP), dtype)[:, :columns]


def _covariance(
    blocks: Iterator[tuple[NDArray[np.float64], Weights]], image: Shape, k: int
) -> NDArray[np.float64]:
    """Return the covariance of k x k patches at all places, (channels k k, channels k k), of centered images.

    The products of lines that are less than k apart hold all of it. They are fewer than those of patches, in
    which each pair of pixels comes many times.
    """
    channels, height, width = image
    row = channels * width
    products = [np.zeros((row, min(k, height - i) * row)) for i in range(height)]
    n = 0.0
    for pixels, weights in blocks:
        lines = _lines(pixels, image)
        if weights is not None:
            lines *= np.sqrt(weights)[:, None]
        n += len(lines) if weights is None else float(weights.sum())
        for i, sums in enumerate(products):
            below = lines[:, i * row : i * row + sums.shape[1]]
            sums += below[:, :row].T @ below
    down, across = height - k + 1, width - k + 1
    C = np.zeros((channels, k, k, channels, k, k))
    for first, second in product(range(k), repeat=2):
        if first > second:
            continue
        both = np.zeros((channels, width, channels, width))  # of the two lines of a patch, at all heights
        for i in range(first, first + down):
            both += products[i].reshape(channels, width, -1, channels, width)[:, :, second - first]
        for a, b in product(range(k), repeat=2):
            own = np.einsum("cxdx->cd", both[:, a : a + across, :, b : b + across])
            C[:, first, a, :, second, b] = own
            C[:, second, b, :, first, a] = own.T
    flat: NDArray[np.float64] = C.reshape(channels * k * k, -1) / (n * down * across)
    return flat
