"""The schema and the tables agree on all names and their properties."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import mlpcli
from mlpcli.build import (
    READERS,
    build_loss,
    build_network,
    build_optimizer,
    build_penalties,
    fit_transform,
    leave_out,
    load_splits,
    network_widths,
)
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.config.schema import Experiment, Regularization, to_plain
from mlpcli.config.schema.training import MONITORS, Monitor
from mlpcli.errors import ConfigError, DataError
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.optim.rules import RULES
from mlpcli.optim.schedules import SCHEDULES
from mlpcli.training.run import Run

DATASETS = Path(__file__).parents[1] / "datasets"
SCHEMA = Experiment.model_json_schema()


def names(definition: str, key: str) -> set[str]:
    """Return the names that a key allows, from the JSON schema."""
    node = SCHEMA["$defs"][definition]["properties"][key] if definition else SCHEMA["properties"][key]
    if "enum" in node:
        return set(node["enum"])
    return set(node["discriminator"]["mapping"])


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


def test_the_schema_and_the_tables_have_the_same_names() -> None:
    assert names("", "loss") == {"auto", *LOSSES}
    assert names("", "optimizer") == RULES.keys()
    assert names("", "data") == READERS.keys()
    assert names("Adam", "schedule") == SCHEDULES.keys()
    assert names("Model", "activation") == UNITS.keys()
    assert names("Model", "norm") == {"none", *NORMS}
    assert names("Model", "init") == {"auto", *INITIALIZERS}
    assert Regularization.model_fields.keys() == PENALTIES.keys() | {"weight_decay", "max_norm"}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_the_schema(name: str) -> None:
    experiment = make(data={"name": "npz", "path": "any.npz"}, loss=name)
    loss = build_loss(experiment)
    assert loss.binary == experiment.loss.binary
    assert (loss.outputs == "values") == (experiment.loss.task == "regression")


def test_monitors_are_measures_of_their_tasks() -> None:
    for task, monitors in MONITORS.items():
        assert {MEASURES[name].task for name in monitors if name != "loss"} == {task}
    assert {*MONITORS["classification"], *MONITORS["regression"]} == set(get_args(Monitor))


@pytest.mark.parametrize(
    ("sections", "monitor"),
    [
        ({}, "accuracy"),
        ({"loss": "hinge"}, "accuracy"),
        ({"data": "sine"}, "loss"),
        ({"loss": {"class_weights": "balanced"}}, "balanced_accuracy"),
        ({"loss": {"class_weights": [1, 2, 3]}}, "balanced_accuracy"),
        ({"loss": {"class_weights": "balanced"}, "training": {"monitor": "loss"}}, "loss"),
        ({"data": "sine", "training": {"monitor": "mae"}}, "mae"),
    ],
)
def test_the_monitor_follows_the_loss(sections: dict[str, Any], monitor: str) -> None:
    assert make(**sections).monitor == monitor


@pytest.mark.parametrize("name", RULES)
def test_optimizers_keep_as_many_arrays_as_the_schema_says(name: str) -> None:
    keys = type(make(optimizer=name).optimizer).model_fields
    for section in ({"name": name}, {"name": name, "momentum": 0.5}):
        if section.keys() <= keys.keys():
            experiment = make(optimizer=section)
            network = build_network(experiment, (2, 3, 3))
            optimizer = build_optimizer(experiment, network)
            assert len(optimizer.slots) == experiment.optimizer.slots
            assert optimizer.learning_rate == experiment.optimizer.learning_rate


def test_every_layer_gets_its_own_activation_and_initialization() -> None:
    experiment = make(
        model={
            "hidden": [{"units": 4, "activation": "tanh"}, 5, {"units": 6, "init": "lecun"}],
            "activation": {"name": "leaky_relu", "alpha": 0.2},
        }
    )
    network = build_network(experiment, (8, 4, 5, 6, 3))
    assert network.forward(np.full((1, 8), -1, np.float32)).shape == (1, 3)
    assert len(network.layers) == 7
    wide = build_network(experiment, (800, 400, 500, 600, 300))
    wide.initialize(np.random.default_rng(0))
    # tanh: xavier; leaky_relu: he; requested: lecun; the output layer, without an activation: lecun
    expected = [2 / (800 + 400), 2 / 400, 1 / 500, 1 / 600]
    assert [float(layer.W.var()) for layer in wide.dense] == pytest.approx(expected, rel=0.02)


def test_balanced_classes_have_equal_weight() -> None:
    """One example of class 0 and three of class 1 give weights 4 / (2 * 1) and 4 / (2 * 3)."""

    def balanced_by(weights: Any) -> Experiment:
        loss = {"name": "cross_entropy", "class_weights": weights}
        return make(data={"name": "npz", "path": "any.npz"}, loss=loss)

    balanced = build_loss(balanced_by("balanced"), [1, 3])
    listed = build_loss(balanced_by([2, 2 / 3]), [1, 3])
    logits, y = np.random.default_rng(0).standard_normal((4, 2)), np.array([0, 1, 1, 1])
    assert balanced.evaluate(logits, y, None) == pytest.approx(listed.evaluate(logits, y, None))
    with pytest.raises(ConfigError, match="class_weights has 3 weights, but the data have 2 classes"):
        build_loss(balanced_by([1, 1, 1]), [1, 3])


def test_only_penalties_with_a_strength_are_built() -> None:
    assert build_penalties(make(regularization={"l2": 0})) == []
    assert build_penalties(make(regularization={"l2": 0.5})) == [(PENALTIES["l2"], 0.5)]


@pytest.mark.parametrize("optimizer", RULES)
def test_by_default_every_optimizer_shrinks_the_weights_in_one_way(optimizer: str) -> None:
    experiment = make(optimizer=optimizer)
    assert [bool(experiment.weight_decay), bool(build_penalties(experiment))].count(True) == 1


@pytest.mark.parametrize(
    ("optimizer", "asked", "l2"),
    [
        ("adam", {}, 1e-4),
        ("adam", {"l2": None}, 1e-4),
        ("adam", {"l2": 0}, 0),
        ("adam", {"weight_decay": 0.1}, 0),
        ("adamw", {}, 0),
        ("adamw", {"l2": None, "weight_decay": 0.1}, 0),
        ("adamw", {"weight_decay": 0}, 1e-4),
        ("adamw", {"l2": 1e-4}, 1e-4),
        ("sgd", {"l2": 0.5, "weight_decay": 0.1}, 0.5),
    ],
    ids=str,
)
def test_l2_follows_from_weight_decay_unless_it_is_given(
    optimizer: str, asked: dict[str, Any], l2: float
) -> None:
    penalties = build_penalties(make(optimizer=optimizer, regularization=asked))
    assert penalties == ([(PENALTIES["l2"], l2)] if l2 else [])


def test_only_adamw_has_weight_decay_by_default_and_biases_are_spared() -> None:
    for optimizer, asked, expected in (
        ("adam", None, 0),
        ("adamw", None, 0.01),
        ("adamw", 0.2, 0.2),
        ("sgd", 0.1, 0.1),
    ):
        experiment = make(optimizer=optimizer, regularization={"weight_decay": asked, "l2": 0})
        assert experiment.weight_decay == expected
        network = build_network(experiment, (2, 3, 3))
        network.parameters.values[:] = 1
        build_optimizer(experiment, network).step()  # no gradient yet
        shrunk = 1 - experiment.optimizer.learning_rate * expected
        np.testing.assert_allclose(network.parameters.view("W1"), shrunk, rtol=1e-6)
        assert (network.parameters.view("b2") == 1).all()


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


def test_a_number_of_inputs_that_the_data_contradict() -> None:
    data = {"name": "csv", "path": str(DATASETS / "iris.csv"), "target": "species"}
    experiment = make(data=data, model={"inputs": 5})
    splits = load_splits(experiment)
    with pytest.raises(ConfigError, match=r"model.inputs is 5, but the csv data need 4"):
        network_widths(experiment, fit_transform(experiment, splits), splits.targets)


def test_arrays_come_from_a_program_and_cannot_be_read() -> None:
    with pytest.raises(DataError, match="arrays are handed in by a program; for a file use csv or npz"):
        load_splits(make(data="arrays"))


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
