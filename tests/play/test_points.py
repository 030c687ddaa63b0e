"""A table of points that were added is read back as the same rows, in the same splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.splits import load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.errors import UsageError
from mlpcli.play.points import Point, on_table, require_sound, table_of, write_table

TOYS: list[tuple[dict[str, Any], list[Point]]] = [
    ({"name": "blobs", "classes": 12, "points": 60}, [Point((0.1, 1 / 3), 11), Point((1e-7, -2.5), 2)]),
    ({"name": "moons", "val_size": 0, "points": 50}, [Point((0.5, 0.5), 1)]),
    ({"name": "peaks", "test_size": 0, "points": 50}, [Point((0.5, 0.5), 1 / 3)]),
    ({"name": "sine", "train_size": 10, "points": 50}, [Point((0.5,), -7.25)]),
]


@pytest.mark.parametrize(("data", "added"), TOYS)
def test_the_table_is_read_back_as_it_was(data: dict[str, Any], added: list[Point], tmp_path: Path) -> None:
    experiment = validate_experiment({"data": data}, tmp_path)
    splits = load_splits(experiment)
    table = table_of(splits, added)
    (tmp_path / "t.csv").write_bytes(write_table(table))
    again = load_splits(on_table(experiment, table, str(tmp_path / "t.csv")))
    assert again.classes == splits.classes
    assert again.columns == splits.columns
    for part, split in splits.parts.items():
        X, y = again.parts[part].X[again.parts[part].rows], again.parts[part].y[again.parts[part].rows]
        np.testing.assert_array_equal(X[: len(split)], split.X[split.rows])
        np.testing.assert_array_equal(y[: len(split)], split.y[split.rows])
        more = added if part == "train" else []
        np.testing.assert_array_equal(
            X[len(split) :], np.float32([p.place for p in more]).reshape(-1, X.shape[1])
        )
        assert np.ravel(y[len(split) :]).tolist() == [np.float32(p.value) for p in more]
    assert again.parts.keys() == splits.parts.keys()


def test_names_that_columns_have_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "class,split,kind\n" + "".join(f"{i % 5},{i * i % 7},{i % 2}\n" for i in range(20))
    )
    data = {"name": "csv", "path": "t.csv", "target": "kind"}
    experiment = validate_experiment({"data": data, "loss": "cross_entropy"}, tmp_path)
    table = table_of(load_splits(experiment), [Point((1, 2), 1)])
    assert write_table(table).splitlines()[0] == b"class,split,class_,split_"
    assert write_table(table).splitlines()[-1] == b"1.0,2.0,1,train"


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([Point((float("nan"), 0), 0)], "two coordinates"),
        ([Point((0, 1e31), 0)], "two coordinates"),
        ([Point((0, 0), 2)], "no class number 2; there are 2"),
        ([Point((0, 0), -1)], "no class number -1"),
        ([Point((0, 0), 0.5)], r"no class number 0\.5"),
        ([Point((0, 0), 0)] * 501, "no more"),
    ],
)
def test_points_that_do_not_fit_are_refused(points: list[Point], message: str, tmp_path: Path) -> None:
    splits = load_splits(validate_experiment({"data": "moons"}, tmp_path))
    with pytest.raises(UsageError, match=message):
        require_sound(points, splits)


def test_rows_with_weights_take_no_others(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * i % 7},{i % 2},{1 + i % 3}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("a,b,kind,w\n" + rows)
    data = {"name": "csv", "path": "t.csv", "target": "kind", "weight": "w"}
    splits = load_splits(validate_experiment({"data": data, "loss": "cross_entropy"}, tmp_path))
    with pytest.raises(UsageError, match="weights"):
        require_sound([Point((1, 2), 1)], splits)
    require_sound([], splits)
