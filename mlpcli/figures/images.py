"""Examples that are images: scales their brightness, and puts them side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["brightness", "mosaic"]

_GAP = 1  # pixels between images


def mosaic(images: NDArray[Any], columns: int) -> NDArray[Any]:
    """Return images (n, channels, rows, columns) of values from 0 to 1 as one image (height, width, 3)."""
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
    """Return pixels scaled to 0 to 1; 1 stands for 255 in color images, and for the maximum in gray ones."""
    low = 0.0 if shape[0] == 3 else min(0.0, float(values.min()))
    top = 255.0 if shape[0] == 3 else float(values.max())
    scaled: NDArray[np.float64] = (values.astype(np.float64) - low) / ((top - low) or 1)
    return scaled
