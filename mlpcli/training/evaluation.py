"""What a network scores on a split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Batches
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network

__all__ = ["compute_logits", "full_report", "quick_scores"]

_ROWS = 500  # at a time: large enough for the BLAS, small enough for the cache


def compute_logits(network: Network, batches: Batches) -> NDArray[Any]:
    """Return the logits (n, outputs) of all examples, in order."""
    logits = np.empty((len(batches), network.widths[-1]), network.dtype)
    start = 0
    with np.errstate(over="ignore", invalid="ignore"):  # it shows in the logits
        for X, y in batches.in_order(_ROWS):
            logits[start : start + len(y)] = network.forward(X)
            start += len(y)
    return logits


def quick_scores(network: Network, loss: Loss, batches: Batches) -> dict[str, float]:
    """Return the mean ``loss`` and, for classes, the ``accuracy``."""
    logits = compute_logits(network, batches)
    y = batches.split.y[batches.split.rows]
    scores = {"loss": loss.evaluate(logits, y, None)}
    if loss.outputs != "values":
        scores["accuracy"] = float(np.mean(loss.predict(logits) == y))
    return scores


def full_report(
    loss: Loss, logits: NDArray[Any], y: NDArray[Any], classes: tuple[str, ...] | None
) -> dict[str, Any]:
    """Return all scores of ``logits`` (n, outputs) against ``y``, ready for JSON.

    With classes: loss, accuracy, confusion (rows are the true class, columns the predicted one), and per
    class precision, recall, F1 and support. Precision is null where the class was never predicted, recall
    where it never occurs. For a regression: loss, mse, mae and r2, the share of the variance explained
    (null where the values do not vary).
    """
    logits = logits.astype(np.float64)  # the squares of what float32 holds overflow there
    report: dict[str, Any] = {"n": len(y), "loss": loss.evaluate(logits, y, None)}
    if classes is None:
        errors = logits - y
        squares = float(np.sum(errors**2))
        spread = float(np.sum((y - y.mean(axis=0, dtype=np.float64)) ** 2))
        report["mse"] = squares / errors.size
        report["mae"] = float(np.mean(np.abs(errors)))
        report["r2"] = 1 - squares / spread if spread else None
        return report
    predicted = loss.predict(logits)
    k = len(classes)
    confusion = np.bincount(y * k + predicted, minlength=k * k).reshape(k, k)
    report["accuracy"] = float(np.trace(confusion) / len(y))
    report["classes"] = [
        _class_report(name, int(confusion[i, i]), int(confusion[:, i].sum()), int(confusion[i].sum()))
        for i, name in enumerate(classes)
    ]
    report["confusion"] = confusion.tolist()
    return report


def _class_report(name: str, hits: int, predicted: int, support: int) -> dict[str, Any]:
    return {
        "class": name,
        "precision": hits / predicted if predicted else None,
        "recall": hits / support if support else None,
        "f1": 2 * hits / (predicted + support) if predicted + support else None,
        "support": support,
    }
