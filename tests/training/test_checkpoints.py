"""Checkpoints: what is saved is loaded again, and everything else is refused."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from usual import only

import mlpcli
from mlpcli import train
from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import to_plain
from mlpcli.data.kinds import Kind
from mlpcli.data.target_transform import BENDS
from mlpcli.data.transform import Transform
from mlpcli.errors import CheckpointError
from mlpcli.machine import Available
from mlpcli.training.checkpoints import (
    FORMAT,
    Checkpoint,
    Member,
    Resume,
    load_checkpoint,
    read_plan,
    save_checkpoint,
)
from mlpcli.training.directory import RunDirectory
from mlpcli.training.loop import Progress
from mlpcli.training.run import Run

Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def run(trained: Callable[..., RunDirectory]) -> RunDirectory:
    return trained("iris", "training.epochs=2")


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    with np.load(path) as file:
        arrays = dict(file)
    return arrays, json.loads(arrays.pop("meta").item())


def write(path: Path, arrays: Arrays, meta: Any) -> None:
    raw = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    np.savez(path, **arrays, meta=np.array(raw))


def refusal(path: Path) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 600
    return message


def test_numpy_alone_can_read_it(run: RunDirectory) -> None:
    arrays, meta = read(run.best)
    assert {name: array.shape for name, array in arrays.items()} == {
        "W1": (4, 16),
        "b1": (16,),
        "W2": (16, 3),
        "b2": (3,),
        "shift": (4,),
        "fill": (4,),
        "scale": (4,),
        "baseline_constant": (3,),
        "baseline_V": (4, 3),
        "baseline_b": (3,),
    }
    assert meta["format"] == FORMAT
    assert meta["classes"] == ["setosa", "versicolor", "virginica"]
    assert meta["config"]["data"]["target"] == "species"
    last, meta = read(run.last)
    assert last.keys() - arrays.keys() == {"optimizer_m", "optimizer_v"}
    assert meta["progress"]["steps"] == 2 * 6


def test_a_saved_checkpoint_is_loaded_and_saved_again_unchanged(run: RunDirectory, tmp_path: Path) -> None:
    for path in (run.best, run.last):
        checkpoint = load_checkpoint(path)
        save_checkpoint(tmp_path / "again.npz", checkpoint)
        assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    arrays, _ = read(run.last)
    assert checkpoint.resume is not None
    np.testing.assert_array_equal(checkpoint.network.parameters.view("W2"), arrays["W2"])
    np.testing.assert_array_equal(checkpoint.resume.slots["v"], arrays["optimizer_v"])
    assert checkpoint.columns == ("sepal_length", "sepal_width", "petal_length", "petal_width")


def test_running_statistics_are_loaded(trained: Callable[..., RunDirectory], tmp_path: Path) -> None:
    run = trained("iris", "model.batch_norm=true", "training.epochs=2")
    arrays, meta = read(run.last)
    assert {"gamma1", "beta1", "mean1", "var1"} <= arrays.keys()
    assert not np.array_equal(arrays["mean1"], np.zeros(16))
    checkpoint = load_checkpoint(run.last)
    np.testing.assert_array_equal(checkpoint.network.state["var1"], arrays["var1"])
    again = tmp_path / "again.npz"
    save_checkpoint(again, checkpoint)
    assert again.read_bytes() == run.last.read_bytes()
    arrays["var1"][3] = -1
    write(again, arrays, meta)
    assert "var1 holds variances below 0" in refusal(again)


def test_terms_of_the_inputs_are_loaded(trained: Callable[..., RunDirectory], tmp_path: Path) -> None:
    run = trained("iris", "data.terms=[square, product]", "training.epochs=2")
    arrays, meta = read(run.best)
    assert (arrays["W1"].shape, arrays["terms_shift"].shape) == ((4 + 4 + 6, 16), (4 + 6,))
    checkpoint = load_checkpoint(run.best)
    again = tmp_path / "again.npz"
    save_checkpoint(again, checkpoint)
    assert again.read_bytes() == run.best.read_bytes()
    assert read_plan(run.best)[1] == [(14, 16, 3)]
    arrays["terms_scale"][3] = 0
    write(again, arrays, meta)
    assert "terms_scale holds numbers that are not above 0" in refusal(again)
    arrays, meta = read(run.best)
    meta["config"]["data"]["terms"] = ["sine", "product"]  # the same number of terms, but others
    write(again, arrays, meta)
    assert load_checkpoint(again).network.widths == (14, 16, 3)
    for terms in ([], ["product"], ["square", "square"], ["square"] * 1000, ["cube"]):
        meta["config"]["data"]["terms"] = terms
        write(again, arrays, meta)
        assert refusal(again)


def test_the_filters_of_whitened_images_are_loaded(
    trained: Callable[..., RunDirectory], tmp_path: Path
) -> None:
    run = trained("digits", "data.scaling=whiten", "training.epochs=1")
    arrays, meta = read(run.best)
    assert (arrays["filters"].shape, arrays["filters"].dtype) == ((1, 1, 3, 3), np.float64)
    again = tmp_path / "again.npz"
    save_checkpoint(again, load_checkpoint(run.best))
    assert again.read_bytes() == run.best.read_bytes()
    arrays["filters"][0, 0, 1, 1] = np.inf
    write(again, arrays, meta)
    assert "filters holds numbers that are not finite" in refusal(again)
    arrays["filters"] = np.zeros((1, 1, 5, 5))
    write(again, arrays, meta)
    assert refusal(again)
    arrays, meta = read(run.best)
    meta["config"]["data"] |= {"name": "cifar10", "root": None}
    del meta["config"]["data"]["path"], meta["config"]["data"]["missing"]
    for key in ("bins", "target_transform", "weight", "group", "split", "time", "split_by", "terms"):
        meta["config"]["data"].pop(key, None)
    write(again, arrays, meta)
    assert "its columns do not fit data.scaling, whiten" in refusal(again)


@pytest.mark.parametrize("bend", BENDS)
def test_the_curves_of_targets_are_loaded(tmp_path: Path, bend: str) -> None:
    y = np.exp(np.random.default_rng(0).standard_normal((60, 2)))
    config = {
        "data": {"name": "arrays", "target_transform": bend},
        "model": {"hidden": [2]},
        "loss": "mse",
        "training": {"epochs": 1},
    }
    model = mlpcli.train(config, X=y, y=y).best
    path = tmp_path / "best.npz"
    model.save(path)
    again = mlpcli.load(path)
    np.testing.assert_array_equal(again.predict(y), model.predict(y))
    arrays, meta = read(path)
    name, wrong, message = {
        "log": ("least", -arrays.get("target_least", y), "target_least and most are not above 0"),
        "quantile": ("values", -arrays.get("target_values", y), "target_values and scores do not rise"),
    }[bend]
    write(path, arrays | {f"target_{name}": wrong}, meta)
    assert message in refusal(path)
    write(path, arrays, meta | {"shapes": meta["shapes"] | {f"target_{name}": [2, 9999]}})
    assert "target_" in refusal(path)


def test_a_config_that_is_too_long_to_be_read_is_not_written(run: RunDirectory, tmp_path: Path) -> None:
    sound = load_checkpoint(run.best)
    sections = to_plain(sound.experiment)
    for n, fits in ((90_000, True), (110_000, False)):
        sections["data"] |= {"features": [str(i) for i in range(n)]}
        long = replace(sound, experiment=validate_experiment(sections, tmp_path))
        if fits:
            save_checkpoint(tmp_path / "long.npz", long)
            load_checkpoint(tmp_path / "long.npz")
        else:
            with pytest.raises(CheckpointError, match="or the lists of the config"):
                save_checkpoint(tmp_path / "longer.npz", long)
    assert not (tmp_path / "longer.npz").exists()


def test_names_that_are_too_long_to_be_read_are_not_written(run: RunDirectory, tmp_path: Path) -> None:
    sound = load_checkpoint(run.best)
    path = tmp_path / "long.npz"
    for classes in (("x" * 9_000_000,) * 2, ("[" * 200_000, "b")):
        with pytest.raises(CheckpointError, match="shorten the names"):
            save_checkpoint(path, replace(sound, classes=classes))
    assert not any(tmp_path.iterdir())


@pytest.mark.exhaustive
def test_the_longest_config_is_read_again(tmp_path: Path) -> None:
    """It has a thousand layers with all their settings, and thousands of class weights."""
    init = {"name": "he", "distribution": "uniform", "gain": 1.0, "bias": 0.0, "bias_spread": 0.1}
    activation = {"name": "prelu", "alpha": 0.1}
    layer = {"units": 1, "activation": activation, "init": init, "batch_norm": True, "dropout": 0.1}
    np.savez(tmp_path / "x.npz", X=np.random.default_rng(0).random((60_000, 1)), y=np.arange(60_000) // 20)
    sections = {
        "data": {"name": "npz", "path": str(tmp_path / "x.npz"), "train_size": 0.6},
        "model": {"hidden": [layer] * 1000},
        "loss": {"name": "cross_entropy", "class_weights": [1.0] * 3000},
    }
    run = Run(validate_experiment(sections, Path()))
    splits = run.splits
    checkpoint = Checkpoint(
        run.experiment,
        run.network,
        run.transform,
        None,
        splits.columns,
        splits.kinds,
        splits.classes,
        splits.targets,
        splits.fingerprint,
        splits.class_counts,
        1,
        {},
        Resume(Progress(1, 1, (0.5, -1.0)), 10, run.trainer.optimizer.slots),
    )
    save_checkpoint(tmp_path / "long.npz", checkpoint)
    assert load_checkpoint(tmp_path / "long.npz").experiment == run.experiment


def test_a_network_that_does_not_fit_into_memory(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    for size, fits in ((2 * 4 * 131, True), (2 * 4 * 131 - 1, False)):
        monkeypatch.setattr(
            "mlpcli.training.checkpoints.reading.available_memory",
            lambda size=size: Available(size, "the control group /job"),
        )
        if fits:
            load_checkpoint(run.best)
        else:
            load_checkpoint(run.best, force_memory=True)
            assert "131 parameters take 1.05 kB of memory, but the control group /job has" in refusal(
                run.best
            )


def test_a_plan_needs_no_weights(run: RunDirectory) -> None:
    experiment, widths = read_plan(run.last)
    assert widths == [(4, 16, 3)]
    assert experiment == load_checkpoint(run.last).experiment


def several(data: str = "spiral", **sections: Any) -> Checkpoint:
    """Return a checkpoint with the networks of three folds."""
    runs = [
        train({"data": {"name": data, "fold": {"number": k, "of": 3}}, **sections}, training={"epochs": 2})
        for k in (1, 2, 3)
    ]
    first, *others = (run.best.checkpoint for run in runs)
    return replace(first, baselines=None, others=tuple(other.members[0] for other in others))


@pytest.mark.parametrize(
    "sections",
    [{}, {"model": {"norm": "batch"}}, {"data": "moons", "loss": "binary_hinge"}, {"data": "sine"}],
    ids=str,
)
def test_several_networks_are_saved_and_loaded(tmp_path: Path, sections: dict[str, Any]) -> None:
    path, again = tmp_path / "several.npz", tmp_path / "again.npz"
    saved = several(**sections)
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    save_checkpoint(again, loaded)
    assert again.read_bytes() == path.read_bytes()
    assert len(loaded.members) == 3
    for before, now in zip(saved.members, loaded.members, strict=True):
        np.testing.assert_array_equal(now.network.parameters.values, before.network.parameters.values)
        np.testing.assert_array_equal(now.transform.scaling.shift, before.transform.scaling.shift)
        assert now.epoch == before.epoch
    shifts = {float(member.transform.scaling.shift[0]) for member in loaded.members}
    assert len(shifts) == 3  # each has the transform of its own training split
    widths = saved.network.widths
    assert read_plan(path)[1] == [widths, widths, widths]
    names = read(path)[0].keys()
    assert {"W1", "network2_W1", "network3_W1", "network3_shift"} <= names


def test_networks_may_have_different_features(tmp_path: Path) -> None:
    """A category that is rare in one training split has a feature in the other, and a cell is missing."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(40), rng.integers(0, 3, 40)])
    X[0, 0], X[39, 1] = np.nan, np.nan
    kinds = {"b": Kind("category", ("x", "y", "z"))}
    saved = several()
    experiment = saved.experiment
    members = []
    for rows in (np.arange(20), np.arange(20, 40), np.arange(1, 6)):
        transform = Transform.fit("standardize", X, rows, ("a", "b"), kinds)
        network = build_network(experiment, (transform.n_features, 100, 3))
        network.initialize(rng)
        members.append(Member(network, transform, None, 1))
    assert len({member.transform.n_features for member in members}) > 1
    first, *others = members
    checkpoint = replace(
        saved,
        network=first.network,
        transform=first.transform,
        columns=("a", "b"),
        kinds=kinds,
        others=tuple(others),
    )
    path = tmp_path / "several.npz"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    for before, now in zip(members, loaded.members, strict=True):
        np.testing.assert_array_equal(now.transform.apply(X), before.transform.apply(X))
    assert read_plan(path)[1] == [member.network.widths for member in members]


def test_more_networks_than_can_be_read_are_not_written(tmp_path: Path) -> None:
    one = several()
    with pytest.raises(
        CheckpointError, match=r"1,501 networks would hold 15,007 arrays, .*use fewer networks"
    ):
        save_checkpoint(tmp_path / "x.npz", replace(one, others=one.others[:1] * 1500))
    assert not any(tmp_path.iterdir())


def no_second_network(arrays: Arrays, meta: Any) -> None:
    del meta["others"][0]


def thousands_of_networks(arrays: Arrays, meta: Any) -> None:
    meta["others"] = meta["others"][:1] * 20_000


def nan_in_the_second(arrays: Arrays, meta: Any) -> None:
    arrays["network2_W2"][0, 0] = np.nan


def scale_of_the_third(arrays: Arrays, meta: Any) -> None:
    arrays["network3_scale"][0] = 0


def flag_of_the_second(arrays: Arrays, meta: Any) -> None:
    meta["others"][0]["flagged"] = [7]


def feature_of_the_second(arrays: Arrays, meta: Any) -> None:
    meta["others"][0]["flagged"] = [1]


def slots_of_the_second(arrays: Arrays, meta: Any) -> None:
    meta["others"][0]["slots"] = {"x1": [0]}


def slots_of_the_third(arrays: Arrays, meta: Any) -> None:
    meta["others"][1]["slots"] = [1]


def progress_of_several(arrays: Arrays, meta: Any) -> None:
    meta["progress"] = dict.fromkeys(("epoch", "best_epoch", "epochs_since_best", "plateaus", "steps"), 1) | {
        "best_score": [0.5]
    }


SPOILED_SEVERAL: dict[Callable[[Arrays, Any], None], str] = {
    no_second_network: "network3_shift is float64 (2,), not float32",
    thousands_of_networks: "meta.others has 20,000 values, where its arrays allow 28",
    nan_in_the_second: "network2_W2 holds numbers that are not finite",
    scale_of_the_third: "network3_scale holds numbers that are not above 0",
    flag_of_the_second: "meta.flagged does not fit its columns",
    feature_of_the_second: "its arrays do not fit its config: network2_W1",
    slots_of_the_second: "meta.others does not fit its columns of categories",
    slots_of_the_third: "meta.others.1.slots",
    progress_of_several: "it holds several networks, and progress of one",
}


@pytest.mark.parametrize("spoil", SPOILED_SEVERAL, ids=lambda spoil: spoil.__name__)
def test_an_invalid_checkpoint_of_several_networks_is_refused(
    tmp_path: Path, spoil: Callable[[Arrays, Any], None]
) -> None:
    path = tmp_path / "bad.npz"
    save_checkpoint(path, several())
    arrays, meta = read(path)
    spoil(arrays, meta)
    write(path, arrays, meta)
    assert SPOILED_SEVERAL[spoil] in refusal(path)


PROGRESS: dict[str, Any] = {"epoch": 2, "best_epoch": 2, "epochs_since_best": 0, "plateaus": 0, "steps": 8}
PROGRESS["best_score"] = [0.5]


def nan(arrays: Arrays, meta: Any) -> None:
    arrays["W1"][2, 3] = np.nan


def infinite_bias(arrays: Arrays, meta: Any) -> None:
    arrays["b2"][0] = np.inf


def objects(arrays: Arrays, meta: Any) -> None:
    arrays["W1"] = np.array([{"a": 1}], dtype=object)


def double(arrays: Arrays, meta: Any) -> None:
    arrays["W1"] = arrays["W1"].astype(np.float64)


def other_shape(arrays: Arrays, meta: Any) -> None:
    arrays["W1"] = arrays["W1"].T.copy()


def other_shape_said(arrays: Arrays, meta: Any) -> None:
    arrays["W1"] = arrays["W1"].T.copy()
    meta["shapes"]["W1"] = [16, 4]


def missing_array(arrays: Arrays, meta: Any) -> None:
    del arrays["b1"]


def missing_array_unsaid(arrays: Arrays, meta: Any) -> None:
    del arrays["b1"], meta["shapes"]["b1"]


def surplus_array(arrays: Arrays, meta: Any) -> None:
    arrays["W9"] = np.zeros(3, np.float32)


def scale_of_nothing(arrays: Arrays, meta: Any) -> None:
    arrays["scale"][1] = 0


def huge_network(arrays: Arrays, meta: Any) -> None:
    meta["config"]["model"]["hidden"] = [1_000_000] * 1000


def other_units(arrays: Arrays, meta: Any) -> None:
    meta["config"]["model"]["hidden"] = [17]


def windows_without_images(arrays: Arrays, meta: Any) -> None:
    meta["config"]["data"] = {"name": "npz", "path": "any.npz"}
    meta["config"]["model"]["hidden"] = [{"units": 17, "window": 2}]


def newer_format(arrays: Arrays, meta: Any) -> None:
    meta["format"] = FORMAT + 1


def wrong_config(arrays: Arrays, meta: Any) -> None:
    meta["config"]["optimizer"] = "magic"


def no_config(arrays: Arrays, meta: Any) -> None:
    del meta["config"]


def surplus_key(arrays: Arrays, meta: Any) -> None:
    meta["extra"] = 1


def negative_shape(arrays: Arrays, meta: Any) -> None:
    meta["shapes"]["W1"] = [-4, -16]


def fewer_classes(arrays: Arrays, meta: Any) -> None:
    meta["classes"] = ["a", "b"]


def no_classes(arrays: Arrays, meta: Any) -> None:
    meta["classes"] = meta["class_counts"] = None


def other_counts(arrays: Arrays, meta: Any) -> None:
    meta["class_counts"] = [1, 2]


def no_targets(arrays: Arrays, meta: Any) -> None:
    meta["targets"] = 0


def fewer_features(arrays: Arrays, meta: Any) -> None:
    meta["columns"] = ["a"]


def no_features(arrays: Arrays, meta: Any) -> None:
    meta["columns"] = []


def binary_loss(arrays: Arrays, meta: Any) -> None:
    meta["config"]["loss"] = "binary_hinge"
    meta["config"]["model"]["outputs"] = None


def denormal_scale(arrays: Arrays, meta: Any) -> None:
    arrays["scale"][1] = 1e-42


def surplus_slot(arrays: Arrays, meta: Any) -> None:
    arrays["optimizer_w"] = np.zeros(131, np.float32)
    meta["shapes"]["optimizer_w"] = [131]


def other_optimizer(arrays: Arrays, meta: Any) -> None:
    meta["config"]["optimizer"] = "nesterov"
    meta["progress"] = {
        "epoch": 1,
        "best_epoch": 1,
        "best_score": [0.5],
        "epochs_since_best": 0,
        "plateaus": 0,
        "steps": 1,
    }


def negative_epoch(arrays: Arrays, meta: Any) -> None:
    meta["epoch"] = -1


def half_a_character(arrays: Arrays, meta: Any) -> None:
    meta["columns"][0] = "\ud800"


def escape_as_key(arrays: Arrays, meta: Any) -> None:
    meta["a\x1b[2J\nb\u202e"] = 1


def escape_as_name(arrays: Arrays, meta: Any) -> None:
    meta["shapes"]["a\x1b[2J"] = [1]


def long_key(arrays: Arrays, meta: Any) -> None:
    meta["x" * 100_000] = 1


def many_mistakes(arrays: Arrays, meta: Any) -> None:
    meta["config"] |= {f"key{i}": i for i in range(100)}


def long_shape(arrays: Arrays, meta: Any) -> None:
    meta["shapes"]["W1"] = [1] * 10_000


def long_format(arrays: Arrays, meta: Any) -> None:
    meta["format"] = meta["mlp"] = "9" * 100_000


def deep_config(arrays: Arrays, meta: Any) -> None:
    for _ in range(400):
        meta["config"]["model"] = {"hidden": [meta["config"]["model"]]}


def infinite_score(arrays: Arrays, meta: Any) -> None:
    meta["scores"]["val_loss"] = float("inf")


def best_to_come(arrays: Arrays, meta: Any) -> None:
    meta["progress"] = {**PROGRESS, "best_epoch": 3}


def more_epochs_than_steps(arrays: Arrays, meta: Any) -> None:
    meta["progress"] = {**PROGRESS, "epoch": 2**62}


def more_epochs_than_own_steps(arrays: Arrays, meta: Any) -> None:
    meta["progress"] = {**PROGRESS, "step_offset": 2**62}


def negative_epoch_offset(arrays: Arrays, meta: Any) -> None:
    meta["progress"] = {**PROGRESS, "epoch_offset": -1}


def long_place(arrays: Arrays, meta: Any) -> None:
    meta["data_from_run"] = "a/" * 10_000


def place_with_nul(arrays: Arrays, meta: Any) -> None:
    meta["data_from_run"] = "a\0b"


def long_note(arrays: Arrays, meta: Any) -> None:
    meta["baseline_note"] = "a" * 20_000


def large_fingerprint(arrays: Arrays, meta: Any) -> None:
    meta["fingerprint"] = 2**32


def many_counts(arrays: Arrays, meta: Any) -> None:
    meta["class_counts"] = [-1] * 50_000


def strange_bins(arrays: Arrays, meta: Any) -> None:
    meta["bins"] = {"nothing": 3}


SPOILED: dict[Callable[[Arrays, Any], None], str] = {
    nan: "W1 holds numbers that are not finite",
    infinite_bias: "b2 holds numbers that are not finite",
    objects: "W1.npy: has dtype 'object'",
    double: "W1 is float64",
    other_shape: "W1 is float32 (16, 4), not float32 (4, 16)",
    other_shape_said: "its arrays do not fit its config: W1",
    missing_array: "its members differ from those listed in meta: b1",
    missing_array_unsaid: "its arrays do not fit its config: b1",
    surplus_array: "its members differ from those listed in meta: W9",
    scale_of_nothing: "scale holds numbers that are not above 0",
    huge_network: "its arrays do not fit its config: W1, W10, W100",
    other_units: "its arrays do not fit its config: W1, W2, b1",
    newer_format: f"has format {FORMAT + 1}, but this version of mlp reads formats up to {FORMAT}",
    wrong_config: 'its config is wrong: optimizer: unknown name "magic"',
    no_config: "meta.config",
    surplus_key: "meta.extra",
    negative_shape: "W1 is float32 (4, 16), not float32 (-4, -16)",
    fewer_classes: "its features and classes do not fit its config",
    no_classes: "its classes do not fit its loss",
    other_counts: "its features and classes do not fit its config",
    no_targets: "its features and classes do not fit its config",
    fewer_features: "its arrays do not fit its config: W1, ",
    infinite_score: "meta.scores.val_loss",
    no_features: "its features and classes do not fit its config",
    binary_loss: "its features and classes do not fit its config",
    denormal_scale: "scale holds numbers that are not above 0, or cannot be divided by",
    surplus_slot: "its arrays do not fit its config: optimizer_w",
    other_optimizer: "its arrays do not fit its config: optimizer_",
    negative_epoch: "meta.epoch",
    half_a_character: "meta is not valid JSON",
    escape_as_key: r"meta.a\x1b[2J\nb\u202e: Extra inputs",
    escape_as_name: r"from those listed in meta: a\u001b[2J;",
    long_key: "meta.xxx",
    many_mistakes: 'unknown key "key0"',
    long_shape: "W1 is float32 (4, 16), not float32 (1, 1,",
    long_format: "has format '999",
    best_to_come: "meta.progress: Value error, counts more than its epochs",
    more_epochs_than_steps: "or more epochs than steps",
    more_epochs_than_own_steps: "or more epochs than steps",
    negative_epoch_offset: "meta.progress.epoch_offset: Input should be greater than or equal to 0",
    long_place: "meta.data_from_run: String should have at most 10000 characters",
    place_with_nul: "meta.data_from_run: String should match pattern",
    long_note: "meta.baseline_note: String should have at most 10000 characters",
    large_fingerprint: "meta.fingerprint: Input should be less than 4294967296",
    many_counts: "meta.class_counts has 50,000 values, where its arrays allow 16",
    strange_bins: "meta.bins does not fit its columns",
    windows_without_images: "its features do not fit its config: model.hidden.0.window: 2 needs images",
    deep_config: "its config is wrong: model.hidden.0",
}


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("name", only({"last"}, ["best", "last"]))  # the last has all that the best has
def test_an_invalid_checkpoint_is_refused(
    run: RunDirectory, tmp_path: Path, name: str, spoil: Callable[[Arrays, Any], None]
) -> None:
    arrays, meta = read(getattr(run, name))
    spoil(arrays, meta)
    path = tmp_path / "spoiled.npz"
    write(path, arrays, meta)
    assert SPOILED[spoil] in refusal(path)


TABLE = Path(__file__).with_name("formats") / "3" / "table.npz"  # its first two columns have bins
SLOTS, BINS = [2, 0, 1, 2, 3], {"mass": 3, "length": 3}
UNFIT_SLOTS = "meta.kinds of column 'island' does not fit its columns and levels"
UNFIT_FLAGS, UNFIT_BINS = "meta.flagged does not fit its columns", "meta.bins does not fit its columns"

# What a network of a table cannot have: where it stands in meta, the value, and the refusal.
SPOILED_TABLES: list[tuple[str, Any, str]] = [
    ("slots", [-2, *SLOTS[1:]], "greater than or equal to -1"),
    ("slots", [9, *SLOTS[1:]], UNFIT_SLOTS),
    ("slots", [10**30, *SLOTS[1:]], UNFIT_SLOTS),
    ("slots", SLOTS[:-1], UNFIT_SLOTS),
    ("slots", [*SLOTS, 3], UNFIT_SLOTS),
    ("slots", [], UNFIT_SLOTS),
    ("slots", [-1] * 5, "its arrays do not fit its config"),
    ("flagged", [-1, 1, 3], "greater than or equal to 0"),
    ("flagged", [0, 1, 4], UNFIT_FLAGS),
    ("flagged", [0, 1, 2], UNFIT_FLAGS),
    ("flagged", [0, 1, 1], UNFIT_FLAGS),
    ("flagged", [1, 0, 3], UNFIT_FLAGS),
    ("flagged", [0, 1, 2**62], UNFIT_FLAGS),
    ("flagged", [0, 1, 10**40], "less than 9223372036854775808"),
    ("flagged", [0, 1], "its arrays do not fit its config"),
    ("bins", BINS | {"mass": 0}, "greater than or equal to 1"),
    ("bins", BINS | {"mass": 1001}, "less than or equal to 1000"),
    ("bins", BINS | {"mass": 10**30}, "less than or equal to 1000"),
    ("bins", {"length": 3, "mass": 3}, UNFIT_BINS),
    ("bins", {"mass": 3, "island": 3}, UNFIT_BINS),
    ("bins", {"mass": 3, "weight": 3}, UNFIT_BINS),
    ("bins", BINS | {"wet": 1}, "its arrays do not fit its config"),
    ("bins", BINS | {"mass": 4, "length": 2}, "edges holds edges that are not in order"),
]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("key", "value", "expected"), SPOILED_TABLES, ids=str)
def test_a_network_that_does_not_fit_its_table_is_refused(
    tmp_path: Path, number: int, key: str, value: Any, expected: str
) -> None:
    arrays, meta = read(TABLE)
    network = meta if number == 1 else meta["others"][0]
    if key != "slots":
        network[key] = value
    elif number == 1:
        meta["kinds"]["island"]["slots"] = value
    else:
        network["slots"]["island"] = value
    path = tmp_path / "bad.npz"
    write(path, arrays, meta)
    assert expected in refusal(path)


KINDS = {
    "a level twice": (
        {"island": {"name": "category", "levels": ["a", "a", "b"], "slots": SLOTS}},
        UNFIT_SLOTS,
    ),
    "slots of a boolean": (
        {"wet": {"name": "boolean", "levels": [], "slots": [0]}},
        "meta.kinds of column 'wet'",
    ),
    "another column": ({"dry": {"name": "boolean", "levels": [], "slots": []}}, "meta.kinds of column 'dry'"),
    "another kind": ({"wet": {"name": "date", "levels": [], "slots": []}}, "meta.kinds.wet.name"),
}


@pytest.mark.parametrize(("kinds", "expected"), KINDS.values(), ids=KINDS)
def test_kinds_that_do_not_fit_their_columns_are_refused(
    tmp_path: Path, kinds: dict[str, Any], expected: str
) -> None:
    arrays, meta = read(TABLE)
    meta["kinds"] |= kinds
    path = tmp_path / "bad.npz"
    write(path, arrays, meta)
    assert expected in refusal(path)


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    arrays, meta = read(TABLE)
    meta["columns"][1] = meta["columns"][0]
    path = tmp_path / "bad.npz"
    write(path, arrays, meta)
    assert "meta.columns has a name twice" in refusal(path)


def test_more_levels_than_can_be_read_are_not_written(tmp_path: Path) -> None:
    levels = tuple(map(str, range(500_000)))
    sound = load_checkpoint(TABLE)
    slots = {2: (0,) * (len(levels) + 2)}
    one = replace(
        sound,
        others=(),
        kinds={"island": Kind("category", levels)},
        transform=replace(sound.transform, slots=slots),
    )
    with pytest.raises(CheckpointError, match="more than can be read again"):
        save_checkpoint(tmp_path / "long.npz", one)


METAS = {
    "no JSON": (b"hello", "meta is not valid JSON"),
    "deep JSON": (b"[" * 100_000, "meta is not valid JSON"),
    "long number": (b"1" * 10_000, "meta"),
    "not ASCII": ("é".encode("latin-1"), "meta is not valid JSON"),
    "a list": (b"[1]", "meta"),
    "null": (b"null", "meta"),
    "another format": (b'{"format": "2"}', "has format '2'"),
}


@pytest.mark.parametrize(("meta", "expected"), METAS.values(), ids=METAS)
def test_an_invalid_meta_is_refused(run: RunDirectory, tmp_path: Path, meta: bytes, expected: str) -> None:
    arrays, _ = read(run.best)
    path = tmp_path / "spoiled.npz"
    write(path, arrays, meta)
    assert expected in refusal(path)


def test_files_that_are_not_checkpoints(run: RunDirectory, tmp_path: Path) -> None:
    raw = run.best.read_bytes()
    np.savez(buffer := io.BytesIO(), X=np.zeros(3))
    np.savez(number := io.BytesIO(), meta=np.zeros(3))
    with zipfile.ZipFile(pickled := io.BytesIO(), "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'touch pwned'\ntR.")
    for content, expected in (
        (b"", "not an .npz archive"),
        (b"hello", "not an .npz archive"),
        *((raw[: len(raw) * part // 10], "not an .npz archive") for part in range(1, 10)),
        (raw[:-1], "not an .npz archive"),
        (b"\x80\x04N.", "not an .npz archive"),
        (buffer.getvalue(), "is not a checkpoint of mlp: it has no meta"),
        (number.getvalue(), "meta is float64 (3,), not a byte string"),
        (pickled.getvalue(), "an .npz archive holds plain NAME.npy members only"),
    ):
        path = tmp_path / "file.npz"
        path.write_bytes(content)
        assert expected in refusal(path)
    assert not Path("pwned").exists()
    assert "no such file" in refusal(tmp_path / "missing.npz")
    assert "is a folder; a file is needed here" in refusal(tmp_path)


def test_no_flipped_byte_changes_a_weight(run: RunDirectory, tmp_path: Path) -> None:
    """The important bytes have a checksum; changes of others (dates in the archive) have no effect."""
    raw = run.best.read_bytes()
    expected = load_checkpoint(run.best).network.parameters.values
    path = tmp_path / "flipped.npz"
    refused = 0
    for at in range(0, len(raw), 37):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError:
            refused += 1
        else:
            np.testing.assert_array_equal(checkpoint.network.parameters.values, expected)
    assert refused > 50


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_read_permission(run: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "locked.npz"
    path.write_bytes(run.best.read_bytes())
    path.chmod(0)
    assert "Permission denied" in refusal(path)
