"""What several runs differ in: names for a legend, rows and columns for a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

from mlpcli.config.schema import flatten, to_plain
from mlpcli.figures.style import label
from mlpcli.training.finished import FinishedRun

__all__ = ["Sheet", "arrange", "find_differences", "name_runs", "order_runs"]

_IDLE = ("training.snapshots", "training.checkpoint_every")  # they change nothing in what is learned
_WIDEST = 5  # panels side by side
_MOST_KEYS = 3  # in a name


def find_differences(runs: Sequence[FinishedRun]) -> dict[str, list[Any]]:
    """Return the dotted keys that all runs have and not all have alike, each with the runs' values."""
    flat = [flatten(to_plain(run.experiment)) for run in runs]
    shared = [key for key in flat[0] if all(key in one for one in flat) and key not in _IDLE]
    values = {key: [one[key] for one in flat] for key in shared}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}


def name_runs(runs: Sequence[FinishedRun]) -> list[str]:
    """Return a name for each run: the keys that differ; its directory where they are many or not enough."""
    differences = find_differences(runs)
    directories = [run.name for run in runs]
    if len(differences) > _MOST_KEYS and len(set(directories)) == len(runs):
        return [label(name, 70) for name in directories]
    names = [", ".join(_said(key, found[i]) for key, found in differences.items()) for i in range(len(runs))]
    if len(set(names)) < len(runs) or len(differences) > _MOST_KEYS:
        names = [
            run.name if run.name == name or not name else f"{run.name}: {name}"
            for run, name in zip(runs, names, strict=True)
        ]
    return [label(name, 70) for name in names]


def order_runs(runs: Sequence[FinishedRun]) -> list[int]:
    """Return the positions of the runs in the order of what they differ in, key by key."""
    ranks = [(_distinct(found), found) for found in find_differences(runs).values()]
    return sorted(range(len(runs)), key=lambda i: [order.index(found[i]) for order, found in ranks])


def _said(key: str, value: Any) -> str:
    """Return ``learning_rate 0.1`` for a key and its value."""
    section, _, short = key.rpartition(".")
    word = section.rpartition(".")[2] if short == "name" else short
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{word} {label(shown, 40)}"


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: the place (row, column) and the title of each run, and names of rows and columns."""

    rows: int
    columns: int
    places: list[tuple[int, int]]
    titles: list[str]
    row_names: list[str]
    column_names: list[str]


def arrange(runs: Sequence[FinishedRun]) -> Sheet:
    """Return where each run stands: one after another, or in rows and columns where these are of two keys.

    Those name every place only where there is a run for each pair of values.
    """
    differences = find_differences(runs)
    if len(differences) == 2:
        (row_key, down), (column_key, across) = differences.items()
        if len(_distinct(down)) > len(_distinct(across)):  # a page is wider than high
            row_key, down, column_key, across = column_key, across, row_key, down
        rows, columns = _distinct(down), _distinct(across)
        places = [(rows.index(r), columns.index(c)) for r, c in zip(down, across, strict=True)]
        if len(set(places)) == len(runs) == len(rows) * len(columns):
            return Sheet(
                len(rows),
                len(columns),
                places,
                [""] * len(runs),
                [_said(row_key, value) for value in rows],
                [_said(column_key, value) for value in columns],
            )
    names = name_runs(runs)
    n = len(runs)
    columns_needed = n if n <= _WIDEST else min(_WIDEST, ceil(sqrt(1.5 * n)))
    places = [(0, 0)] * n
    for position, i in enumerate(order_runs(runs)):
        places[i] = divmod(position, columns_needed)
    return Sheet(ceil(n / columns_needed), columns_needed, places, names, [], [])


def _distinct(values: Sequence[Any]) -> list[Any]:
    """Return the values once each: sorted where they are numbers, else in their order."""
    found = [value for i, value in enumerate(values) if value not in values[:i]]
    try:
        numbers = all(not isinstance(value, str) for value in found)
        return sorted(found) if numbers else found
    except TypeError:
        return found
