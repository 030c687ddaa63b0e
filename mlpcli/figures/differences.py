"""Finds the keys in which runs differ; makes names for a legend, and rows and columns for a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

from mlpcli.config.differences import in_force, is_repeated, relevant
from mlpcli.config.schema import flatten, to_plain
from mlpcli.figures.style import label
from mlpcli.text import count
from mlpcli.training.finished import FinishedRun

__all__ = ["Repeats", "Sheet", "arrange", "find_differences", "find_repeats", "name_runs"]

_MAX_COLUMNS = 5  # panels side by side
_MAX_KEYS = 3  # in a name
_LEAST_REPEATS = 3  # runs that show a spread


def find_differences(runs: Sequence[FinishedRun]) -> dict[str, list[Any]]:
    """Return the dotted keys that all runs have, but with different values; each with the runs' values."""
    experiments = [run.experiment for run in runs]
    flat = [
        relevant(flatten(to_plain(experiment)) | strengths)
        for experiment, strengths in zip(experiments, in_force(experiments), strict=True)
    ]
    shared = [key for key in flat[0] if all(key in one for one in flat)]
    values = {key: [one[key] for one in flat] for key in shared}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}


def name_runs(runs: Sequence[FinishedRun]) -> list[str]:
    """Return a name for each run: the keys that differ, or its directory if there are many or too few."""
    differences = find_differences(runs)
    directories = [run.name for run in runs]
    if len(differences) > _MAX_KEYS and len(set(directories)) == len(runs):
        return [label(name, 70) for name in directories]
    names = [", ".join(_short(key, found[i]) for key, found in differences.items()) for i in range(len(runs))]
    if len(set(names)) < len(runs) or len(differences) > _MAX_KEYS:
        names = [
            run.name if run.name == name or not name else f"{run.name}: {name}"
            for run, name in zip(runs, names, strict=True)
        ]
    return [label(name, 70) for name in names]


@dataclass(frozen=True)
class Repeats:
    """Runs that differ in nothing but their seeds or folds: what they are called, and their positions."""

    name: str
    positions: list[int]


def find_repeats(runs: Sequence[FinishedRun]) -> list[Repeats]:
    """Return the runs in groups that differ in nothing but seeds or folds; none if a group has under three.

    The name of a group is the keys in which it differs from the others, and how many runs it has.
    """
    differences = find_differences(runs)
    others = {key: found for key, found in differences.items() if not is_repeated(key)}
    if len(others) == len(differences):
        return []
    groups: dict[str, list[int]] = {}
    for i in range(len(runs)):
        name = ", ".join(_short(key, found[i]) for key, found in others.items())
        groups.setdefault(name, []).append(i)
    if min(map(len, groups.values())) < _LEAST_REPEATS:
        return []
    kind = "fold" if "data.fold.number" in differences else "seed"
    return [
        Repeats(
            label(f"{name} ({count(len(places), kind)})" if name else count(len(places), kind), 70), places
        )
        for name, places in groups.items()
    ]


def _short(key: str, value: Any) -> str:
    """Return a key and its value in short, such as ``learning_rate 0.1``."""
    section, _, short = key.rpartition(".")
    word = section.rpartition(".")[2] if short in ("name", "number") else short
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{word} {label(shown, 40)}"


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: the place (row, column) and title of each run, and the names of rows and columns."""

    rows: int
    columns: int
    places: list[tuple[int, int]]
    titles: list[str]
    row_names: list[str]
    column_names: list[str]


def arrange(runs: Sequence[FinishedRun]) -> Sheet:
    """Return the place of each run, in the order in which they are given.

    If the runs differ in two keys, and there is exactly one run for each pair of values, the values of one
    key become rows and those of the other columns. Otherwise the runs are placed one after another.
    """
    differences = find_differences(runs)
    if len(differences) == 2:
        (row_key, down), (column_key, across) = differences.items()
        if len(_distinct(down)) > len(_distinct(across)):  # a page is wider than it is high
            row_key, down, column_key, across = column_key, across, row_key, down
        rows, columns = _distinct(down), _distinct(across)
        places = [(rows.index(r), columns.index(c)) for r, c in zip(down, across, strict=True)]
        if len(set(places)) == len(runs) == len(rows) * len(columns):
            return Sheet(
                len(rows),
                len(columns),
                places,
                [""] * len(runs),
                [_short(row_key, value) for value in rows],
                [_short(column_key, value) for value in columns],
            )
    names = name_runs(runs)
    n = len(runs)
    columns_needed = n if n <= _MAX_COLUMNS else min(_MAX_COLUMNS, ceil(sqrt(1.5 * n)))
    places = [divmod(i, columns_needed) for i in range(n)]
    return Sheet(ceil(n / columns_needed), columns_needed, places, names, [], [])


def _distinct(values: Sequence[Any]) -> list[Any]:
    """Return the distinct values in the order of their first occurrence."""
    return [value for i, value in enumerate(values) if value not in values[:i]]
