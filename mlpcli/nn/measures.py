"""Measures: what the outputs of a network are judged by, beside the loss that it was trained with.

Each entry of ``MEASURES`` computes one number from a `Classified` or a `Regressed`. Where a measure has no
value, as the area under a curve of rows that are all of one class, it raises `UndefinedError` with the
reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.losses import Loss

__all__ = [
    "CALIBRATION_BINS",
    "MEASURES",
    "Calibration",
    "Classified",
    "Counts",
    "Measure",
    "Regressed",
    "UndefinedError",
    "best_threshold",
    "count_above",
    "measure_all",
    "measure_calibration",
    "measure_one",
]

CALIBRATION_BINS = 15
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

    @classmethod
    def of(cls, y: NDArray[Any], values: NDArray[Any], weights: _Floats | None = None) -> Regressed:
        """Return the rows in float64, without those of weight 0."""
        if weights is not None:
            y, values, weights = y[weights > 0], values[weights > 0], weights[weights > 0]
        return cls(y.astype(np.float64, copy=False), values.astype(np.float64, copy=False), weights)

    def target(self, i: int) -> Regressed:
        """Return the rows with a single one of their targets."""
        return Regressed(self.y[:, i : i + 1], self.values[:, i : i + 1], self.weights)


@dataclass(frozen=True)
class Measure:
    """A measure: its ``title`` in tables, the ``task`` that it is for, and how it is computed.

    ``compute`` takes a `Classified` or a `Regressed`, and raises UndefinedError. ``is_share`` says that it is
    shown as a percentage. ``needs_probabilities`` says that it has no value for the scores of an SVM.
    """

    title: str
    task: Literal["classification", "regression"]
    higher_is_better: bool
    compute: Callable[[Any], float]
    is_share: bool = False
    needs_probabilities: bool = False


class Counts(NamedTuple):
    """How many rows have at least a score, for each score that occurs, from the highest to the lowest.

    ``thresholds`` (m,) are the scores, ``right`` (m,) the rows of the class among those above, ``wrong`` (m,)
    the others. With weights these are sums of weights.
    """

    thresholds: _Floats
    right: NDArray[Any]
    wrong: NDArray[Any]


def count_above(scores: _Floats, is_class: NDArray[np.bool_], weights: _Floats | None = None) -> Counts:
    """Count the rows (n,) at or above each score; rows of equal scores are counted together."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], is_class[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    if weights is not None:
        sizes = weights[order]
        return Counts(ordered[ends], np.cumsum(sizes * hits)[ends], np.cumsum(sizes * ~hits)[ends])
    right = np.cumsum(hits, dtype=np.int64)[ends]
    return Counts(ordered[ends], right, ends + 1 - right)


def _mean(values: NDArray[Any], weights: _Floats | None) -> float:
    """Return the mean of the values (n,) of all rows."""
    return float(np.mean(values) if weights is None else np.average(values, weights=weights))


def _accuracy(rows: Classified) -> float:
    """Return the share of rows that were classified correctly."""
    return float(rows.correct.sum() / rows.supports.sum())


def _balanced_accuracy(rows: Classified) -> float:
    """Return the mean of the recalls of the classes that occur (Brodersen et al., 2010)."""
    occurring = rows.occurring
    return float(np.mean(rows.correct[occurring] / rows.supports[occurring]))


def _log_loss(rows: Classified) -> float:
    """Return the mean of -log p of the true class, in nats."""
    if not rows.has_probabilities:
        raise UndefinedError("the network gives scores, not probabilities")
    largest = rows.logits.max(axis=1)
    sums = np.log(np.exp(rows.logits - largest[:, None]).sum(axis=1))
    return _mean(sums + largest - rows.logits[np.arange(len(rows.y)), rows.y], rows.weights)


def _roc_auc(rows: Classified) -> float:
    """Return the area under the ROC curve: how often a row of the class ranks above a row of another.

    Equal ranks count half (Hanley & McNeil, 1982). Of more than two classes: the plain mean over each class
    against the rest.
    """
    areas = []
    for ranking, is_class in rows.one_against_rest():
        _, right, wrong = count_above(ranking, is_class, rows.weights)
        widths, before = np.diff(wrong, prepend=0), np.append(0, right[:-1])
        areas.append(float(widths @ (right + before)) / (2 * right[-1] * wrong[-1]))
    return float(np.mean(areas))


def _pr_auc(rows: Classified) -> float:
    """Return the average precision: the sum of precision times the gain of recall, over all thresholds.

    Of more than two classes: the plain mean over each class against the rest.
    """
    areas = []
    for ranking, is_class in rows.one_against_rest():
        _, right, wrong = count_above(ranking, is_class, rows.weights)
        areas.append(float(np.diff(right, prepend=0) @ (right / (right + wrong))) / right[-1])
    return float(np.mean(areas))


def _f1(rows: Classified) -> float:
    """Return the F1 of the second of two classes; of more, the plain mean over the classes that occur.

    F1 is 2 correct / (predicted + support), the harmonic mean of precision and recall.
    """
    classes = np.array([1]) if rows.n_classes == 2 else rows.occurring
    supports, predicted = rows.supports[classes], rows.predictions[classes]
    if not supports.all():
        raise UndefinedError("the second class does not occur")
    return float(np.mean(2 * rows.correct[classes] / (supports + predicted)))


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


def _ece(rows: Classified) -> float:
    """Return the expected calibration error: the mean distance of accuracy and confidence, over the bins."""
    counts, confidence, accuracy = measure_calibration(rows)
    filled = counts > 0
    distances = np.abs(accuracy - confidence)[filled]
    return float(counts[filled] @ distances / counts.sum())


def _brier(rows: Classified) -> float:
    """Return the mean squared distance of the probabilities from 1 for the true class and 0 for the others.

    Brier, 1950. Of two classes it is halved, as is usual: the squared error of a single probability.
    """
    errors = rows.probabilities.copy()
    errors[np.arange(len(rows.y)), rows.y] -= 1
    total = _mean(np.sum(errors**2, axis=1), rows.weights)
    return total / 2 if rows.n_classes == 2 else total


def best_threshold(rows: Classified) -> tuple[float, float]:
    """Return the threshold for the second of two classes that gives it the highest F1, and that F1.

    A row is of the second class where its probability is at least the threshold. Of all numbers between two
    neighbouring rows it is the one with the fewest digits. Raises UndefinedError if there are no
    probabilities or the second class does not occur.
    """
    probabilities = rows.probabilities[:, 1]
    if not rows.supports[1]:
        raise UndefinedError("the second class does not occur")
    thresholds, right, wrong = count_above(probabilities, rows.y == 1, rows.weights)
    f1 = 2 * right / (right + wrong + right[-1])
    best = int(np.argmax(f1))
    above = float(thresholds[best])
    below = float(thresholds[best + 1]) if best + 1 < len(thresholds) else 0.0
    return _short_number(below, above), float(f1[best])


def _short_number(below: float, above: float) -> float:
    """Return the number with the fewest decimals in the middle half of the gap between two others.

    So it parts them, too, where they were computed in float32.
    """
    middle, quarter = (below + above) / 2, (above - below) / 4
    candidates = (round(middle, digits) for digits in range(17))
    return next((value for value in candidates if abs(value - middle) <= quarter), middle)


def _for_each_target(
    formula: Callable[[_Floats, _Floats, _Floats | None], float],
) -> Callable[[Regressed], float]:
    """Return the measure that is the mean of a formula of y, values and weights (n,) over the targets.

    Targets for which it is undefined are left out, unless it is for all.
    """

    def compute(rows: Regressed) -> float:
        found: list[float] = []
        reason = UndefinedError("there are no targets")
        for y, values in zip(rows.y.T, rows.values.T, strict=True):
            try:
                found.append(formula(y, values, rows.weights))
            except UndefinedError as error:
                reason = error
        if not found:
            raise reason
        return float(np.mean(found))

    return compute


def _mse(y: _Floats, values: _Floats, weights: _Floats | None) -> float:
    return _mean((values - y) ** 2, weights)


def _rmse(y: _Floats, values: _Floats, weights: _Floats | None) -> float:
    return float(np.sqrt(_mse(y, values, weights)))


def _mae(y: _Floats, values: _Floats, weights: _Floats | None) -> float:
    return _mean(np.abs(values - y), weights)


def _mape(y: _Floats, values: _Floats, weights: _Floats | None) -> float:
    """Return the mean of abs(value - y) / abs(y)."""
    zeros = np.count_nonzero(y == 0)
    if zeros:
        raise UndefinedError(f"{zeros:,} of {len(y):,} true values are 0")
    return _mean(np.abs((values - y) / y), weights)


def _r2(y: _Floats, values: _Floats, weights: _Floats | None) -> float:
    """Return the share of the variance explained, 1 - sum (y - value)**2 / sum (y - mean)**2."""
    sizes = np.ones(len(y)) if weights is None else weights
    spread = float(np.sum(sizes * (y - _mean(y, weights)) ** 2))
    if not spread or y.min() == y.max():  # the mean of equal numbers is rounded
        raise UndefinedError("the true values do not vary")
    return 1 - float(np.sum(sizes * (values - y) ** 2)) / spread


MEASURES: dict[str, Measure] = {
    "accuracy": Measure("accuracy", "classification", True, _accuracy, is_share=True),
    "balanced_accuracy": Measure(
        "balanced accuracy", "classification", True, _balanced_accuracy, is_share=True
    ),
    "log_loss": Measure("log loss", "classification", False, _log_loss, needs_probabilities=True),
    "roc_auc": Measure("ROC AUC", "classification", True, _roc_auc),
    "pr_auc": Measure("PR AUC", "classification", True, _pr_auc),
    "f1": Measure("F1", "classification", True, _f1, is_share=True),
    "ece": Measure("calibration error", "classification", False, _ece, True, True),
    "brier": Measure("Brier score", "classification", False, _brier, needs_probabilities=True),
    "mse": Measure("mean squared error", "regression", False, _for_each_target(_mse)),
    "rmse": Measure("root mean squared error", "regression", False, _for_each_target(_rmse)),
    "mae": Measure("mean absolute error", "regression", False, _for_each_target(_mae)),
    "mape": Measure("mean relative error", "regression", False, _for_each_target(_mape), is_share=True),
    "r2": Measure("R2", "regression", True, _for_each_target(_r2)),
}


def measure_all(rows: Classified | Regressed) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return every measure for these rows by name, None where it is undefined, and the reasons for these."""
    task = "classification" if isinstance(rows, Classified) else "regression"
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for name, measure in MEASURES.items():
        if measure.task == task:
            try:
                values[name] = _compute(measure, rows)
            except UndefinedError as error:
                values[name], undefined[name] = None, str(error)
    return values, undefined


def measure_one(name: str, rows: Classified | Regressed) -> float | None:
    """Return a measure by its name, None where it is undefined."""
    try:
        return _compute(MEASURES[name], rows)
    except UndefinedError:
        return None


def _compute(measure: Measure, rows: Classified | Regressed) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # the square of a float64 may overflow
        value = measure.compute(rows)
    if not np.isfinite(value):
        raise UndefinedError("it is past what 64 bits can hold")
    return value
