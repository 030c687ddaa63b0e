"""The layers that a network is made of. What all have in common is in `mlpcli.nn.layer`.

``LAYERS`` maps each kind to its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from mlpcli.buffers import Scratch
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.layer import AllRngs, Array, Cohort, Layer, Rngs, RowSum, draw_weights, set_biases
from mlpcli.nn.local import Local
from mlpcli.nn.products import Engine
from mlpcli.nn.side_by_side import products_of
from mlpcli.specs import LayerSpec

__all__ = [
    "LAYERS",
    "BatchNorm",
    "Clip",
    "Dense",
    "Dropout",
    "Elementwise",
    "LayerNorm",
    "LinearPath",
    "Maxout",
    "MembersDense",
    "Noise",
    "PRelu",
    "Residual",
]


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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self._sum = RowSum(cohort)

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply."""
        super().use(engine)
        self._products = products_of(engine, self.cohort)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W at random, and b where it has a spread."""
        self.W[...] = draw_weights(self.spec, self.W, rng, self.spec.settings["units"])
        set_biases(self.spec, self.b, rng)

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        super().resize(n)
        self._sum.like(self.Y)

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
        """Return X W + b."""
        self._products.forward(X, self.W, self.Y)
        self.Y += self.b
        return self.Y

    def backward(self, dY: Array, /) -> Array | None:
        """Fill dW and db; return dX."""
        self._products.backward(dY, self.dW, self.dX, self.decay)
        self._sum.into(dY, self.db)
        return self.dX


class Elementwise(Layer):
    """A function applied to each weighted sum by itself, in place, in the buffer of the layer before it.

    The functions are those of the activation in `mlpcli.nn.activations`. The layer's buffers hold what
    ``forward(Z, *buffers)`` stores for ``backward(dY, Y, *buffers)``.
    """

    is_activation = True

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        settings = dict(spec.settings)
        activation = ACTIVATIONS[settings.pop("name")](**settings)
        self._forward, self._backward = activation.forward, activation.backward
        self.limits, self.can_die = activation.limits, activation.can_die

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        self._work = [buffer.rows(n) for buffer in self._buffers.values()]

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
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
    moves = True

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    running_mean: Array
    running_var: Array
    Xhat: Array
    scratch: Array

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        shape = (*cohort, 1, spec.fan_out) if cohort else (spec.fan_out,)
        self._mean, self._var, self._inverse, self._vector = np.empty((4, *shape), dtype)
        self._keeps = bool(cohort)  # the axis of the rows, in sums over them

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set gamma to 1 and beta to 0, the running mean to 0 and the running variance to 1."""
        self.gamma[...], self.beta[...] = 1, 0
        self.running_mean[...], self.running_var[...] = 0, 1

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
        """Normalize X in place and return it; in training, keep Xhat for the backward pass."""
        n, mean, var, inverse = X.shape[-2], self._mean, self._var, self._inverse
        if rngs is None:
            np.copyto(mean, self.running_mean)
            np.copyto(var, self.running_var)
        else:
            np.mean(X, axis=-2, out=mean, keepdims=self._keeps)
            np.subtract(X, mean, out=self.Xhat)
            np.multiply(self.Xhat, self.Xhat, out=self.scratch)
            np.mean(self.scratch, axis=-2, out=var, keepdims=self._keeps)
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
        n, vector = dY.shape[-2], self._vector
        np.multiply(dY, self.Xhat, out=self.scratch)
        np.sum(self.scratch, axis=-2, out=self.dgamma, keepdims=self._keeps)
        np.sum(dY, axis=-2, out=self.dbeta, keepdims=self._keeps)
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

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
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
        np.sum(scratch, axis=-2, out=self.dgamma, keepdims=bool(self.cohort))
        np.sum(dY, axis=-2, out=self.dbeta, keepdims=bool(self.cohort))
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
    np.add.reduce(X, axis=-1, keepdims=True, out=out)
    out *= 1 / X.shape[-1]


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

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
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
        np.sum(self.slope, axis=-2, out=self.da, keepdims=bool(self.cohort))
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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self.units, self.pieces = spec.fan_out, spec.fan_in // spec.fan_out

    def _piece(self, array: Array, piece: int) -> Array:
        return array[..., piece * self.units : (piece + 1) * self.units]

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self.p = spec.settings["p"]

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
        """Return X with some of its entries dropped, or X itself in evaluation."""
        self.active = rngs is not None
        if rngs is None:
            return X
        mask = self.mask
        for own, part in self._by_network(rngs, mask):
            own["dropout"].random(out=part, dtype=mask.dtype)
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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self.std, self.units = spec.settings["std"], spec.fan_out
        self._pool: Array = np.empty(0, dtype)
        self.of_networks: Sequence[Noise] = ()  # in a cohort, the same layer of each, which has its pool

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
        """Return X with noise, or X itself in evaluation."""
        if rngs is None:
            return X
        if self.cohort:
            for network, *own in zip(self.of_networks, X, rngs, self.drawn, self.Y, strict=True):
                network.add_noise(*own)
        else:
            self.add_noise(X, rngs, self.drawn, self.Y)  # type: ignore[arg-type]
        return self.Y

    def add_noise(self, X: Array, rngs: Rngs, drawn: Array, Y: Array) -> None:
        """Write X with noise to Y; ``drawn`` is overwritten. The four are those of one network."""
        rows = max(1, self.PIECE // self.units)
        if X.size < self.FRESH or rows * self.units > self.POOL:
            rngs["noise"].standard_normal(out=drawn, dtype=drawn.dtype)
            drawn *= self.std
            np.add(X, drawn, out=Y)
            return
        if not len(self._pool):
            self._pool = rngs["noise_pool"].standard_normal(self.POOL, dtype=X.dtype)
            self._pool *= self.std
        for first in range(0, len(X), rows):
            part = X[first : first + rows]
            start = int(rngs["noise"].integers(self.POOL - part.size + 1))
            noise = self._pool[start : start + part.size].reshape(part.shape)
            np.add(part, noise, out=Y[first : first + rows])

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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self.inner = [LAYERS[layer.kind](layer, dtype, cohort) for layer in spec.inner]
        self._projects = bool(spec.parameters)

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply with P; the network tells the inner layers."""
        super().use(engine)
        self._products = products_of(engine, self.cohort)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw P; the network initializes the inner layers."""
        if self._projects:
            self.P[...] = draw_weights(self.spec, self.P, rng, self.spec.fan_out)

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
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
            self._products.backward(self.dY, self.dP, self.dX, self.decay)
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

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self._ones = Scratch(lambda shape, dtype: np.ones((1, shape[-2] // spec.rows), dtype))

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply."""
        super().use(engine)
        self._products = products_of(engine, self.cohort, members=True)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw each member's W at random, and b where it has a spread."""
        for W in self.W:
            W[...] = draw_weights(self.spec, W, rng, self.spec.settings["units"])
        set_biases(self.spec, self.b, rng)

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows, which are n / k of each member."""
        super().resize(n)
        self.ones = self._ones.like(self.Y)
        self._Y3 = self.Y.reshape(*self.cohort, self.spec.rows, -1, self.spec.fan_out)

    def forward(self, X: Array, _: AllRngs | None = None, /) -> Array:
        """Return each member's X W + b; X may be the same for all."""
        own = X.reshape(*self.cohort, -1, self._Y3.shape[-2], self.spec.fan_in)
        self._products.forward(own, self.W, self._Y3)
        self._Y3 += self.b[..., None, :]
        return self.Y

    def backward(self, dY: Array, /) -> Array | None:
        """Fill dW and db; return dX."""
        dY3 = dY.reshape(self._Y3.shape)
        dX3 = None if self.dX is None else self.dX.reshape(*dY3.shape[:-1], self.spec.fan_in)
        self._products.backward(dY3, self.dW, dX3, self.decay)
        np.matmul(self.ones, dY3, out=self.db[..., None, :])  # the sums over the rows
        return self.dX


class LinearPath(Layer):
    """Y = F(X) + X V, where F is all other layers and X the inputs of the network ("wide and deep").

    Cheng et al., 2016. Backward: dV = X.T dY. V (fan_in, fan_out), or of k members (k, fan_in, fan_out), is
    penalized like weights; where it is state, it is never changed.
    """

    V: Array
    dV: Array
    linear: Array

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        super().__init__(spec, dtype, cohort)
        self.inner = [LAYERS[layer.kind](layer, dtype, cohort) for layer in spec.inner]
        self._learns = bool(spec.parameters)
        self._products = products_of(Engine(), cohort, members=True)

    def initialize(self, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Set V to 0; the network initializes the inner layers."""
        self.V[...] = 0

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        super().resize(n)
        self._linear3 = self.linear.reshape(*self.cohort, self.spec.rows, -1, self.spec.fan_out)

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
        """Return F(X) + X V; keep X for the backward pass."""
        X3 = X.reshape(*self.cohort, -1, self._linear3.shape[-2], self.spec.fan_in)
        self._products.forward(X3, self.V, self._linear3)
        for layer in self.inner:
            X = layer.forward(X, rngs)
        X += self.linear
        return X

    def backward(self, dY: Array, /) -> None:
        """Fill dV, and run the inner layers backward."""
        if self._learns:
            dY3 = dY.reshape(self._linear3.shape)
            dV3 = self.dV.reshape(*self.cohort, -1, *self.dV.shape[-2:])
            self._products.backward(dY3, dV3, None, self.decay)
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

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
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
    "local": Local,
    "linear_path": LinearPath,
    "clip": Clip,
}
