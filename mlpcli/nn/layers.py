"""The layers that a network is made of.

All layers keep the following contract. A batch has ``n`` rows. A layer is made from its `LayerSpec`, which
lists its arrays and buffers. Each becomes an attribute named after its role, for example ``W``; its gradient
is ``dW``.

- ``bind(store)`` gets the layer's views of its parameters and their gradients, and ``use(engine)`` what
  multiplies its matrices.
- ``initialize(rng)`` gives parameters and state their first values.
- ``resize(n)`` prepares the buffers for batches of n rows; nothing else allocates memory.
- ``forward(X, rngs)`` takes X (n, fan_in) and returns Y (n, fan_out), in a buffer that the layer may share
  with the one before it. ``rngs`` are the random streams of a training step, by name; None means evaluation,
  in which nothing is random and nothing is kept.
- ``backward(dY)`` takes the gradient of the loss with respect to Y, fills the gradients of the layer's
  parameters and returns the gradient with respect to X. It may overwrite dY and everything that forward
  stored. The first Dense layer returns None, since the gradient with respect to the network's inputs is not
  needed. A backward pass follows the forward pass of a training step.

In a network of k members the rows of the first one come first, and each has n / k. Where all have the same
inputs, the layers before the initial weights may get these once, as n / k rows.

``LAYERS`` maps each kind to its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer, Scratch
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.parameters import Parameters
from mlpcli.nn.products import Engine
from mlpcli.specs import BufferSpec, LayerSpec

__all__ = [
    "LAYERS",
    "BatchNorm",
    "Clip",
    "Dense",
    "Dropout",
    "Elementwise",
    "Layer",
    "LayerNorm",
    "LinearPath",
    "Maxout",
    "MembersDense",
    "Noise",
    "PRelu",
]
__all__ += ["Residual", "Rngs"]

Array: TypeAlias = NDArray[Any]
Rngs: TypeAlias = Mapping[str, np.random.Generator]


class _Made(NamedTuple):
    """A buffer that has been made elsewhere."""

    array: Array

    def rows(self, n: int) -> Array:  # noqa: ARG002
        return self.array


class Layer:
    """The base of all layers; the contract is at the top of this file.

    ``Y`` is the output of the last batch. ``is_activation`` marks the layer that ends a hidden layer. Units
    saturate near the ``limits`` of their outputs, if they have any. Units that ``can_die`` are dead when they
    output 0 for every example.
    """

    Y: Array
    is_activation: ClassVar[bool] = False
    limits: tuple[float, float] | None = None
    can_die: bool = False

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        self.spec = spec
        self.state: dict[str, Array] = {}
        for array in spec.state:
            self.state[array.name] = values = np.zeros(array.shape, dtype)
            setattr(self, array.role, values)
        self._buffers: dict[str, Buffer | _Made] = {
            buffer.role: Buffer(buffer.width, np.bool_ if buffer.mask else dtype) for buffer in spec.buffers
        }

    def bind(self, store: Parameters) -> None:
        """Get the views of the parameters and their gradients."""
        for array in self.spec.parameters:
            setattr(self, array.role, store.view(array.name))
            setattr(self, f"d{array.role}", store.gradient(array.name))

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply the layer's matrices."""
        self.engine = engine

    def initialize(self, rng: np.random.Generator) -> None:
        """Give parameters and state their first values."""

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        for role, buffer in self._buffers.items():
            setattr(self, role, buffer.rows(n))

    def with_buffers(self, make: Callable[[BufferSpec], Array]) -> Layer:
        """Return the layer for one row, with the same parameters and with buffers that ``make`` makes.

        The forward pass then computes with whatever these are and X is, as long as NumPy's functions take it.
        """
        layer = copy(self)
        layer._buffers = {spec.role: _Made(make(spec)) for spec in self.spec.buffers}
        layer.resize(1)
        return layer

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Turn X into Y."""
        raise NotImplementedError

    def backward(self, dY: Array, /) -> Array | None:
        """Turn dY into dX."""
        raise NotImplementedError


class Dense(Layer):
    """A fully connected layer: Y = X W + b, with W (fan_in, fan_out) and b (fan_out,).

    Backward: dW = X.T dY, db = sum of dY over the rows, dX = dY W.T (CS231n notes, Backpropagation 1,
    "Gradients for vectorized operations").
    """

    W: Array
    b: Array
    dW: Array
    db: Array
    dX: Array | None = None  # without a buffer, nobody needs it

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self._ones = Scratch(lambda shape, dtype: np.ones(shape[0], dtype))

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply."""
        super().use(engine)
        self._products = engine.products()

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W at random, and b where it has a spread."""
        self.W[...] = _draw(self.spec, self.W, rng, self.spec.settings["units"])
        _set_biases(self.spec, self.b, rng)

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        super().resize(n)
        self.ones = self._ones.like(self.Y)

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Return X W + b."""
        self._products.forward(X, self.W, self.Y)
        self.Y += self.b
        return self.Y

    def backward(self, dY: Array, /) -> Array | None:
        """Fill dW and db; return dX."""
        self._products.backward(dY, self.dW, self.dX)
        np.dot(self.ones, dY, self.db)  # the sum over the rows, at the speed of BLAS
        return self.dX


def _draw(spec: LayerSpec, W: Array, rng: np.random.Generator, units: int) -> NDArray[np.float64]:
    """Draw initial weights in the shape of W (fan_in, columns) for a layer with ``units`` units."""
    settings = {
        key: value
        for key, value in spec.settings["init"].items()
        if key not in ("name", "bias", "bias_spread")
    }
    return INITIALIZERS[spec.settings["init"]["name"]](**settings)(rng, W.shape, units)


def _set_biases(spec: LayerSpec, b: Array, rng: np.random.Generator) -> None:
    """Set all biases to one value, or draw them evenly from a range around it."""
    b[...], spread = spec.settings["init"]["bias"], spec.settings["init"]["bias_spread"]
    if spread:
        b += rng.uniform(-spread, spread, b.shape)


class Elementwise(Layer):
    """A function applied to each weighted sum by itself, in place, in the buffer of the layer before it.

    The functions are those of the activation in `mlpcli.nn.activations`. The layer's buffers hold what
    ``forward(Z, *buffers)`` stores for ``backward(dY, Y, *buffers)``.
    """

    is_activation = True

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        settings = dict(spec.settings)
        activation = ACTIVATIONS[settings.pop("name")](**settings)
        self._forward, self._backward = activation.forward, activation.backward
        self.limits, self.can_die = activation.limits, activation.can_die

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        self._work = [buffer.rows(n) for buffer in self._buffers.values()]

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Turn X into f(X) in place; keep it for the backward pass."""
        self._forward(X, *self._work)
        self.Y = X
        return X

    def backward(self, dY: Array, /) -> Array:
        """Turn dY into dY * f'(X) in place."""
        self._backward(dY, self.Y, *self._work)
        return dY


class BatchNorm(Layer):
    """Y = gamma Xhat + beta, Xhat = (X - mean) / sqrt(var + eps), with the batch's own mean and variance.

    Batch normalization (Ioffe & Szegedy, 2015; CS231n notes, Neural Networks 2, "Batch Normalization"):
    gamma and beta (units,) are learned and never penalized. Evaluation uses the running mean and variance
    instead, so that the outputs for an example do not depend on the other examples. A training step of n > 1
    rows moves both by ``MOMENTUM``, a tenth of the way to the batch's mean and unbiased variance (PyTorch's
    convention). Backward: dgamma = sum dY Xhat and dbeta = sum dY over the rows;
    dX = gamma (dY - dbeta / n - Xhat dgamma / n) / sqrt(var + eps).
    """

    EPS: ClassVar[float] = 1e-5
    MOMENTUM: ClassVar[float] = 0.1

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    running_mean: Array
    running_var: Array
    Xhat: Array
    scratch: Array

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self._mean, self._var, self._inverse, self._vector = np.empty((4, spec.fan_out), dtype)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set gamma to 1 and beta to 0, the running mean to 0 and the running variance to 1."""
        self.gamma[...], self.beta[...] = 1, 0
        self.running_mean[...], self.running_var[...] = 0, 1

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Normalize X in place and return it; in training, keep Xhat for the backward pass."""
        n, mean, var, inverse = len(X), self._mean, self._var, self._inverse
        if rngs is None:
            np.copyto(mean, self.running_mean)
            np.copyto(var, self.running_var)
        else:
            np.mean(X, axis=0, out=mean)
            np.subtract(X, mean, out=self.Xhat)
            np.multiply(self.Xhat, self.Xhat, out=self.scratch)
            np.mean(self.scratch, axis=0, out=var)
            if n > 1:  # one row says nothing about the variance
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

    def _follow(self, running: Array, batch: Array, correction: float) -> None:
        running *= 1 - self.MOMENTUM
        running += np.multiply(batch, self.MOMENTUM * correction, out=self._vector)

    def backward(self, dY: Array, /) -> Array:
        """Fill dgamma and dbeta; turn dY into dX in place."""
        n, vector = len(dY), self._vector
        np.multiply(dY, self.Xhat, out=self.scratch)
        np.sum(self.scratch, axis=0, out=self.dgamma)
        np.sum(dY, axis=0, out=self.dbeta)
        self.Xhat *= np.divide(self.dgamma, n, out=vector)
        dY -= self.Xhat
        dY -= np.divide(self.dbeta, n, out=vector)
        dY *= np.multiply(self.gamma, self._inverse, out=vector)
        return dY


class LayerNorm(Layer):
    """Y = gamma Xhat + beta, Xhat = (X - mean) / sqrt(var + eps), with the mean and variance of each row.

    Layer normalization (Ba et al., 2016): gamma and beta (units,) are learned and never penalized. No row
    depends on the others, so training and evaluation are the same. Backward: dgamma = sum dY Xhat and
    dbeta = sum dY over the rows; with g = dY gamma and means over the units,
    dX = (g - mean(g) - Xhat mean(g Xhat)) / sqrt(var + eps).
    """

    EPS: ClassVar[float] = 1e-5

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    Xhat: Array
    scratch: Array
    mean: Array
    inverse: Array

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set gamma to 1 and beta to 0."""
        self.gamma[...], self.beta[...] = 1, 0

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Normalize X in place and return it; keep Xhat for the backward pass."""
        Xhat, inverse = self.Xhat, self.inverse
        _mean_of_rows(X, self.mean)
        np.subtract(X, self.mean, out=Xhat)
        np.multiply(Xhat, Xhat, out=self.scratch)
        _mean_of_rows(self.scratch, inverse)
        inverse += self.EPS
        np.sqrt(inverse, out=inverse)
        np.divide(1.0, inverse, out=inverse)
        Xhat *= inverse
        np.multiply(Xhat, self.gamma, out=X)
        X += self.beta
        return X

    def backward(self, dY: Array, /) -> Array:
        """Fill dgamma and dbeta; turn dY into dX in place."""
        Xhat, scratch, mean = self.Xhat, self.scratch, self.mean
        np.multiply(dY, Xhat, out=scratch)
        np.sum(scratch, axis=0, out=self.dgamma)
        np.sum(dY, axis=0, out=self.dbeta)
        dY *= self.gamma
        np.multiply(dY, Xhat, out=scratch)
        _mean_of_rows(scratch, mean)
        Xhat *= mean
        _mean_of_rows(dY, mean)
        dY -= mean
        dY -= Xhat
        dY *= self.inverse
        return dY


def _mean_of_rows(X: Array, out: Array) -> None:
    """Write the mean of each row of X (n, units) to ``out`` (n, 1); np.mean would allocate memory."""
    np.add.reduce(X, axis=1, keepdims=True, out=out)
    out *= 1 / X.shape[1]


class PRelu(Layer):
    """Y = X where X > 0, and a X elsewhere; the slopes a (units,) are learned and never penalized.

    Parametric ReLU (He et al., 2015). Backward: da = sum of dY X over the rows where X < 0;
    dX = dY where X > 0, and a dY elsewhere.
    """

    is_activation = True

    a: Array
    da: Array
    negative: Array
    slope: Array

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set all slopes to ``alpha``."""
        self.a[...] = self.spec.settings["alpha"]

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Turn X into Y in place; keep its negative part for the backward pass."""
        np.minimum(X, 0.0, out=self.negative)
        np.multiply(self.negative, self.a, out=self.slope)
        np.maximum(X, 0.0, out=X)
        X += self.slope
        self.Y = X
        return X

    def backward(self, dY: Array, /) -> Array:
        """Fill da; turn dY into dX in place."""
        np.multiply(dY, self.negative, out=self.slope)
        np.sum(self.slope, axis=0, out=self.da)
        np.sign(self.negative, out=self.slope)  # -1 below 0
        self.slope *= -1.0
        np.multiply(self.slope, self.a - 1.0, out=self.slope)
        self.slope += 1.0
        dY *= self.slope
        return dY


class Maxout(Layer):
    """Y (n, units) is the largest of the k pieces of X (n, k units).

    Each piece is a block of ``units`` columns; the blocks stand side by side. The gradient goes to the
    largest piece, or to the first of several equal ones (Goodfellow et al., 2013).
    """

    is_activation = True

    dX: Array
    free: Array
    chosen: Array

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self.units, self.pieces = spec.fan_out, spec.fan_in // spec.fan_out

    def _piece(self, array: Array, piece: int) -> Array:
        return array[:, piece * self.units : (piece + 1) * self.units]

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Return the largest piece of each unit; keep the pieces for the backward pass."""
        self.X = X
        np.copyto(self.Y, self._piece(X, 0))
        for piece in range(1, self.pieces):
            np.maximum(self.Y, self._piece(X, piece), out=self.Y)
        return self.Y

    def backward(self, dY: Array, /) -> Array:
        """Give each unit's gradient to its largest piece; return dX."""
        self.free.fill(True)
        for piece in range(self.pieces):
            np.equal(self._piece(self.X, piece), self.Y, out=self.chosen)
            self.chosen &= self.free
            np.multiply(dY, self.chosen, out=self._piece(self.dX, piece))
            self.free ^= self.chosen
        return self.dX


class Dropout(Layer):
    """Y = X m in training: m is 0 with probability p, else 1 / (1 - p), so that the mean of Y is X.

    Inverted dropout (Srivastava et al., 2014; CS231n notes, Neural Networks 2, "Regularization"): Y = X in
    evaluation. Backward: dX = dY m.
    """

    mask: Array

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self.p = spec.settings["p"]

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
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

    def backward(self, dY: Array, /) -> Array:
        """Turn dY into dX in place."""
        if self.active:
            dY *= self.mask
        return dY


class Noise(Layer):
    """Y = X + noise in training; the noise is normal with standard deviation ``std``. Backward: dX = dY.

    Normal numbers are expensive: drawing them for a large batch would take longer than its matrix products. A
    batch of ``FRESH`` or more numbers therefore takes pieces, from random places, of a pool that is drawn
    once.
    """

    FRESH, POOL, PIECE = 1 << 14, 1 << 20, 1 << 18

    drawn: Array

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self.std, self.units = spec.settings["std"], spec.fan_out
        self._pool: Array = np.empty(0, dtype)

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Return X with noise, or X itself in evaluation."""
        if rngs is None:
            return X
        rows = max(1, self.PIECE // self.units)
        if X.size < self.FRESH or rows * self.units > self.POOL:
            drawn = self.drawn
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

    def backward(self, dY: Array, /) -> Array:
        """Return dY."""
        return dY


class Residual(Layer):
    """Y = F(X) + X, where F is the inner layers; if the widths differ, Y = F(X) + X P.

    Residual connections (He et al., 2016, with their projection shortcut, option B). Backward:
    dX = dX of the inner layers + dY, or + dY P.T with dP = X.T dY. P is penalized like weights.
    """

    P: Array
    dP: Array
    dY: Array
    projected: Array
    dX: Array | None = None

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self.inner = [LAYERS[layer.kind](layer, dtype) for layer in spec.inner]
        self._projects = bool(spec.parameters)

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply with P; the network tells the inner layers."""
        super().use(engine)
        self._products = engine.products()

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw P; the network initializes the inner layers."""
        if self._projects:
            self.P[...] = _draw(self.spec, self.P, rng, self.spec.fan_out)

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Return F(X) + X, or F(X) + X P."""
        F = shortcut = X
        for layer in self.inner:
            F = layer.forward(F, rngs)
        if self._projects:
            shortcut = self.projected
            self._products.forward(X, self.P, shortcut)
        return np.add(F, shortcut, out=self.Y)

    def backward(self, dY: Array, /) -> Array | None:
        """Run the inner layers backward and fill dP; return dX."""
        np.copyto(self.dY, dY)  # the inner layers overwrite it
        gradient: Array | None = dY
        for layer in reversed(self.inner):
            assert gradient is not None
            gradient = layer.backward(gradient)
        if self._projects:
            self._products.backward(self.dY, self.dP, self.dX)
        if gradient is None:
            return None
        gradient += self.dY if self.dX is None else self.dX
        return gradient


class MembersDense(Layer):
    """The fully connected layers of k members: each computes X W + b with its own rows, W and b.

    W (k, fan_in, fan_out) and b (k, fan_out). Forward and backward are those of `Dense`, member by member.
    """

    W: Array
    b: Array
    dW: Array
    db: Array
    dX: Array | None = None  # without a buffer, nobody needs it

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self._ones = Scratch(lambda shape, dtype: np.ones((1, shape[0] // len(self.W)), dtype))

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply."""
        super().use(engine)
        self._products = engine.products(members=True)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw each member's W at random, and b where it has a spread."""
        for W in self.W:
            W[...] = _draw(self.spec, W, rng, self.spec.settings["units"])
        _set_biases(self.spec, self.b, rng)

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows, which are n / k of each member."""
        super().resize(n)
        self.ones = self._ones.like(self.Y)
        self._Y3 = self.Y.reshape(len(self.W), -1, self.spec.fan_out)

    def forward(self, X: Array, _: Rngs | None = None, /) -> Array:
        """Return each member's X W + b; X may be the same for all."""
        self._products.forward(X.reshape(-1, self._Y3.shape[1], self.spec.fan_in), self.W, self._Y3)
        self._Y3 += self.b[:, None]
        return self.Y

    def backward(self, dY: Array, /) -> Array | None:
        """Fill dW and db; return dX."""
        dY3 = dY.reshape(self._Y3.shape)
        dX3 = None if self.dX is None else self.dX.reshape(len(self.W), -1, self.spec.fan_in)
        self._products.backward(dY3, self.dW, dX3)
        np.matmul(self.ones, dY3, out=self.db[:, None])  # the sums over the rows
        return self.dX


class LinearPath(Layer):
    """Y = F(X) + X V, where F is all other layers and X the inputs of the network ("wide and deep").

    Cheng et al., 2016. Backward: dV = X.T dY. V (fan_in, fan_out), or of k members (k, fan_in, fan_out), is
    penalized like weights; where it is state, it is never changed.
    """

    V: Array
    dV: Array
    linear: Array

    def __init__(self, spec: LayerSpec, dtype: Any) -> None:
        super().__init__(spec, dtype)
        self.inner = [LAYERS[layer.kind](layer, dtype) for layer in spec.inner]
        self._learns = bool(spec.parameters)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set V to 0; the network initializes the inner layers."""
        self.V[...] = 0

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        super().resize(n)
        self._linear3 = self.linear.reshape(self.spec.rows, -1, self.spec.fan_out)

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Return F(X) + X V; keep X for the backward pass."""
        self.X3 = X.reshape(-1, self._linear3.shape[1], self.spec.fan_in)
        for layer in self.inner:
            X = layer.forward(X, rngs)
        np.matmul(self.X3, self.V, out=self._linear3)
        X += self.linear
        return X

    def backward(self, dY: Array, /) -> None:
        """Fill dV, and run the inner layers backward."""
        if self._learns:
            dY3 = dY.reshape(self._linear3.shape)
            np.matmul(self.X3.transpose(0, 2, 1), dY3, out=self.dV.reshape(-1, *self.dV.shape[-2:]))
        gradient: Array | None = dY
        for layer in reversed(self.inner):
            if gradient is None:  # no layer before the initial weights has parameters
                break
            gradient = layer.backward(gradient)


class Clip(Layer):
    """In evaluation, Y is X within the range from ``low`` to ``high``, both (fan_out,); in training, Y = X.

    A network that extrapolates may be wrong by any amount; no training target lay beyond the range.
    """

    low: Array
    high: Array

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set the range to all numbers."""
        largest = np.finfo(self.low.dtype).max
        self.low[...], self.high[...] = -largest, largest

    def forward(self, X: Array, rngs: Rngs | None = None, /) -> Array:
        """Return X, in evaluation within the range."""
        return X if rngs is not None else np.clip(X, self.low, self.high, out=X)

    def backward(self, dY: Array, /) -> Array:
        """Return dY."""
        return dY


LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "elementwise": Elementwise,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "prelu": PRelu,
    "maxout": Maxout,
    "dropout": Dropout,
    "noise": Noise,
    "residual": Residual,
    "members_dense": MembersDense,
    "linear_path": LinearPath,
    "clip": Clip,
}
