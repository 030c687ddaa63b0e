"""Predicts with a checkpoint for the rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.new_rows import rows_in_pieces
from mlpcli.data.table.passes import Cells
from mlpcli.errors import UsageError
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.model import Model, UnknownCells, added, unlabelled
from mlpcli.training.new_rows import (
    read_columns,
    read_new_rows,
    require_room_for_pieces,
    rows_of_piece,
    size_of_large,
    wanted_of,
)

__all__ = ["Predictions", "predict_pieces", "predict_rows"]


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
    tta: bool = False,
) -> Predictions:
    """Return the network's predictions for the rows of a .csv, .npy or .npz file, in their order.

    For classes: the label, and for each class its probability or, from an SVM, its score. Else the values.
    Of two classes the second one is predicted where its probability is at least the ``threshold``, 0.5 if it
    is None. ``top`` asks for that many of the most probable classes alone. ``keep`` names columns of a .csv
    to carry along; None means all. ``tta`` predicts as `Model.with_tta` does. Raises DataError; UsageError if
    the network has no such classes, or no images.
    """
    model = Model(checkpoint, tta=tta)
    _check_asked(model, threshold, top)
    X, said = read_new_rows(checkpoint, file)
    kept = read_columns(checkpoint, file, keep) if keep is None or keep else []
    rows = unlabelled(X)
    notes = [*said, *model.note_mirrors(), *model.note_unknown_cells(rows)]
    return replace(
        _predict(model, model.compute_logits(rows, str(file)), threshold, top), notes=notes, kept=kept
    )


def predict_pieces(
    checkpoint: Checkpoint,
    file: Path,
    *,
    threshold: float | None = None,
    top: int | None = None,
    keep: Sequence[str] | None = (),
    tta: bool = False,
) -> Iterator[Predictions]:
    """Yield what `predict_rows` returns, of a large file for some rows after the other.

    A file is large as `size_of_large` says, and is not read at once then. The notes are those on all rows so
    far. Raises as `predict_rows` does, also after some rows.
    """
    wanted, rows = wanted_of(checkpoint), rows_of_piece(checkpoint)
    size = size_of_large(wanted, file)
    pieces = None if size is None else rows_in_pieces(wanted, file, rows, keep)
    if size is None or pieces is None:
        yield predict_rows(checkpoint, file, threshold=threshold, top=top, keep=keep, tta=tta)
        return
    require_room_for_pieces(checkpoint, size, file, rows, written=True)
    model = Model(checkpoint, tta=tta)
    _check_asked(model, threshold, top)
    said: list[str] = []
    unknown: list[UnknownCells] = [{} for _ in checkpoint.members]
    before = 0
    for piece in pieces:
        split = unlabelled(piece.X)
        said += piece.notes
        unknown = added(unknown, model.count_unknown_cells(split))
        logits = model.compute_logits(split, str(file), before)
        notes = [*said, *model.note_mirrors(), *model.tell_unknown_cells(unknown)]
        yield replace(_predict(model, logits, threshold, top), notes=notes, kept=piece.cells)
        before += len(piece.X)


def _predict(model: Model, logits: NDArray[Any], threshold: float | None, top: int | None) -> Predictions:
    """Return what logits predict."""
    values, classes = model.read_outputs(logits), model.checkpoint.classes
    if classes is None:
        return Predictions(model.checkpoint.target_names, values, None)
    what = {"probabilities": "probability", "scores": "score"}[model.loss.outputs]
    if top is not None:
        order = np.argsort(-values, axis=1, kind="stable")[:, :top]
        ranked = [[classes[i] for i in column] for column in order.T]
        columns = [f"{what}_{i}" for i in range(1, top + 1)]
        return Predictions(columns, np.take_along_axis(values, order, axis=1), ranked[0], ranked=ranked)
    chosen = (
        model.loss.classify(logits) if threshold is None else values[:, 1].astype(np.float64) >= threshold
    )
    return Predictions([f"{what}_{name}" for name in classes], values, [classes[int(i)] for i in chosen])


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
