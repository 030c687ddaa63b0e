"""The config of the network that is shown, and the files that are saved with it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.dataset import Dataset
from mlpcli.errors import RunError
from mlpcli.files import make_place, replace_file
from mlpcli.play.changes import Change
from mlpcli.play.points import write_table
from mlpcli.text import count
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
    them the seed alone does not lead there: comments list them, and training goes on from the checkpoint.
    """
    names = Names() if names is None else names
    trainer = run.trainer
    epoch = trainer.progress.epoch
    plain = to_plain(with_epochs(run.experiment, max(1, epoch)))
    if has_table:
        plain["data"]["path"] = names.table.name
    said = list(_say(epoch, trainer.batch, changes))
    return "".join(f"# {line}\n" for line in said) + write_yaml(plain)


def _say(epoch: int, batch: int, changes: Sequence[Change]) -> Iterator[str]:
    """Yield what a config does not say of the network that is shown."""
    if changes:
        yield f"The network in the page was changed on its way to epoch {epoch}:"
        for change in changes:
            yield f"  {change}"
        yield "This config trains with the last settings from the seed on, to another network."
    if batch:
        yield f"The page is {count(batch, 'step')} into epoch {epoch + 1}; this config trains whole epochs."


def save(run: Run, table: Dataset | None, changes: Sequence[Change], folder: Path) -> Path:
    """Write the config, and the table of points that were added; return the path of the config.

    Either all files are written, whole and under names that were not used, or none. Raises RunError if they
    cannot be written.
    """
    names = Names.unused(folder)
    written: list[Path] = []
    try:
        if table is not None:
            with replace_file(make_place(names.table)) as stream:
                written.append(names.table)
                stream.write(write_table(table))
        with replace_file(make_place(names.config)) as stream:
            stream.write(describe(run, table is not None, changes, names).encode())
    except OSError as error:
        for path in written:  # a table alone is of no use
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise RunError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    return names.config
