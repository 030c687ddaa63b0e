"""Converts a table of text into .npy files, once, within bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlpcli.data.large.described import Described, write_described
from mlpcli.data.large.file_matrix import FileMatrix
from mlpcli.data.table.delimited import read_csv
from mlpcli.errors import DataError
from mlpcli.files import new_folder
from mlpcli.reading import reason

__all__ = ["Converted", "convert_table"]


class Converted(NamedTuple):
    """What was written: the ``files`` by the key that names each in a config, and how many rows there are.

    ``numerals`` and ``notes`` are those of the data set.
    """

    files: Mapping[str, str]
    rows: int
    columns: int
    classes: int | None
    numerals: Mapping[str, str]
    notes: tuple[str, ...]
    dropped: Mapping[str, str]


def convert_table(
    settings: Mapping[str, Any],
    folder: Path,
    finish: Callable[[Path, Converted], object],
    told: Callable[[int], object] = lambda rows: None,  # noqa: ARG005
) -> Converted:
    """Write the table that `read_csv` reads with these settings into a new folder: it appears whole, or not.

    X.npy has the columns as the network would be given them, y.npy the targets, and table.json what both
    hold; weights.npy the weights, if there are any. For each row 8 to 40 bytes are kept in memory, and X is
    kept in files. ``finish`` is called with the folder and what is in it, before the folder appears; ``told``
    with the number of rows that have been read. Raises DataError, also where the folder cannot be written.
    """
    if folder.exists():
        raise DataError(f"{folder}: is there already; name a folder that is not, or remove this one")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as place:
            dataset = read_csv(**settings, matrix=partial(FileMatrix, place=place, told=told))
            about = dataset.about
            if about.groups is not None or about.parts is not None or about.times is not None:
                raise DataError("data.group, data.split and data.time cannot be converted; delete them")
            np.save(place / "y.npy", dataset.y)
            files = {"X": "X.npy", "y": "y.npy", "table": "table.json"}
            if about.weights is not None:
                np.save(place / "weights.npy", about.weights)
                files["weights"] = "weights.npy"
            described = Described(dataset.columns, dataset.kinds, dataset.classes)
            write_described(place / "table.json", described)
            classes = None if dataset.classes is None else len(dataset.classes)
            converted = Converted(
                files,
                len(dataset),
                len(dataset.columns),
                classes,
                dataset.numerals,
                dataset.notes,
                dataset.dropped,
            )
            finish(place, converted)
    except OSError as problem:
        raise DataError(f"{folder}: cannot be written ({reason(problem)}); nothing was left there") from None
    return converted
