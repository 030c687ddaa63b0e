"""Layers: the parts that a network is a list of.

The contract of all of them, stated once. A batch is ``n`` rows.

- ``parameters()`` names the arrays that the layer learns; ``bind(store)`` hands it its views of them.
- ``initialize(rng)`` gives them their first values.
- ``state()`` names the arrays that it keeps from batch to batch without learning them by gradient.
- ``resize(n)`` makes the layer's buffers ready for batches of n rows; nothing else allocates.
- ``forward(X, rngs)`` takes X (n, fan_in) and returns Y (n, fan_out), in a buffer that the layer may share
  with the one before it. ``rngs`` are the random streams of a training step, by name; None is evaluation,
  in which nothing is random and nothing is kept.
- ``backward(dY)`` takes the gradient of the loss by Y, fills the layer's parameter gradients and
  returns the gradient by X; it may use dY and what forward left behind as scratch space. With
  ``needs_dX = False``, as in the first layer, it returns None. It goes with a training step's forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.buffers import Buffer, Scratch
from mlpcli.nn.initializers import Initializer
from mlpcli.nn.parameters import Parameter, Parameters

__all__ = ["BatchNorm", "Dense", "Dropout", "Elementwise", "Layer", "Maxout", "Noise", "PRelu", "Rngs"]

Rngs: TypeAlias = Mapping[str, np.random.Generator]


class Layer(Protocol):
    """What the network asks of a layer; see the top of this file."""

    def parameters(self) -> list[Parameter]:
        """Name what it learns."""

    def bind(self, store: Parameters) -> None:
        """Take its views."""

    def initialize(self, rng: np.random.Generator) -> None:
        """Give its parameters their first values."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Name what it keeps."""

    def resize(self, n: int) -> None:
        """Make its buffers ready."""

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None, /) -> NDArray[Any]:
        """Turn X into Y."""

    def backward(self, dY: NDArray[Any], /) -> NDArray[Any] | None:
        """Turn dY into dX."""


class Dense:
    """Fully-connected: Y = X W + b, with W (fan_in, fan_out) and b (fan_out,).

    Backward: dW = X.T dY, db = sum of dY over the rows, dX = dY W.T (CS231n notes, Backpropagation 1,
    "Gradients for vectorized operations").
    """

    def __init__(
        self, number: int, fan_in: int, units: int, pieces: int, draw: Initializer, bias: float, dtype: Any
    ) -> None:
        self.fan_in, self.fan_out = fan_in, units * pieces
        self._units, self._draw, self._bias = units, draw, bias
        self.W_name, self.b_name = f"W{number}", f"b{number}"
        self.needs_dX = number > 1
        self._Y = Buffer(self.fan_out, dtype)
        self._dX = Buffer(fan_in, dtype)
        self._ones = Scratch(lambda shape, dtype: np.ones(shape[0], dtype))

    def parameters(self) -> list[Parameter]:
        """Name W and b."""
        return [
            Parameter(self.W_name, (self.fan_in, self.fan_out), penalized=True),
            Parameter(self.b_name, (self.fan_out,), penalized=False),
        ]

    def bind(self, store: Parameters) -> None:
        """Take the views of W, b and their gradients."""
        self.W, self.b = store.view(self.W_name), store.view(self.b_name)
        self.dW, self.db = store.gradient(self.W_name), store.gradient(self.b_name)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W; all of b is the same."""
        self.W[...] = self._draw(rng, (self.fan_in, self.fan_out), self._units)
        self.b[...] = self._bias

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing is kept."""
        return {}

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Y = self._Y.rows(n)
        self.ones = self._ones.like(self.Y)
        if self.needs_dX:
            self.dX = self._dX.rows(n)

    def forward(self, X: NDArray[Any], _: Rngs | None = None, /) -> NDArray[Any]:
        """Return X W + b; keeps X, which backward needs."""
        self.X = X
        np.dot(X, self.W, out=self.Y)
        self.Y += self.b
        return self.Y

    def backward(self, dY: NDArray[Any]) -> NDArray[Any] | None:
        """Fill dW and db, return dX."""
        np.matmul(self.X.T, dY, out=self.dW)  # np.dot is called more quickly, but fills dW with 0 first
        np.dot(self.ones, dY, out=self.db)  # the sum over the rows, at the speed of the BLAS
        if not self.needs_dX:
            return None
        np.dot(dY, self.W.T, out=self.dX)
        return self.dX


class _Plain:
    """What the layers have in common that learn nothing."""

    def parameters(self) -> list[Parameter]:
        """Nothing to learn."""
        return []

    def bind(self, store: Parameters) -> None:
        """Nothing to take."""

    def initialize(self, rng: np.random.Generator) -> None:
        """Nothing to set."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing is kept."""
        return {}


class Elementwise(_Plain):
    """A function of each weighted sum alone, applied in place to the buffer of the layer before it.

    Arrays of (n, units), one for each type in ``work``, hold what ``forward(Z, *work)`` leaves for
    ``backward(dY, Y, *work)``.
    """

    def __init__(
        self,
        forward: Callable[..., None],
        backward: Callable[..., None],
        work: Sequence[DTypeLike],
        units: int,
    ) -> None:
        self._forward, self._backward = forward, backward
        self._buffers = [Buffer(units, dtype) for dtype in work]
        self._work: list[NDArray[Any]] = []

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self._work = [buffer.rows(n) for buffer in self._buffers]

    def forward(self, X: NDArray[Any], _: Rngs | None = None, /) -> NDArray[Any]:
        """Turn X into f(X) in place; keeps it, which backward needs."""
        self._forward(X, *self._work)
        self.Y = X
        return X

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Turn dY into dY * f'(X) in place."""
        self._backward(dY, self.Y, *self._work)
        return dY


class BatchNorm:
    """Y = gamma Xhat + beta, Xhat = (X - mean) / sqrt(var + eps), with the batch's own mean and variance.

    Batch normalisation (Ioffe & Szegedy, 2015; CS231n notes, Neural Networks 2, "Batch Normalization"):
    gamma and beta (units,) are learned and never penalised. Evaluation takes the running mean and variance
    instead, so an example's outputs do not depend on the others; a training step of n > 1 rows moves them
    a tenth of the way to the batch's, of the variance to the unbiased one (PyTorch's convention).
    Backward: dgamma = sum dY Xhat and dbeta = sum dY over the rows;
    dX = gamma (dY - dbeta / n - Xhat dgamma / n) / sqrt(var + eps).
    """

    EPS, PACE = 1e-5, 0.1

    def __init__(self, number: int, units: int, dtype: Any) -> None:
        self.gamma_name, self.beta_name = f"gamma{number}", f"beta{number}"
        self.mean_name, self.var_name = f"mean{number}", f"var{number}"
        self.units = units
        self.running_mean, self.running_var = np.zeros(units, dtype), np.ones(units, dtype)
        self._mean, self._var, self._inverse, self._vector = np.empty((4, units), dtype)
        self._Xhat, self._scratch = Buffer(units, dtype), Buffer(units, dtype)

    def parameters(self) -> list[Parameter]:
        """Name gamma and beta."""
        return [Parameter(name, (self.units,), penalized=False) for name in (self.gamma_name, self.beta_name)]

    def bind(self, store: Parameters) -> None:
        """Take the views of gamma, beta and their gradients."""
        self.gamma, self.beta = store.view(self.gamma_name), store.view(self.beta_name)
        self.dgamma, self.dbeta = store.gradient(self.gamma_name), store.gradient(self.beta_name)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Start as the standardisation alone: gamma 1, beta 0; the running statistics likewise."""
        self.gamma[...], self.beta[...] = 1, 0
        self.running_mean[...], self.running_var[...] = 0, 1

    def state(self) -> dict[str, NDArray[Any]]:
        """Name the running statistics."""
        return {self.mean_name: self.running_mean, self.var_name: self.running_var}

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Xhat, self.scratch = self._Xhat.rows(n), self._scratch.rows(n)

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None, /) -> NDArray[Any]:
        """Return the normalised X, in its own place; in training keeps Xhat, which backward needs."""
        n, mean, var, inverse = len(X), self._mean, self._var, self._inverse
        if rngs is None:
            np.copyto(mean, self.running_mean)
            np.copyto(var, self.running_var)
        else:
            np.mean(X, axis=0, out=mean)
            np.subtract(X, mean, out=self.Xhat)
            np.multiply(self.Xhat, self.Xhat, out=self.scratch)
            np.mean(self.scratch, axis=0, out=var)
            if n > 1:  # one row says nothing of the variance
                self._follow(self.running_mean, mean, 1)
                self._follow(self.running_var, var, n / (n - 1))
        np.add(var, self.EPS, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.divide(1.0, inverse, out=inverse)
        if rngs is None:
            X -= mean
            X *= np.multiply(inverse, self.gamma, out=self._vector)
        else:
            self.Xhat *= inverse
            np.multiply(self.Xhat, self.gamma, out=X)
        X += self.beta
        return X

    def _follow(self, running: NDArray[Any], batch: NDArray[Any], correction: float) -> None:
        running *= 1 - self.PACE
        running += np.multiply(batch, self.PACE * correction, out=self._vector)

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Fill dgamma and dbeta, turn dY into dX in place."""
        n, vector = len(dY), self._vector
        np.multiply(dY, self.Xhat, out=self.scratch)
        np.sum(self.scratch, axis=0, out=self.dgamma)
        np.sum(dY, axis=0, out=self.dbeta)
        self.Xhat *= np.divide(self.dgamma, n, out=vector)
        dY -= self.Xhat
        dY -= np.divide(self.dbeta, n, out=vector)
        dY *= np.multiply(self.gamma, self._inverse, out=vector)
        return dY


class PRelu:
    """Y = X where X > 0, else a X, with a slope a (units,) for each unit that is learned and never penalised.

    Backward: da = sum over the rows of dY X where X < 0; dX = dY, or a dY there (He et al., 2015).
    """

    def __init__(self, number: int, units: int, alpha: float, dtype: Any) -> None:
        self.name, self.units, self.alpha = f"a{number}", units, alpha
        self._negative = Buffer(units, dtype)
        self._slope = Buffer(units, dtype)

    def parameters(self) -> list[Parameter]:
        """Name the slopes."""
        return [Parameter(self.name, (self.units,), penalized=False)]

    def bind(self, store: Parameters) -> None:
        """Take the views of the slopes and their gradient."""
        self.a, self.da = store.view(self.name), store.gradient(self.name)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set all slopes to ``alpha``."""
        self.a[...] = self.alpha

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing is kept."""
        return {}

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.negative, self.slope = self._negative.rows(n), self._slope.rows(n)

    def forward(self, X: NDArray[Any], _: Rngs | None = None, /) -> NDArray[Any]:
        """Turn X into Y in place; keeps its negative part."""
        np.minimum(X, 0.0, out=self.negative)
        np.multiply(self.negative, self.a, out=self.slope)
        np.maximum(X, 0.0, out=X)
        X += self.slope
        return X

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Fill da; turn dY into dX in place."""
        np.multiply(dY, self.negative, out=self.slope)
        np.sum(self.slope, axis=0, out=self.da)
        np.sign(self.negative, out=self.slope)  # -1 below 0
        self.slope *= -1.0
        np.multiply(self.slope, self.a - 1.0, out=self.slope)
        self.slope += 1.0
        dY *= self.slope
        return dY


class Maxout(_Plain):
    """Y (n, units) is the largest of k pieces of X (n, k units), which stand side by side, a block a piece.

    The gradient goes to the piece that was the largest; where several are equal, to the first (Goodfellow
    et al., 2013).
    """

    def __init__(self, units: int, pieces: int, dtype: Any) -> None:
        self.units, self.pieces = units, pieces
        self._Y = Buffer(units, dtype)
        self._dX = Buffer(pieces * units, dtype)
        self._free = Buffer(units, np.bool_)
        self._chosen = Buffer(units, np.bool_)

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Y, self.dX = self._Y.rows(n), self._dX.rows(n)
        self.free, self.chosen = self._free.rows(n), self._chosen.rows(n)

    def _piece(self, array: NDArray[Any], piece: int) -> NDArray[Any]:
        return array[:, piece * self.units : (piece + 1) * self.units]

    def forward(self, X: NDArray[Any], _: Rngs | None = None, /) -> NDArray[Any]:
        """Return the largest piece of each unit; keeps the pieces."""
        self.X = X
        np.copyto(self.Y, self._piece(X, 0))
        for piece in range(1, self.pieces):
            np.maximum(self.Y, self._piece(X, piece), out=self.Y)
        return self.Y

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Hand each unit's gradient to the piece that was the largest."""
        self.free.fill(True)
        for piece in range(self.pieces):
            np.equal(self._piece(self.X, piece), self.Y, out=self.chosen)
            self.chosen &= self.free
            np.multiply(dY, self.chosen, out=self._piece(self.dX, piece))
            self.free ^= self.chosen
        return self.dX


class Dropout(_Plain):
    """Y = X m in training: m is 0 with probability p, else 1 / (1 - p), so that the mean of Y is X.

    Inverted dropout (Srivastava et al., 2014; CS231n notes, Neural Networks 2, "Regularization"): evaluation
    is left alone. Backward: dX = dY m.
    """

    def __init__(self, p: float, units: int, dtype: Any) -> None:
        self.p = p
        self._Y, self._mask = Buffer(units, dtype), Buffer(units, dtype)

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Y, self.mask = self._Y.rows(n), self._mask.rows(n)

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None, /) -> NDArray[Any]:
        """Return X with some of its entries dropped, or X itself in evaluation."""
        self.active = rngs is not None
        if rngs is None:
            return X
        mask = self.mask
        rngs["dropout"].random(out=mask, dtype=mask.dtype)
        np.greater_equal(mask, self.p, out=mask, casting="unsafe")
        mask *= 1 / (1 - self.p)
        np.multiply(X, mask, out=self.Y)
        return self.Y

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Turn dY into dX in place."""
        if self.active:
            dY *= self.mask
        return dY


class Noise(_Plain):
    """Y = X + noise in training, normal and of standard deviation ``std``; backward: dX = dY.

    Normal numbers are dear: those of a large batch would take longer than its matrix products. From ``FRESH``
    numbers a batch on, pieces of a pool that is drawn once are taken, each from a random place.
    """

    FRESH, POOL, PIECE = 1 << 14, 1 << 20, 1 << 18

    def __init__(self, std: float, units: int, dtype: Any) -> None:
        self.std, self.units = std, units
        self._Y, self._drawn = Buffer(units, dtype), Buffer(units, dtype)
        self._pool: NDArray[Any] = np.empty(0, dtype)

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Y = self._Y.rows(n)

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None, /) -> NDArray[Any]:
        """Return X with noise, or X itself in evaluation."""
        if rngs is None:
            return X
        rows = max(1, self.PIECE // self.units)
        if X.size < self.FRESH or rows * self.units > self.POOL:
            drawn = self._drawn.rows(len(X))
            rngs["noise"].standard_normal(out=drawn, dtype=drawn.dtype)
            drawn *= self.std
            np.add(X, drawn, out=self.Y)
            return self.Y
        if not len(self._pool):
            self._pool = rngs["noise_pool"].standard_normal(self.POOL, dtype=X.dtype)
            self._pool *= self.std
        for first in range(0, len(X), rows):
            part = X[first : first + rows]
            start = int(rngs["noise"].integers(self.POOL - part.size + 1))
            noise = self._pool[start : start + part.size].reshape(part.shape)
            np.add(part, noise, out=self.Y[first : first + rows])
        return self.Y

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Return dY."""
        return dY
