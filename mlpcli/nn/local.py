"""The locally connected layer, whose units see a window of an image each.

CS231n notes, Convolutional Networks, "Parameter Sharing": a convolution whose weights are not shared. It is a
fully connected layer whose weights outside of the windows are 0; these are neither kept nor multiplied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcli.nn.layer import AllRngs, Array, Cohort, Layer, RowSum, draw_weights, set_biases
from mlpcli.nn.products import Engine
from mlpcli.nn.side_by_side import products_of
from mlpcli.nn.windows import WindowCopies, inputs_seen, view_windows
from mlpcli.specs import LayerSpec, Window

__all__ = ["Local"]


class Local(Layer):
    """Units that see an image through a window: at each place, Y = S W + b, where S is what is seen there.

    S (places, n, fan_in), W (places, fan_in, units) and b (places units,). Y (n, places units) is an image
    itself: its pixels are the places, and its channels the units. A maxout unit has several pieces; Y then
    consists of an image for each piece.

    Backward, at each place: dW = S.T dY, dS = dY W.T. db is the sum of dY over the rows, and dX at a pixel
    the sum of dS over the windows that it is seen through.
    """

    W: Array
    b: Array
    dW: Array
    db: Array
    seen: Array
    apart: Array
    dX: Array | None = None  # without a buffer, nobody needs it

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        assert spec.window is not None
        self.window: Window = spec.window
        self._sum = RowSum(cohort)

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply."""
        super().use(engine)
        self._products = products_of(engine, self.cohort, members=True)
        self._copies = WindowCopies(self.window, engine.onednn)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W at random, place by place, and b where it has a spread."""
        units, window = self.spec.settings["units"], self.window
        fan_out = units * window.places * window.fan_in // self.spec.fan_in  # of an input, on average
        for W in self.W:
            W[...] = draw_weights(self.spec, W, rng, max(1, fan_out))
        set_biases(self.spec, self.b, rng)

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows, and views of them."""
        super().resize(n)
        window, cohort, units = self.window, self.cohort, self.spec.settings["units"]
        pieces = self.spec.fan_out // (window.places * units)
        self._sum.like(self.Y)
        self._S = self.seen.reshape(*cohort, window.places, n, window.fan_in)
        self._Z = self.apart.reshape(*cohort, window.places, n, pieces * units)
        self._Z_by_units = self._Z.reshape(*cohort, window.places, n, pieces, units)
        self._dS = None if self.dX is None else self._S
        self._back: list[tuple[Array, Array]] = []
        if self.dX is not None:
            summed, parts = view_windows(self.dX, window), self._as_seen(self._S)
            for place in np.ndindex(window.across, window.across):
                at = (..., *place, *(4 * (slice(None),)))
                self._back.append((summed[at], parts[at]))

    def _as_seen(self, S: Array) -> Array:
        """Return S in the shape of `view_windows`."""
        window, size = self.window, self.window.size
        numbers = (window.channels, size, size) if window.planes else (size, size, window.channels)
        return S.reshape(*self.cohort, window.across, window.across, -1, *numbers)

    def _by_place(self, Y: Array) -> Array:
        """Return Y (n, places units) as a view (places, n, pieces, units)."""
        pieces, units = self._Z_by_units.shape[-2:]
        return np.moveaxis(Y.reshape(*Y.shape[:-1], pieces, self.window.places, units), -2, -4)

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
        """Return what the units at each place make of what they see."""
        self._copies(X, self._as_seen(self._S))
        self._products.forward(self._S, self.W, self._Z)
        b = self._by_place(self.b if self.cohort else self.b[None])
        np.add(self._Z_by_units, b, out=self._by_place(self.Y))
        return self.Y

    def backward(self, dY: Array, /) -> Array | None:
        """Fill dW and db; return dX."""
        np.copyto(self._Z_by_units, self._by_place(dY))
        self._products.backward(self._Z, self.dW, self._dS, self.decay)  # dW, and then dS in the place of S
        self._sum.into(dY, self.db)
        if self.dX is not None:
            self.dX.fill(0)
            for summed, part in self._back:
                summed += part
        return self.dX

    def full_weights(self) -> Array:
        """Return W (fan_in, fan_out) of the fully connected layer that computes the same, with its zeros."""
        window, units = self.window, self.spec.settings["units"]
        W = np.zeros((self.spec.fan_in, self.spec.fan_out), self.W.dtype)
        apart = W.reshape(self.spec.fan_in, -1, window.places, units)
        for place, (inputs, own) in enumerate(zip(inputs_seen(window), self.W, strict=True)):
            apart[inputs, :, place] = own.reshape(window.fan_in, -1, units)
        return W
