"""What a network has made of rows whose targets are known: what measures are computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.losses import Loss

__all__ = [
    "CALIBRATION_BINS",
    "Calibration",
    "Classified",
    "Errors",
    "Regressed",
    "Task",
    "UndefinedError",
    "measure_calibration",
]

CALIBRATION_BINS = 15
Task: TypeAlias = Literal["classification", "regression"]
_Floats: TypeAlias = NDArray[np.float64]


class UndefinedError(ValueError):
    """A measure has no value for these rows; the text is the reason."""


@dataclass(frozen=True)
class Classified:
    """Rows that were classified: the true class ``y`` (n,) of each, the ``predicted`` one, and ``logits``.

    The logits (n, classes) are float64, one for each class also where the network has a single one for two.
    Their softmax are the class probabilities, unless ``has_probabilities`` is False, as for an SVM. Where
    there are ``weights`` (n,), all above 0, a row of weight 2 counts like two rows.
    """

    y: NDArray[Any]
    predicted: NDArray[np.intp]
    logits: _Floats
    has_probabilities: bool
    weights: _Floats | None = None
    task: ClassVar[Task] = "classification"

    @classmethod
    def of(
        cls, loss: Loss, logits: NDArray[Any], y: NDArray[Any], weights: _Floats | None = None
    ) -> Classified:
        """Return the rows with the ``logits`` (n, outputs) of a network that was trained with ``loss``.

        Those of weight 0 are left out.
        """
        if weights is not None:
            logits, y, weights = logits[weights > 0], y[weights > 0], weights[weights > 0]
        wide = logits.astype(np.float64, copy=False)
        if loss.binary:
            wide = np.hstack([np.zeros_like(wide), wide])
        return cls(y, loss.classify(logits), wide, loss.outputs == "probabilities", weights)

    @property
    def n_classes(self) -> int:
        """The number of classes, whether they occur or not."""
        return int(self.logits.shape[1])

    @cached_property
    def probabilities(self) -> _Floats:
        """The probability (n, classes) of each class; raises UndefinedError where there are none."""
        if not self.has_probabilities:
            raise UndefinedError("the network gives scores, not probabilities")
        shares: _Floats = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    @cached_property
    def confusion(self) -> NDArray[Any]:
        """The number of rows (classes, classes) of each true class, in rows, and each predicted one.

        With weights it is the sum of those of these rows.
        """
        k = self.n_classes
        return np.bincount(self.y * k + self.predicted, self.weights, k * k).reshape(k, k)

    @cached_property
    def supports(self) -> NDArray[Any]:
        """The number of rows (classes,) of each true class, or the sum of their weights."""
        return np.bincount(self.y, self.weights, self.n_classes)

    @cached_property
    def predictions(self) -> NDArray[Any]:
        """The number of rows (classes,) that each class was predicted for, or the sum of their weights."""
        return np.bincount(self.predicted, self.weights, self.n_classes)

    @cached_property
    def correct(self) -> NDArray[Any]:
        """The number of rows (classes,) of each class that were classified correctly, or their weights."""
        right = self.predicted == self.y
        weights = None if self.weights is None else self.weights[right]
        return np.bincount(self.y[right], weights, self.n_classes)

    def mistakes(self, most: int) -> list[tuple[int, int, Any]]:
        """Return the most frequent mistakes: the true class, the predicted one, and their number of rows.

        With weights it is the sum of these.
        """
        wrong = self.predicted != self.y
        pairs, which = np.unique(self.y[wrong] * self.n_classes + self.predicted[wrong], return_inverse=True)
        counts = np.bincount(which, None if self.weights is None else self.weights[wrong])
        frequent = np.argsort(-counts, kind="stable")[:most]
        return [(*divmod(int(pairs[i]), self.n_classes), counts[i].item()) for i in frequent]

    @property
    def occurring(self) -> NDArray[np.intp]:
        """The classes that occur."""
        return np.flatnonzero(self.supports)

    @property
    def ranked(self) -> Classified:
        """The rows that are ranked, which are all."""
        return self

    @property
    def calibration(self) -> Calibration:
        """How often the network is right, by how sure it is; raises UndefinedError."""
        return measure_calibration(self)

    @property
    def log_loss(self) -> float:
        """The mean of -log p of the true class, in nats; raises UndefinedError."""
        if not self.has_probabilities:
            raise UndefinedError("the network gives scores, not probabilities")
        largest = self.logits.max(axis=1)
        sums = np.log(np.exp(self.logits - largest[:, None]).sum(axis=1))
        return _mean(sums + largest - self.logits[np.arange(len(self.y)), self.y], self.weights)

    @property
    def squared_error(self) -> float:
        """The mean squared distance of the probabilities from 1 for the true class and 0 for the others."""
        errors = self.probabilities.copy()
        errors[np.arange(len(self.y)), self.y] -= 1
        return _mean(np.sum(errors**2, axis=1), self.weights)

    def some(self, rows: NDArray[np.bool_]) -> Classified:
        """Return the rows (n,) that are True."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(
            self, y=self.y[rows], predicted=self.predicted[rows], logits=self.logits[rows], weights=weights
        )

    @cached_property
    def _log_odds(self) -> _Floats:
        """The logarithm of p / (1 - p) (n, classes), which tells apart what is 1 as a probability.

        It is rounded, since equal logits in another order may differ in their last digit.
        """
        rows, largest = np.arange(len(self.y)), self.logits.argmax(axis=1)
        shifted = self.logits - self.logits[rows, largest, None]
        shares = np.exp(shifted)
        others = shares.sum(axis=1, keepdims=True) - shares
        shares[rows, largest] = 0
        others[rows, largest] = shares.sum(axis=1)  # not a small difference of large numbers
        with np.errstate(divide="ignore"):
            odds: _Floats = np.round(shifted - np.log(others), 9)
        return odds

    def ranking(self, k: int) -> _Floats:
        """Return what ranks the rows (n,) by how sure the network is of class k.

        It is the logarithm of the odds; from an SVM of more than two classes, the score.
        """
        if self.n_classes == 2:
            return self.logits[:, k] - self.logits[:, 1 - k]
        return (self._log_odds if self.has_probabilities else self.logits)[:, k]

    def one_against_rest(self) -> list[tuple[_Floats, NDArray[np.bool_]]]:
        """Return for each class to measure its `ranking` (n,) and which rows are of that class (n,).

        Of two classes that is the second; of more, each that occurs. Raises UndefinedError if fewer than two
        classes occur.
        """
        occurring = self.occurring
        if len(occurring) < 2:
            raise UndefinedError("only one class occurs")
        return [(self.ranking(k), self.y == k) for k in ([1] if self.n_classes == 2 else occurring)]


@dataclass(frozen=True)
class Regressed:
    """Rows whose ``values`` (n, targets) were predicted where ``y`` (n, targets) was right, in float64.

    Where there are ``weights`` (n,), a row of weight 2 counts like two rows.
    """

    y: _Floats
    values: _Floats
    weights: _Floats | None = None
    task: ClassVar[Task] = "regression"

    @classmethod
    def of(cls, y: NDArray[Any], values: NDArray[Any], weights: _Floats | None = None) -> Regressed:
        """Return the rows in float64, without those of weight 0."""
        if weights is not None:
            y, values, weights = y[weights > 0], values[weights > 0], weights[weights > 0]
        return cls(y.astype(np.float64, copy=False), values.astype(np.float64, copy=False), weights)

    @property
    def targets(self) -> int:
        """The number of targets."""
        return int(self.y.shape[1])

    @cached_property
    def errors(self) -> list[Errors]:
        """What there is to know of the errors of each target."""
        return [Errors.of(y, values, self.weights) for y, values in zip(self.y.T, self.values.T, strict=True)]

    def target(self, i: int) -> Regressed:
        """Return the rows with a single one of their targets."""
        return Regressed(self.y[:, i : i + 1], self.values[:, i : i + 1], self.weights)


class Errors(NamedTuple):
    """Sums over n rows of one target, of which each counts by its weight; its measures follow from them.

    ``zeros`` is the number of true values y that are 0, and ``relative`` NaN if there are some. The spread is
    the sum of (y - mean)**2; ``low`` and ``high`` are the smallest and the largest y.
    """

    n: int
    zeros: int
    weight: float
    squared: float
    absolute: float
    relative: float
    mean: float
    spread: float
    low: float
    high: float

    @classmethod
    def of(cls, y: _Floats, values: _Floats, weights: _Floats | None) -> Errors:
        """Return the sums over the ``values`` (n,) that were predicted where ``y`` (n,) was right."""
        errors = values - y
        sizes = np.abs(errors)
        zeros = int(np.count_nonzero(y == 0))
        mean = _mean(y, weights)
        return cls(
            len(y),
            zeros,
            float(len(y) if weights is None else weights.sum()),
            _sum(errors**2, weights),
            _sum(sizes, weights),
            np.nan if zeros else _sum(sizes / np.abs(y), weights),
            mean,
            _sum((y - mean) ** 2, weights),
            float(y.min()),
            float(y.max()),
        )

    def plus(self, more: Errors) -> Errors:
        """Return the sums over both; the spreads are merged as by Chan, Golub & LeVeque, 1983."""
        weight, apart = self.weight + more.weight, more.mean - self.mean
        return Errors(
            self.n + more.n,
            self.zeros + more.zeros,
            weight,
            self.squared + more.squared,
            self.absolute + more.absolute,
            self.relative + more.relative,
            self.mean + apart * more.weight / weight,
            self.spread + more.spread + apart**2 * self.weight * more.weight / weight,
            min(self.low, more.low),
            max(self.high, more.high),
        )


class Calibration(NamedTuple):
    """How often the network is right, by how sure it is: an entry (bins,) for each range of confidence.

    ``counts`` are numbers of rows, or sums of their weights. ``confidence`` and ``accuracy`` are means, and
    NaN in a bin without rows.
    """

    counts: NDArray[Any]
    confidence: _Floats
    accuracy: _Floats


def measure_calibration(rows: Classified, bins: int = CALIBRATION_BINS) -> Calibration:
    """Return the calibration over bins of equal width, of the probability of the predicted class.

    Guo et al., 2017, "On Calibration of Modern Neural Networks". Raises UndefinedError.
    """
    confidence = rows.probabilities.max(axis=1)
    places = np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)
    one = 1 if rows.weights is None else rows.weights
    counts = np.bincount(places, rows.weights, bins)
    correct = np.bincount(places, (rows.predicted == rows.y) * one, bins)
    sums = np.bincount(places, confidence * one, bins)
    with np.errstate(invalid="ignore"):
        return Calibration(counts, sums / counts, correct / counts)


def _mean(values: NDArray[Any], weights: _Floats | None) -> float:
    """Return the mean of the values (n,) of all rows."""
    return float(np.mean(values) if weights is None else np.average(values, weights=weights))


def _sum(values: _Floats, weights: _Floats | None) -> float:
    return float(np.sum(values if weights is None else values * weights))
