"""Augmentation: changes the training images at random in each epoch, in ways that keep their class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.deform import Deformer

__all__ = ["Augmenter"]


class Augmenter:
    """Changes batches of transformed images of ``shape`` (channels, height, width), one in each row.

    What is asked for is done in this order. ``rotate``, ``scale`` and ``stretch`` deform images about their
    center, as `Deformer` does. ``flip`` mirrors half of them, left to right. ``crop`` pads each side by that
    many pixels and cuts out a window of the original size, at a random place for each image (Krizhevsky et
    al., 2012); so it shifts a deformed image by whole pixels. ``cutout`` blanks a square of that side around
    a random pixel (DeVries & Taylor, 2017). ``mixup`` blends each image with another one of the batch, by a
    share that is drawn from Beta(mixup, mixup) for the whole batch (Zhang et al., 2018). Gaps are filled with
    0, which is the mean of the training split where data are centered.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        flip: bool = False,
        rotate: float = 0,
        scale: float = 0,
        stretch: float = 0,
        crop: int = 0,
        cutout: int = 0,
        mixup: float = 0,
    ) -> None:
        self.shape, self.flip, self.crop, self.cutout, self.mixup = shape, flip, crop, cutout, mixup
        self._deformer: Deformer | None = None
        if rotate or scale or stretch:
            self._deformer = Deformer(shape, rotate=rotate, scale=scale, stretch=stretch)
        self._padded: NDArray[Any] = np.zeros((0, 1, 1, 1))
        self._cut = Buffer(int(np.prod(shape)), np.float32)
        self._scratch = Buffer(int(np.prod(shape)), np.float32)

    def apply(self, X: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], float]:
        """Return the changed images (n, channels * height * width), and the share of a row that is its own.

        With mixup the rest of each row is the image of the next row, and of the last row that of the first;
        its own share is the larger one. The rows must be in random order. X may be overwritten.
        """
        n = len(X)
        images = X.reshape(n, *self.shape)
        if self._deformer is not None:
            self._deformer.apply(images, rng)
        if self.flip or self.crop:
            images = self._place(images, rng)
        if self.cutout:
            self._blank(images, rng)
        X = images.reshape(n, -1)
        if not self.mixup:
            return X, 1.0
        share = float(rng.beta(self.mixup, self.mixup))
        share = max(share, 1 - share)  # the same blends, in another order
        others = np.multiply(X, 1 - share, out=self._scratch.rows(n))
        X *= share
        X[:-1] += others[1:]
        X[-1] += others[0]
        return X, share

    def _place(self, images: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Mirror and crop: copy images into a padded frame, and cut windows out of it."""
        n, pad = len(images), self.crop
        channels, height, width = self.shape
        if n > len(self._padded):  # the margin stays 0: nothing is written there
            self._padded = np.zeros((n, channels, height + 2 * pad, width + 2 * pad), images.dtype)
        padded = self._padded[:n]
        inside = padded[:, :, pad : pad + height, pad : pad + width]
        # The rows are in random order, so mirroring the first k of them, with a binomial k, is as good as
        # tossing a coin for each.
        k = int(rng.binomial(n, 0.5)) if self.flip else 0
        np.copyto(inside[:k], images[:k, :, :, ::-1])
        np.copyto(inside[k:], images[k:])
        if not pad:
            return inside
        cut = self._cut.rows(n).reshape(n, *self.shape)
        places = rng.integers(0, 2 * pad + 1, (2, n)).tolist()
        for image, frame, down, right in zip(cut, padded, *places, strict=True):
            image[...] = frame[:, down : down + height, right : right + width]
        return cut

    def _blank(self, images: NDArray[Any], rng: np.random.Generator) -> None:
        """Set a square of each image to 0; part of the square may lie outside."""
        n, _, height, width = images.shape
        kept = []
        for size in (height, width):
            first = rng.integers(0, size, (n, 1)) - self.cutout // 2
            place = np.arange(size)
            kept.append((place < first) | (place >= first + self.cutout))
        images *= (kept[0][:, :, None] | kept[1][:, None, :])[:, None]
