"""Elementwise activation functions: each entry of ``ACTIVATIONS`` makes an `Activation` from its settings.

``forward(Z, *buffers)`` turns the weighted sums Z (n, units) into the outputs Y, in place. ``backward(dY, Y,
*buffers)`` turns the gradient of the loss with respect to Y into the gradient with respect to Z, in place; it
may overwrite Y. `mlpcli.config.plan.UNITS` says which buffers an activation has: arrays shaped like Z, then
arrays of booleans. They keep their values between the two calls. prelu and maxout are layers of their own, in
`mlpcli.nn.layers`. The weaknesses mentioned here are those in the CS231n notes, Neural Networks 1, "Commonly
used activation functions".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Scratch

__all__ = ["ACTIVATIONS", "Activation"]

Array = NDArray[Any]

_CACHED = 1 << 15  # numbers that stay in the cache


@dataclass(frozen=True)
class Activation:
    """The forward and backward functions, and the ways in which the units can fail.

    ``limits`` are the smallest and the largest output, near which a unit saturates. If units ``can_die``, one
    that outputs 0 for every example passes on no gradient and never changes again.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    limits: tuple[float, float] | None = None
    can_die: bool = False


def _scale(dY: Array, Y: Array, derivative: Array, *_: Array) -> None:  # noqa: ARG001
    """Multiply dY by the derivative that forward has stored."""
    dY *= derivative


def identity() -> Activation:
    """y = z: no activation. Any number of such layers is still one linear map."""

    def forward(Z: Array) -> None:
        pass

    def backward(dY: Array, Y: Array) -> None:
        pass

    return Activation(forward, backward)


def _logistic(Z: Array, out: Array) -> None:
    # 0.5 * (1 + tanh(z / 2)) equals 1 / (1 + exp(-z)) and cannot overflow.
    np.multiply(Z, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1.0
    out *= 0.5


def sigmoid() -> Activation:
    """y = 1 / (1 + exp(-z)), dy/dz = y (1 - y). Saturates at both ends; outputs are not zero-centered."""

    def forward(Z: Array) -> None:
        _logistic(Z, Z)

    def backward(dY: Array, Y: Array) -> None:
        dY *= Y
        Y -= 1.0  # the outputs are no longer needed
        dY *= Y
        np.negative(dY, out=dY)

    return Activation(forward, backward, limits=(0.0, 1.0))


def tanh() -> Activation:
    """y = tanh(z), dy/dz = 1 - y**2. Saturates at both ends; outputs are zero-centered."""

    def forward(Z: Array) -> None:
        np.tanh(Z, out=Z)

    def backward(dY: Array, Y: Array) -> None:
        np.multiply(Y, Y, out=Y)
        np.subtract(1.0, Y, out=Y)
        dY *= Y

    return Activation(forward, backward, limits=(-1.0, 1.0))


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros to compare an array with, in as many of its last axes as stay in the cache."""
    fitting = (shape[i:] for i in range(len(shape)) if prod(shape[i:]) <= _CACHED)
    return np.zeros(next(fitting, shape[-1:]), dtype)


def relu() -> Activation:
    """y = max(0, z), dy/dz = 1 where z > 0 (Nair & Hinton, 2010). Does not saturate; units can die."""
    zeros = Scratch(_zeros)

    def forward(Z: Array, active: Array) -> None:  # noqa: ARG001
        # With an array of zeros NumPy takes a quarter of the time. A symbol (`mlpcli.export`) has none.
        np.maximum(Z, zeros.like(Z) if isinstance(Z, np.ndarray) else 0.0, out=Z)

    def backward(dY: Array, Y: Array, active: Array) -> None:
        np.greater(Y, 0.0, out=active)
        dY *= active

    return Activation(forward, backward, can_die=True)


def leaky_relu(alpha: float) -> Activation:
    """y = max(z, alpha z), dy/dz = 1 or alpha (Maas et al., 2013). Units cannot die while alpha > 0."""

    def forward(Z: Array, scratch: Array) -> None:
        np.multiply(Z, alpha, out=scratch)
        np.maximum(Z, scratch, out=Z)  # alpha is below 1

    def backward(dY: Array, Y: Array, scratch: Array) -> None:
        np.greater(Y, 0.0, out=scratch, casting="unsafe")
        scratch *= 1.0 - alpha
        scratch += alpha
        dY *= scratch

    return Activation(forward, backward)


def elu(alpha: float) -> Activation:
    """y = z, or alpha (exp(z) - 1) where z < 0; dy/dz = 1, or y + alpha (Clevert et al., 2016)."""
    return _exponential(alpha, 1.0)


def selu() -> Activation:
    """y = s z, or s a (exp(z) - 1) where z < 0; dy/dz = s, or y + s a (Klambauer et al., 2017).

    With weights of variance 1/fan_in, the constants s and a keep the mean 0 and the variance 1 of the sums
    from layer to layer: they solve the two equations of the paper's fixed point.
    """
    s, a = 1.0507009873554805, 1.6732632423543772
    return _exponential(s * a, s)


def _exponential(below: float, above: float) -> Activation:
    """y = above z, or below (exp(z) - 1) where z < 0; dy/dz = above, or y + below."""

    def forward(Z: Array, negative: Array) -> None:
        np.minimum(Z, 0.0, out=negative)
        np.expm1(negative, out=negative)
        negative *= below
        np.maximum(Z, 0.0, out=Z)
        if above != 1:
            Z *= above
        Z += negative

    def backward(dY: Array, Y: Array, negative: Array) -> None:
        # Below 0 the derivative is negative + below; above, where negative is 0, it is ``above``.
        np.greater(Y, 0.0, out=Y, casting="unsafe")
        Y *= above - below
        negative += Y
        negative += below
        dY *= negative

    return Activation(forward, backward)


def softplus() -> Activation:
    """y = log(1 + exp(z)), dy/dz = 1 / (1 + exp(-z)) (Dugas et al., 2001): a smooth ReLU."""

    def forward(Z: Array, derivative: Array, scratch: Array) -> None:
        _logistic(Z, derivative)
        # max(0, z) + log(1 + exp(-abs(z))), which cannot overflow; logaddexp takes ten times as long.
        np.abs(Z, out=scratch)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        np.maximum(Z, 0.0, out=Z)
        Z += scratch

    return Activation(forward, _scale)


def silu() -> Activation:
    """y = z s, dy/dz = s + y (1 - s) with s = 1 / (1 + exp(-z)) (Elfwing et al., 2018; "swish")."""

    def forward(Z: Array, derivative: Array, scratch: Array) -> None:
        _logistic(Z, derivative)
        Z *= derivative
        np.subtract(1.0, derivative, out=scratch)
        scratch *= Z
        derivative += scratch

    return Activation(forward, _scale)


def mish() -> Activation:
    """y = z t, t = tanh(log(1 + exp(z))), dy/dz = t + z (1 - t**2) / (1 + exp(-z)) (Misra, 2019).

    With e = exp(z), n = e (e + 2) and q = n + 2: t = n / q, and dy/dz = (n + 4 z (n - e) / q) / q. Above 20,
    t is 1 to within rounding, so a larger z need not be raised to a power.
    """

    def forward(Z: Array, derivative: Array, n: Array, q: Array) -> None:
        np.minimum(Z, 20.0, out=derivative)
        np.exp(derivative, out=derivative)
        np.add(derivative, 2.0, out=n)
        n *= derivative
        np.add(n, 2.0, out=q)
        np.subtract(n, derivative, out=derivative)
        derivative /= q
        derivative *= Z
        derivative *= 4.0
        derivative += n
        derivative /= q
        n /= q
        Z *= n

    return Activation(forward, _scale)


def gelu() -> Activation:
    """y = z (1 + t) / 2, t = tanh(u), u = sqrt(2 / pi) (z + 0.044715 z**3) (Hendrycks & Gimpel, 2016).

    The tanh approximation of z times the normal distribution function, accurate to 5e-4.
    dy/dz = (1 + t) / 2 + z (1 - t**2) du/dz / 2.
    """
    c, a = sqrt(2 / pi), 0.044715

    def forward(Z: Array, derivative: Array, scratch: Array) -> None:
        np.multiply(Z, Z, out=derivative)
        np.multiply(derivative, c * a, out=scratch)
        scratch += c
        scratch *= Z
        np.tanh(scratch, out=scratch)
        scratch += 1.0  # 1 + t
        derivative *= 1.5 * c * a
        derivative += 0.5 * c
        derivative *= Z  # z du/dz / 2
        derivative *= scratch
        Z *= scratch
        Z *= 0.5
        np.subtract(2.0, scratch, out=scratch)  # 1 - t
        derivative *= scratch
        scratch *= -0.5
        scratch += 1.0  # (1 + t) / 2
        derivative += scratch

    return Activation(forward, _scale)


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": softplus,
}
