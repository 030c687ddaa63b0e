"""Recorders: keep what a run leaves behind, in a run directory or in memory, by one interface.

Both have the same methods, and neither the loop nor the run knows which one it has:

- `open` is the block in which a run writes; `log` adds a line to the log, if there is one.
- `add_start` keeps the weights before the first epoch, where these may be the best.
- `add_snapshot`, then `add_epoch`, keep an epoch; `save` keeps the state within one; `sync` makes sure that
  all of it has reached its place.
- ``metrics``, ``best``, ``last``, ``snapshots`` and `snapshot` give back what is kept, during training and
  afterwards.

What is handed over may be changed by the next step of training: a recorder copies what it needs later.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mlpcli.build.parts import build_network
from mlpcli.text import printable
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mlpcli.training.directory import NotWrittenError, RunDirectory, find_snapshots, writing

__all__ = ["DirectoryRecorder", "MemoryRecorder", "Recorder"]

# Where epochs are shorter, writing each would take longer than training it: those between are kept in memory.
_WRITE_EVERY = 1.0  # seconds
_MOST_KEPT = 8_000_000  # bytes of parameters and optimizer; of larger networks each epoch is written


class _Copy:
    """A copy of a checkpoint that training does not change; the network is made when it is asked for."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        resume = checkpoint.resume
        if resume is not None:
            slots = {name: slot.copy() for name, slot in resume.slots.items()}
            resume = replace(resume, progress=replace(resume.progress), slots=slots)
        self._checkpoint = replace(checkpoint, resume=resume)
        self._values = checkpoint.network.parameters.values.copy()
        self._state = {name: array.copy() for name, array in checkpoint.network.state.items()}

    def unpack(self) -> Checkpoint:
        """Return the checkpoint as it was, with a network of its own: each call makes a new one."""
        live = self._checkpoint.network
        network = build_network(self._checkpoint.experiment, live.widths, live.dtype)
        np.copyto(network.parameters.values, self._values)
        for name, array in self._state.items():
            np.copyto(network.state[name], array)
        return replace(self._checkpoint, network=network)


class MemoryRecorder:
    """Keeps the rows of metrics, the best and the last weights and the snapshots in memory, and no log."""

    directory: Path | None = None

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._best: _Copy | None = None
        self._last: _Copy | None = None
        self._snapshots: dict[int, _Copy] = {}

    @contextlib.contextmanager
    def open(self, lines: Sequence[str]) -> Iterator[None]:  # noqa: ARG002
        """Do nothing: there is no log."""
        yield

    def log(self, text: str) -> None:
        """Do nothing: there is no log."""

    def add_snapshot(self, checkpoint: Checkpoint, planned: Collection[int]) -> None:  # noqa: ARG002
        """Keep the weights of an epoch."""
        self._snapshots[checkpoint.epoch] = _Copy(replace(checkpoint, resume=None))

    def add_start(self, checkpoint: Checkpoint) -> None:
        """Keep the weights before the first epoch as the best so far."""
        self._best = _Copy(replace(checkpoint, resume=None))

    def add_epoch(self, row: dict[str, Any], checkpoint: Checkpoint, *, is_best: bool) -> None:
        """Keep an epoch's row and weights."""
        self._last = _Copy(replace(checkpoint, resume=None))
        if is_best:
            self._best = self._last
        self._rows.append(row)

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep the weights within an epoch."""
        self._last = _Copy(replace(checkpoint, resume=None))

    def sync(self) -> None:
        """Do nothing: all is where it belongs."""

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics so far."""
        return [dict(row) for row in self._rows]

    @property
    def best(self) -> Checkpoint | None:
        """The checkpoint of the best epoch; None before the first one has ended."""
        return None if self._best is None else self._best.unpack()

    @property
    def last(self) -> Checkpoint | None:
        """The checkpoint that was kept last; None before the first one."""
        return None if self._last is None else self._last.unpack()

    @property
    def snapshots(self) -> list[int]:
        """The epochs that have a snapshot."""
        return sorted(self._snapshots)

    def snapshot(self, epoch: int) -> Checkpoint:
        """Return the snapshot of an epoch."""
        return self._snapshots[epoch].unpack()


class DirectoryRecorder:
    """Writes a run into its directory; `RunDirectory` has been begun or rewound before.

    Rows and snapshots are written at once. Checkpoints are written after the first epoch and after each one
    that ends a second or more after the last write, with ``training.checkpoint_every`` or a large network
    after each epoch; those in between are kept in memory until `sync`. So only what kills the process loses
    epochs. What was written before a failure stays whole. Of several ``runs_at_once`` each writes so many
    times less often.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._files = directory
        self.directory: Path | None = directory.path
        self._best: _Copy | None = None
        self._unwritten: dict[Path, _Copy | Checkpoint] = {}
        self._rows: list[dict[str, Any]] = []  # those that somebody has asked for: a long run keeps none
        self._rows_end = 0  # bytes of metrics.jsonl
        self._rows_lock = threading.Lock()
        self.runs_at_once = 1
        self._due = 0.0

    @contextlib.contextmanager
    def open(self, lines: Sequence[str]) -> Iterator[None]:
        """Write ``lines`` into the log; a NotWrittenError of the block says what is left of the run."""
        try:
            for line in lines:
                self.log(line)
            yield
        except NotWrittenError as error:
            if error.topic is not None:  # of another run
                raise
            raise self._with_what_is_left(error) from None

    def log(self, text: str) -> None:
        """Write a line into run.log, with the time."""
        with self._writing():
            self._files.append_log(printable(text))

    def add_snapshot(self, checkpoint: Checkpoint, planned: Collection[int]) -> None:
        """Write the snapshot of an epoch; remove those of other epochs than ``planned``."""
        with self._writing():
            self._files.forget_snapshots(planned)  # they were planned for another number of epochs
            snapshot = self._files.snapshot(checkpoint.epoch)
            snapshot.parent.mkdir(exist_ok=True)
            save_checkpoint(snapshot, replace(checkpoint, resume=None))

    def add_start(self, checkpoint: Checkpoint) -> None:
        """Keep the weights before the first epoch as the best so far; they are written with those of it."""
        self._best = self._unwritten[self._files.best] = _Copy(replace(checkpoint, resume=None))

    def add_epoch(self, row: dict[str, Any], checkpoint: Checkpoint, *, is_best: bool) -> None:
        """Write an epoch's row; write its checkpoints too, or keep them until they are due."""
        with self._writing():
            self._files.append_metrics(row)
        at_once = (
            time.perf_counter() >= self._due
            or checkpoint.experiment.training.checkpoint_every is not None
            or _size(checkpoint) > _MOST_KEPT
        )
        if is_best:
            weights = replace(checkpoint, resume=None)
            self._best = _Copy(weights)
            self._unwritten[self._files.best] = weights if at_once else self._best
        self._unwritten[self._files.last] = checkpoint if at_once else _Copy(checkpoint)
        if at_once:
            self.sync()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the state within an epoch to last.npz."""
        self._unwritten[self._files.last] = checkpoint
        self.sync()

    def sync(self) -> None:
        """Write the checkpoints that are kept in memory.

        last.npz comes last: what it says is done is on disk. What comes later is done again when resumed.
        """
        if not self._unwritten:
            return
        with self._writing():
            self._files.sync_epochs()
            for path in (self._files.best, self._files.last):
                if path in self._unwritten:
                    kept = self._unwritten[path]
                    save_checkpoint(path, kept.unpack() if isinstance(kept, _Copy) else kept)
                    del self._unwritten[path]
        self._files.saved = True
        self._due = time.perf_counter() + _WRITE_EVERY * self.runs_at_once

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(self._files.path)

    def _with_what_is_left(self, error: NotWrittenError) -> NotWrittenError:
        """Return the error for what the system refused, with what is left of the run."""
        saved = self._files.saved
        is_there = saved and _is_there(self._files.last)
        if is_there:
            left = "What was saved before is whole."
        elif saved:
            left = f"What had been saved in {self.directory} is gone now, or cannot be read."
        else:
            left = "Nothing had been saved yet."
        return NotWrittenError(
            f"{error}.\n{left}",
            topic="run not written" if is_there else "run out of reach" if saved else "nothing written",
            run=self.directory,
        )

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        with self._rows_lock:
            rows, self._rows_end = self._files.read_metrics(self._rows_end)
            self._rows += rows
            return [dict(row) for row in self._rows]

    @property
    def best(self) -> Checkpoint | None:
        """The checkpoint of the best epoch; None before the first one has ended."""
        if self._best is not None:
            return self._best.unpack()
        return _read(self._files.best)  # of a run that goes on

    @property
    def last(self) -> Checkpoint | None:
        """The checkpoint that was kept last; None before the first one.

        Reading writes nothing: another thread may ask while training goes on.
        """
        kept = self._unwritten.get(self._files.last)
        return kept.unpack() if isinstance(kept, _Copy) else _read(self._files.last)

    @property
    def snapshots(self) -> list[int]:
        """The epochs that have a snapshot."""
        return list(find_snapshots(self._files.path))

    def snapshot(self, epoch: int) -> Checkpoint:
        """Return the snapshot of an epoch."""
        return load_checkpoint(self._files.snapshot(epoch))


Recorder: TypeAlias = MemoryRecorder | DirectoryRecorder


def _size(checkpoint: Checkpoint) -> int:
    """Return the bytes of the parameters and of the optimizer's arrays."""
    slots = {} if checkpoint.resume is None else checkpoint.resume.slots
    return sum(array.nbytes for array in (checkpoint.network.parameters.values, *slots.values()))


def _read(path: Path) -> Checkpoint | None:
    return load_checkpoint(path, force_memory=True) if path.exists() else None  # the run's forecast has room


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder cannot be read
        return False
