"""Finds the checkpoint that a path names: the directory of a run, or a checkpoint itself."""

from __future__ import annotations

from pathlib import Path

from mlpcli.config.shipped import shipped_networks
from mlpcli.errors import NoCheckpointError, UsageError, nearest
from mlpcli.text import some
from mlpcli.training.names import FOLDS, KINDS, RUN_CONFIG, RUNS, SEEDS, find_run

__all__ = ["find_checkpoint", "is_run", "no_run", "runs_in"]

_BEST, _OF_FOLDS = "best.npz", "folds.npz"
_FOREIGN = (".pt", ".pth", ".keras", ".xlsx", ".ods")  # archives of other programs
_NAME_RUN = "name the directory of a run, as in runs/spiral"
_NAME_ONE = f"{_NAME_RUN}, or a checkpoint in it"


def find_checkpoint(path: Path) -> Path:
    """Return the path of a checkpoint: ``path`` itself or, in the directory of a run, best.npz or folds.npz.

    Where there is no such path, it may be the name of a network that comes with mlp, as in cifar10/small.
    Raises NoCheckpointError, a CheckpointError, if ``path`` is neither, or the run has no checkpoint yet.
    """
    try:
        if path.is_dir():
            return _of_directory(path)
        path.stat()
        if path.suffix.lower() == ".npz" or (path.suffix.lower() not in _FOREIGN and _is_zip(path)):
            return path
    except (FileNotFoundError, NotADirectoryError):
        if shipped := shipped_networks().get(path.as_posix()):
            return shipped
        raise NoCheckpointError(f"{path}: there is no such run or checkpoint; {_similar(path)}") from None
    except (OSError, ValueError):  # what is wrong with it is best said by who opens it
        return path
    raise _no_checkpoint(path)


def is_run(path: Path) -> bool:
    """Return whether a path is the directory of a run, of a cross-validation or of several seeds."""
    return any((path / mark).is_file() for mark in (RUN_CONFIG, FOLDS, SEEDS))


def no_run(path: Path, mark: str) -> UsageError:
    """Return the error about a path that is to be the directory of a run: it has no file ``mark``."""
    what = KINDS[mark]
    otherwise = _NAME_RUN.replace("a run", f"a {what}")
    return UsageError(
        f"{path} is not the directory of a {what}: it has no {mark}; {_similar(path, otherwise)}"
    )


def runs_in(path: Path) -> list[Path]:
    """Return the directories of runs in a folder."""
    return [folder for folder in sorted(path.iterdir()) if is_run(folder)]


def _of_directory(path: Path) -> Path:
    best, folds = path / _BEST, path / _OF_FOLDS
    if (path / RUN_CONFIG).is_file() and not best.exists():
        raise NoCheckpointError(f"{path} has no best.npz yet: no epoch has been finished")
    if (path / FOLDS).is_file() and not folds.exists():
        raise NoCheckpointError(f"{path} has no folds.npz yet: not all of its folds are trained")
    found = next((file for file in (best, folds) if file.is_file()), None)
    if found is not None:
        return found
    runs = some([str(run) for run in runs_in(path)], 5)
    raise NoCheckpointError(
        f"{path} is not the directory of a run: it has no {RUN_CONFIG}; "
        + (f"it holds {runs}: name one of them" if runs else _NAME_ONE)
    )


def _no_checkpoint(path: Path) -> NoCheckpointError:
    """Return the error about a file that is no checkpoint; it names the run that the file belongs to."""
    if is_run(path.parent):
        return NoCheckpointError(f"{path} is not a checkpoint; name its run, {path.parent}")
    if path.suffix not in (".yaml", ".yml"):
        return NoCheckpointError(f"{path} is not a run or a checkpoint; {_NAME_ONE}")
    run = find_run(path.stem) or find_run(path.stem, FOLDS)
    if run is not None:
        return NoCheckpointError(f"{path} is a config, not a run; its last run is {run}")
    return NoCheckpointError(f"{path} is a config, not a run; {_NAME_ONE}", topic="not trained", config=path)


def _similar(path: Path, otherwise: str = _NAME_ONE) -> str:
    """Return in words which run or checkpoint has nearly that name."""
    if path.suffix != ".npz" and is_run(RUNS / path.name):
        return f"did you mean {RUNS / path.name}?"
    folder = path.parent if path.parent.name or not RUNS.is_dir() else RUNS
    try:
        others = [other.name for other in folder.iterdir() if is_run(other) or other.suffix == ".npz"]
    except OSError:
        others = []
    close = nearest(path.name, others)
    return f"did you mean {folder / close}?" if close else otherwise


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
