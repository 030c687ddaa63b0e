"""All parameters of a network in one flat array, all gradients in another; layers hold views of them.

The weights come first. A penalty on the weights therefore acts on one slice, an optimizer is arithmetic on
slices, and a checkpoint is one copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.specs import ArraySpec

__all__ = ["Parameters"]


class Parameters:
    """The flat arrays ``values`` and ``gradients``, of equal length, and views of them by name.

    Those of a ``cohort`` of k networks are (k, length): a row is the flat array of a network.
    """

    def __init__(
        self, parameters: Sequence[ArraySpec], dtype: DTypeLike, cohort: tuple[int, ...] = ()
    ) -> None:
        ordered = [p for p in parameters if p.penalized] + [p for p in parameters if not p.penalized]
        sizes = [p.size for p in ordered]
        self.values: NDArray[Any] = np.zeros((*cohort, sum(sizes)), dtype)
        self.gradients: NDArray[Any] = np.zeros_like(self.values)
        self.n_penalized = sum(size for p, size in zip(ordered, sizes, strict=True) if p.penalized)
        self.shapes = {p.name: (*cohort, *p.shape) for p in parameters}
        self._slices: dict[str, slice] = {}
        start = 0
        for parameter, size in zip(ordered, sizes, strict=True):
            self._slices[parameter.name] = slice(start, start + size)
            start += size

    def span(self, name: str) -> slice:
        """Return the slice of the flat arrays that holds the parameter called ``name``."""
        return self._slices[name]

    def move(self, values: NDArray[Any], gradients: NDArray[Any]) -> None:
        """Keep the numbers in these arrays from now on; take all views anew."""
        np.copyto(values, self.values)
        self.values, self.gradients = values, gradients

    def view(self, name: str, flat: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the parameter called ``name`` as a view, in its shape.

        It is a view of ``values``, or of another ``flat`` array with the same layout.
        """
        source = self.values if flat is None else flat
        return source[..., self._slices[name]].reshape(self.shapes[name])

    def gradient(self, name: str) -> NDArray[Any]:
        """Return the gradient of the parameter called ``name`` as a view, in its shape."""
        return self.view(name, self.gradients)
