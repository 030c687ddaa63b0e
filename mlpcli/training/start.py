"""Starts and resumes runs, in a directory or in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from mlpcli.blas import ENGINE
from mlpcli.build.splits import Splits
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, RunWarning, warn_caller
from mlpcli.nn.products import why_slow
from mlpcli.text import count
from mlpcli.training.bar import with_bar
from mlpcli.training.directory import Folder, RunDirectory, choose_directory
from mlpcli.training.recorder import DirectoryRecorder
from mlpcli.training.resume import find_run_to_resume, load_last, resume_run, with_choices
from mlpcli.training.run import Listener, Run
from mlpcli.training.shards import Processes, share_batches
from mlpcli.training.tensorboard import EventWriter

__all__ = ["start_run", "take_directory", "take_folder", "train_or_keep", "train_run", "train_to_end"]

_F = TypeVar("_F", bound=Folder)


def take_directory(name: str, out: Path | None, *, resume: bool = False, force: bool = False) -> RunDirectory:
    """Return the directory for a run, locked until it is closed.

    That is ``out``, or a new one of runs/NAME, runs/NAME-2, ...; with ``resume`` that of them whose run was
    begun last. Raises UsageError if ``out`` holds something else, or a run that is neither resumed nor,
    with ``force``, replaced; RunError if nothing can be written there, or another run is being written there.
    """
    return take_folder(RunDirectory, name, out, resume=resume, force=force)


def take_folder(
    kind: type[_F], name: str, out: Path | None, *, resume: bool = False, force: bool = False
) -> _F:
    """Return the directory of a run or of several runs, as `take_directory` does for a run."""
    found = find_run_to_resume(name, out, kind.mark) if resume else None
    if found is not None:
        return kind.reopen(found)
    return kind.create(name, out if resume else choose_directory(out, force, kind.mark))


def start_run(
    experiment: Experiment,
    directory: RunDirectory | None = None,
    splits: Splits | None = None,
    *,
    listeners: Sequence[Listener] = (),
    force_memory: bool = False,
    processes: Processes | None = None,
) -> Run:
    """Return a run that is ready to train: a new one, or the one in the directory as it was saved last.

    Without a directory it is kept in memory. With ``training.tensorboard`` the first of its listeners is an
    `EventWriter`. If there are several ``processes``, this is called in that of rank 0, and the others begin
    where the run stands. Raises what this, `Run`, `load_last` and `resume_run` raise, and ConfigError if
    bfloat16 would be slow here; until then nothing in the directory has changed.
    """
    _require_fast(experiment)
    if experiment.training.tensorboard and directory is not None:
        listeners = [EventWriter(directory), *listeners]
    run = _begun(experiment, directory, splits, force_memory, processes)
    run.listeners += listeners
    return run


def _begun(
    experiment: Experiment,
    directory: RunDirectory | None,
    splits: Splits | None,
    force_memory: bool,
    processes: Processes | None,
) -> Run:
    last = load_last(directory, experiment) if directory is not None and directory.goes_on else None
    if processes is not None:
        if last is not None:
            experiment = with_choices(last.experiment, experiment)
        experiment = share_batches(experiment, processes, begun=last is not None)
    if directory is not None and directory.goes_on:
        run = resume_run(directory, experiment, last, splits, force_memory=force_memory, processes=processes)
    else:
        recorder = None if directory is None else DirectoryRecorder(directory)
        run = Run(experiment, splits, recorder, force_memory=force_memory, processes=processes)
    if processes is not None:
        processes.start(run.state())
    if directory is None:
        return run
    if last is None:
        directory.begin(run.experiment)
    else:
        note = directory.rewind(last.epoch)
        if note is not None:
            run.notes.append(note)
        directory.write_config(run.experiment)
    return run


def _require_fast(experiment: Experiment) -> None:
    """Raise ConfigError if a precision that is there to be fast is not, unless NumPy was asked for."""
    reason = why_slow(experiment.training.precision)
    if reason is not None:
        raise ConfigError(
            f"training.precision: bfloat16 would be slower here than float32: {reason}\n"
            f"Otherwise set it to float32; or set {ENGINE}=numpy in the environment, and NumPy rounds to the "
            "same numbers, but slowly.",
            topic="slow precision",
        )


def train_run(
    experiment: Experiment,
    directory: RunDirectory | None = None,
    splits: Splits | None = None,
    *,
    progress: Callable[[Run], object] | bool | None = None,
    listeners: Sequence[Listener] = (),
    force_memory: bool = False,
) -> Run:
    """Start a run, train it to its end, close its directory and return it.

    ``progress`` is that of `train_to_end`. A run in memory is returned also if Ctrl-C ends it, see
    `train_or_keep`. Raises what `start_run` and `Run.epochs` raise.
    """
    try:
        run = start_run(experiment, directory, splits, listeners=listeners, force_memory=force_memory)
        (train_or_keep if directory is None else train_to_end)(run, progress)
    finally:
        if directory is not None:
            directory.close(discard=True)
    return run


def train_or_keep(run: Run, progress: Callable[[Run], object] | bool | None) -> None:
    """Do what `train_to_end` does; Ctrl-C ends that with a RunWarning, and the run has the epochs so far.

    Before the end of the first epoch it raises KeyboardInterrupt.
    """
    try:
        train_to_end(run, progress)
    except KeyboardInterrupt:
        done = len(run.metrics)
        if not done:
            raise
        warn_caller(f"Training was interrupted after {count(done, 'epoch')}; the best is kept.", RunWarning)


def train_to_end(run: Run, progress: Callable[[Run], object] | bool | None) -> None:
    """Train a run to its end.

    ``progress`` is called with it once before the first epoch and after each one; True shows a bar instead.
    """
    call = progress if callable(progress) else None
    if call is not None:
        call(run)
    with closing(with_bar(run) if progress and call is None else run.epochs()) as epochs:
        for _ in epochs:
            if call is not None:
                call(run)
