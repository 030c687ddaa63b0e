"""Computes logits and scores of a network on a split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Batches, Split, scaled_weights
from mlpcli.data.large.batches import LargeBatches
from mlpcli.data.target_transform import TargetTransform
from mlpcli.errors import ConfigError
from mlpcli.nn.losses import Loss
from mlpcli.nn.measures import MEASURES, best_threshold, measure_all, measure_one
from mlpcli.nn.network import Network
from mlpcli.nn.outcomes import Classified, Regressed, UndefinedError
from mlpcli.nn.tally import ClassTally, ValueTally
from mlpcli.text import number, percent
from mlpcli.training.memory import EVALUATION_ROWS, MOST_CONFUSED, scored_rows
from mlpcli.training.shards import Processes

__all__ = [
    "Answers",
    "compute_logits",
    "finite_or_reason",
    "full_report",
    "mean_loss",
    "quick_scores",
    "report_of",
    "require_counted",
    "require_defined",
    "score_text",
    "scored_pieces",
    "stacked",
]

_MISTAKES = 10


def compute_logits(network: Network, batches: Batches, processes: Processes | None = None) -> NDArray[Any]:
    """Return the logits (n, outputs) of all examples, in order.

    They are those of all members of the network, or for examples that one member has left out, of this one.
    If there are several ``processes``, each computes those of some examples.
    """
    logits = np.empty((len(batches), network.widths[-1]), network.dtype)
    rows = max(1, EVALUATION_ROWS // network.members)
    start = 0
    with np.errstate(over="ignore", invalid="ignore"):  # overflow shows in the logits
        if batches.left_out is not None:
            for places, X in batches.of_left_out(rows):
                logits[places] = network.forward(X)
            return logits
        size, rank = (1, 0) if processes is None else (processes.size, processes.rank)
        blocks = -(-len(batches) // rows)  # which are the same for any number of processes
        ends = [min(len(batches), rows * ((i + 1) * blocks // size)) for i in range(size)]
        start = ends[rank - 1] if rank else 0
        for X, y, *_ in batches.in_order(rows, slice(start, ends[rank])):
            logits[start : start + len(y)] = network.predict(X)
            start += len(y)
        if processes is not None:
            processes.join_rows(logits, ends)
    return logits


class Answers(NamedTuple):
    """What is known of the rows of a split beside their features: y, and what else `Split` says of them."""

    y: NDArray[Any]
    values: NDArray[Any] | None
    weights: NDArray[np.float64] | None

    @classmethod
    def of(cls, split: Split) -> Answers:
        """Return what is known of the rows of a split."""
        y, values, weights = (
            None if array is None else array[split.rows] for array in (split.y, split.values, split.weights)
        )
        assert y is not None
        return cls(y, values, weights)

    @classmethod
    def joined(cls, pieces: Sequence[Answers]) -> Answers:
        """Return what is known of the rows of all pieces."""
        if len(pieces) == 1:
            return pieces[0]
        y, values, weights = (
            None if each[0] is None else np.concatenate(each) for each in zip(*pieces, strict=True)
        )
        assert y is not None
        return cls(y, values, weights)

    @property
    def own_weights(self) -> NDArray[np.float64] | None:
        """The weights (n,), with a mean of 1, as those of `Split`."""
        return None if self.weights is None else scaled_weights(self.weights)


def stacked(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the rows of all pieces; a single one is not copied."""
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def scored_pieces(split: Split, outputs: int) -> Iterable[Split]:
    """Return the split itself, or the first rows of one that does not fit into memory, piece by piece.

    These are as many as `scored_rows` says for a network with so many ``outputs``.
    """
    return [split] if split.whole is None else split.whole.chunks(scored_rows(outputs))


def _pieces(batches: Batches | LargeBatches, outputs: int) -> Iterable[Batches]:
    return [batches] if isinstance(batches, Batches) else batches.pieces(scored_rows(outputs))


def quick_scores(
    network: Network,
    loss: Loss,
    batches: Batches | LargeBatches,
    monitor: str = "loss",
    target_transform: TargetTransform | None = None,
    processes: Processes | None = None,
) -> dict[str, Any]:
    """Return the mean ``loss``, and the ``accuracy`` of a classifier or the ``r2`` of a regression.

    ``monitor`` is a measure to add to these; None where it is undefined. Errors and R2 of a regression are
    those of values as they were before the ``target_transform``. Examples that have weights count by them. Of
    a split that does not fit into memory, the first `scored_rows` are scored. Several ``processes`` share the
    work.
    """
    logits, answers = [], []
    for piece in _pieces(batches, network.widths[-1]):
        logits.append(compute_logits(network, piece, processes))
        answers.append(Answers.of(piece.split))
    return _quick_scores(loss, stacked(logits), Answers.joined(answers), monitor, target_transform)


def _quick_scores(
    loss: Loss,
    logits: NDArray[Any],
    known: Answers,
    monitor: str,
    target_transform: TargetTransform | None,
) -> dict[str, Any]:
    y, weights = known.y, known.own_weights
    scores: dict[str, Any] = {"loss": loss.evaluate(logits, y, None, weights)}
    if loss.outputs != "values":
        scores["accuracy"] = float(np.average(loss.classify(logits) == y, weights=weights))
        if monitor not in scores:
            scores[monitor] = measure_one(monitor, Classified.of(loss, logits, y, weights))
        return scores
    true, values = y.astype(np.float64), logits.astype(np.float64)
    if target_transform is not None and known.values is not None:
        true, values = known.values.astype(np.float64), target_transform.undo(values)
    rows = Regressed.of(true, values, weights)
    return scores | {name: measure_one(name, rows) for name in ("r2", monitor) if name not in scores}


def require_defined(monitor: str, loss: Loss, split: Split, where: str) -> None:
    """Raise ConfigError if a split has such targets that ``monitor`` is undefined for them."""
    if monitor not in MEASURES:
        return
    y = split.y[split.rows]
    if split.weights is not None:
        y = y[split.weights[split.rows] > 0]
    try:
        if loss.outputs == "values":
            MEASURES[monitor].compute(Regressed(y.astype(np.float64), y.astype(np.float64)))
        else:
            two = np.unique(y)[-2:]  # no measure needs more than that two classes, or the second one, occur
            logits = np.zeros((len(two), 1 if loss.binary else max(2, int(two[-1]) + 1)))
            MEASURES[monitor].compute(Classified.of(loss, logits, two))
    except UndefinedError as error:
        raise ConfigError(
            f"training.monitor: {monitor} is not defined for the {where} split, as {error}; "
            "monitor another score, or change the sizes of the splits"
        ) from None


def require_counted(splits: Mapping[str, Split], class_weights: Sequence[float] | None) -> None:
    """Raise ConfigError if all examples of a split are of classes with a weight of 0."""
    if class_weights is None:
        return
    of_classes = np.asarray(class_weights)
    for name, split in splits.items():
        counted = of_classes[split.y[split.rows]] > 0
        if split.weights is not None:
            counted &= split.weights[split.rows] > 0
        if not counted.any():
            raise ConfigError(
                f"loss.class_weights: all {len(split):,} examples of the {name} split are of classes with "
                "the weight 0, so that none counts; change the weights, or the sizes of the splits"
            )


def mean_loss(
    loss: Loss, logits: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> tuple[float | None, dict[str, str]]:
    """Return the mean loss of ``logits`` (n, outputs), None where it is undefined, and then the reason."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = loss.evaluate(logits, y, None, weights)
    return finite_or_reason(value, loss.outputs == "probabilities")


def finite_or_reason(value: float, has_probabilities: bool) -> tuple[float | None, dict[str, str]]:
    """Return a mean loss, None where it is undefined, and then the reason."""
    if math.isfinite(value):
        return value, {}
    of_classes = has_probabilities and math.isnan(value)
    reason = "all rows are of classes with the weight 0" if of_classes else "it is past what 64 bits can hold"
    return None, {"loss": reason}


def full_report(
    loss: Loss,
    logits: NDArray[Any],
    y: NDArray[Any],
    classes: tuple[str, ...] | None,
    target_transform: TargetTransform | None = None,
    weights: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Return all scores of ``logits`` (n, outputs) against ``y``, ready for JSON.

    ``n``, the ``loss``, each of the `MEASURES` of the task, and in ``undefined`` the reasons why some of
    these are null.

    For a classifier also: ``confusion`` (rows are true classes, columns predicted ones; null for more than
    `MOST_CONFUSED` classes), the ten most frequent ``mistakes``, and for each of the ``classes`` precision,
    recall, F1 and support. Precision is null if the class was never predicted, recall
    if it never occurs. ``baseline`` is the accuracy of always predicting the most frequent class, ``macro``
    the plain mean over the classes that occur. Of two classes: ``threshold``, the one of the probability of
    the second class that gives it the highest F1, and that F1; null where it is undefined.

    Where the examples have ``weights`` (n,), with a mean of 1, counts are sums of them, and the report has
    ``weighted``.

    For a regression the loss is that of targets as they were learned, all else that of values in their own
    units. Where there are several targets, measures are means over them, and ``targets`` holds those of each.
    """
    logits = logits.astype(np.float64)  # squares of large float32 numbers would overflow
    if classes is None:
        scaled = y if target_transform is None else target_transform.apply(y)
        values = logits if target_transform is None else target_transform.undo(logits)
        value, reason = mean_loss(loss, logits, scaled, weights)
        return report_of(Regressed.of(y, values, weights), len(y), value, reason, None, weights is not None)
    value, reason = mean_loss(loss, logits, y, weights)
    rows = Classified.of(loss, logits, y, weights)
    return report_of(rows, len(y), value, reason, classes, weights is not None)


def report_of(
    rows: Classified | ClassTally | Regressed | ValueTally,
    n: int,
    loss: float | None,
    reason: dict[str, str],
    classes: tuple[str, ...] | None,
    is_weighted: bool,
) -> dict[str, Any]:
    """Return the report of `full_report` on ``n`` rows, or on what was added up of them.

    ``loss`` is None for a ``reason``, as `mean_loss` returns them.
    """
    weighted = {"weighted": True} if is_weighted else {}
    if isinstance(rows, Regressed | ValueTally):
        found = _report_values(rows)
        found["undefined"] |= reason
        return {"n": n, "loss": loss, **found, **weighted}
    assert classes is not None
    measures, undefined = measure_all(rows)
    report: dict[str, Any] = {"n": n, "loss": loss, **weighted, **measures}
    report["undefined"] = undefined | reason
    correct, predicted, support = rows.correct, rows.predictions, rows.supports
    report["baseline"] = float(np.max(support) / np.sum(support))
    report["classes"] = [
        _class_report(name, correct[i].item(), predicted[i].item(), support[i].item())
        for i, name in enumerate(classes)
    ]
    report["macro"] = {key: _mean(report["classes"], key) for key in ("precision", "recall", "f1")}
    report["mistakes"] = [
        {"class": classes[i], "predicted": classes[j], "count": n} for i, j, n in rows.mistakes(_MISTAKES)
    ]
    report["confusion"] = rows.confusion.tolist() if len(classes) <= MOST_CONFUSED else None
    if len(classes) == 2:
        report["threshold"] = _threshold(rows, classes[1])
    return report


def _report_values(rows: Regressed | ValueTally) -> dict[str, Any]:
    """Return the measures of a regression, and those of each target where there are several."""
    measures, undefined = measure_all(rows)
    report: dict[str, Any] = {**measures, "undefined": undefined}
    if rows.targets > 1:
        report["targets"] = [measure_all(rows.target(i))[0] for i in range(rows.targets)]
    return report


def _threshold(rows: Classified | ClassTally, name: str) -> dict[str, Any] | None:
    """Return the threshold for the second of two classes, whose name is given, that is best for its F1."""
    try:
        value, f1 = best_threshold(rows)
    except UndefinedError:
        return None
    return {"class": name, "value": value, "f1": f1}


def score_text(name: str, value: float | None) -> str:
    """Return the value of a score as people read it: accuracies and other shares in percent."""
    if name == "r2" and value is not None:
        value = round(value, 4) + 0.0  # that of the mean is 0, but for the last bits
    return percent(value) if name in MEASURES and MEASURES[name].is_share else number(value)


def _mean(classes: list[dict[str, Any]], key: str) -> float | None:
    """Return the mean over the classes that occur; the score of a class that was never predicted is 0."""
    values = [row[key] or 0.0 for row in classes if row["support"]]
    return sum(values) / len(values) if values else None


def _class_report(name: str, correct: float, predicted: float, support: float) -> dict[str, Any]:
    return {
        "class": name,
        "precision": correct / predicted if predicted else None,
        "recall": correct / support if support else None,
        "f1": 2 * correct / (predicted + support) if predicted + support else None,
        "support": support,
    }
