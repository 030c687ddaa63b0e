"""Data sets that are read, or cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.build.splits import load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.errors import DataError


def make(**sections: Any) -> Experiment:
    return validate_experiment({"data": "spiral", **sections}, Path())


def test_arrays_come_from_a_program_and_cannot_be_read() -> None:
    with pytest.raises(DataError, match="arrays are handed in by a program; for a file use csv or npz"):
        load_splits(make(data="arrays"))


def test_files_of_splits(tmp_path: Path) -> None:
    for part, rows in (("a", range(5)), ("b", range(5, 7)), ("c", range(7, 10))):
        lines = [f"{i},{'' if i == 8 else i * 0.37}" for i in rows]
        (tmp_path / f"{part}.csv").write_text("x,y\n" + "\n".join(lines))
    files = {"test": "c.csv", "train": "a.csv", "val": "b.csv"}
    section = {"name": "csv", "split": files, "target": "y", "missing": "drop"}
    experiment = validate_experiment({"data": section, "loss": "mse"}, tmp_path)
    again = validate_experiment(to_plain(experiment), Path())
    for config in (experiment, again):
        parts = load_splits(config).parts
        found = {part: split.X[split.rows, 0].tolist() for part, split in parts.items()}
        assert found == {"train": [0, 1, 2, 3, 4], "val": [5, 6], "test": [7, 9]}
