"""Measures: what the outputs of a network are judged by, beside the loss that it was trained with.

Each entry of ``MEASURES`` computes one number from a `Classified` or a `Regressed`, or from what
`mlpcli.nn.tally` has added up of many of them. Where a measure has no value, as the area under a curve of
rows that are all of one class, it raises `UndefinedError` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.outcomes import Classified, Errors, Regressed, Task, UndefinedError
from mlpcli.nn.tally import ClassTally, ValueTally

__all__ = [
    "MEASURES",
    "Counts",
    "Measure",
    "best_threshold",
    "count_above",
    "measure_all",
    "measure_one",
]

_Floats: TypeAlias = NDArray[np.float64]
_Classified: TypeAlias = Classified | ClassTally
_Regressed: TypeAlias = Regressed | ValueTally


@dataclass(frozen=True)
class Measure:
    """A measure: its ``title`` in tables, the ``task`` that it is for, and how it is computed.

    ``compute`` takes a `Classified` or a `Regressed`, and raises UndefinedError. ``is_share`` says that it is
    shown as a percentage. ``needs_probabilities`` says that it has no value for the scores of an SVM.
    """

    title: str
    task: Task
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


def _accuracy(rows: _Classified) -> float:
    """Return the share of rows that were classified correctly."""
    return float(rows.correct.sum() / rows.supports.sum())


def _balanced_accuracy(rows: _Classified) -> float:
    """Return the mean of the recalls of the classes that occur (Brodersen et al., 2010)."""
    occurring = rows.occurring
    return float(np.mean(rows.correct[occurring] / rows.supports[occurring]))


def _log_loss(rows: _Classified) -> float:
    """Return the mean of -log p of the true class, in nats."""
    return rows.log_loss


def _roc_auc(rows: _Classified) -> float:
    """Return the area under the ROC curve: how often a row of the class ranks above a row of another.

    Equal ranks count half (Hanley & McNeil, 1982). Of more than two classes: the plain mean over each class
    against the rest.
    """
    areas = []
    ranked = rows.ranked
    for ranking, is_class in ranked.one_against_rest():
        _, right, wrong = count_above(ranking, is_class, ranked.weights)
        widths, before = np.diff(wrong, prepend=0), np.append(0, right[:-1])
        areas.append(float(widths @ (right + before)) / (2 * right[-1] * wrong[-1]))
    return float(np.mean(areas))


def _pr_auc(rows: _Classified) -> float:
    """Return the average precision: the sum of precision times the gain of recall, over all thresholds.

    Of more than two classes: the plain mean over each class against the rest.
    """
    areas = []
    ranked = rows.ranked
    for ranking, is_class in ranked.one_against_rest():
        _, right, wrong = count_above(ranking, is_class, ranked.weights)
        areas.append(float(np.diff(right, prepend=0) @ (right / (right + wrong))) / right[-1])
    return float(np.mean(areas))


def _f1(rows: _Classified) -> float:
    """Return the F1 of the second of two classes; of more, the plain mean over the classes that occur.

    F1 is 2 correct / (predicted + support), the harmonic mean of precision and recall.
    """
    classes = np.array([1]) if rows.n_classes == 2 else rows.occurring
    supports, predicted = rows.supports[classes], rows.predictions[classes]
    if not supports.all():
        raise UndefinedError("the second class does not occur")
    return float(np.mean(2 * rows.correct[classes] / (supports + predicted)))


def _ece(rows: _Classified) -> float:
    """Return the expected calibration error: the mean distance of accuracy and confidence, over the bins."""
    counts, confidence, accuracy = rows.calibration
    filled = counts > 0
    distances = np.abs(accuracy - confidence)[filled]
    return float(counts[filled] @ distances / counts.sum())


def _brier(rows: _Classified) -> float:
    """Return the mean squared distance of the probabilities from 1 for the true class and 0 for the others.

    Brier, 1950. Of two classes it is halved, as is usual: the squared error of a single probability.
    """
    return rows.squared_error / 2 if rows.n_classes == 2 else rows.squared_error


def best_threshold(rows: _Classified) -> tuple[float, float]:
    """Return the threshold for the second of two classes that gives it the highest F1, and that F1.

    A row is of the second class where its probability is at least the threshold. Of all numbers between two
    neighbouring rows it is the one with the fewest digits. Raises UndefinedError if there are no
    probabilities or the second class does not occur.
    """
    ranked = rows.ranked
    probabilities = ranked.probabilities[:, 1]
    if not ranked.supports[1]:
        raise UndefinedError("the second class does not occur")
    thresholds, right, wrong = count_above(probabilities, ranked.y == 1, ranked.weights)
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


def _for_each_target(formula: Callable[[Errors], float]) -> Callable[[_Regressed], float]:
    """Return the measure that is the mean over the targets of a formula of their errors.

    Targets for which it is undefined are left out, unless it is for all.
    """

    def compute(rows: _Regressed) -> float:
        found: list[float] = []
        reason = UndefinedError("there are no targets")
        for errors in rows.errors:
            try:
                found.append(formula(errors))
            except UndefinedError as error:
                reason = error
        if not found:
            raise reason
        return float(np.mean(found))

    return compute


def _mse(errors: Errors) -> float:
    return errors.squared / errors.weight


def _rmse(errors: Errors) -> float:
    return float(np.sqrt(_mse(errors)))


def _mae(errors: Errors) -> float:
    return errors.absolute / errors.weight


def _mape(errors: Errors) -> float:
    """Return the mean of abs(value - y) / abs(y)."""
    if errors.zeros:
        raise UndefinedError(f"{errors.zeros:,} of {errors.n:,} true values are 0")
    return errors.relative / errors.weight


def _r2(errors: Errors) -> float:
    """Return the share of the variance explained, 1 - sum (y - value)**2 / sum (y - mean)**2."""
    if not errors.spread or errors.low == errors.high:  # the mean of equal numbers is rounded
        raise UndefinedError("the true values do not vary")
    return 1 - errors.squared / errors.spread


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


def measure_all(rows: _Classified | _Regressed) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return every measure for these rows by name, None where it is undefined, and the reasons for these."""
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for name, measure in MEASURES.items():
        if measure.task == rows.task:
            try:
                values[name] = _compute(measure, rows)
            except UndefinedError as error:
                values[name], undefined[name] = None, str(error)
    return values, undefined


def measure_one(name: str, rows: _Classified | _Regressed) -> float | None:
    """Return a measure by its name, None where it is undefined."""
    try:
        return _compute(MEASURES[name], rows)
    except UndefinedError:
        return None


def _compute(measure: Measure, rows: _Classified | _Regressed) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # the square of a float64 may overflow
        value = measure.compute(rows)
    if not np.isfinite(value):
        raise UndefinedError("it is past what 64 bits can hold")
    return value
