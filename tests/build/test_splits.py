"""Splits: of the sizes that the config asks for, by fold, time or group, or as the rows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli.build.splits import leave_out, load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.errors import ConfigError, DataError
from mlpcli.training.run import Run

DATASETS = Path(__file__).parents[2] / "datasets"


def make(**sections: Any) -> Experiment:
    return validate_experiment({"data": "spiral", **sections}, Path())


def test_the_seeds_of_points_splits_and_weights_can_be_told_apart() -> None:
    def drawn(seed: int, **data: int) -> tuple[bytes, bytes, bytes]:
        """Return the points, the rows of the training split, and the weights."""
        experiment = make(data={"name": "moons", **data}, training={"seed": seed})
        run = Run(experiment)
        train = run.splits.train
        return train.X.tobytes(), train.rows.tobytes(), run.network.parameters.values.tobytes()

    first = drawn(0)
    assert drawn(0, points_seed=0, split_seed=0) == first
    for changed, which in (
        (drawn(1, points_seed=0, split_seed=0), [False, False, True]),
        (drawn(0, points_seed=1), [True, False, False]),
        (drawn(0, split_seed=1), [False, True, False]),
        (drawn(1), [True, True, True]),
    ):
        assert [now != then for now, then in zip(changed, first, strict=True)] == which
    assert (
        to_plain(make())["data"].keys().isdisjoint(("points_seed", "split_seed"))
    )  # a null is not written, as in older runs


def test_splits_of_a_file() -> None:
    data = {"name": "npz", "path": str(DATASETS / "digits.npz"), "val_size": 100, "test_size": 0.25}
    splits = load_splits(make(data=data))
    assert splits.val is not None
    assert splits.test is not None
    assert (len(splits.val), len(splits.test), len(splits.train)) == (100, 449, 1797 - 549)
    assert splits.train.X is splits.test.X  # divided, not copied
    assert splits.train.X.dtype == np.uint8
    rows = np.concatenate([splits.train.rows, splits.val.rows, splits.test.rows])
    assert len(set(rows)) == 1797


def test_the_test_split_is_a_fold() -> None:
    data = {"name": "npz", "path": str(DATASETS / "digits.npz"), "val_size": 0.1, "test_size": 0.9}
    folds = [load_splits(make(data={**data, "fold": {"number": k, "of": 5}})) for k in range(1, 6)]
    tests = []
    for splits in folds:
        assert splits.val is not None
        assert splits.test is not None
        assert len(splits.val) == 180  # a tenth of all 1797, not of the four other folds
        rows = np.concatenate([split.rows for split in splits.parts.values()])
        assert sorted(rows) == list(range(1797))
        tests.append(splits.test.rows)
    assert sorted(np.concatenate(tests)) == list(range(1797))
    assert sorted(map(len, tests)) == [359, 359, 359, 360, 360]


def test_too_few_examples_for_the_folds() -> None:
    data = {"name": "spiral", "points": 30, "fold": {"number": 1, "of": 31}}
    with pytest.raises(DataError, match="30 examples cannot be cut into 31 folds; use fewer folds"):
        load_splits(make(data=data))


def test_splits_of_size_zero() -> None:
    splits = load_splits(make(data={"name": "spiral", "val_size": 0, "test_size": 0.0, "train_size": 30}))
    assert (splits.val, splits.test, len(splits.train)) == (None, None, 30)


@pytest.mark.parametrize("suffix", [".bin", ""])
def test_cifar10_keeps_its_own_test_set(make_cifar10: Any, tmp_path: Path, suffix: str) -> None:
    batches = make_cifar10(tmp_path, suffix, n=10)
    splits = load_splits(make(data={"name": "cifar10", "root": str(tmp_path), "val_size": 10}))
    assert splits.test is not None
    assert len(splits.train) == 40
    np.testing.assert_array_equal(splits.test.X[splits.test.rows], batches["test_batch"][0])
    section = make(data="cifar10").data
    assert (len(splits.columns), splits.targets) == (section.inputs, section.targets("classification"))
    for size, kept in ((4, 4), (0.5, 5), (10, 10), (0, None)):
        data = {"name": "cifar10", "root": str(tmp_path), "val_size": 10, "test_size": size}
        test = load_splits(make(data=data)).test
        assert (test and len(test)) == kept


def test_cifar10_divides_the_official_sizes_as_the_config_says() -> None:
    data = make(data="cifar10").data
    assert (data.val_size, data.test_size, data.train_size) == (5000, None, None)


WRONG = {
    "binary loss": ({"loss": "binary_hinge"}, "binary_hinge is for two classes"),
    "outputs": ({"model": {"outputs": 4}}, "model.outputs is 4"),
}


@pytest.mark.parametrize(("sections", "expected"), WRONG.values(), ids=WRONG)
def test_a_config_that_the_data_contradict(sections: dict[str, Any], expected: str) -> None:
    data = {"name": "csv", "path": str(DATASETS / "iris.csv"), "target": "species"}
    with pytest.raises(ConfigError, match=expected):
        load_splits(make(data=data, **sections))


@pytest.mark.parametrize("scaling", ["none", "range"])
def test_a_fraction_that_leaves_nothing_to_train_on(scaling: str) -> None:
    data = {"name": "spiral", "points": 100, "train_size": 0.001, "scaling": scaling}
    with pytest.raises(DataError, match=r"data.train_size 0.001 of 100 examples leaves none to train on"):
        load_splits(make(data=data))


def test_splits_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="the splits do not fit"):
        load_splits(make(data={"name": "spiral", "points": 20, "val_size": 20}))


def of_rows(tmp_path: Path, **data: Any) -> dict[str, set[int]]:
    """Return the numbers in column x of the rows of each split of a table of 60 rows."""
    lines = [f"{i},{i % 12},{('train', 'val', 'test')[i % 3]},{-i},{i * 0.37 % 1:.3f}" for i in range(60)]
    (tmp_path / "t.csv").write_text("x,who,part,when,y\n" + "\n".join(lines))
    section = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "features": ["x"], **data}
    splits = load_splits(make(data=section, loss="mse", recipe="plain"))
    return {part: set(split.X[split.rows, 0].astype(int).tolist()) for part, split in splits.parts.items()}


def test_splits_that_the_rows_name(tmp_path: Path) -> None:
    parts = of_rows(tmp_path, split="part")
    assert parts == {part: set(range(i, 60, 3)) for i, part in enumerate(("train", "val", "test"))}


def test_splits_by_time(tmp_path: Path) -> None:
    parts = of_rows(tmp_path, split_by="time")
    assert parts == {"train": set(range(36)), "val": set(range(36, 48)), "test": set(range(48, 60))}
    parts = of_rows(tmp_path, split_by="time", time="when")
    assert parts == {"train": set(range(24, 60)), "val": set(range(12, 24)), "test": set(range(12))}


@pytest.mark.parametrize("fold", [None, {"number": 2, "of": 4}])
def test_groups_stay_in_one_split(tmp_path: Path, fold: Any) -> None:
    parts = of_rows(tmp_path, group="who", fold=fold)
    of_groups = [{x % 12 for x in rows} for rows in parts.values()]
    assert sum(map(len, of_groups)) == len(set().union(*of_groups)) == 12
    assert sum(map(len, parts.values())) == 60


def test_a_group_is_left_out_by_a_member_as_a_whole(tmp_path: Path) -> None:
    of_rows(tmp_path)
    section = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "group": "who"}
    experiment = make(data=section, loss="mse", recipe="table")
    train = load_splits(experiment).train
    assert train.groups is not None
    left_out = leave_out(experiment, train)
    assert left_out is not None
    groups = train.groups[train.rows]
    for places in left_out:
        others = np.setdiff1d(np.arange(len(train)), places)
        assert len(places)
        assert not set(groups[places].tolist()) & set(groups[others].tolist())


@pytest.mark.parametrize("section", [{"split": "part"}, {"split_by": "time"}])
def test_a_table_with_a_validation_split_of_its_own_is_scored_on_it(section: dict[str, str]) -> None:
    section = {"name": "csv", "path": "t.csv", "target": "y", **section}
    assert make(data=section).training.validation == "split"
    assert make(data=section, training={"validation": "folds"}).training.validation == "folds"


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (np.zeros((30, 15), np.float32), "the data have 15 columns; set it to standardize"),
        (np.zeros((30, 9), np.uint8), "the data have 9 columns"),
        ([["a"] * 16, ["b"] * 16] * 15, "the data have 16 columns, not all of numbers"),
    ],
)
def test_what_is_no_image_is_not_whitened(X: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^data.scaling: whiten is for images: those of cifar10, .*{said}"):
        mlpcli.train({"data": {"scaling": "whiten"}}, X=X, y=["u", "v"] * 15)
