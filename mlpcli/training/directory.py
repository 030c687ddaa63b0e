"""The directories of a run and of several runs: their files, and the lock that keeps others out."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
import time
import weakref
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.errors import RunError, UsageError
from mlpcli.files import append, make_folder, replace_file, temporary_name
from mlpcli.training.names import FOLDS, KINDS, RUN_CONFIG, RUN_LOG, RUNS, SEEDS, SWEEP, new_names

try:
    import fcntl
except ImportError:  # Windows, which has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "METRICS_CSV",
    "Folder",
    "FoldsDirectory",
    "NotWrittenError",
    "RunDirectory",
    "RunsDirectory",
    "SeedsDirectory",
    "choose_directory",
    "find_snapshots",
    "folder_of",
    "is_empty",
    "writing",
]

_FILES = (RUN_CONFIG, "metrics.jsonl", "best.npz", "last.npz", RUN_LOG)
_REPORT = "report.html"  # that `mlp report` makes
METRICS_CSV = "metrics.csv"  # that a listener writes
_FILE = re.compile("|".join(map(re.escape, _FILES)))
_SNAPSHOTS = "snapshots"
_SNAPSHOT = re.compile(r"epoch-([0-9]{4,8})\.npz")
_PLOTS = "plots"
_EVENTS = re.compile(r"events\.out\.tfevents\.([0-9]{1,15})\.mlp")  # TensorBoard reads all "tfevents"
_PICTURE = re.compile(r".+\.(png|svg|gif)")  # that `mlp plot` makes

_F = TypeVar("_F", bound="Folder")


def choose_directory(out: Path | None, force: bool, mark: str = RUN_CONFIG) -> Path | None:
    """Return the directory for a new run, checked before any work is done; None if any free name will do.

    ``mark`` is the file by which such a directory is known. Raises UsageError if ``out`` already holds
    something; with ``force`` a run, or a cross-validation, may be replaced by another one.
    """
    what = KINDS[mark]
    if out is None:
        return None
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a directory that does not exist yet")
    if not out.is_dir() or is_empty(out):
        return out
    if not (out / mark).is_file():
        raise UsageError(f"{out} holds files that do not belong to a {what}; name another directory")
    if not force:
        raise UsageError(
            f"{out} already holds a {what}; resume that {what}, or name another directory",
            topic="directory holds a sweep" if mark == SWEEP else "directory holds a run",
        )
    return out


def find_snapshots(path: Path) -> dict[int, Path]:
    """Return the snapshots of the run in the folder ``path``, by their epochs."""
    folder = path / _SNAPSHOTS
    if not folder.is_dir():
        return {}
    found = {file: _SNAPSHOT.fullmatch(file.name) for file in folder.iterdir()}
    return dict(sorted((int(match[1]), file) for file, match in found.items() if match))


def folder_of(checkpoint: Path) -> Path:
    """Return the directory of the run that a checkpoint belongs to; snapshots lie one folder deeper."""
    folder = checkpoint.parent
    return (
        folder.parent if folder.name == _SNAPSHOTS and (folder.parent / "config.yaml").is_file() else folder
    )


class Folder:
    """A folder that is locked for other processes as long as this object lives.

    The lock is on the folder itself and ends with the process, so none is left behind. The file ``mark`` says
    what kind of folder it is.
    """

    mark: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.goes_on = False  # whether it holds a run, or a cross-validation, to resume
        self._made: list[Path] = []  # the folders that were made for it, this one first
        descriptor = _lock(path)
        self._unlock = weakref.finalize(self, os.close, descriptor) if descriptor is not None else None

    @classmethod
    def create(cls: type[_F], name: str, chosen: Path | None) -> _F:
        """Take ``chosen``, or a new one of runs/NAME, runs/NAME-2, ..., and make it if needed.

        Raises RunError if nothing can be written there, or another run is being written there.
        """
        with writing(chosen if chosen is not None else RUNS):
            directory = cls._free(name) if chosen is None else cls._make(chosen)
            directory._try_out()
        return directory

    @classmethod
    def reopen(cls: type[_F], path: Path) -> _F:
        """Take the folder of a run to resume; raises RunError like `create`."""
        with writing(path):
            directory = cls(path)
            directory.goes_on = True
            directory._try_out()
        return directory

    @classmethod
    def _make(cls: type[_F], path: Path) -> _F:
        made = [folder for folder in (path, *path.parents) if not folder.exists()]
        make_folder(path)
        directory = cls(path)
        directory._made = made
        return directory

    @classmethod
    def _free(cls: type[_F], name: str) -> _F:
        """Take the first of the `new_names` that is empty or does not exist yet."""
        for path in new_names(name):
            if path.exists() and not (path.is_dir() and is_empty(path)):
                continue
            try:
                directory = cls._make(path)
            except RunError:  # another process was faster
                continue
            if is_empty(path):
                return directory
            directory.close()
        raise AssertionError("unreachable")

    def _try_out(self) -> None:
        """Check that the folder can be written to, before hours are spent on training."""
        try:
            with tempfile.TemporaryFile(dir=self.path) as stream:
                stream.write(b"\0" * 4096)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            error.filename = self.path  # not that of the temporary file
            raise

    def close(self, *, discard: bool = False) -> None:
        """Release the lock; with ``discard``, also remove folders that were made and are still empty."""
        if discard:
            with contextlib.suppress(OSError):  # above all, because it is not empty
                for folder in self._made:
                    folder.rmdir()
        if self._unlock is not None:
            self._unlock()


class RunDirectory(Folder):
    """A folder with the files of one run.

    ``saved`` is whether last.npz has been written, also if the folder cannot be reached any more.
    """

    mark = RUN_CONFIG

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.config, self.metrics, self.best, self.last, self.log = (path / name for name in _FILES)
        self.saved = False

    @classmethod
    def reopen(cls, path: Path) -> RunDirectory:
        """Take the folder of a run to resume; raises RunError like `create`."""
        directory = super().reopen(path)
        with writing(path):
            directory.saved = directory.last.exists()
        return directory

    def begin(self, experiment: Experiment) -> None:
        """Remove an earlier run; then write the new config, which marks the folder as that of a run."""
        with writing(self.path):
            self._clear()
            self.write_config(experiment)
            self.saved = False

    def remove(self) -> None:
        """Remove the run, its config last, and the folder if nothing else is in it."""
        with writing(self.path):
            self._clear()
            self.config.unlink(missing_ok=True)
            for folder in (self.path / _SNAPSHOTS, self.path / _PLOTS, self.path):
                with contextlib.suppress(OSError):  # it is not empty, or not there
                    folder.rmdir()

    def _clear(self) -> None:
        """Remove all files of a run but its config, and the pictures, report and table that show it."""
        for file in (self.path / _REPORT, self.path / METRICS_CSV):
            file.unlink(missing_ok=True)
            temporary_name(file).unlink(missing_ok=True)
        for file in (self.metrics, self.best, self.last, self.log):
            file.unlink(missing_ok=True)
        for file in self.event_files():
            file.unlink()
        self.forget_snapshots(set())
        self._sweep()
        _remove_pictures(self.path)

    def _sweep(self) -> None:
        """Remove what killed processes have left half-written."""
        _remove_temporary(self.path, _FILE)
        _remove_temporary(self.path / _SNAPSHOTS, _SNAPSHOT)

    def snapshot(self, epoch: int) -> Path:
        """Return the path of an epoch's snapshot."""
        return self.path / _SNAPSHOTS / f"epoch-{epoch:04}.npz"

    def forget_snapshots(self, keep: Collection[int]) -> None:
        """Remove the snapshots of all epochs but ``keep``."""
        for epoch, file in find_snapshots(self.path).items():
            if epoch not in keep:
                file.unlink()

    def write_config(self, experiment: Experiment) -> None:
        """Write config.yaml."""
        with writing(self.path), replace_file(self.config) as stream:
            stream.write(write_yaml(to_plain(experiment)).encode())

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add a row to metrics.jsonl; if that fails, no part of the row stays."""
        append(self.metrics, json.dumps(row).encode() + b"\n")

    def append_log(self, text: str) -> None:
        """Add a line, or several, to run.log, with the time and its distance from UTC."""
        now = datetime.now().astimezone().isoformat(" ", "milliseconds")
        append(self.log, f"{now} {text}\n".encode(errors="backslashreplace"))

    def event_files(self) -> list[Path]:
        """Return the event files, the oldest first: one for each time that the run was begun or resumed."""
        found = [path for path in self.path.iterdir() if _EVENTS.fullmatch(path.name)]
        return sorted(found, key=_seconds)

    def new_event_file(self) -> Path:
        """Return the path of another event file; TensorBoard reads them in the order of their names."""
        now = max([int(time.time()), *(_seconds(path) + 1 for path in self.event_files())])
        return self.path / f"events.out.tfevents.{now:010}.mlp"

    def append_events(self, file: Path, records: bytes) -> None:
        """Add records to an event file; if that fails, no part of them stays."""
        append(file, records)

    def sync_epochs(self) -> None:
        """Wait until the rows of all epochs, and the last event file, have reached the disk."""
        for file in (self.metrics, *self.event_files()[-1:]):
            with contextlib.suppress(FileNotFoundError), file.open("rb+") as stream:
                os.fsync(stream.fileno())

    def rewind(self, epochs: int) -> str | None:
        """Undo what a run has written since it had ``epochs`` epochs, when last.npz was saved.

        Cut metrics.jsonl to their rows, since there may be more, or half a row, and remove what was left
        half-written. Return a note if the file ended in a broken row. Raises RunError if some of the rows are
        missing.
        """
        with writing(self.metrics):
            self._sweep()
            if epochs == 0:
                self.metrics.unlink(missing_ok=True)
                return None
            if not self.metrics.exists():
                raise self._lacks_rows(epochs)
            with self.metrics.open("rb+") as stream:
                size, row = 0, b""
                for _ in range(epochs):
                    row = stream.readline()
                    size += len(row)
                if not (row.endswith(b"\n") and _epoch(row) == epochs):
                    raise self._lacks_rows(epochs)
                end = stream.read()
                stream.truncate(size)
                stream.flush()
                os.fsync(stream.fileno())
        if not end or (end.endswith(b"\n") and _epoch(end.splitlines()[-1]) is not None):
            return None
        return f"{self.metrics} ended in a row that was not whole; it has been removed."

    def _lacks_rows(self, epochs: int) -> RunError:
        return RunError(
            f"{self.metrics} does not hold the rows of all {epochs} epochs that last.npz has trained; "
            "put the file back as it was, or train a new run",
            topic="run cannot go on",
        )

    def read_metrics(self, start: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the rows of metrics.jsonl that begin at byte ``start``, and the byte at which they end.

        A last line without an end is a row that is being written. Raises RunError if a line is not a row.
        """
        with writing(self.metrics):
            if not self.metrics.exists():
                return [], start
            with self.metrics.open("rb") as stream:
                stream.seek(start)
                data = stream.read()
        end = data.rfind(b"\n") + 1
        try:
            return [json.loads(line) for line in data[:end].splitlines()], start + end
        except ValueError:
            raise RunError(f"{self.metrics} holds something that is not a row of metrics") from None


class RunsDirectory(Folder):
    """A folder with the directories of several runs, and with files on them all, of which one marks it."""

    others: ClassVar[tuple[str, ...]] = ()  # the names of the other files
    runs: ClassVar[re.Pattern[str]]

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.scores = path / self.mark
        self._temporary = re.compile("|".join(map(re.escape, (self.mark, *self.others))))

    def begin(self, scores: dict[str, Any]) -> None:
        """Remove what was there before, with its runs; then write the file that marks the folder."""
        with writing(self.path):
            for name in self.others:
                (self.path / name).unlink(missing_ok=True)
            _remove_temporary(self.path, self._temporary)
            for folder in sorted(self.path.iterdir()):
                if self.runs.fullmatch(folder.name) and (folder / RUN_CONFIG).is_file():
                    run = RunDirectory(folder)
                    run.remove()
                    run.close()
            _remove_pictures(self.path)
        self.write_scores(scores)

    def go_on(self, scores: dict[str, Any]) -> None:
        """Remove what a killed process has left half-written, and write the scores."""
        with writing(self.path):
            _remove_temporary(self.path, self._temporary)
        self.write_scores(scores)

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Write the file that marks the folder."""
        with writing(self.path), replace_file(self.scores) as stream:
            stream.write(json.dumps(scores, indent=1).encode() + b"\n")


class SeedsDirectory(RunsDirectory):
    """A folder with the runs of several seeds, and with seeds.json, which has their scores."""

    mark = SEEDS
    runs = re.compile(r"seed-[0-9]+")


class FoldsDirectory(RunsDirectory):
    """A folder with what a cross-validation leaves, and with the directory of the run of each fold."""

    mark = FOLDS
    others = ("folds.npz", "out_of_fold.csv")
    runs = re.compile(r"(repeat-[0-9]+-)?fold-[0-9]+")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.checkpoint, self.predictions = (path / name for name in self.others)

    def write_predictions(self, lines: Iterable[str]) -> None:
        """Write out_of_fold.csv."""
        with writing(self.path), replace_file(self.predictions) as stream:
            stream.writelines(line.encode() for line in lines)


def _remove_pictures(path: Path) -> None:
    _remove_temporary(path / _PLOTS, _PICTURE)
    for picture in (path / _PLOTS).glob("*"):
        if _PICTURE.fullmatch(picture.name):
            picture.unlink()


def _remove_temporary(folder: Path, names: re.Pattern[str]) -> None:
    """Remove the temporary files that files of these names have in a folder while they are written."""
    for file in folder.glob(".*.tmp"):
        name = file.name[1 : -len(".tmp")]
        if names.fullmatch(name):
            temporary_name(folder / name).unlink(missing_ok=True)


def _seconds(events: Path) -> int:
    """Return the time in the name of an event file."""
    match = _EVENTS.fullmatch(events.name)
    assert match is not None
    return int(match[1])


def _epoch(row: bytes) -> Any:
    try:
        return json.loads(row)["epoch"]
    except (ValueError, KeyError, TypeError):
        return None


class NotWrittenError(RunError):
    """A file of a run, or of a cross-validation, cannot be written."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise what the system refuses as NotWrittenError; ``path`` stands for a file that it does not name."""
    try:
        yield
    except OSError as error:
        raise NotWrittenError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def is_empty(path: Path) -> bool:
    """Return whether a folder is empty but for what a process leaves if it is killed at its first file."""
    return all(entry.name in {f".{mark}.tmp" for mark in KINDS} for entry in path.iterdir())


def _lock(path: Path) -> int | None:
    """Lock a folder and return the descriptor that holds the lock; None on systems without such locks."""
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(descriptor)
            raise RunError(
                f"{path} is in use: another run is being written there", topic="directory in use"
            ) from None
    return descriptor
