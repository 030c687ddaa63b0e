"""Reads and writes sweep.csv, the table of a sweep, with a row for each run that has ended.

Its columns are, in this order:

- ``run``, its number, and ``status``: finished, pruned or failed;
- ``seed``, its ``training.seed``, and a column for each other key that is swept, under its dotted name;
- ``best_epoch``, and the scores of the best epoch, ``best_val_loss`` and so on: first the one by which the
  best epoch is chosen, then the others;
- the scores of the last epoch, ``last_val_loss`` and so on, in the same order;
- ``seconds``, the time that it trained, of runs that train side by side the share of each; ``directory``,
  that of the run, relative to the folder of the table where it is inside; ``message``, why it failed.

A value of a key is JSON, as ``[100, 50]``; a text that JSON would read as something else is in quotes. A
score that there is not is an empty cell.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from mlpcli.errors import DataError
from mlpcli.files import replace_file
from mlpcli.reading import opened
from mlpcli.text import shortened

__all__ = ["SWEEP_CSV", "Status", "SweepRecord", "SweepRow", "read_record", "write_record"]

SWEEP_CSV = "sweep.csv"
Status: TypeAlias = Literal["finished", "pruned", "failed"]

_FIRST, _LAST = ("run", "status", "seed"), ("seconds", "directory", "message")
_BEST_EPOCH = "best_epoch"
_MOST = 50_000_000  # bytes of a table
_SCORE = re.compile(r"(best|last)_((train|val)_\w+)")
_WHOLE = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True)
class SweepRow:
    """A run that has ended.

    ``values`` has the value of each key that is swept. ``best`` and ``last`` are the scores of the best and
    of the last epoch by their names in metrics.jsonl, as ``val_loss``; None where one is not defined. They
    are empty, and ``best_epoch`` is None, for a run that failed before its first epoch had ended.
    """

    run: int
    status: Status
    seed: int
    values: dict[str, Any]
    best_epoch: int | None
    best: dict[str, float | None]
    last: dict[str, float | None]
    seconds: float
    directory: str
    message: str = ""


@dataclass(frozen=True)
class SweepRecord:
    """The runs of a sweep that have ended, in the order of their numbers.

    ``keys`` are the dotted keys that are swept, besides ``training.seed``. ``scores`` are the names of the
    scores, as ``val_accuracy``; the first is that by which the best epoch of a run is chosen.
    """

    keys: tuple[str, ...]
    scores: tuple[str, ...]
    rows: list[SweepRow]


def write_record(path: Path, record: SweepRecord) -> None:
    """Write sweep.csv; raises OSError."""
    header = [*_FIRST, *record.keys, _BEST_EPOCH]
    header += [f"{which}_{name}" for which in ("best", "last") for name in record.scores]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*header, *_LAST])
    for row in record.rows:
        cells = [str(row.run), row.status, str(row.seed), *(_cell(row.values[key]) for key in record.keys)]
        cells.append(_number(row.best_epoch))
        cells += [_number(scores.get(name)) for scores in (row.best, row.last) for name in record.scores]
        table.writerow([*cells, f"{row.seconds:.3f}", row.directory, row.message])
    with replace_file(path) as stream:
        stream.write(text.getvalue().encode(errors="backslashreplace"))


def read_record(path: Path) -> SweepRecord:
    """Read sweep.csv; raises DataError, which names the line, if it is not such a table."""
    with opened(path, DataError) as file:
        data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise DataError(f"{path}: is larger than {_MOST // 10**6} MB; is it the table of a sweep?")
        try:
            lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
            return _read(path, lines)
        except UnicodeDecodeError:
            raise DataError(f"{path}: is not UTF-8; is it the table of a sweep?") from None
        except csv.Error as error:
            raise DataError(f"{path}:{lines.line_num}: cannot be read as CSV ({error})") from None


def _read(path: Path, lines: Any) -> SweepRecord:
    header: list[str] = next(lines, [])
    keys, scores = _columns(path, header)
    rows = []
    for cells in lines:
        place = f"{path}:{lines.line_num}"
        if len(cells) != len(header):
            raise DataError(f"{place}: {len(cells)} cells, and the first line has {len(header)}")
        rows.append(_row(place, keys, scores, iter(cells)))
    return SweepRecord(keys, scores, rows)


def _columns(path: Path, header: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys and the scores that the first line names."""
    n = header.index(_BEST_EPOCH) if _BEST_EPOCH in header else 0
    named = [_SCORE.fullmatch(name) for name in header[n + 1 : -len(_LAST)]]
    of = {
        which: tuple(match[2] for match in named if match and match[1] == which) for which in ("best", "last")
    }
    expected = [*_FIRST, *header[len(_FIRST) : n], _BEST_EPOCH]
    expected += [f"{which}_{name}" for which, names in of.items() for name in names]
    if header != [*expected, *_LAST] or of["best"] != of["last"] or len(set(header)) < len(header):
        raise DataError(f"{path}: the first line has not the columns of the table of a sweep")
    return tuple(header[len(_FIRST) : n]), of["best"]


def _row(place: str, keys: Sequence[str], names: Sequence[str], cells: Iterator[str]) -> SweepRow:
    """Read a row; raises DataError."""

    def whole(column: str) -> int:
        cell = next(cells)
        if not _WHOLE.fullmatch(cell):
            raise DataError(f"{place}: {column} {shortened(cell)} is not a whole number")
        return int(cell)

    def number(column: str) -> float | None:
        cell = next(cells)
        try:
            value = float(cell) if cell else None
        except ValueError:
            value = math.inf
        if value is not None and not math.isfinite(value):
            raise DataError(f"{place}: {column} {shortened(cell)} is not a number")
        return value

    run, status = whole("run"), next(cells)
    if status not in get_args(Status):
        raise DataError(f"{place}: status {shortened(status)} is not one of {', '.join(get_args(Status))}")
    seed = whole("seed")
    values = {key: _value(next(cells)) for key in keys}
    best_epoch = number(_BEST_EPOCH)
    best, last = ({name: number(f"{which}_{name}") for name in names} for which in ("best", "last"))
    return SweepRow(
        run,
        status,  # type: ignore[arg-type]
        seed,
        values,
        None if best_epoch is None else int(best_epoch),
        best if best_epoch is not None else {},
        last if best_epoch is not None else {},
        number("seconds") or 0.0,
        next(cells),
        next(cells),
    )


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(value)


def _cell(value: Any) -> str:
    if isinstance(value, str) and value == _value(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
