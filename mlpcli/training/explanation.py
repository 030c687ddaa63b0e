"""Explains what a trained network makes of one example: where it stands, its forward pass, the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.splits import Splits
from mlpcli.data.arrays.program import rows_of_array
from mlpcli.data.large.source import LargeData
from mlpcli.errors import DataError, UsageError
from mlpcli.text import clip, listed
from mlpcli.training.apply import load_same_splits
from mlpcli.training.checkpoints import Checkpoint, Member, load_checkpoint
from mlpcli.training.directory import folder_of
from mlpcli.training.forward import ForwardPass, Step, forward_pass
from mlpcli.training.model import Model, unlabelled
from mlpcli.training.named import find_checkpoint
from mlpcli.training.new_rows import read_columns, read_new_rows

__all__ = ["Explanation", "explain_example"]

_MOST_UNITS = 16  # of a layer that is shown whole; of a larger one the most important few
_FIRST = 6

Array = NDArray[Any]


@dataclass(frozen=True)
class _Example:
    """One row ``x`` (columns,) in the units of the data, and what is known of it.

    ``truth`` is its class or its values, None where they are not known.
    """

    x: Array
    source: str
    row: int | None = None
    part: str | None = None
    truth: list[str] | list[float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What a network makes of an example.

    ``source`` says in words where the example is from; ``row`` is its number there, from 1, and ``part`` its
    split, if they are known. ``raw`` (columns,) are its columns in their own units, and ``truth`` its class
    or its values. Of several networks or members, number ``member`` is followed, from 0;
    ``each`` (members, outputs) are the probabilities, scores or values of all of them, and ``outputs``
    (outputs,) those of the prediction. ``predicted`` is the class, or None for a regression.
    """

    path: Path
    model: Model
    member: int
    source: str
    row: int | None
    part: str | None
    raw: Array
    truth: list[str] | list[float] | None
    notes: tuple[str, ...]
    forward: ForwardPass
    each: Array
    outputs: Array
    predicted: str | None

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint."""
        return self.model.checkpoint

    @property
    def followed(self) -> Member:
        """The network that is followed."""
        return self.checkpoint.members[self.member // self.checkpoint.network.members]

    @property
    def output_names(self) -> list[str]:
        """The names of the classes, or of the targets of a regression."""
        return list(self.checkpoint.classes or self.checkpoint.target_names)

    @property
    def path_weights(self) -> Array | None:
        """The weights (inputs, outputs) of the linear path of the network that is followed, if it has one."""
        if self.forward.path is None:
            return None
        V: Array = self.forward.path.layer.V  # type: ignore[attr-defined]
        return V if V.ndim == 2 else V[self.member % len(V)]

    def units(self, number: int, *, whole: bool = False) -> list[int]:
        """Return the places of the units of a layer that are worth showing, in their order.

        They are all of a small layer or, if it is asked for, of the ``whole`` one, else the few that give
        most to the next layer; of the outputs those of the likeliest classes, or the largest. Layer 0 is the
        inputs.
        """
        layers, V = self.forward.layers, self.path_weights
        if number == 0 and V is not None and self.forward.hidden_add_nothing:
            importance = np.linalg.norm(self.forward.x[:, None] * V, axis=1)
        elif number < len(layers):
            importance = np.linalg.norm(layers[number].contributions, axis=1)
        else:
            logits = self.forward.logits
            importance = logits if self.checkpoint.classes is not None else np.abs(logits)
        n = len(importance)
        most = n if whole or n <= _MOST_UNITS else _FIRST
        return sorted(map(int, np.argsort(-importance, kind="stable")[:most]))

    def report(self) -> dict[str, Any]:
        """Return all its numbers, ready for JSON; a cell that is missing is None."""
        checkpoint, forward = self.checkpoint, self.forward
        of_members = {"member": self.member + 1, "members": len(self.each), "each": self.each.tolist()}
        truth: Any = self.truth
        if truth is not None:
            truth = (
                truth[0] if self.predicted is not None else dict(zip(self.output_names, truth, strict=True))
            )
        report: dict[str, Any] = {
            "checkpoint": str(self.path),
            "epoch": self.followed.epoch,
            **(of_members if len(self.each) > 1 else {}),
            "data": self.source,
            "row": self.row,
            "split": self.part,
            "columns": [
                {"column": name, "value": _plain_cell(checkpoint, name, value)}
                for name, value in zip(checkpoint.columns, self.raw, strict=True)
            ],
            "inputs": [
                {"input": name, "x": x}
                for name, x in zip(
                    self.followed.transform.features(checkpoint.columns, checkpoint.kinds),
                    forward.x.tolist(),
                    strict=True,
                )
            ],
            "layers": [
                {
                    "W": layer.W.tolist(),
                    "b": layer.b.tolist(),
                    "z": layer.z.tolist(),
                    "steps": [_plain_step(step) for step in layer.steps],
                    "output": layer.y.tolist(),
                }
                for layer in forward.layers
            ],
        }
        if self.path_weights is not None:
            report["linear_path"] = {"V": self.path_weights.tolist()}
        report["logits"] = forward.logits.tolist()
        outputs = dict(zip(self.output_names, self.outputs.tolist(), strict=True))
        said = {"predicted": self.predicted, "true": truth, "notes": list(self.notes)}
        return {**report, self.model.loss.outputs: outputs, **said}


def explain_example(
    path: Path,
    row: int | None,
    data: Path | None = None,
    values: Sequence[str] | None = None,
    member: int = 0,
) -> Explanation:
    """Return what the checkpoint at ``path``, or the best one of a run's directory, makes of an example.

    The example is the ``row`` of the data of the run or of a file ``data`` with new rows, of which the first
    one is number 1; or it has these ``values``, cells of a table. Raises CheckpointError, DataError,
    UsageError.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    members = checkpoint.network.members * len(checkpoint.members)
    if not 0 <= member < members:
        has = "one network" if members == 1 else f"{members:,} networks, from 1 to {members:,}"
        raise UsageError(f"there is no network {member + 1:,}: the checkpoint has {has}")
    example = _find(path, checkpoint, row, data, values)
    model = Model(checkpoint)
    split = unlabelled(example.x[None])
    logits = model.compute_logits(split, example.source)
    followed = checkpoint.members[member // checkpoint.network.members]
    forward = forward_pass(
        followed.network, followed.transform.apply(example.x[None])[0], member % checkpoint.network.members
    )
    if not forward.is_finite:
        raise DataError(
            f"{example.source} drives a unit past what 32 bits can hold; is it in the units of the training "
            "data?"
        )
    return Explanation(
        path,
        model,
        member,
        example.source,
        example.row,
        example.part,
        example.x,
        example.truth,
        (*example.notes, *model.note_unknown_cells(split)),
        forward,
        _outputs_of_each(model, example.x),
        model.read_outputs(logits)[0],
        None if checkpoint.classes is None else checkpoint.classes[int(model.loss.classify(logits)[0])],
    )


def _outputs_of_each(model: Model, x: Array) -> Array:
    """Return the probabilities, scores or values (members, outputs) of each member of each network."""
    each = []
    for own in model.checkpoint.members:
        X = np.repeat(own.transform.apply(x[None]).astype(own.network.dtype), own.network.members, axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = model.loss.predict(own.network.forward(X))
        each.append(outputs if own.target_transform is None else own.target_transform.undo(outputs))
    return np.concatenate(each)


def _find(
    path: Path, checkpoint: Checkpoint, row: int | None, data: Path | None, values: Sequence[str] | None
) -> _Example:
    if values is not None:
        return _given(checkpoint, values)
    assert row is not None
    if data is None or data.is_dir():
        splits = load_same_splits(checkpoint, folder_of(path), data)
        return _row_of_run(checkpoint, splits, row)
    return _row_of_file(checkpoint, data, row)


def _given(checkpoint: Checkpoint, values: Sequence[str]) -> _Example:
    columns = checkpoint.columns
    if len(values) != len(columns):
        raise UsageError(
            f"{len(values):,} values are given, and the network takes {len(columns):,}: {listed(columns)}"
        )
    precise = any(member.transform.needs_float64 for member in checkpoint.members)
    cells = np.array([values], object)
    try:
        X = rows_of_array(cells, columns=columns, kinds=checkpoint.kinds, precise=precise)
    except DataError as error:
        what = str(error).removeprefix("X: ").removeprefix("row 0 (from 0): ")
        raise DataError(f"the given values: {what}") from None
    return _Example(X.reshape(-1), "the given values")


def _row_of_file(checkpoint: Checkpoint, file: Path, row: int) -> _Example:
    X, notes = read_new_rows(checkpoint, file)
    X = X.reshape(-1, len(checkpoint.columns))
    _require_row(row, len(X), str(file))
    try:
        targets = read_columns(checkpoint, file, checkpoint.target_names)
    except DataError:  # new rows need no target
        targets = []
    truth: Any = [texts[row - 1] for _, texts in targets]
    if checkpoint.classes is None:
        truth = [_number(text) for text in truth]
    known = truth if truth and all(value not in ("", None) for value in truth) else None
    return _Example(X[row - 1], f"row {row:,} of {file}", row, None, known, tuple(notes))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _row_of_run(checkpoint: Checkpoint, splits: Splits, row: int) -> _Example:
    """Return a row of the data of the run; the rows of a test set of its own follow those of the others."""
    title, own, test = checkpoint.experiment.data.title, splits.train, splits.test
    if own.whole is not None:
        return _row_of_large(checkpoint, own.whole.data, row)
    n = len(own.X) if splits.kept is None else len(splits.kept)
    has_own_test = test is not None and test.X is not own.X
    _require_row(row, n + (len(test.X) if test is not None and has_own_test else 0), title)
    place = row - 1
    if row > n:
        assert test is not None
        own, place = test, row - 1 - n
    elif splits.kept is not None:
        if not splits.kept[place]:
            raise DataError(
                f"row {row:,} of {title} was left out when the data were read, as it has no target or lacks "
                "a cell; name another row, or the file with new rows"
            )
        place = int(np.count_nonzero(splits.kept[:place]))
    holding = (name for name, split in splits.parts.items() if split.X is own.X and place in split.rows)
    part = None if checkpoint.others else next(holding, None)
    classes = checkpoint.classes
    if classes is None:
        truth: Any = [float(str(value)) for value in own.y[place]]  # 0.1 as in the table, of float32, too
    else:
        truth = [classes[int(own.y[place])]]
    return _Example(own.X[place], f"row {row:,} of {title}", row, part, truth)


def _row_of_large(checkpoint: Checkpoint, data: LargeData, row: int) -> _Example:
    """Return a row of data that are read in blocks."""
    title = checkpoint.experiment.data.title
    _require_row(row, len(data.X), title)
    found = data.read(row - 1, row)
    if not len(found.y):
        raise DataError(
            f"row {row:,} of {title} is left out, as it has no target or lacks a cell; name another row"
        )
    classes = checkpoint.classes
    truth: Any = found.y[0].tolist() if classes is None else [classes[int(found.y[0])]]
    return _Example(found.X[0], f"row {row:,} of {title}", row, data.part_of(row - 1), truth)


def _require_row(row: int, n: int, where: str) -> None:
    if not 1 <= row <= n:
        raise UsageError(
            f"there is no row {row:,} in {clip(where, 60)}: its rows are numbered from 1 to {n:,}"
        )


def _plain_cell(checkpoint: Checkpoint, name: str, value: Any) -> Any:
    """Return a cell as a number, a boolean or a text; None where it is missing."""
    kind = checkpoint.kinds.get(name)
    if value != value:
        return None
    if kind is None:
        return value.item()
    if kind.name == "boolean":
        return bool(value)
    return kind.levels[int(value)] if value >= 0 else None


def _plain_step(step: Step) -> dict[str, Any]:
    spec = step.layer.spec
    return {"step": spec.settings.get("name", spec.kind), "output": step.Y.tolist()}
