"""Drafts a config for a file of data: what is predicted, what the columns hold, and what can be set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np

from mlpcli.config.loader import validate_experiment
from mlpcli.config.tables import columns_of, guess_target, kind_of
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.table.dates import columns_of_table
from mlpcli.data.table.delimited import open_source
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.textfile import guess_encoding
from mlpcli.errors import DataError, UnclearError, UsageError, nearest
from mlpcli.text import clip, columns, count, listed, printable, some
from mlpcli.training.describe import describe_data

__all__ = ["Draft", "draft_config"]

_MOST = 60  # columns that are listed
_NAMES = 5  # classes, or commonest categories, that are listed


class Draft(NamedTuple):
    """The text of a config, the column that it predicts, and what has to be done before it trains.

    ``accented`` is a word of a file that is no UTF-8, by which a reader checks the encoding.
    """

    text: str
    target: str | None
    problem: DataError | None
    accented: str | None = None


def draft_config(file: Path, target: str | None, config: Path) -> Draft:
    """Return a commented config that trains on a table, to be written as ``config``.

    ``target`` is the column to predict; None takes the likeliest. The data are read, to say what is in them;
    if they cannot be read to the end, the config is one that trains once they can. Raises UsageError for a
    column that is not there, and DataError if the columns of the file cannot be told.
    """
    kind = kind_of(file)
    if kind is None:
        raise UsageError(
            f"{file} is no table that a config can be drafted for: .csv, .tsv, .parquet, .npz or .npy"
        )
    folder = config.absolute().parent
    path = os.path.relpath(file.absolute(), folder)
    section: dict[str, Any] = {"name": kind, "path": path}
    if kind == "npy":
        section = {"name": kind, "X": path, "y": str(Path(path).with_name("y.npy"))}
    accented = None
    if kind == "csv":
        is_text = file.suffix.lower() != ".parquet"
        guessed = guess_encoding(file) if is_text else None
        encoding, accented = guessed or (None, None)
        source = open_source([file], Dialect(encoding=encoding), as_written=True)
        names = [name for name in source.names if name]
        if target is not None and target not in names:
            close = nearest(target, names)
            guess = f"; did you mean {close!r}?" if close else ""
            raise UsageError(f"{file} has no column {target!r}{guess} (columns: {listed(names)})")
        section["target"] = target or guess_target(names)
        delimiter = columns_of(file)[1] if is_text else ","
        if delimiter != ",":
            section["delimiter"] = delimiter
        if encoding is not None:
            section["encoding"] = encoding
    report = _describe(section, folder)
    if isinstance(report, UnclearError) and report.dates:
        section["columns"] = dict.fromkeys(report.dates, "date")
        report = _describe(section, folder)
    problem = report if isinstance(report, DataError) else None
    if problem is not None and kind != "csv":
        raise problem
    text = _text(section, {} if problem else report, file, accented, problem, folder)
    return Draft(text, section.get("target"), problem, accented)


def _describe(section: dict[str, Any], folder: Path) -> Any:
    """Return a description of the data, or the error that says why there is none."""
    try:
        recipe = "plain" if section["name"] == "npy" else "table"
        return describe_data(validate_experiment({"data": section, "recipe": recipe}, folder))
    except DataError as error:
        return error


def _text(
    section: dict[str, Any],
    report: dict[str, Any],
    file: Path,
    accented: str | None,
    problem: DataError | None,
    folder: Path,
) -> str:
    """Return the config; without a report it says what is to be done, and leaves room for it."""
    of_table = _of_table(report.get("columns", ()))
    told = [row for row in of_table if row["kind"] != "left out"]
    left_out = [row for row in of_table if row["kind"] == "left out"]
    name = clip(file.name, 60)
    if report:
        what = count(len(told) or len(report["features"]), "column" if told else "feature")
        opening = f"{count(report['examples'], 'row')}; {_target(report)} to be predicted from {what}."
    else:
        opening = "before this config trains, the file or the section data needs a change:"
    lines = [f"# {name}: {opening}"]
    if problem is not None:
        place = os.path.normpath(folder / section["path"])
        said = str(problem).replace(place, file.name)
        lines += ["#", *(f"#   {printable(line)}" for line in said.splitlines())]
    lines.append("data:")
    notes = {"path": "relative to this file", "X": "relative to this file", "target": "the column to predict"}
    notes["encoding"] = (
        f"a guess; it is right if {printable(clip(accented or '', 30))} is a word of the table"
    )
    for key, value in section.items():
        written = write_yaml({key: value}).rstrip("\n")
        note = notes.get(key, "") if "\n" not in written else ""
        lines.append(_with_note(indent(written, "  "), note))
    if not report and "columns" not in section:
        lines.append(_with_note("  columns: {}", "as in {price: category, note: drop}"))
    lines.append(_with_note("  test_size: 0.2", "share of the rows that are kept for the final score"))
    if section["name"] != "npy":  # whose rows may be too many for the folds of that recipe
        lines.append(
            _with_note("recipe: table", "several small networks beside a linear model, as suits most tables")
        )
    lines += [
        "training:",
        _with_note("  seed: 0", "another number: other splits, initial weights and batches"),
    ]
    if told:
        lines += ["", "# What the columns hold. Where that is wrong, say so in data, as in", "#"]
        example = write_yaml({_example(told): "category"}).strip()
        lines += [f"#   columns: {{{example}}}    or number, boolean, date; drop leaves it out", "#"]
        rows = [[clip(row["column"], 30), row["kind"], _holds(row)] for row in told[:_MOST]]
        lines += [f"#   {line.rstrip()}" for line in columns(rows, "<<<").splitlines()]
        if len(told) > _MOST:
            lines.append(f"#   and {len(told) - _MOST:,} more")
    lines += [f"#   {clip(row['column'], 30)} is left out: {row['why']}" for row in left_out[:_MOST]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _example(told: list[dict[str, Any]]) -> str:
    """Return the first column of the table that is no date, or else the first one."""
    return str(next((row for row in told if row["kind"] != "date"), told[0])["column"])


def _of_table(described: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of the table, with a date in the place of its parts, which no config can name."""
    rows = {row["column"]: row for row in described}
    found = []
    for name in columns_of_table([*rows]):
        row = rows.get(name)
        if row is None:
            row = {**rows[f"{name} seconds"], "column": name}
            if row["kind"] == "number":
                row["kind"] = "date"
            elif row["why"].endswith("in every row"):
                row["why"] = "holds the same date in every row"
        found.append(row)
    return found


def _with_note(line: str, note: str) -> str:
    return f"{line:<25} # {note}" if note else line


def _target(report: dict[str, Any]) -> str:
    classes = report.get("classes")
    if classes is None:
        return "a number"
    return f"{len(classes)} classes ({some([clip(row['class'], 15) for row in classes], _NAMES)})"


def _holds(row: dict[str, Any]) -> str:
    """Return what a column holds: its range, or its commonest values."""
    missing = f"; {count(row['missing'], 'missing cell')}" if row["missing"] else ""
    if "commonest" in row:
        return some([clip(text, 15) for text, _ in row["commonest"]], row["distinct"]) + missing
    if row["min"] is None:
        return f"nothing{missing}"
    if row["kind"] == "date":
        first, last = (str(np.datetime64(int(row[end]), "s"))[:10] for end in ("min", "max"))
        return f"{first} to {last}{missing}"
    return f"{row['min']:g} to {row['max']:g}{missing}"
