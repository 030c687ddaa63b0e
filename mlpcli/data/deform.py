"""Deforms images at random: stretches, scales and turns them about their center."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Deformer"]

_ROWS = 16  # images that are deformed alike


class Deformer:
    """Deforms images of ``shape`` (channels, height, width), in place, each about its center.

    The width of an image is multiplied by a number and its height divided by the same one, so that their
    ratio changes by up to 1 + stretch; then both are multiplied by up to 1 + scale; then the image is turned
    by up to ``rotate`` degrees. The angle is drawn evenly, to either side. So are the logarithms of the two
    numbers, so that images are as often enlarged as they are made smaller. A pixel is interpolated between
    the four that it comes from (bilinear), and those that lie outside of the image are 0.

    Sixteen neighboring images share one map, and so the work of computing it. If the batches are in random
    order, that is nearly as good as a map for each: in every epoch an image is among others.
    """

    def __init__(self, shape: tuple[int, int, int], *, rotate: float, scale: float, stretch: float) -> None:
        self.shape = shape
        self._most = np.array([math.radians(rotate), math.log1p(scale), math.log1p(stretch) / 2])
        channels, height, width = shape
        self._pixels = height * width
        lines = [np.arange(size, dtype=np.float32) - (size - 1) / 2 for size in (height, width)]
        # How far each pixel is below the center, and to the right of it.
        self._down, self._right = (grid.ravel() for grid in np.meshgrid(*lines, indexing="ij"))
        self._sums, self._tap = np.empty((2, _ROWS * channels, self._pixels), np.float32)
        self._make_room(1)

    def _make_room(self, groups: int) -> None:
        """Allocate what the maps of so many groups of images take."""
        each = (groups, self._pixels)
        self._at, self._line, self._kept = (np.empty(each, np.float32) for _ in range(3))
        self._is_inside = np.empty(each, bool)
        # The two rows, and the two columns, that a pixel lies between, and the weights of these.
        self._lines = np.empty((2, 2, *each), np.intp)
        self._shares = np.empty((2, 2, *each), np.float32)
        # The four pixels that one is interpolated between, and their weights.
        self._places = np.empty((4, *each), np.intp)
        self._weights = np.empty((4, *each), np.float32)

    def apply(self, images: NDArray[Any], rng: np.random.Generator) -> None:
        """Deform images (n, channels, height, width), whose memory is contiguous, in place."""
        groups = -(-len(images) // _ROWS)
        if groups > len(self._at):
            self._make_room(groups)
        self._draw_maps(groups, rng)
        for group in range(groups):
            some = images[group * _ROWS : (group + 1) * _ROWS].reshape(-1, self._pixels)
            sums, tap = self._sums[: len(some)], self._tap[: len(some)]
            # With mode="clip" take writes straight into out; the places are in range by construction.
            some.take(self._places[0, group], axis=1, out=sums, mode="clip")
            sums *= self._weights[0, group]
            for i in range(1, 4):
                some.take(self._places[i, group], axis=1, out=tap, mode="clip")
                tap *= self._weights[i, group]
                np.add(sums, tap, out=some if i == 3 else sums)

    def _draw_maps(self, groups: int, rng: np.random.Generator) -> None:
        """Compute for each pixel of each group the four that it is interpolated between, and their weights.

        The pixel at (x, y) from the center, of an image that was stretched by q, scaled by s and turned by a,
        comes from x' = (x cos a + y sin a) / (s q) and y' = (y cos a - x sin a) q / s.
        """
        a, s, q = self._most[:, None] * rng.uniform(-1, 1, (3, groups))
        cos, sin = np.cos(a), np.sin(a)
        self._find_lines(0, self.shape[1], np.exp(q - s) * cos, np.exp(q - s) * -sin)
        self._find_lines(1, self.shape[2], np.exp(-q - s) * sin, np.exp(-q - s) * cos)
        for i in range(4):
            row, column = divmod(i, 2)
            places, weights = self._places[i, :groups], self._weights[i, :groups]
            np.multiply(self._lines[0, row, :groups], self.shape[2], out=places)
            places += self._lines[1, column, :groups]
            np.multiply(self._shares[0, row, :groups], self._shares[1, column, :groups], out=weights)

    def _find_lines(
        self, axis: int, size: int, down: NDArray[np.float64], right: NDArray[np.float64]
    ) -> None:
        """Find the two rows, or columns, of ``size`` that each pixel lies between, and their weights.

        The pixel comes from ``down`` (groups,) times its distance below the center, and ``right`` times that
        to the right of it. A row or column that lies outside has the weight 0.
        """
        groups = len(down)
        at, line, kept = self._at[:groups], self._line[:groups], self._kept[:groups]
        np.multiply(self._down, down.astype(np.float32)[:, None], out=at)
        np.multiply(self._right, right.astype(np.float32)[:, None], out=line)
        at += line
        at += (size - 1) / 2
        np.floor(at, out=line)
        at -= line
        first, second = self._shares[axis, :, :groups]
        np.subtract(1, at, out=first)
        np.copyto(second, at)
        for i, share in enumerate((first, second)):
            line += i
            np.clip(line, 0, size - 1, out=kept)
            share *= np.equal(kept, line, out=self._is_inside[:groups])
            np.copyto(self._lines[axis, i, :groups], kept, casting="unsafe")
