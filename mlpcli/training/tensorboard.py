"""Writes what TensorBoard shows of a run: metrics of each epoch, histograms of weights and activations."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import UsageError
from mlpcli.text import install_command
from mlpcli.training.directory import RunDirectory, writing
from mlpcli.training.epoch import Epoch
from mlpcli.training.memory import EVALUATION_ROWS
from mlpcli.training.plane import pass_through
from mlpcli.training.run import Run

__all__ = ["EventWriter", "require_tensorboard"]

_MOST_HISTOGRAMS = 100  # of an array; TensorBoard shows 50
_BINS = 30  # as many as TensorBoard draws
_ROWS = 200  # whose activations are counted
_AT_ONCE = 1 << 16  # numbers that are counted at once


def require_tensorboard() -> None:
    """Raise UsageError if tensorboardX cannot be imported."""
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"training.tensorboard: true needs tensorboardX, which cannot be imported ({error}); set the key "
            f"to false, or install it with\n  {install_command('mlpcli[tensorboard]')}"
        ) from None


class EventWriter:
    """A listener that writes event files into the directory of a run.

    Each epoch is a step, with its `Epoch.scalars`. Epoch 1, the last and up to a hundred between them also
    have histograms: of all learned arrays, by the names that they have in checkpoints, and of the outputs of
    each hidden layer, for the same 200 examples of the validation split, or else of the training split. Of
    several members, those outputs are the first one's.

    A run that is resumed begins another file. Its first event tells TensorBoard that what older files have of
    the epochs from there on, which are trained again, does not count.

    Raises UsageError if tensorboardX cannot be imported; calling it raises NotWrittenError.
    """

    def __init__(self, directory: RunDirectory) -> None:
        require_tensorboard()
        self._directory = directory
        self._file: Path | None = None

    def __call__(self, run: Run, epoch: Epoch) -> None:
        """Write an epoch, whole or not at all."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        summary = Summary()
        for tag, number in epoch.scalars.items():
            summary.value.add(tag=tag, simple_value=number)
        if _has_histograms(run, epoch.number):
            for tag, values in _arrays(run):
                _count(values, summary.value.add(tag=tag).histo)
        event = Event(wall_time=time.time(), step=epoch.number, summary=summary)
        with writing(self._directory.path):
            first = b"" if self._file is not None else self._begin(epoch)
            assert self._file is not None
            self._directory.append_events(self._file, first + _record(event))

    def _begin(self, epoch: Epoch) -> bytes:
        """Choose the file, and return the records that it begins with."""
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.summary import custom_scalars

        now, goes_on = time.time(), bool(self._directory.event_files())
        events = [Event(wall_time=now, file_version="brain.Event:2")]
        if goes_on:
            start = SessionLog(status=SessionLog.START)
            events.append(Event(wall_time=now, step=epoch.number, session_log=start))
        else:
            events.append(Event(wall_time=now, summary=custom_scalars(_charts(epoch))))
        self._file = self._directory.new_event_file()
        return b"".join(map(_record, events))


def _has_histograms(run: Run, number: int) -> bool:
    epochs = run.experiment.training.epochs
    every = -(-epochs // _MOST_HISTOGRAMS)
    return number in (1, epochs) or number % every == 0 or run.trainer.out_of_patience


def _arrays(run: Run) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays that have histograms, with their tags."""
    network, trainer = run.network, run.trainer
    for array in network.spec.parameters:
        yield f"{array.count}/{array.name}", network.parameters.view(array.name)
    batches = trainer.train if trainer.val is None else trainer.val
    held = len(batches.split)
    n = min(_ROWS, held, max(1, EVALUATION_ROWS // network.members))
    places = np.linspace(0, held - 1, n).astype(np.intp)
    with trainer.threads, np.errstate(over="ignore", invalid="ignore"):
        outputs, _ = pass_through(network, batches.examples(places)[0])
    for number, values in enumerate(outputs, 1):
        yield f"activations/layer_{number}", values


def _count(values: NDArray[Any], histogram: Any) -> None:
    """Fill a HistogramProto with the finite ones of the values: equal bins from the least to the largest."""
    low, high, sums, counts = np.inf, -np.inf, np.zeros(3), np.zeros(_BINS)
    for part in _finite(values):
        low, high = min(low, part.min()), max(high, part.max())
    for part in _finite(values):
        sums += np.array([part.size, part.sum(), np.square(part).sum()])
        if low < high:
            bins = ((part - low) * (_BINS / (high - low))).astype(np.intp)  # faster than np.histogram
            counts += np.bincount(np.minimum(bins, _BINS - 1), minlength=_BINS)
    if not sums[0]:
        return
    histogram.min, histogram.max = low, high
    histogram.num, histogram.sum, histogram.sum_squares = sums
    if low < high:
        histogram.bucket_limit.extend(np.linspace(low, high, _BINS + 1)[1:])
        histogram.bucket.extend(counts)
    else:
        histogram.bucket_limit.append(high)
        histogram.bucket.append(sums[0])


def _finite(values: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    flat = values.reshape(-1)
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE].astype(np.float64)
        part = part[np.isfinite(part)]
        if part.size:
            yield part


def _charts(epoch: Epoch) -> dict[str, dict[str, tuple[str, list[str]]]]:
    """Return what TensorBoard shows in one chart: the splits of a score, the layers of a measurement."""
    charts: dict[str, dict[str, tuple[str, list[str]]]] = {"scores": {}, "layers": {}}
    for tag in epoch.scalars:
        group, _, name = tag.partition("/")
        if group != "training":
            charts["layers" if name.startswith("layer_") else "scores"][group] = ("Multiline", [f"{group}/"])
    return charts


def _record(event: Any) -> bytes:
    """Return an event as TensorFlow's format of records has it: length and data, each with its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    data: bytes = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    checks = [struct.pack("<I", masked_crc32c(part)) for part in (length, data)]
    return length + checks[0] + data + checks[1]
