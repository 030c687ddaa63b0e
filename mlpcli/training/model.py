"""Models: trained networks that take rows in the units of their data, and answer in those of the targets."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.arrays.program import labelled_arrays, rows_of_array
from mlpcli.data.batches import Batches, Split
from mlpcli.data.table.decimals import is_code
from mlpcli.data.table.frames import numeric_columns
from mlpcli.errors import DataError, DataWarning, RunError, UsageError, warn_caller
from mlpcli.nn.network import Network
from mlpcli.text import count, shortened
from mlpcli.training.baselines import Fitted, report_baselines
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint, name_prefix, save_checkpoint
from mlpcli.training.directory import folder_of
from mlpcli.training.evaluation import Answers, compute_logits, full_report, mean_loss, scored_pieces, stacked
from mlpcli.training.images import note_mirrors, require_images
from mlpcli.training.named import find_checkpoint, is_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.export.formats import Exported

__all__ = ["Model", "UnknownCells", "added", "describe_network", "load_model", "unlabelled"]

UnknownCells: TypeAlias = dict[str, tuple[int, int]]  # by column: unknown texts, and missing cells

_MOST_NOTES = 5  # in a warning


class Model:
    """A trained network with all that it needs to take new rows: from `mlpcli.load`, or `best` of a run.

    It may also be several networks, as those of a cross-validation, whose predictions are averaged:
    probabilities, scores of an SVM, or values of a regression in their own units.

    Rows ``X`` are whatever NumPy takes as an array (n, columns), with the columns that the network was
    trained on, in their own units; a data frame's columns are taken by their names. DataError says what is
    wrong with rows or targets. A DataWarning of `predict`, `predict_proba` and `scores` says which cells the
    training had not and how they are read, as a note of `evaluate` does. Several threads may use one model.
    It can be copied and pickled; but unpickle only what you trust, while the file of `save` is read without
    trust.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path | None = None, *, tta: bool = False) -> None:
        self.checkpoint = checkpoint
        self.folder = folder  # the directory of its run, if that is known
        self.mirrored: tuple[int, int, int] | None = None  # the shape of images that are also mirrored
        if tta:  # a column that does not hold plain numbers is no pixel
            pixels = 0 if checkpoint.kinds else len(checkpoint.columns)
            self.mirrored = require_images(checkpoint.experiment, pixels)
        self.loss = build_loss(checkpoint.experiment, checkpoint.class_counts)
        self._lock = threading.Lock()  # the buffers of the network serve one call at a time

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy what was learned; the lock and the buffers of the loss are made anew."""
        return _rebuilt, (type(self), self.checkpoint, self.folder, self.mirrored is not None)

    def __repr__(self) -> str:
        checkpoint = self.checkpoint
        widths = "-".join(map(str, checkpoint.network.widths))
        trained = f"trained on {checkpoint.experiment.data.title}"
        if self.mirrored is not None:
            trained += ", with mirror images"
        if checkpoint.others:
            return f"<mlpcli.Model: {len(checkpoint.members):,} networks, {widths}, {trained}>"
        return f"<mlpcli.Model: {widths}, {trained}, epoch {self.epoch:,}>"

    def _repr_html_(self) -> str:
        from mlpcli.figures.notebook import model_html

        return model_html(self)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class (n,) of each row, or the values of a regression in the targets' own units.

        Classes are int64 where all their names are whole numbers, booleans where they are False and True,
        else strings. Values are (n,) where there is one target, else (n, targets).
        """
        return self.read_predictions(self._logits(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability (n, classes) of each class, in the order of ``classes``.

        Raises UsageError where the network has none: after training with a hinge loss, or for a regression.
        """
        if self.loss.outputs != "probabilities":
            other = "scores" if self.loss.outputs == "scores" else "predict"
            name = self.checkpoint.experiment.loss.name
            raise UsageError(f"a network trained with {name} gives no probabilities; use {other}(X)")
        return self.read_outputs(self._logits(X))

    def scores(self, X: Any) -> NDArray[Any]:
        """Return the outputs of the network as they are: the logits (n, outputs).

        There is one for each class, or with a binary loss a single one, above 0 for the second class. Those
        of a regression are the targets as they were scaled for training; `predict` gives them their units.
        Of several networks, and of a model `with_tta`, they are such that they stand for the mean prediction:
        the logarithms of mean probabilities, or mean values in the targets' own units.
        """
        return self._logits(X)

    def with_tta(self) -> Model:
        """Return a model that predicts from each image and its mirror image (test-time augmentation).

        Its predictions are the means of both: of probabilities, of an SVM's scores, or of the values of a
        regression. It takes twice as long, and suits a network that was trained with ``data.augment.flip``.
        `save` and `export` write the network as it is.

        Raises UsageError if the rows are no images. Those of CIFAR-10 are; those of an npz file or of arrays
        are taken for square gray images if the number of columns is a square.
        """
        return type(self)(self.checkpoint, self.folder, tta=True)

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Return the scores on rows whose labels or values ``y`` are known, ready for JSON.

        With classes: n, loss, accuracy, balanced_accuracy, log_loss, roc_auc, pr_auc, f1, ece, brier,
        baseline (the accuracy of always naming the most frequent class), classes (precision, recall, f1 and
        support of each), macro (their means), mistakes (the most frequent ones) and confusion (a row for the
        true class, a column for the predicted one; None for more than 1,000 classes); of two classes also
        threshold. For a regression: n, loss, mse, rmse, mae, mape and r2;
        of several targets also targets. A measure that is None has its reason in undefined. The baselines are
        the same measures of the most frequent class, or the mean, and of a linear model; baseline_note says
        why one is left out. Rows without a label or value do not count, and notes say how many they are, and
        which cells the network could not know.

        With ``sample_weight`` (n,) a row of weight 2 counts like two rows. Counts of rows are then sums of
        weights, which are scaled to a mean of 1.

        That the model is one `with_tta` is said by ``tta``, which is True then, and not there otherwise.
        """
        checkpoint = self.checkpoint
        found = labelled_arrays(
            X,
            y,
            columns=checkpoint.columns,
            classes=checkpoint.classes,
            sample_weight=sample_weight,
            kinds=checkpoint.kinds,
            precise=self._precise,
            missing=getattr(checkpoint.experiment.data, "missing", "fill"),
        )
        split = Split(found.X, found.y, np.arange(len(found.X)), weights=found.about.weights)
        notes = [*found.notes, *self.note_mirrors(), *self.note_unknown_cells(split, X)]
        return {**self.report(split, "X"), "notes": notes}

    @property
    def config(self) -> dict[str, Any]:
        """The complete config of the training, a new dict."""
        return to_plain(self.checkpoint.experiment)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that rows have."""
        return self.checkpoint.columns

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes in their order; None for a regression."""
        return self.checkpoint.classes

    @property
    def epoch(self) -> int:
        """The number of epochs that it was trained; of several networks, that of the first one."""
        return self.checkpoint.epoch

    @property
    def layers(self) -> dict[str, NDArray[Any]]:
        """The arrays of the network by their names, as W1 and b1: views, so what is written there counts.

        Of several networks, the names of the second one's begin with network2_, and so on.
        """
        return {
            name_prefix(number) + name: array
            for number, member in enumerate(self.checkpoint.members, 1)
            for name, array in _arrays(member.network).items()
        }

    def save(self, path: str | Path) -> None:
        """Write a checkpoint that `mlpcli.load` and the commands read; raises RunError where that fails."""
        self._require_finite(path)
        try:
            save_checkpoint(Path(path), replace(self.checkpoint, resume=None))
        except OSError as error:
            raise RunError(f"{error.filename or path} cannot be written: {error.strerror}") from None

    def export(self, path: str | Path, to: str | None = None) -> Exported:
        """Write the network for other programs, as ``mlp export`` does; an older file is replaced.

        The ending of ``path`` says the format: .onnx, .py (plain NumPy), .pt (PyTorch), .npz or .safetensors;
        or ``to`` does: onnx, python, torch, npz or safetensors. What comes back has the ``files`` that were
        written with their sizes, the names of ``inputs`` and ``outputs``, and ``notes``, as on dates.

        Raises UsageError for what cannot be had or written so, RunError if the file cannot be written.
        """
        from mlpcli.export import format_of
        from mlpcli.export.formats import export_loaded

        self._require_finite(path)
        return export_loaded(self.checkpoint, Path(path), format_of(Path(path), to))

    def plot(self, kind: str = "network") -> Figure:
        """Return a picture of the model, as `Run.plot` does of a run; a notebook shows it.

        The model of a run that is kept in a directory has all pictures of it. Another one has those that need
        no epochs, and no examples but such as the config names.

        Raises UsageError as `Run.plot`, and for the mean of several networks; DataError if the examples have
        changed or are gone.
        """
        from mlpcli.figures.notebook import plot_model

        return plot_model(self, kind)

    # What the commands need besides, for rows of files.

    def compute_logits(self, split: Split, where: str, before: int = 0) -> NDArray[Any]:
        """Return the logits (n, outputs) of a split; raises DataError, naming ``where``, if they overflow.

        So many rows came ``before`` them. See `scores` for those of several networks.
        """
        with self._lock:
            each = [
                compute_logits(
                    member.network,
                    Batches(
                        split,
                        member.transform,
                        onednn=member.network.engine.onednn,
                        mirrored=mirrored,
                    ),
                )
                for mirrored in ((None,) if self.mirrored is None else (None, self.mirrored))
                for member in self.checkpoint.members
            ]
        logits = each[0] if len(each) == 1 else self.average(each)
        outputs = logits if self.checkpoint.classes is not None else self.read_outputs(logits)
        wrong = np.flatnonzero(~(np.isfinite(logits) & np.isfinite(outputs)).all(axis=1))
        if len(wrong):
            bits = 64 if np.isfinite(logits[wrong[0]]).all() else 32
            raise DataError(
                f"{where}: example {before + wrong[0] + 1} drives the network past what {bits} bits can "
                "hold; is it in the units of the training data?"
            )
        return logits

    @property
    def is_mean(self) -> bool:
        """Whether a prediction is the mean of several, so that logits of a regression are in its units."""
        return bool(self.checkpoint.others) or self.mirrored is not None

    def average(self, each: list[NDArray[Any]]) -> NDArray[Any]:
        """Return the logits of the mean prediction of networks with logits (n, outputs), as `scores` does.

        There are those of each network, once for the rows and maybe once more for their mirror images.
        """
        if self.checkpoint.classes is not None:
            return self.loss.average(np.stack(each))
        members = self.checkpoint.members
        transforms = [member.target_transform for member in members] * (len(each) // len(members))
        values = [
            transform.undo(logits)
            for transform, logits in zip(transforms, each, strict=True)
            if transform is not None
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            mean: NDArray[Any] = np.mean(values, axis=0)
        return mean

    def read_outputs(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return what logits mean: probabilities or scores (n, classes), or values in their own units.

        Values are float32, like the network; float64 if a float32 cannot hold one of them, or if its digits
        would not tell them apart.
        """
        values = self.loss.predict(logits)
        scaling = self.checkpoint.target_transform
        if scaling is None:
            return values
        in_units = values if self.is_mean else scaling.undo(values)
        if scaling.exceeds_float32:
            return in_units
        with np.errstate(over="ignore"):
            narrow = in_units.astype(np.float32)
        return narrow if np.isfinite(narrow).all() else in_units

    def read_predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the classes or values that logits mean, as `predict` does."""
        if self.checkpoint.classes is None:
            values = self.read_outputs(logits)
            return values[:, 0] if values.shape[1] == 1 else values
        return _labels(self.checkpoint.classes)[self.loss.classify(logits)]

    def report(self, split: Split, where: str) -> dict[str, Any]:
        """Return all scores on a split; raises DataError like `compute_logits`.

        Of a split that does not fit into memory, the first `scored_rows` are scored.
        """
        logits, answers = [], []
        for piece in scored_pieces(split, self.checkpoint.network.widths[-1]):
            logits.append(self.compute_logits(piece, where))
            answers.append(Answers.of(piece))
        known = Answers.joined(answers)
        report = self.judge(stacked(logits), known.y, known.own_weights)
        each = [
            Fitted(member.baselines, member.transform, member.target_transform)
            for member in self.checkpoint.members
            if member.baselines is not None
        ]
        if len(each) == len(self.checkpoint.members):
            report["baselines"] = report_baselines(each, split)
            report["baseline_note"] = each[0].baselines.note
        return report

    def note_mirrors(self) -> list[str]:
        """Return what there is to know of the mirror images, if the model predicts from them."""
        return [] if self.mirrored is None else note_mirrors(self.checkpoint.experiment, self.mirrored)

    def note_unknown_cells(self, split: Split, X: Any = None) -> list[str]:
        """Return a note for each column of a split with cells of a kind that training had not.

        ``X`` are the rows as a program gave them, which may say why: codes were read as numbers.
        """
        return self.tell_unknown_cells(self.count_unknown_cells(split), X)

    def count_unknown_cells(self, split: Split) -> list[UnknownCells]:
        """Return for each network how many cells of each column are such: unknown texts, and missing ones."""
        columns, members = self.checkpoint.columns, self.checkpoint.members
        return [member.transform.unknown_cells(split.X, columns, split.rows) for member in members]

    def tell_unknown_cells(self, each: Sequence[UnknownCells], X: Any = None) -> list[str]:
        """Return what `note_unknown_cells` does, from the counts of `count_unknown_cells`."""
        columns, members = self.checkpoint.columns, self.checkpoint.members
        notes = []
        for name in columns:
            found = [cells[name] for cells in each if name in cells]
            for i in (0, 1):
                counts = [cells[i] for cells in found if cells[i]]
                if counts:
                    where = "the training split"
                    if len(counts) < len(members):
                        where += f" of {count(len(counts), 'network')} of {len(members):,}"
                    told = self._tell_missing if i else _tell_unseen
                    why = "" if i else self._explain_unseen(name, X)
                    notes.append(f"{shortened(name)}: {told(name, counts[0], where)}.{why}")
        return notes

    def _explain_unseen(self, name: str, X: Any) -> str:
        kind = self.checkpoint.kinds.get(name)
        code = next(filter(is_code, kind.levels), None) if kind else None
        if code is None or name not in numeric_columns(X):
            return ""
        return (
            f" They are numbers in X, and were codes such as {shortened(code)} in the training; pandas reads "
            f"them as text with dtype={{{shortened(name)}: str}}."
        )

    def _tell_missing(self, name: str, n: int, where: str) -> str:
        cells = "1 cell is" if n == 1 else f"{n:,} cells are"
        kind = self.checkpoint.kinds.get(name)
        done = "read as another text" if kind and kind.name == "category" else "filled with the median"
        return f"{cells} missing, which none was in {where}; {done}"

    def judge(
        self, logits: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64] | None = None
    ) -> dict[str, Any]:
        """Return all scores of logits of this model against ``y``, by ``weights`` with a mean of 1."""
        checkpoint = self.checkpoint
        # A loss keeps buffers for each size of a batch; this one goes with them, and no thread shares it.
        loss = build_loss(checkpoint.experiment, checkpoint.class_counts)
        scaling = checkpoint.target_transform
        if scaling is not None and self.is_mean:
            report = full_report(loss, logits, y, None, None, weights)
            report["undefined"].pop("loss", None)
            report["loss"], reason = mean_loss(loss, scaling.apply(logits), scaling.apply(y), weights)
            report["undefined"] |= reason
        else:
            report = full_report(loss, logits, y, checkpoint.classes, scaling, weights)
        return self.complete(report)

    def complete(self, report: dict[str, Any]) -> dict[str, Any]:
        """Return a report with the names of several targets, and with ``tta`` if it was scored so."""
        if self.mirrored is not None:
            report["tta"] = True
        if "targets" in report:
            named = zip(self.checkpoint.target_names, report["targets"], strict=True)
            report["targets"] = [{"target": name, **row} for name, row in named]
        return report

    def _require_finite(self, path: str | Path) -> None:
        if not all(np.isfinite(each.network.parameters.values).all() for each in self.checkpoint.members):
            raise RunError(f"{path} is not written: the network holds weights that are not finite")

    def _logits(self, X: Any) -> NDArray[Any]:
        rows = unlabelled(self._rows(X))
        logits = self.compute_logits(rows, "X")
        notes = self.note_unknown_cells(rows, X)
        if len(notes) > _MOST_NOTES:
            notes[_MOST_NOTES:] = [f"The same of {count(len(notes) - _MOST_NOTES, 'more column')}."]
        if notes:
            warn_caller("\n".join(notes), DataWarning)
        return logits

    def _rows(self, X: Any) -> NDArray[Any]:
        return rows_of_array(X, columns=self.columns, kinds=self.checkpoint.kinds, precise=self._precise)

    @property
    def _precise(self) -> bool:
        return any(member.transform.needs_float64 for member in self.checkpoint.members)


def _rebuilt(kind: type[Model], checkpoint: Checkpoint, folder: Path | None, tta: bool) -> Model:
    """Return a model that was pickled or copied."""
    return kind(checkpoint, folder, tta=tta)


def added(each: Sequence[UnknownCells], more: Sequence[UnknownCells]) -> list[UnknownCells]:
    """Return the sums of two counts of `Model.count_unknown_cells`."""
    nothing = (0, 0)
    return [
        {
            name: (
                one.get(name, nothing)[0] + other.get(name, nothing)[0],
                one.get(name, nothing)[1] + other.get(name, nothing)[1],
            )
            for name in {**one, **other}
        }
        for one, other in zip(each, more, strict=True)
    ]


def _tell_unseen(name: str, n: int, where: str) -> str:  # noqa: ARG001
    cells = "1 cell holds a text" if n == 1 else f"{n:,} cells hold texts"
    return f"{cells} that {where} had not; read as another one"


def _arrays(network: Network) -> dict[str, NDArray[Any]]:
    parameters = network.parameters
    return {name: parameters.view(name) for name in parameters.shapes} | network.state


def describe_network(network: Network, experiment: Experiment) -> str:
    """Return one line on a network and its training: widths, parameters, loss, optimizer."""
    widths = "-".join(map(str, network.widths))
    parameters = count(len(network.parameters.values), "parameter")
    members = "" if network.members == 1 else f" of {network.members:,} members"
    return f"{widths} network{members}, {parameters}; {experiment.loss.name}, {experiment.optimizer.name}"


def unlabelled(X: NDArray[Any]) -> Split:
    """Return a split of rows (n, columns) whose targets are not known."""
    return Split(X, np.zeros(len(X), np.int64), np.arange(len(X)))


def _labels(classes: tuple[str, ...]) -> NDArray[Any]:
    """Return the classes as an array, of numbers or booleans where their names are those."""
    if set(classes) == {"False", "True"}:
        return np.array([name == "True" for name in classes])
    try:
        numbers = [int(name) for name in classes]
        if [str(number) for number in numbers] == list(classes):
            return np.array(numbers, np.int64)
    except (ValueError, OverflowError):
        pass
    return np.array(classes)


def load_model(path: Path) -> Model:
    """Return the model of a checkpoint, or of the directory of a run (its best epoch) or a cross-validation.

    Raises CheckpointError.
    """
    file = find_checkpoint(path)
    folder = folder_of(file.absolute())
    return Model(load_checkpoint(file), folder if is_run(folder) else None)
