"""Evaluates and predicts with a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import Splits, dialect_of, load_splits, row_roles
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.dataset import Features
from mlpcli.data.kinds import Kinds, Missing, Wanted
from mlpcli.data.new_rows import measure_rows, read_labelled, read_rows, read_texts
from mlpcli.data.rows import Roles
from mlpcli.data.table.passes import Cells
from mlpcli.errors import DataError, MlpError, UsageError
from mlpcli.specs import NetworkSpec
from mlpcli.text import clip, nfc, shortened
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.directory import folder_of
from mlpcli.training.memory import require_room_for_data, require_room_for_rows
from mlpcli.training.model import Model, unlabelled
from mlpcli.training.moved import is_missing, places_of_data, redirected, what_was_tried
from mlpcli.training.named import find_checkpoint
from mlpcli.training.names import FOLDS

__all__ = [
    "Predictions",
    "find_rows",
    "load_same_splits",
    "predict_rows",
    "read_columns",
    "read_new_rows",
    "score_checkpoint",
]


def score_checkpoint(path: Path, part: str | None, data: Path | None) -> dict[str, Any]:
    """Return the full report of a checkpoint, or of the best one of a run's directory.

    ``part`` is train, val or test; None takes the first there is of test, val, train. ``data`` takes the
    place of the config's file or folder; without ``part``, a file is scored whole. Raises CheckpointError,
    DataError or UsageError.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    head, split = find_rows(path, checkpoint, part, data)
    model = Model(checkpoint)
    report = {**head, **model.report(split, head["split"])}
    report["notes"] += model.note_unknown_cells(split)
    network = checkpoint.network
    is_line = network.widths == (2, 1) and checkpoint.classes is not None and not checkpoint.others
    if is_line and network.members == 1 and network.path is None and checkpoint.transform.is_plain:
        report["line"] = _line(checkpoint)
    return report


def find_rows(
    path: Path, checkpoint: Checkpoint, part: str | None, data: Path | None
) -> tuple[dict[str, Any], Split]:
    """Return the rows to score the checkpoint at ``path`` on, as `score_checkpoint` takes them.

    Before them comes what a report says first: checkpoint, epoch, data, split, notes; for several networks
    how many there are, and their epochs, instead of the epoch. Raises DataError, UsageError.
    """
    if checkpoint.others and (data is None or part is not None or data.is_dir()):
        scores = path.with_name(FOLDS)
        raise UsageError(
            f"{path} is the mean of {len(checkpoint.members):,} networks, and each row of these data was "
            "trained on by some of them, so that their score would be too good"
            + (f"; the scores of rows that were not trained on are in {scores}" if scores.exists() else ""),
            topic="no rows held out",
        )
    notes: tuple[str, ...] = ()
    if data is not None and part is None and not data.is_dir():
        part = "all"
        split, notes = _read_all(checkpoint, data)
    else:
        part, split = _find_split(checkpoint, folder_of(path), part, data)
        if checkpoint.may_have_seen and part != "train":
            notes = (
                f"The network that the run began with may have learned rows of the {part} split: its scores "
                "may be too good.",
            )
    source = checkpoint.experiment.data.title if data is None else str(data)
    which: dict[str, Any] = {"epoch": checkpoint.epoch}
    if checkpoint.others:
        which = {
            "networks": len(checkpoint.members),
            "epochs": [member.epoch for member in checkpoint.members],
        }
    head = {
        "checkpoint": str(path),
        **which,
        "data": source,
        "split": part,
        "notes": [*notes],
    }
    return head, split


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


def _wanted(checkpoint: Checkpoint) -> Wanted:
    """Return what is read of a file with rows for the network."""
    dialect = dialect_of(checkpoint.experiment.data)
    wide = any(member.transform.needs_float64 for member in checkpoint.members)
    missing: Missing = getattr(checkpoint.experiment.data, "missing", "fill")
    return Wanted(checkpoint.columns, checkpoint.kinds, dialect, wide, missing)


def _read_all(checkpoint: Checkpoint, file: Path) -> tuple[Split, tuple[str, ...]]:
    section: Any = checkpoint.experiment.data
    target = getattr(section, "target", "y")
    roles: Roles = {role: name for role, name in row_roles(section).items() if role == "weight"}
    wanted = _wanted(checkpoint)
    _require_room(checkpoint, wanted, file, written=False)
    found = read_labelled(wanted, file, target=target, classes=checkpoint.classes, roles=roles)
    return Split(found.X, found.y, np.arange(len(found.y)), weights=found.about.weights), found.notes


def _require_room(checkpoint: Checkpoint, wanted: Wanted, file: Path, *, written: bool) -> None:
    """Raise ConfigError if the memory will not suffice for new rows."""
    size = measure_rows(wanted, file)
    require_room_for_rows(checkpoint.experiment, _specs(checkpoint), size, file.name, written=written)


def _specs(checkpoint: Checkpoint) -> list[NetworkSpec]:
    return [member.network.spec for member in checkpoint.members]


def _find_split(
    checkpoint: Checkpoint, folder: Path, part: str | None, data: Path | None
) -> tuple[str, Split]:
    if data is None:
        splits = load_same_splits(checkpoint, folder, part=part or "test")
    else:
        experiment = redirected(checkpoint.experiment, data)
        require_room_for_data(experiment, _specs(checkpoint), part or "test")
        splits = load_splits(experiment)
        _require_same(checkpoint, splits)
    present = {name: splits.parts[name] for name in ("test", "val", "train") if name in splits.parts}
    if part is None:
        part = next(iter(present))
    if part not in present:
        raise UsageError(f"this run has no {part} split; it has {', '.join(present)}")
    return part, present[part]


def load_same_splits(
    checkpoint: Checkpoint, folder: Path | None = None, data: Path | None = None, *, part: str | None = None
) -> Splits:
    """Return the splits that a checkpoint was trained and scored on.

    They are read from ``data`` or, without it, from where the config says; if the run was moved together with
    its data, from the same place as seen from its ``folder``. ``part`` is the one that is scored, if it is
    only one. Raises DataError or UsageError if they cannot
    be read or are no longer the same.
    """
    experiment, from_run = checkpoint.experiment, checkpoint.data_from_run
    if data is not None:
        return _read_same(checkpoint, redirected(experiment, data), part)
    first: MlpError | None = None
    for place in places_of_data(experiment, folder, from_run):
        try:
            return _read_same(checkpoint, place, part)
        except (DataError, UsageError) as error:
            first = first or error
    assert first is not None
    if not is_missing(experiment) or first.topic not in (None, "data moved"):
        raise first
    tried = what_was_tried(experiment, folder, from_run)
    raise DataError(f"{first}{tried}", topic="data moved") from None


def _read_same(checkpoint: Checkpoint, experiment: Experiment, part: str | None) -> Splits:
    """Read and divide the data of an experiment, which have to be those of the checkpoint."""
    try:
        require_room_for_data(experiment, _specs(checkpoint), part)
        splits = load_splits(experiment)
    except DataError as error:
        if error.topic is not None:
            raise
        raise DataError(str(error), topic="data moved") from None
    _require_same(checkpoint, splits)
    if splits.fingerprint != checkpoint.fingerprint:
        raise DataError(
            f"{experiment.data.title} is no longer what the network was trained on: its splits would be "
            "others, and the test split might hold training examples.\n"
            "Put the old data back, or train again.",
            topic="data changed",
        )
    return splits


def _require_same(checkpoint: Checkpoint, splits: Splits) -> None:
    """Refuse data that have changed since training: their columns or classes would be taken for others."""
    for what, then, now in (
        ("features", checkpoint.columns, splits.columns),
        ("classes", checkpoint.classes, splits.classes),
        *(
            (f"levels of {shortened(name)}", _levels(checkpoint.kinds, name), _levels(splits.kinds, name))
            for name in checkpoint.kinds.keys() | splits.kinds.keys()
        ),
    ):
        if then != now and _in_nfc(then) != now:  # older checkpoints have names as they were written
            raise UsageError(
                f"the {checkpoint.experiment.data.name} data have other {what} than those the network was "
                f"trained on ({_some(then)}; now {_some(now)}).\n"
                "Give it a fitting file, or train again."
            )


def _levels(kinds: Kinds, name: str) -> tuple[str, ...] | None:
    return kinds[name].levels if name in kinds else None


def _in_nfc(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(map(nfc, names))


def _some(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "numbers"
    return ", ".join(clip(name, 30) for name in names[:5]) + (
        f", ... {len(names):,} in all" if len(names) > 5 else ""
    )


@dataclass(frozen=True)
class Predictions:
    """What a network predicts for new rows: ``values`` (n, columns), and for classes ``labels``.

    ``notes`` say which cells the network could not know. ``kept`` are columns of the file that are carried
    along, with the text of each cell. If only the most probable classes are asked for, ``ranked`` has their
    names, a list (n,) for each column of ``values``.
    """

    columns: list[str]
    values: NDArray[Any]
    labels: list[str] | None
    notes: list[str] = field(default_factory=list)
    kept: Cells = field(default_factory=list)
    ranked: list[list[str]] | None = None


def predict_rows(
    checkpoint: Checkpoint,
    file: Path,
    *,
    threshold: float | None = None,
    top: int | None = None,
    keep: Sequence[str] | None = (),
) -> Predictions:
    """Return the network's predictions for the rows of a .csv, .npy or .npz file, in their order.

    For classes: the label, and for each class its probability or, from an SVM, its score. Else the values.
    Of two classes the second one is predicted where its probability is at least the ``threshold``, 0.5 if it
    is None. ``top`` asks for that many of the most probable classes alone. ``keep`` names columns of a .csv
    to carry along; None means all. Raises DataError; UsageError if the network has no such classes.
    """
    model = Model(checkpoint)
    _check_asked(model, threshold, top)
    X, said = read_new_rows(checkpoint, file)
    kept = read_columns(checkpoint, file, keep) if keep is None or keep else []
    rows = unlabelled(X)
    notes = [*said, *model.note_unknown_cells(rows)]
    logits = model.compute_logits(rows, str(file))
    values, classes = model.read_outputs(logits), checkpoint.classes
    if classes is None:
        return Predictions(checkpoint.target_names, values, None, notes, kept)
    what = {"probabilities": "probability", "scores": "score"}[model.loss.outputs]
    if top is not None:
        order = np.argsort(-values, axis=1, kind="stable")[:, :top]
        ranked = [[classes[i] for i in column] for column in order.T]
        columns = [f"{what}_{i}" for i in range(1, top + 1)]
        return Predictions(columns, np.take_along_axis(values, order, axis=1), ranked[0], notes, kept, ranked)
    chosen = (
        model.loss.classify(logits) if threshold is None else values[:, 1].astype(np.float64) >= threshold
    )
    return Predictions(
        [f"{what}_{name}" for name in classes], values, [classes[int(i)] for i in chosen], notes, kept
    )


def read_new_rows(checkpoint: Checkpoint, file: Path) -> tuple[Features, Sequence[str]]:
    """Return the rows X (n, columns) of a .csv, .npy or .npz file, and notes on how it was read.

    Raises DataError; ConfigError if the memory will not suffice.
    """
    wanted = _wanted(checkpoint)
    _require_room(checkpoint, wanted, file, written=True)
    return read_rows(wanted, file)


def read_columns(checkpoint: Checkpoint, file: Path, names: Sequence[str] | None) -> Cells:
    """Return columns of a .csv as they are written; None: all of them. Raises DataError."""
    return read_texts(_wanted(checkpoint), file, names)


def _check_asked(model: Model, threshold: float | None, top: int | None) -> None:
    """Raise UsageError if the network has no such classes."""
    classes, loss = model.checkpoint.classes, model.checkpoint.experiment.loss.name
    if classes is None and (threshold is not None or top is not None):
        raise UsageError("the network predicts values, and no classes to choose from")
    if threshold is not None and classes is not None and len(classes) != 2:
        raise UsageError(f"a threshold is for two classes, and the network has {len(classes):,}")
    if threshold is not None and model.loss.outputs != "probabilities":
        raise UsageError(f"a threshold is for probabilities, and a network trained with {loss} gives scores")
    if top is not None and classes is not None and top > len(classes):
        raise UsageError(
            f"the network has {len(classes):,} classes; ask for at most so many, not for {top:,}"
        )
