"""Baselines: what a network has to beat, the most frequent class or the mean, and a linear model.

Both are fitted to the training split and kept in checkpoints, so that scores of any rows can stand beside
those of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.blas import one_thread
from mlpcli.build.splits import Splits
from mlpcli.data.batches import Batches, Split
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform
from mlpcli.nn.linear import fit_linear
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.measures import measure_all, measure_one
from mlpcli.nn.outcomes import Classified, Regressed
from mlpcli.streams import stream
from mlpcli.text import count
from mlpcli.training.evaluation import Answers, scored_pieces
from mlpcli.training.memory import EVALUATION_ROWS, baseline_rows

__all__ = [
    "TITLES",
    "Baselines",
    "Fitted",
    "fit_baselines",
    "measure_baselines",
    "outcomes_of_piece",
    "report_baselines",
    "weights_of",
]

_UNFIT = "No linear model to compare with: it cannot be fitted to these features."
_SOFTMAX = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
_RAREST = 1e-6  # a share of a class, or its weight, for one that does not occur

# The names of the baselines in reports, and those that people read.
TITLES = {"most_frequent": "most frequent", "mean": "mean", "linear": "linear"}

Scores: TypeAlias = dict[str, "float | None"]


@dataclass(frozen=True)
class Baselines:
    """What was fitted to the training split.

    ``constant`` are the outputs (outputs,) for all rows: the logarithms of the shares of the classes, or the
    means of the targets in their own units, float64. ``V`` (features, outputs) and ``b`` (outputs,), float32,
    are the linear model of the network's inputs, without the bins of encoded numbers. It gives logits of
    classes or scaled values. ``note`` says why there is none, or that it was not fitted to all rows.
    """

    constant: NDArray[np.float64]
    V: NDArray[np.float32] | None = None
    b: NDArray[np.float32] | None = None
    note: str | None = None

    @staticmethod
    def shapes(
        names: Mapping[str, Any], prefix: str, features: int, outputs: int
    ) -> dict[str, tuple[int, ...]]:
        """Return the shapes of those arrays of `to_arrays` that are, after ``prefix``, among ``names``."""
        shapes: dict[str, tuple[int, ...]] = {}
        if f"{prefix}baseline_constant" in names:
            shapes["baseline_constant"] = (outputs,)
        if f"{prefix}baseline_V" in names:
            shapes |= {"baseline_V": (features, outputs), "baseline_b": (outputs,)}
        return shapes

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        arrays: dict[str, NDArray[Any]] = {"baseline_constant": self.constant}
        if self.V is not None and self.b is not None:
            arrays |= {"baseline_V": self.V, "baseline_b": self.b}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], note: str | None) -> Baselines | None:
        """Return the baselines that `to_arrays` has described; None if there are none among the arrays."""
        if "baseline_constant" not in arrays:
            return None
        return cls(arrays["baseline_constant"], arrays.get("baseline_V"), arrays.get("baseline_b"), note)

    def linear_outputs(self, split: Split, transform: Transform) -> NDArray[np.float64] | None:
        """Return the outputs (n, outputs) of the linear model, in the order of the rows."""
        if self.V is None or self.b is None:
            return None
        outputs = np.empty((len(split), len(self.b)))
        start = 0
        with np.errstate(over="ignore", invalid="ignore"):
            for X, *_ in Batches(split, transform).in_order(EVALUATION_ROWS):
                outputs[start : start + len(X)] = X[:, : len(self.V)] @ self.V
                start += len(X)
        outputs += self.b
        limit = float(np.finfo(np.float32).max)  # for rows past what 32 bits can hold
        return np.nan_to_num(outputs, copy=False, posinf=limit, neginf=-limit)


class Fitted(NamedTuple):
    """Baselines with the transforms of the training split that they were fitted to."""

    baselines: Baselines
    transform: Transform
    target_transform: TargetTransform | None


def report_baselines(each: Sequence[Fitted], split: Split) -> dict[str, Scores]:
    """Return every measure of each baseline on a split, whose targets are in their own units.

    Those of several networks are averaged like the predictions of the networks.
    """
    return {name: measure_all(rows)[0] for name, rows in _outcomes(each, split)}


def measure_baselines(names: Sequence[str], fitted: Fitted, split: Split) -> dict[str, Scores]:
    """Return some measures of each baseline on a split, whose targets are in their own units."""
    return {
        baseline: {name: measure_one(name, rows) for name in names}
        for baseline, rows in _outcomes([fitted], split)
    }


def _outcomes(each: Sequence[Fitted], split: Split) -> Iterator[tuple[str, Classified | Regressed]]:
    """Yield the name of each baseline and what it says of the rows, one after the other."""
    answers, outputs = [], []
    for piece in scored_pieces(split, len(each[0].baselines.constant)):
        answers.append(Answers.of(piece))
        outputs.append(_linear(each, piece))
    known = Answers.joined(answers)
    yield from _of_rows(each, known.y, known.own_weights, _joined(outputs))


def outcomes_of_piece(each: Sequence[Fitted], split: Split) -> Iterator[tuple[str, Classified | Regressed]]:
    """Yield the name of each baseline and what it says of rows by their weights, as they are."""
    known = Answers.of(split)
    yield from _of_rows(each, known.y, known.weights, _linear(each, split))


def _of_rows(
    each: Sequence[Fitted],
    y: NDArray[Any],
    weights: NDArray[np.float64] | None,
    linear: list[NDArray[np.float64]] | None,
) -> Iterator[tuple[str, Classified | Regressed]]:
    constants = [fitted.baselines.constant[None] for fitted in each]
    if y.ndim == 1:
        constant = np.broadcast_to(_mean_logits(constants), (len(y), constants[0].shape[1]))
        yield "most_frequent", Classified.of(_SOFTMAX, constant, y, weights)
        if linear is not None:
            yield "linear", Classified.of(_SOFTMAX, _mean_logits(linear), y, weights)
        return
    mean: NDArray[np.float64] = np.mean(constants, axis=0)
    yield "mean", Regressed.of(y, np.broadcast_to(mean, (len(y), mean.shape[1])), weights)
    if linear is not None:
        yield "linear", Regressed.of(y, np.mean(linear, axis=0), weights)


def _linear(each: Sequence[Fitted], split: Split) -> list[NDArray[np.float64]] | None:
    """Return the logits or, in their own units, the values of each linear model; None if one is missing."""
    found = []
    for baselines, transform, target_transform in each:
        outputs = baselines.linear_outputs(split, transform)
        if outputs is None:
            return None
        found.append(outputs if target_transform is None else target_transform.undo(outputs))
    return found


def _joined(pieces: list[list[NDArray[np.float64]] | None]) -> list[NDArray[np.float64]] | None:
    """Return the outputs of each linear model for all pieces of the rows."""
    there = [piece for piece in pieces if piece is not None]
    if len(there) < len(pieces):
        return None
    return there[0] if len(there) == 1 else list(map(np.concatenate, zip(*there, strict=True)))


def _mean_logits(each: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return logits (n, classes) of the mean of the probabilities that some logits stand for."""
    return each[0] if len(each) == 1 else _SOFTMAX.average(np.stack(each))


@one_thread()
def fit_baselines(
    splits: Splits,
    transform: Transform,
    target_transform: TargetTransform | None,
    seed: int,
    class_weights: Sequence[float] | None = None,
) -> Baselines:
    """Fit the baselines to the training split; the linear model to a part of its rows if they are many.

    It is left out where it would take long. The weights of examples count, and ``class_weights`` (classes,).
    """
    train = splits.train
    y, weights = train.y[train.rows], train.own_weights
    if splits.classes is None:
        constant = np.average(y.astype(np.float64), axis=0, weights=weights)
        targets, classes = y, None
        if target_transform is not None:
            targets = target_transform.apply(y)
    else:
        classes = splits.targets
        shares = np.bincount(y, weights, classes) / len(y)
        constant = np.log(np.maximum(shares, _RAREST))
        targets = y
    features = transform.n_direct
    n = baseline_rows(len(train), features, classes or 0)
    if n is None:
        what = count(features, "feature") + (f" and {classes:,} classes" if classes else "")
        return Baselines(constant, note=f"No linear model to compare with: {what} would take it long.")
    chosen, note = np.arange(len(train)), None
    if n < len(train):
        chosen = np.sort(stream(seed, "baseline").choice(len(train), n, replace=False))
    if n < train.size:
        note = f"The linear model was fitted to {n:,} of {train.size:,} training examples."
    X = Batches(train, transform).direct_inputs(chosen)
    try:
        with np.errstate(all="ignore"):
            V, b = fit_linear(
                X, targets[chosen], classes, weights_of(y[chosen], weights, chosen, class_weights)
            )
            fitted = V.astype(np.float32), b.astype(np.float32)
    except np.linalg.LinAlgError:
        return Baselines(constant, note=_UNFIT)
    if not all(np.isfinite(array).all() for array in fitted):
        return Baselines(constant, note=_UNFIT)
    return Baselines(constant, *fitted, note)


def weights_of(
    y: NDArray[Any],
    weights: NDArray[np.float64] | None,
    places: NDArray[np.intp],
    class_weights: Sequence[float] | None,
) -> NDArray[np.float64] | None:
    """Return the weights (m,) of the losses of y (m,): those of the examples, times those of their classes.

    ``weights`` are those of all examples of the split, of which y are at ``places``. None if all count alike.
    """
    if class_weights is None:
        return None if weights is None else weights[places]
    of_classes: NDArray[np.float64] = np.asarray(class_weights, np.float64)[y]
    return of_classes if weights is None else of_classes * weights[places]
