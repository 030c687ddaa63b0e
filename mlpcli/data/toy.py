"""Draws toy data sets: the shapes with which the notes and neural network playgrounds teach.

Each entry of ``TOY_SETS`` takes the generator, the number of points and the set's settings, and returns
X (n, features) and y (n,): class indices, or values for a regression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset

__all__ = ["TOY_SETS", "draw_toy"]

Drawn = tuple[NDArray[np.float64], NDArray[Any]]


def _labels(points: int, classes: int) -> NDArray[np.int64]:
    """Return labels (points,) that go through the classes in turn, so that each is equally frequent."""
    return np.arange(points, dtype=np.int64) % classes


def _jitter(rng: np.random.Generator, X: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    return X + noise * rng.standard_normal(X.shape)


def spiral(rng: np.random.Generator, points: int, classes: int, noise: float, angle: float) -> Drawn:
    """Draw arms; an arm runs from the center to radius 1 while it turns by ``angle`` (CS231n case study).

    The arms share the circle evenly whatever their number: arm c starts at 2 pi c / classes.
    """
    y = _labels(points, classes)
    along = (np.arange(points) // classes) / max(1, (points - 1) // classes)
    turned = 2 * np.pi * y / classes + angle * along + noise * rng.standard_normal(points)
    return np.column_stack([along * np.sin(turned), along * np.cos(turned)]), y


def moons(rng: np.random.Generator, points: int, noise: float) -> Drawn:
    """Draw two half circles of radius 1; the lower one is moved right by 1 and up by 0.5."""
    y = _labels(points, 2)
    angle = np.pi * rng.random(points)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    return _jitter(rng, np.where(y[:, None] == 0, upper, lower), noise), y


def circles(rng: np.random.Generator, points: int, noise: float) -> Drawn:
    """Draw class 0 on a circle of radius 1, class 1 on one of radius 0.5."""
    y = _labels(points, 2)
    angle = 2 * np.pi * rng.random(points)
    radius = np.where(y == 0, 1.0, 0.5)
    return _jitter(rng, np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), noise), y


def blobs(rng: np.random.Generator, points: int, classes: int, noise: float) -> Drawn:
    """Draw Gaussian clouds of standard deviation ``noise`` around centers on the unit circle."""
    y = _labels(points, classes)
    angle = 2 * np.pi * y / classes
    return _jitter(rng, np.column_stack([np.cos(angle), np.sin(angle)]), noise), y


def xor(rng: np.random.Generator, points: int, noise: float) -> Drawn:
    """Draw points uniformly on the square from -1 to 1: class 1 where the signs differ, before the noise."""
    X = rng.uniform(-1, 1, (points, 2))
    y = (X[:, 0] * X[:, 1] < 0).astype(np.int64)
    return _jitter(rng, X, noise), y


def sine(rng: np.random.Generator, points: int, noise: float) -> Drawn:
    """Draw values sin(x) for x uniform from -pi to pi, with noise on the value."""
    X = rng.uniform(-np.pi, np.pi, (points, 1))
    return X, np.sin(X[:, 0]) + noise * rng.standard_normal(points)


def peaks(rng: np.random.Generator, points: int, noise: float) -> Drawn:
    """Draw heights z(x, y) for points uniform on the square from -3 to 3, with noise on the height.

    z = 3 (1 - x)^2 exp(-x^2 - (y + 1)^2) - 10 (x / 5 - x^3 - y^5) exp(-x^2 - y^2) - exp(-(x + 1)^2 - y^2) / 3
    is MATLAB's ``peaks``: three hills, up to 8.1, and two hollows, down to -6.6.
    """
    X = rng.uniform(-3, 3, (points, 2))
    x, y = X.T
    z = 3 * (1 - x) ** 2 * np.exp(-(x**2) - (y + 1) ** 2)
    z -= 10 * (x / 5 - x**3 - y**5) * np.exp(-(x**2) - y**2)
    z -= np.exp(-((x + 1) ** 2) - y**2) / 3
    return X, z + noise * rng.standard_normal(points)


TOY_SETS: dict[str, Callable[..., Drawn]] = {
    "spiral": spiral,
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
    "xor": xor,
    "sine": sine,
    "peaks": peaks,
}


def draw_toy(name: str, rng: np.random.Generator, points: int, **settings: Any) -> Dataset:
    """Draw ``points`` examples of the set called ``name``."""
    X, y = TOY_SETS[name](rng, points, **settings)
    columns = tuple(f"x{i + 1}" for i in range(X.shape[1]))
    if y.dtype.kind == "f":
        return Dataset(X.astype(np.float32), y.astype(np.float32)[:, None], columns, None)
    classes = tuple(str(label) for label in range(settings.get("classes", 2)))
    return Dataset(X.astype(np.float32), y, columns, classes)
