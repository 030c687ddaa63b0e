"""Writes the metrics of each epoch as a row of a CSV file, for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from mlpcli.errors import UsageError
from mlpcli.files import append, replace_file
from mlpcli.training.directory import METRICS_CSV, writing
from mlpcli.training.epoch import Epoch
from mlpcli.training.run import Run

__all__ = ["MetricsCsv"]


class MetricsCsv:
    """A listener that writes a row for each epoch: its number and the `Epoch.values`, under their names.

    Without a ``path``, the file is metrics.csv in the directory of the run, and of each run of a
    cross-validation. Rows of epochs that are trained again when a run is resumed are replaced.

    Calling it raises UsageError if a file of that name has other columns, if there is no directory, or if
    the file of ``path`` holds another run that this listener was told of; RunError if it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._given = None if path is None else Path(path).absolute()
        self._run: Run | None = None

    def __call__(self, run: Run, epoch: Epoch) -> None:
        """Write the row of an epoch."""
        path = self._path(run)
        with writing(path):
            if run is not self._run:
                self._begin(path, epoch)
                self._run = run
            append(path, _line([epoch.number, *epoch.values.values()]))

    def _path(self, run: Run) -> Path:
        if self._given is None:
            if run.directory is None:
                raise UsageError("the run is kept in memory; name a file, as in MetricsCsv('metrics.csv')")
            return run.directory / METRICS_CSV
        if self._run is not None and run is not self._run:
            raise UsageError(
                f"{self._given} holds the epochs of another run; MetricsCsv() without a path writes "
                f"{METRICS_CSV} into the directory of each"
            )
        return self._given

    def _begin(self, path: Path, epoch: Epoch) -> None:
        """Write the names of the columns, and keep the rows of the epochs before this one."""
        names = _line(["epoch", *epoch.values])
        before = path.read_bytes() if path.exists() else b""
        first, *rows = before.splitlines(keepends=True) or [names]
        if first != names if epoch.number > 1 else not first.startswith(b"epoch,"):
            raise UsageError(f"{path} has other columns than the metrics of this run; name another file")
        with replace_file(path) as stream:
            stream.writelines([names, *(row for row in rows if _is_before(row, epoch.number))])


def _is_before(row: bytes, number: int) -> bool:
    cell = row.partition(b",")[0]
    return row.endswith(b"\n") and cell.isdigit() and int(cell) < number


def _line(cells: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
