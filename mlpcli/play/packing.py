"""Arrays as JSON can hold them: bytes in base64, and numbers with as many digits as are read."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bounded", "finite", "pack", "pack_images", "rounded", "short_points"]

_LARGEST = 1e30  # stands for what is not finite


def pack(values: NDArray[np.uint8]) -> str:
    """Return bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def pack_images(
    images: NDArray[Any], low: NDArray[Any] | None = None, high: NDArray[Any] | None = None
) -> dict[str, Any]:
    """Return images (n, ...) as bytes, each from its own ``low`` (n,) to its ``high``, and these.

    Without them they are the smallest and the largest value of each image.
    """
    flat = bounded(images.reshape(len(images), -1))
    low, high = (flat.min(axis=1), flat.max(axis=1)) if low is None or high is None else (low, high)
    low, high = (np.asarray(end, np.float64) for end in (low, high))
    factor = 255 / np.where(high > low, high - low, 1)
    scaled = (flat - low[:, None]) * factor[:, None]
    return {
        "bytes": pack(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)),
        "low": rounded(low, 4),
        "high": rounded(high, 4),
    }


def bounded(values: NDArray[Any], largest: float = _LARGEST) -> NDArray[Any]:
    """Return values that are not beyond ``largest``, with 0 for what is no number."""
    if values.min(initial=0) >= -largest and values.max(initial=0) <= largest:  # false also for NaN
        return values
    within: NDArray[Any] = np.clip(np.nan_to_num(values), -largest, largest)
    return within


def rounded(values: NDArray[Any], digits: int) -> Any:
    """Return numbers, of any shape, as lists with so many digits; those that are not finite as large ones."""
    numbers = bounded(np.asarray(values, np.float64))
    size = np.abs(numbers)
    places = digits - 1 - np.floor(np.log10(np.where(size > 0, size, 1)))
    scale, back = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return (np.round(numbers * scale / back) / scale * back).tolist()


def short_points(points: NDArray[Any]) -> list[Any]:
    """Return points (..., 2) with as many digits as a screen can show."""
    points = points.astype(np.float64)
    reach = np.ptp(points.reshape(-1, points.shape[-1]), axis=0)
    scale = 10.0 ** (5 - np.floor(np.log10(np.where(reach > 0, reach, 1))))
    short: list[Any] = (np.round(points * scale) / scale).tolist()
    return short


def finite(value: float | None, digits: int = 5) -> float | None:
    """Return a number with so many digits; None for one that is not finite."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.{digits}g}")
