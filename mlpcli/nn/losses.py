"""Losses: means over the batch, computed from logits in a numerically stable way.

Each entry of ``LOSSES`` makes a `Loss` from its settings. ``evaluate(logits, y, dlogits, weights=None)``
returns the mean loss of the batch and, unless ``dlogits`` is None, writes the gradient with respect to the
logits there. ``logits`` is (n, outputs); ``y`` is (n,) class indices, or (n, outputs) values for a
regression. ``weights`` (n,) multiply the loss of each example, L = sum of w l / n; over all examples their
mean is to be 1, so that an example of weight 2 counts like two of weight 1. Where all class weights are 0,
the mean has no value: it is NaN, or with ``dlogits``, as for a batch of training, 0. Where all arrays have a
first axis of k networks, the losses are (k,), each with the bits that it would have alone. Arrays are made
for the first batch of a size and reused after it. The classifiers are those of the CS231n notes, Linear
Classification and Neural Networks 1, "Single neuron as a linear classifier".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Scratch

__all__ = ["LOSSES", "Loss", "Outputs", "average_logits"]

Outputs = Literal["probabilities", "scores", "values"]
Weights = NDArray[Any] | None

_SEVERAL = 8  # numbers, which NumPy adds in another order than fewer


class Evaluate(Protocol):
    """Computes the mean loss of a batch and its gradient; see the top of this file."""

    def __call__(
        self, logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any: ...


@dataclass(frozen=True)
class Loss:
    """A loss function, and the meaning and number of its logits.

    ``outputs`` says what `predict` returns: class probabilities (n, classes); class scores (n, classes) of an
    SVM, whose margins are not probabilities; or predicted values (n, outputs). A ``binary`` loss has one
    logit for two classes, which is positive for the second class.
    """

    evaluate: Evaluate
    outputs: Outputs
    binary: bool = False
    class_weights: Sequence[float] | None = None
    _predicted: Scratch[tuple[NDArray[np.intp], NDArray[np.bool_]]] = field(
        default_factory=lambda: Scratch(
            lambda shape, dtype: (np.empty(shape[:-1], np.intp), np.empty(shape[:-1], np.bool_))  # noqa: ARG005
        ),
        repr=False,
        compare=False,
    )

    def weight(self, y: NDArray[Any], weights: Weights = None) -> float:
        """Return what the sum of a batch's losses is divided by: its size, or the sum of class weights."""
        if self.class_weights is None:
            return len(y)
        return float(np.sum(np.take(self.class_weights, y) * (1 if weights is None else weights)))

    def predict(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return a new array of probabilities, scores or values, with a column for each class or value."""
        if self.outputs == "probabilities":
            return _softmax(np.hstack([np.zeros_like(logits), logits]) if self.binary else logits)
        return np.hstack([-logits, logits]) if self.binary else logits.copy()

    def average(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (n, outputs) of the mean prediction of members with ``logits`` (k, n, outputs).

        Probabilities are averaged, and so are scores and values; the logits are such that `predict` gives
        just these.
        """
        return average_logits(self.outputs, self.binary, logits)

    def classify(self, logits: NDArray[Any]) -> NDArray[np.intp]:
        """Return the index (n,) of the class with the highest score in each row of logits."""
        predicted = np.empty(len(logits), np.intp)
        self._classify(logits, predicted)
        return predicted

    def count_correct(self, logits: NDArray[Any], y: NDArray[Any], weights: Weights = None) -> float:
        """Return in how many rows of logits the true class, y (n,), has the highest score.

        With ``weights`` (n,) it is the sum of those of these rows.
        """
        return self.weigh(self.find_correct(logits, y), weights)

    @staticmethod
    def weigh(is_correct: NDArray[np.bool_], weights: Weights = None) -> float:
        """Return how many rows (n,) are correct, or the sum of their weights."""
        if weights is None:
            return int(np.count_nonzero(is_correct))
        return float(np.add.reduce(weights, where=is_correct))

    def find_correct(self, logits: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Return whether the true class of each row has the highest score, in an array that is used again."""
        predicted, is_correct = self._predicted.like(logits)
        self._classify(logits, predicted)
        np.equal(predicted, y, out=is_correct)
        return is_correct

    def _classify(self, logits: NDArray[Any], out: NDArray[np.intp]) -> None:
        if self.binary:
            np.greater(logits[..., 0], 0, out=out, casting="unsafe")
        else:
            logits.argmax(axis=-1, out=out)


def average_logits(outputs: Outputs, binary: bool, logits: NDArray[Any]) -> NDArray[Any]:
    """Return what `Loss.average` does, for a loss with these ``outputs`` that is ``binary`` or not."""
    if outputs != "probabilities":
        mean: NDArray[Any] = np.mean(logits, axis=0)
        return mean
    if not binary:
        return _log_mean_softmax(logits)
    of_both = _log_mean_softmax(np.concatenate([np.zeros_like(logits), logits], axis=2))
    difference: NDArray[Any] = of_both[:, 1:] - of_both[:, :1]
    return difference


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    result: NDArray[Any] = exponentials
    return result


def _log_mean_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return the logarithms (n, classes) of the mean probabilities of logits (k, n, classes)."""
    logs = logits - logits.max(axis=2, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=2, keepdims=True))
    largest = logs.max(axis=0)
    result: NDArray[Any] = largest + np.log(np.exp(logs - largest).mean(axis=0))
    return result


def _pair(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.empty(shape, dtype), np.empty(shape, dtype)


def _places(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each row of logits (n, classes) starts among all of them, and room for one place in each.

    A start plus the class of the row is the place of the entry of that class.
    """
    *rows, classes = shape
    starts = np.arange(prod(rows), dtype=np.intp).reshape(rows) * classes
    return starts, np.empty_like(starts)


class _Rows:
    """Room for rows (..., classes), and for one number of ``each`` (..., 1).

    NumPy takes long for many rows of a few numbers. So few are added in the same order column by column.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.all, self.each = np.empty(shape, dtype), np.empty((*shape[:-1], 1), dtype)
        by_column = 1 < shape[-1] < _SEVERAL
        self._columns = list(self.all.reshape(-1, shape[-1]).T) if by_column else []
        self._one = self.each.reshape(-1)

    def reduce(self, ufunc: np.ufunc) -> None:
        """Let the number of each row be its maximum, or its sum."""
        if not self._columns:
            ufunc.reduce(self.all, axis=-1, keepdims=True, out=self.each)
            return
        first, second, *others = self._columns
        ufunc(first, second, out=self._one)
        for column in others:
            ufunc(self._one, column, out=self._one)


def _sum(values: NDArray[Any]) -> Any:
    """Return the sum of all numbers (n, outputs), or (k,) those of each network in (k, n, outputs)."""
    if values.ndim == 2:
        return float(np.add.reduce(values, axis=None))
    return np.add.reduce(values.reshape(len(values), -1), axis=1).astype(np.float64)


def _sum_of_products(a: NDArray[Any], b: NDArray[Any]) -> Any:
    """Return the sum of all products of two arrays (n, outputs), or (k,) those of each network."""
    if a.ndim == 2:
        return float(np.vdot(a, b))
    return np.vecdot(a.reshape(len(a), -1), b.reshape(len(b), -1)).astype(np.float64)


def cross_entropy(label_smoothing: float, class_weights: Sequence[float] | None) -> Loss:
    """Softmax classifier: L = -sum t log p, p = softmax(logits); dL/dlogits = p - t.

    The target t is onehot(y). Label smoothing e spreads the share e of it over all C classes: t = (1 - e)
    onehot(y) + e / C (Szegedy et al., 2016). Class weights multiply each entry of t, and the mean over the
    batch is weighted by the weights of its labels, times those of its examples, as in PyTorch; then
    dL/dlogits = sum(t) p - t. The largest logit is subtracted first, so that exp cannot overflow; this does
    not change p.
    """
    e = label_smoothing

    def make(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]:
        *n, classes = shape
        weights = np.ones(classes) if class_weights is None else np.array(class_weights)
        others = e / classes * weights  # the target of any class, but of its own entry
        own = (1 - e + e / classes) * weights
        sums = (1 - e) * weights + others.sum()
        tables = (array.astype(dtype) for array in (others, own, sums, weights))
        rows = (np.empty(n, dtype) for _ in range(2))
        t = np.empty(shape, dtype)
        return (
            *tables,
            _Rows(shape, dtype),
            t,
            t.reshape(-1),
            *rows,
            np.empty((*n, 1), dtype),
            *_places(shape),
        )

    scratch = Scratch(make)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        others, own, sums, class_weight, rows, t, each_t, own_t, weight, sum_t, starts, places = scratch.like(
            logits
        )
        p, total = rows.all, float(y.shape[-1])
        np.copyto(p, logits)
        rows.reduce(np.maximum)
        p -= rows.each
        np.add(starts, y, out=places)
        if class_weights is None:
            t.fill(others[0])
            each_t[places] = own[0]
        else:
            t[...] = others
            own.take(y, out=own_t, mode="clip")  # "clip" lets take write to out directly
            each_t[places] = own_t
            sums.take(y, out=sum_t[..., 0], mode="clip")
            class_weight.take(y, out=weight, mode="clip")
            if weights is not None:
                weight *= weights
            total = float(weight.sum())
            if total == 0:  # no example counts: that teaches nothing, and has no mean
                if dlogits is None:
                    return float("nan")
                dlogits[...] = 0
                return 0.0
        if weights is not None:
            if class_weights is None:
                sum_t[...] = 1
            t *= weights[..., None]
            sum_t *= weights[..., None]
        is_weighted = weights is not None or class_weights is not None
        right = _sum_of_products(t, p)
        np.exp(p, out=p)
        rows.reduce(np.add)
        if dlogits is not None:
            np.divide(p, rows.each, out=dlogits)
            if is_weighted:
                dlogits *= sum_t
            dlogits -= t
            dlogits *= 1 / total
        np.log(rows.each, out=rows.each)
        if is_weighted:
            rows.each *= sum_t
        return (_sum(rows.each) - right) / total

    return Loss(evaluate, outputs="probabilities", class_weights=class_weights)


def hinge(delta: float, squared: bool) -> Loss:
    """Multiclass SVM (Weston & Watkins, 1999): L = sum over j != y of m[j] = max(0, s[j] - s[y] + delta).

    dL/ds[j] = 1 where m[j] > 0, and dL/ds[y] = -(number of such j). Squared (an L2-SVM):
    L = sum of m[j]**2, dL/ds[j] = 2 m[j], dL/ds[y] = -(their sum).
    """

    def make(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
        rows = shape[:-1]
        return np.empty(shape, dtype), np.empty(rows, dtype), np.empty(rows, dtype), *_places(shape)

    scratch = Scratch(make)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        margins, right, sums, starts, places = scratch.like(logits)
        n = y.shape[-1]
        np.add(starts, y, out=places)
        logits.take(places, out=right, mode="clip")  # s[y]
        np.subtract(logits, right[..., None], out=margins)
        margins += delta
        np.maximum(margins, 0, out=margins)
        margins.take(places, out=right, mode="clip")
        right -= delta  # the true class, whose m was delta, does not count
        margins.put(places, right, mode="clip")
        if dlogits is not None:
            if squared:
                np.multiply(margins, 2, out=dlogits)
            else:
                np.greater(margins, 0, out=dlogits, casting="unsafe")
            np.add.reduce(dlogits, axis=-1, out=sums)
            dlogits.take(places, out=right, mode="clip")
            right -= sums
            dlogits.put(places, right, mode="clip")
            dlogits *= 1 / n
            _weigh(dlogits, weights)
        if squared:
            np.square(margins, out=margins)
        _weigh(margins, weights)
        return _sum(margins) / n

    return Loss(evaluate, outputs="scores")


def binary_cross_entropy() -> Loss:
    """Logistic regression: L = log(1 + exp(-t z)), t = +1 for class 1, -1 for class 0.

    dL/dz = sigmoid(z) - y = -t sigmoid(-t z).
    """
    scratch = Scratch(_pair)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        t, margin = scratch.like(logits)
        n = y.shape[-1]
        _signs(y, t)
        np.multiply(t, logits, out=margin)
        if dlogits is not None:  # the sigmoid as a tanh, which cannot overflow
            np.multiply(margin, 0.5, out=dlogits)
            np.tanh(dlogits, out=dlogits)
            dlogits -= 1.0
            dlogits *= t
            dlogits *= 0.5 / n
            _weigh(dlogits, weights)
        np.negative(margin, out=margin)
        np.logaddexp(margin, 0, out=margin)
        _weigh(margin, weights)
        return _sum(margin) / n

    return Loss(evaluate, outputs="probabilities", binary=True)


def binary_hinge() -> Loss:
    """Two-class SVM: L = max(0, 1 - t z), t = +1 for class 1, -1 for class 0.

    dL/dz = -t inside the margin, 0 outside.
    """
    scratch = Scratch(_pair)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        t, losses = scratch.like(logits)
        n = y.shape[-1]
        _signs(y, t)
        np.multiply(t, logits, out=losses)
        np.subtract(1, losses, out=losses)
        np.maximum(losses, 0, out=losses)
        if dlogits is not None:
            np.greater(losses, 0, out=dlogits, casting="unsafe")
            dlogits *= t
            dlogits *= -1 / n
            _weigh(dlogits, weights)
        _weigh(losses, weights)
        return _sum(losses) / n

    return Loss(evaluate, outputs="scores", binary=True)


def mse() -> Loss:
    """Mean squared error: L = mean over rows and outputs of (z - y)**2; dL/dz = 2 (z - y) / (n outputs)."""
    scratch = Scratch(_pair)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        difference, _ = scratch.like(logits)
        np.subtract(logits, y, out=difference)
        size = difference.shape[-2] * difference.shape[-1]
        if dlogits is not None:
            np.multiply(difference, 2 / size, out=dlogits)
            _weigh(dlogits, weights)
        np.square(difference, out=difference)
        _weigh(difference, weights)
        return _sum(difference) / size

    return Loss(evaluate, outputs="values")


def mae() -> Loss:
    """Mean absolute error: L = mean over rows and outputs of abs(z - y).

    dL/dz = sign(z - y) / (n outputs).
    """
    scratch = Scratch(_pair)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        difference, _ = scratch.like(logits)
        np.subtract(logits, y, out=difference)
        size = difference.shape[-2] * difference.shape[-1]
        if dlogits is not None:
            np.sign(difference, out=dlogits)
            dlogits *= 1 / size
            _weigh(dlogits, weights)
        np.abs(difference, out=difference)
        _weigh(difference, weights)
        return _sum(difference) / size

    return Loss(evaluate, outputs="values")


def huber(delta: float) -> Loss:
    """Huber's loss (1964) of d = z - y: d**2 / 2 up to delta, then delta (abs(d) - delta / 2).

    The mean over rows and outputs. dL/dz = clip(d, -delta, delta) / (n outputs), so the influence of outliers
    is bounded.
    """
    scratch = Scratch(_pair)

    def evaluate(
        logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None, weights: Weights = None
    ) -> Any:
        difference, clipped = scratch.like(logits)
        np.subtract(logits, y, out=difference)
        size = difference.shape[-2] * difference.shape[-1]
        np.clip(difference, -delta, delta, out=clipped)
        if dlogits is not None:
            np.multiply(clipped, 1 / size, out=dlogits)
            _weigh(dlogits, weights)
        # The loss is d c - c**2 / 2, where c is d clipped to delta.
        difference *= clipped
        np.square(clipped, out=clipped)
        clipped *= 0.5
        difference -= clipped
        _weigh(difference, weights)
        return _sum(difference) / size

    return Loss(evaluate, outputs="values")


def _weigh(rows: NDArray[Any], weights: Weights) -> None:
    """Multiply each of the rows (n, outputs) by its weight, if there are any."""
    if weights is not None:
        rows *= weights[..., None]


def _signs(y: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the classes y (n,), 0 and 1, to ``out`` (n, 1) as -1 and +1."""
    np.multiply(y[..., None], 2, out=out, casting="unsafe")
    out -= 1


LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": cross_entropy,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_hinge": binary_hinge,
    "mse": mse,
    "mae": mae,
    "huber": huber,
}
