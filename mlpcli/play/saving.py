"""The config of the network that is shown, and the files that are saved with it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from mlpcli.config.schema import Experiment
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.dataset import Dataset
from mlpcli.errors import MlpError, RunError
from mlpcli.files import make_place, replace_file
from mlpcli.npz import write_npz
from mlpcli.play.changes import Change
from mlpcli.play.points import write_table
from mlpcli.play.settings import KEYS
from mlpcli.play.short import short_config
from mlpcli.text import count
from mlpcli.training.checkpoints import Checkpoint, pack_checkpoint
from mlpcli.training.run import Run

__all__ = ["Names", "describe", "save", "with_epochs"]


def with_epochs(experiment: Experiment, epochs: int) -> Experiment:
    """Return the experiment with ``epochs`` epochs and without saving anything during training."""
    plain = {"epochs": epochs, "patience": None, "checkpoint_every": None, "snapshots": None}
    return experiment.model_copy(update={"training": experiment.training.model_copy(update=plain)})


class Names:
    """The paths of the files that are saved together, of a name that none of them has yet."""

    def __init__(self, folder: Path = Path(), number: int = 1) -> None:
        stem = "play" if number == 1 else f"play-{number}"
        self.config, self.table, self.checkpoint = (
            folder / f"{stem}{suffix}" for suffix in (".yaml", ".csv", ".npz")
        )

    @classmethod
    def unused(cls, folder: Path) -> Names:
        """Return the first names of which a folder has no file."""
        candidates = (cls(folder, number) for number in itertools.count(1))
        return next(names for names in candidates if not any(path.exists() for path in names.all))

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """The three paths."""
        return self.config, self.table, self.checkpoint


def describe(run: Run, has_table: bool, changes: Sequence[Change], names: Names | None = None) -> str:
    """Return the config of the network as it is now.

    Without changes it trains this network from the seed; before the first epoch, for a single epoch. With
    them the seed alone does not lead there: comments list them, and training goes on from a checkpoint of the
    network, for as many epochs again.
    """
    names = Names() if names is None else names
    trainer = run.trainer
    epoch = trainer.progress.epoch
    sizes = {"data.val_size", "data.test_size"} if has_table else set()  # each row names its split
    shown = {*KEYS, "training.epochs"} - sizes
    plain = short_config(with_epochs(run.experiment, max(1, epoch)), shown)
    if has_table:
        plain["data"]["path"] = names.table.name
    if changes:
        plain["training"]["start_from"] = names.checkpoint.name
    said = _say(epoch, trainer.batch, changes, names.checkpoint.name)
    return "".join(f"# {line}\n" for line in said) + write_yaml(plain)


def _say(epoch: int, batch: int, changes: Sequence[Change], checkpoint: str) -> Iterator[str]:
    """Yield what a config does not say of the network that is shown."""
    if changes:
        yield f"The network in the page was changed on its way to epoch {epoch}:"
        for change in changes:
            yield f"  {change}"
        yield f"{checkpoint} holds it as it is now. This config goes on from there, for as many epochs again."
        yield "Without start_from it would train from the seed, with the last settings, to another network."
    if batch:
        where = f"The page is {count(batch, 'step')} into epoch {epoch + 1}"
        yield f"{where}, which training begins anew." if changes else f"{where}; this config ends before it."


def save(run: Run, table: Dataset | None, changes: Sequence[Change], folder: Path) -> Path:
    """Write the config and the files that it names; return its path.

    These are a table if points were added, and a checkpoint if there were changes. Either all files are
    written, whole and under names that were not used, or none. Raises RunError if they cannot be written, and
    CheckpointError if the names in the data are too long for a checkpoint.
    """
    names = Names.unused(folder)
    written: list[Path] = []

    @contextlib.contextmanager
    def writing(path: Path) -> Iterator[IO[bytes]]:
        with replace_file(make_place(path)) as stream:
            yield stream
        written.append(path)

    try:
        if table is not None:
            with writing(names.table) as stream:
                stream.write(write_table(table))
        if changes:
            with writing(names.checkpoint) as stream:
                write_npz(stream, pack_checkpoint(_checkpoint(run, table, names)))
        with writing(names.config) as stream:
            stream.write(describe(run, table is not None, changes, names).encode())
    except (OSError, MlpError) as error:
        for path in written:  # a part of the files is of no use
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RunError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
        raise
    return names.config


def _checkpoint(run: Run, table: Dataset | None, names: Names) -> Checkpoint:
    """Return the network as it is now, with a config that finds the table beside it."""
    experiment = with_epochs(run.experiment, max(1, run.trainer.progress.epoch))
    if table is not None:
        data = experiment.data.model_copy(update={"path": str(names.table.resolve())})
        experiment = experiment.model_copy(update={"data": data})
    return replace(run.here(), experiment=experiment)
