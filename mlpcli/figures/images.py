"""Examples that are images: which data sets have them, and how they are put side by side."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.schema import Experiment
from mlpcli.data.cifar10 import IMAGE

__all__ = ["brightness", "image_shape", "mosaic"]

_LEAST_SIDE = 4  # pixels; less is no image
_GAP = 1  # pixels between images


def image_shape(experiment: Experiment, features: int) -> tuple[int, int, int] | None:
    """Return channels, rows and columns where a data set's examples are images, else None.

    CIFAR-10's are; so are those of an .npz file with a square number of features, taken for grey pixels.
    """
    if experiment.data.name == "cifar10":
        return IMAGE
    side = isqrt(features)
    if experiment.data.name in ("npz", "arrays") and side * side == features and side >= _LEAST_SIDE:
        return (1, side, side)
    return None


def mosaic(images: NDArray[Any], columns: int) -> NDArray[Any]:
    """Return images (n, channels, rows, columns), of numbers from 0 to 1, as one (height, width, 3)."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.ones((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3))
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + _GAP), (i % columns) * (width + _GAP)
        colours = image.transpose(1, 2, 0)
        sheet[top : top + height, left : left + width] = (
            colours if channels == 3 else np.repeat(colours, 3, 2)
        )
    return sheet


def brightness(values: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return pixels as numbers from 0 to 1: of colours 255 is 1, of grey ones the largest that there is."""
    low = 0.0 if shape[0] == 3 else min(0.0, float(values.min()))
    top = 255.0 if shape[0] == 3 else float(values.max())
    scaled: NDArray[np.float64] = (values.astype(np.float64) - low) / ((top - low) or 1)
    return scaled
