"""Losses: means over the batch, from logits, numerically stable.

Each entry of ``LOSSES`` makes a `Loss` from its settings. ``evaluate(logits, y, dlogits)`` returns the mean
loss of the batch and, unless ``dlogits`` is None, writes its gradient by the logits there. ``logits`` is
(n, outputs); ``y`` is (n,) class indices, or (n, outputs) values for a regression. The classifiers
are those of the CS231n notes, Linear Classification and Neural Networks 1, "Single neuron as a linear
classifier".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "Loss", "Outputs"]

Outputs = Literal["probabilities", "scores", "values"]
Evaluate = Callable[[NDArray[Any], NDArray[Any], "NDArray[Any] | None"], float]


@dataclass(frozen=True)
class Loss:
    """A loss, what its logits mean, and how many there are.

    ``outputs`` says what `interpret` returns: class probabilities (n, classes); class scores (n, classes),
    for an SVM, whose margins are no probabilities; or the predicted values (n, outputs). ``binary``
    losses have one logit for two classes, positive for the second one.
    """

    evaluate: Evaluate
    outputs: Outputs
    binary: bool = False

    def interpret(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return a new array of what the logits mean, one column a class (or a value)."""
        if self.outputs == "probabilities":
            return _softmax(np.hstack([np.zeros_like(logits), logits]) if self.binary else logits)
        return np.hstack([-logits, logits]) if self.binary else logits.copy()

    def predict(self, logits: NDArray[Any]) -> NDArray[np.intp]:
        """Return the index (n,) of the class that each row of logits speaks for."""
        return (logits[:, 0] > 0).astype(np.intp) if self.binary else np.argmax(logits, axis=1)


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    result: NDArray[Any] = exponentials
    return result


def cross_entropy(label_smoothing: float, class_weights: Sequence[float] | None) -> Loss:
    """Softmax classifier: L = -sum t log p, p = softmax(logits); dL/dlogits = p - t.

    The target t is onehot(y), of which label smoothing e takes the share e to spread it over all C classes:
    t = (1 - e) onehot(y) + e / C (Szegedy et al., 2016). Class weights multiply each entry of t, and the mean
    over the batch is weighted by those of its labels, as in PyTorch. The largest logit is subtracted first,
    which changes nothing but the range of exp.
    """
    e = label_smoothing
    if class_weights is not None:
        return _weighted_cross_entropy(e, np.array(class_weights, np.float64))

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        n, rows = len(y), np.arange(len(y))
        shifted = logits - logits.max(axis=1, keepdims=True)
        right = shifted[rows, y]
        if e:
            right = (1 - e) * right + e * shifted.mean(axis=1)
        exponentials = np.exp(shifted, out=shifted)
        sums = exponentials.sum(axis=1)
        if dlogits is not None:
            np.divide(exponentials, (sums * n)[:, None], out=dlogits)
            dlogits[rows, y] -= (1 - e) / n
            if e:
                dlogits -= e / dlogits.size
        return float(np.mean(np.log(sums) - right))

    return Loss(evaluate, outputs="probabilities")


def _weighted_cross_entropy(e: float, weights: NDArray[np.float64]) -> Loss:
    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        rows = np.arange(len(y))
        log_p = logits - logits.max(axis=1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        t = np.full(logits.shape, e / logits.shape[1], logits.dtype)
        t[rows, y] += 1 - e
        t *= weights
        total = max(float(weights[y].sum()), np.finfo(np.float32).tiny)  # a batch may have only weights of 0
        if dlogits is not None:
            np.exp(log_p, out=dlogits)
            dlogits *= t.sum(axis=1, keepdims=True)
            dlogits -= t
            dlogits /= total
        return float(-np.sum(t * log_p) / total)

    return Loss(evaluate, outputs="probabilities")


def hinge(delta: float, squared: bool) -> Loss:
    """Multiclass SVM (Weston & Watkins, 1999): L = sum over j != y of m[j] = max(0, s[j] - s[y] + delta).

    dL/ds[j] = 1 where the margin is broken, and dL/ds[y] = -(number of broken margins). Squared (an L2-SVM):
    L = sum of m[j]**2, dL/ds[j] = 2 m[j], dL/ds[y] = -(their sum).
    """

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        n, rows = len(y), np.arange(len(y))
        margins = logits - logits[rows, y][:, None]
        margins += delta
        margins[rows, y] = 0
        np.maximum(margins, 0, out=margins)
        if dlogits is not None:
            if squared:
                np.multiply(margins, 2, out=dlogits)
            else:
                np.greater(margins, 0, out=dlogits, casting="unsafe")
            dlogits[rows, y] = -dlogits.sum(axis=1)
            dlogits /= n
        if squared:
            np.square(margins, out=margins)
        return float(margins.sum() / n)

    return Loss(evaluate, outputs="scores")


def binary_cross_entropy() -> Loss:
    """Logistic regression: L = log(1 + exp(-t z)), t = +1 for class 1, -1 for class 0.

    dL/dz = sigmoid(z) - y.
    """

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        t = _signs(y, logits)
        losses = np.logaddexp(0, -t * logits)
        if dlogits is not None:
            # -t sigmoid(-t z), with the sigmoid as a tanh, which cannot overflow
            dlogits[...] = -t * (0.5 - 0.5 * np.tanh(0.5 * t * logits)) / len(y)
        return float(np.mean(losses))

    return Loss(evaluate, outputs="probabilities", binary=True)


def binary_hinge() -> Loss:
    """Two-class SVM: L = max(0, 1 - t z), t = +1 for class 1, -1 for class 0.

    dL/dz = -t inside the margin, 0 outside.
    """

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        t = _signs(y, logits)
        losses = np.maximum(0, 1 - t * logits)
        if dlogits is not None:
            dlogits[...] = -t * (losses > 0) / len(y)
        return float(np.mean(losses))

    return Loss(evaluate, outputs="scores", binary=True)


def mse() -> Loss:
    """Mean squared error: L = mean over rows and outputs of (z - y)**2; dL/dz = 2 (z - y) / (n outputs)."""

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        difference = logits - y
        if dlogits is not None:
            np.multiply(difference, 2 / difference.size, out=dlogits)
        return float(np.mean(np.square(difference, out=difference)))

    return Loss(evaluate, outputs="values")


def mae() -> Loss:
    """Mean absolute error: L = mean over rows and outputs of abs(z - y).

    dL/dz = sign(z - y) / (n outputs).
    """

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        difference = logits - y
        if dlogits is not None:
            np.sign(difference, out=dlogits)
            dlogits /= difference.size
        return float(np.mean(np.abs(difference, out=difference)))

    return Loss(evaluate, outputs="values")


def huber(delta: float) -> Loss:
    """Huber's loss (1964) of d = z - y: d**2 / 2 up to delta, then delta (abs(d) - delta / 2).

    The mean over rows and outputs; dL/dz = d, cut at delta, / (n outputs): no outlier pulls harder than
    delta.
    """

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        difference = logits - y
        cut = np.clip(difference, -delta, delta)
        if dlogits is not None:
            np.divide(cut, difference.size, out=dlogits)
        return float(np.mean(cut * (difference - 0.5 * cut)))

    return Loss(evaluate, outputs="values")


def _signs(y: NDArray[Any], logits: NDArray[Any]) -> NDArray[Any]:
    """Classes 0 and 1 as -1 and +1, (n, 1)."""
    return (2 * y - 1).astype(logits.dtype)[:, None]


LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": cross_entropy,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_hinge": binary_hinge,
    "mse": mse,
    "mae": mae,
    "huber": huber,
}
