"""What a finished checkpoint is put to: scores on labelled examples, answers for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import Splits, build_loss, load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.batches import Batches, Split
from mlpcli.data.tables import read_labelled, read_rows
from mlpcli.errors import DataError, UsageError
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.evaluation import compute_logits, full_report

__all__ = ["Answers", "answer_rows", "load_same_splits", "score_checkpoint"]


def score_checkpoint(path: Path, part: str | None, data: Path | None) -> dict[str, Any]:
    """Return the full report of a checkpoint, and what it was scored on.

    ``part`` is train, val or test; None takes the first there is of test, val, train. ``data`` takes the
    place of the config's file or folder; without ``part``, a file is scored whole. Raises CheckpointError,
    DataError or UsageError.
    """
    checkpoint = load_checkpoint(path)
    if data is not None and part is None and not data.is_dir():
        part, split = "all", _read_all(checkpoint, data)
    else:
        part, split = _find_split(checkpoint, part, data)
    logits = compute_logits(checkpoint.network, Batches(split, checkpoint.transform))
    _require_finite(logits, part)
    report = full_report(
        build_loss(checkpoint.experiment, checkpoint.class_counts),
        logits,
        split.y[split.rows],
        checkpoint.classes,
        checkpoint.target_transform,
    )
    source = checkpoint.experiment.data.title if data is None else str(data)
    report = {"checkpoint": str(path), "epoch": checkpoint.epoch, "data": source, "split": part, **report}
    if checkpoint.network.widths == (2, 1) and checkpoint.classes is not None:
        report["line"] = _line(checkpoint)
    return report


def _line(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the line of a single neuron, w1 x1 + w2 x2 + b = 0, in the columns' own units.

    ``margin`` is the distance from the line to w1 x1 + w2 x2 + b = +-1, 1 / norm(w), on which an SVM's
    support vectors lie; None where w is 0.
    """
    layer = checkpoint.network.dense[0]
    w, b = checkpoint.transform.undo_linear(layer.W[:, 0], layer.b[0])
    length = float(np.linalg.norm(w))
    return {
        "features": list(checkpoint.columns),
        "w": w.tolist(),
        "b": b,
        "margin": 1 / length if length else None,
    }


def _read_all(checkpoint: Checkpoint, file: Path) -> Split:
    section: Any = checkpoint.experiment.data
    X, y = read_labelled(
        file,
        target=getattr(section, "target", "y"),
        columns=checkpoint.columns,
        delimiter=getattr(section, "delimiter", ","),
        classes=checkpoint.classes,
    )
    return Split(X, y, np.arange(len(y)))


def _find_split(checkpoint: Checkpoint, part: str | None, data: Path | None) -> tuple[str, Split]:
    try:
        if data is None:
            splits = load_same_splits(checkpoint)
        else:
            splits = load_splits(_redirected(checkpoint.experiment, data))
            _require_same(checkpoint, splits)
    except DataError as error:
        if data is None:
            raise DataError(f"{error}\nIf the data have moved, name them with --data.") from None
        raise
    present = {name: splits.parts[name] for name in ("test", "val", "train") if name in splits.parts}
    if part is None:
        part = next(iter(present))
    if part not in present:
        raise UsageError(f"--split {part}: this run has no such split; it has {', '.join(present)}")
    return part, present[part]


def load_same_splits(checkpoint: Checkpoint) -> Splits:
    """Return the splits that a checkpoint was trained and scored on.

    Raises DataError or UsageError where they cannot be read or are no longer the same.
    """
    splits = load_splits(checkpoint.experiment)
    _require_same(checkpoint, splits)
    if splits.fingerprint != checkpoint.fingerprint:
        raise DataError(
            f"{checkpoint.experiment.data.title} is no longer what the network was trained on: its splits "
            "would be others, and the test split might hold training examples.\n"
            "Put the old data back, or train again; mlp eval --data scores other data, or these as a whole."
        )
    return splits


def _redirected(experiment: Experiment, data: Path) -> Experiment:
    """Return the experiment with another file or folder to read."""
    key = next((key for key in ("path", "root") if key in type(experiment.data).model_fields), None)
    if key is None:
        raise UsageError(
            f"--data {data}: {experiment.data.name} is drawn from the seed and has no file to replace; "
            "to score a file of your own, leave out --split"
        )
    plain = to_plain(experiment)
    section = plain["data"]
    plain["data"] = {**({"name": section} if isinstance(section, str) else section), key: str(data)}
    return validate_experiment(plain, Path())


def _require_same(checkpoint: Checkpoint, splits: Splits) -> None:
    """Refuse data that have changed since training: their columns or classes would be taken for others."""
    for what, then, now in (
        ("features", checkpoint.columns, splits.columns),
        ("classes", checkpoint.classes, splits.classes),
    ):
        if then != now:
            raise UsageError(
                f"the {checkpoint.experiment.data.name} data have other {what} than those the network was "
                f"trained on ({_some(then)}; now {_some(now)}).\n"
                "Give it a fitting file, or train again."
            )


def _some(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "numbers"
    return ", ".join(names[:5]) + (f", ... {len(names):,} in all" if len(names) > 5 else "")


def _require_finite(logits: NDArray[Any], where: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(wrong):
        raise DataError(
            f"{where}: example {wrong[0] + 1} drives the network past what 32 bits can hold; "
            "is it in the units of the training data?"
        )


@dataclass(frozen=True)
class Answers:
    """What a network says of new rows: ``values`` (n, columns), and for classes ``labels``."""

    columns: list[str]
    values: NDArray[Any]
    labels: list[str] | None


def answer_rows(checkpoint: Checkpoint, file: Path) -> Answers:
    """Return the network's answers to the rows of a .csv, .npy or .npz file; raises DataError.

    For classes: the label, and per class its probability or, from an SVM, its score. Else the values.
    """
    section: Any = checkpoint.experiment.data
    X = read_rows(file, columns=checkpoint.columns, delimiter=getattr(section, "delimiter", ","))
    split = Split(X, np.zeros(len(X), np.int64), np.arange(len(X)))
    loss = build_loss(checkpoint.experiment, checkpoint.class_counts)
    logits = compute_logits(checkpoint.network, Batches(split, checkpoint.transform))
    _require_finite(logits, str(file))
    values = loss.predict(logits)
    if checkpoint.target_transform is not None:
        values = checkpoint.target_transform.undo(values)
    if checkpoint.classes is None:
        target = getattr(section, "target", None)
        columns = [target] if target else [f"y{i}" for i in range(1, checkpoint.targets + 1)]
        return Answers(columns, values, None)
    what = {"probabilities": "probability", "scores": "score"}[loss.outputs]
    labels = [checkpoint.classes[i] for i in loss.classify(logits)]
    return Answers([f"{what}_{name}" for name in checkpoint.classes], values, labels)
