"""Evaluates a checkpoint on rows of a split or of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build.readers import row_roles
from mlpcli.build.splits import Splits, load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.dataset import Labelled
from mlpcli.data.kinds import Kinds
from mlpcli.data.new_rows import (
    labelled_in_pieces,
    read_labelled,
)
from mlpcli.data.rows import Roles
from mlpcli.data.table.findings import rows_without_target
from mlpcli.errors import DataError, MlpError, UsageError
from mlpcli.text import clip, nfc, shortened
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.directory import folder_of
from mlpcli.training.memory import ranked_rows, require_room_for_data, scored_rows
from mlpcli.training.model import Model
from mlpcli.training.moved import is_missing, places_of_data, redirected, what_was_tried
from mlpcli.training.named import find_checkpoint
from mlpcli.training.names import FOLDS
from mlpcli.training.new_rows import (
    require_room,
    require_room_for_pieces,
    rows_of_piece,
    size_of_large,
    specs_of,
    wanted_of,
)
from mlpcli.training.piecewise import PiecewiseScores

__all__ = ["find_rows", "load_same_splits", "score_checkpoint"]


def score_checkpoint(path: Path, part: str | None, data: Path | None, *, tta: bool = False) -> dict[str, Any]:
    """Return the full report of a checkpoint, or of the best one of a run's directory.

    ``part`` is train, val or test; None takes the first there is of test, val, train. ``data`` takes the
    place of the config's file or folder; without ``part``, a file is scored whole, and a large one piece by
    piece. ``tta`` scores as `Model.with_tta` does. Raises CheckpointError, DataError or UsageError.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    model = Model(checkpoint, tta=tta)
    large = None if data is None or part is not None or data.is_dir() else _large_to_score(checkpoint, data)
    if large is not None:
        report = {**_head(path, checkpoint, data, "all"), **_score_pieces(model, large, str(data))}
    else:
        head, split = find_rows(path, checkpoint, part, data)
        report = {**head, **model.report(split, head["split"] if head["split"] != "all" else str(data))}
        report["notes"] += [*model.note_mirrors(), *model.note_unknown_cells(split)]
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
        most = scored_rows(checkpoint.network.widths[-1])
        if split.whole is not None and split.size > most:
            notes = (f"Of the {split.size:,} examples of the {part} split {most:,} are scored.",)
        if checkpoint.may_have_seen and part != "train":
            notes = (
                *notes,
                f"The network that the run began with may have learned rows of the {part} split: its scores "
                "may be too good.",
            )
    return _head(path, checkpoint, data, part, notes), split


def _head(
    path: Path, checkpoint: Checkpoint, data: Path | None, part: str, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what a report says first."""
    which: dict[str, Any] = {"epoch": checkpoint.epoch}
    if checkpoint.others:
        which = {
            "networks": len(checkpoint.members),
            "epochs": [member.epoch for member in checkpoint.members],
        }
    return {
        "checkpoint": str(path),
        **which,
        "data": checkpoint.experiment.data.title if data is None else str(data),
        "split": part,
        "notes": [*notes],
    }


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


def _targets(checkpoint: Checkpoint) -> str | list[str]:
    """Return the name of the target in files, or the names of several."""
    target: str | list[str] = getattr(checkpoint.experiment.data, "target", "y")
    return target


def _weights(checkpoint: Checkpoint) -> Roles:
    """Return the name of the weights of rows in files, if they have any."""
    return {role: name for role, name in row_roles(checkpoint.experiment.data).items() if role == "weight"}


def _large_to_score(checkpoint: Checkpoint, file: Path) -> Iterator[Labelled] | None:
    """Return the pieces of a large file with their targets; None for one that is read at once.

    Raises ConfigError if the memory will not suffice.
    """
    wanted = wanted_of(checkpoint)
    size = size_of_large(wanted, file)
    if size is None:
        return None
    rows = rows_of_piece(checkpoint)
    pieces = labelled_in_pieces(
        wanted,
        file,
        rows,
        target=_targets(checkpoint),
        classes=checkpoint.classes,
        roles=_weights(checkpoint),
    )
    if pieces is not None:
        scored = rows if checkpoint.classes is None else 2 * ranked_rows(checkpoint.network.widths[-1])
        scored = min(size.examples or scored, scored)
        require_room_for_pieces(checkpoint, size, file, scored, written=False)
    return pieces


def _score_pieces(model: Model, pieces: Iterator[Labelled], where: str) -> dict[str, Any]:
    """Return the report on all pieces, with its notes."""
    scores = PiecewiseScores(model, where)
    notes: list[str] = []
    read = kept = 0
    for X, y, about, said, count in pieces:
        scores.add(Split(X, y, np.arange(len(y)), weights=about.weights))
        notes += said
        read, kept = read + count, kept + len(y)
    targets = _targets(model.checkpoint)
    if not kept:
        names = [targets] if isinstance(targets, str) else targets
        raise DataError(
            f"{where}: no row has {' and '.join(map(shortened, names))}; there is nothing to score"
        )
    report = scores.report()
    report["notes"] = [*notes, *rows_without_target(targets, read, kept), *report["notes"]]
    return report


def _read_all(checkpoint: Checkpoint, file: Path) -> tuple[Split, tuple[str, ...]]:
    wanted = wanted_of(checkpoint)
    require_room(checkpoint, wanted, file, written=False)
    found = read_labelled(
        wanted,
        file,
        target=_targets(checkpoint),
        classes=checkpoint.classes,
        roles=_weights(checkpoint),
    )
    return Split(found.X, found.y, np.arange(len(found.y)), weights=found.about.weights), found.notes


def _find_split(
    checkpoint: Checkpoint, folder: Path, part: str | None, data: Path | None
) -> tuple[str, Split]:
    if data is None:
        splits = load_same_splits(checkpoint, folder, part=part or "test")
    else:
        experiment = redirected(checkpoint.experiment, data)
        require_room_for_data(experiment, specs_of(checkpoint), part or "test")
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
        require_room_for_data(experiment, specs_of(checkpoint), part)
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
