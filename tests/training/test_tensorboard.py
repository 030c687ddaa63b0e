"""What TensorBoard's own reader finds in the event files of a run, number by number."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import only

import mlpcli
from mlpcli.config.loader import parse_experiment
from mlpcli.errors import UsageError
from mlpcli.training.directory import NotWrittenError, RunDirectory
from mlpcli.training.epoch import Epoch
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory, train_run

pytest.importorskip("tensorboardX", reason="the extra tensorboard is not installed")
reader = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
)

ON = {"epochs": 4, "tensorboard": True}
CONFIG = """
data: {name: spiral, points: 60}
model: {hidden: [5, 4], batch_norm: true, dropout: 0.2, input_noise: 0.1}
training: {epochs: 6, batch_size: 9, tensorboard: true}
"""


def read(folder: Path) -> Any:
    """Return what TensorBoard reads in a folder, all of it."""
    everything = {"scalars": 0, "histograms": 0, "tensors": 0}
    return reader.EventAccumulator(str(folder), size_guidance=everything).Reload()


def scalars(found: Any) -> dict[str, list[tuple[int, float]]]:
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def histograms(found: Any) -> dict[str, dict[int, Any]]:
    tags = found.Tags()["histograms"]
    return {tag: {e.step: e.histogram_value for e in found.Histograms(tag)} for tag in tags}


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {tag: each for tag, each in found.items() if "second" not in tag}


@pytest.mark.parametrize(
    "config",
    [
        {"data": {"name": "spiral", "points": 60}, "model": {"hidden": [5, 4]}},
        {"data": {"name": "sine", "points": 40}, "model": {"hidden": [4], "members": 2}},
        {
            "data": {"name": "spiral", "points": 60, "val_size": 0},
            "model": {"hidden": [], "linear_path": True},
            "training": {"monitor": "roc_auc"},
        },
    ],
    ids=["classes", "members", "no hidden layer"],
)
def test_each_number_of_metrics_is_a_scalar(tmp_path: Path, config: dict[str, Any]) -> None:
    run = mlpcli.train(
        config, out=tmp_path / "run", **{f"training.{key}": value for key, value in ON.items()}
    )
    found = scalars(read(tmp_path / "run"))
    expected: dict[str, list[tuple[int, float]]] = {}
    for row in map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()):
        for tag, value in Epoch(row["epoch"], row, is_best=False).scalars.items():
            expected.setdefault(tag, []).append((row["epoch"], float(np.float32(value))))
    assert found == expected
    assert len(found["loss/train"]) == len(run.metrics) == 4


def test_histograms_count_all_weights_and_the_activations_of_a_fixed_sample(tmp_path: Path) -> None:
    kept: dict[int, dict[str, Any]] = {}

    def keep(run: Run, epoch: Epoch) -> None:
        arrays = {f"{array.count}/{array.name}": array.name for array in run.network.spec.parameters}
        values = {tag: run.network.parameters.view(name).copy() for tag, name in arrays.items()}
        assert run.trainer.val is not None
        run.network.predict(run.trainer.val.examples(np.arange(12))[0])
        for number, layer in enumerate(run.network.hidden, 1):
            values[f"activations/layer_{number}"] = layer.output.Y.copy()
        kept[epoch.number] = values

    config = parse_experiment(CONFIG, "test", tmp_path)
    train_run(config, take_directory("run", tmp_path / "run"), listeners=[keep])
    found = histograms(read(tmp_path / "run"))
    names = ["weights/W1", "biases/b2", "norm_parameters/gamma1", "activations/layer_2"]
    assert set(names) <= found.keys() == kept[1].keys()
    assert len(kept) == 6
    for (step, values), tag in itertools.product(kept.items(), found):
        exact, told = values[tag].astype(np.float64).ravel(), found[tag][step]
        assert (told.min, told.max, told.num) == pytest.approx((exact.min(), exact.max(), exact.size))
        assert told.sum == pytest.approx(exact.sum(), abs=1e-6)
        assert told.sum_squares == pytest.approx((exact**2).sum(), abs=1e-6)
        assert sum(told.bucket) == exact.size
        below = [np.count_nonzero(exact <= limit + 1e-6) for limit in told.bucket_limit]
        np.testing.assert_allclose(np.cumsum(told.bucket), below, atol=1)


def test_values_that_are_alike_are_one_bucket(tmp_path: Path) -> None:
    model = {"hidden": [3], "activation": "relu", "init": {"name": "he", "bias": -100}}  # all units are dead
    mlpcli.train("moons", out=tmp_path / "run", model=model, training=ON)
    dead = histograms(read(tmp_path / "run"))["activations/layer_1"][1]
    assert (dead.min, dead.max, len(dead.bucket)) == (0, 0, 1)
    assert dead.num == dead.bucket[0] > 100


def test_a_run_of_many_epochs_has_a_hundred_histograms(tmp_path: Path) -> None:
    changes = {"training.epochs": 250, "training.batch_size": 60}
    mlpcli.train(
        "spiral", out=tmp_path / "run", **changes, **{"training.tensorboard": True, "data.points": 60}
    )
    found = read(tmp_path / "run")
    steps = list(histograms(found)["weights/W1"])
    assert steps == [1, *range(3, 250, 3), 250]
    assert len(scalars(found)["loss/val"]) == 250


def test_nothing_else_of_the_run_changes(tmp_path: Path) -> None:
    config = parse_experiment(CONFIG, "test", tmp_path)
    runs = {}
    for on in (False, True):
        training = config.training.model_copy(update={"tensorboard": on})
        out = tmp_path / str(on)
        runs[on] = train_run(config.model_copy(update={"training": training}), take_directory("run", out))
    for name in ("best.npz", "last.npz"):
        files = [np.load(tmp_path / str(on) / name) for on in (False, True)]
        assert files[0].files == files[1].files
        assert all(
            files[0][key].tobytes() == files[1][key].tobytes() for key in files[0].files if key != "meta"
        )
    rows = [[{**row, "seconds": 0, "examples_per_second": 0} for row in run.metrics] for run in runs.values()]
    assert rows[0] == rows[1]
    assert not list((tmp_path / "False").glob("*tfevents*"))


@pytest.mark.parametrize(
    "how",
    only(
        {"stopped", "killed while writing"},
        ["stopped", "killed", "stopped within an epoch", "killed while writing"],
    ),
)
def test_a_resumed_run_reads_like_an_unbroken_one(tmp_path: Path, how: str) -> None:
    config = parse_experiment(CONFIG, "test", tmp_path)
    train_run(config, take_directory("run", tmp_path / "whole"))
    directory = take_directory("run", tmp_path / "broken")
    run = start_run(config, directory)
    backward, steps = run.network.backward, itertools.count(1)

    def stop_in_step_10(dlogits: Any) -> None:
        backward(dlogits)
        if how == "stopped within an epoch" and next(steps) == 10:
            run.stop()

    run.network.backward = stop_in_step_10  # type: ignore[method-assign]
    epochs = run.epochs()
    for epoch in epochs:
        if epoch.number == 3 and how == "stopped":
            run.stop()
        if epoch.number == 1:
            saved = directory.last.read_bytes()
        if epoch.number == 3 and how.startswith("killed"):
            break
    epochs.close()
    directory.close()
    if how == "killed while writing":
        (half,) = (tmp_path / "broken").glob("*tfevents*")
        half.write_bytes(half.read_bytes()[:-50])
    if how.startswith("killed"):  # last.npz still holds epoch 1, and the event files epoch 3
        directory.last.write_bytes(saved)
    resumed = train_run(config, take_directory("run", tmp_path / "broken", resume=True))
    assert [row["epoch"] for row in resumed.metrics] == [1, 2, 3, 4, 5, 6]
    whole, broken = read(tmp_path / "whole"), read(tmp_path / "broken")
    assert without_times(scalars(broken)) == without_times(scalars(whole))
    assert histograms(broken) == histograms(whole)
    files = RunDirectory.reopen(tmp_path / "broken").event_files()
    assert files == sorted((tmp_path / "broken").glob("*tfevents*"))
    assert len(files) == 2


def test_an_epoch_can_be_read_as_soon_as_it_has_ended(tmp_path: Path) -> None:
    config = parse_experiment(CONFIG, "test", tmp_path)
    for epoch in start_run(config, take_directory("run", tmp_path / "run")).epochs():
        assert [step for step, _ in scalars(read(tmp_path / "run"))["loss/val"]][-1] == epoch.number


def test_the_key_may_change_when_a_run_is_resumed(tmp_path: Path) -> None:
    for epochs, on in ((2, False), (4, True), (6, False)):
        overrides = [f"training.epochs={epochs}", f"training.tensorboard={str(on).lower()}"]
        config = parse_experiment(CONFIG, "test", tmp_path, overrides)
        train_run(config, take_directory("run", tmp_path / "run", resume=True))
    assert [step for step, _ in scalars(read(tmp_path / "run"))["loss/val"]] == [3, 4]


def test_a_run_that_is_replaced_leaves_no_event_file(tmp_path: Path) -> None:
    config = parse_experiment(CONFIG, "test", tmp_path)
    train_run(config, take_directory("run", tmp_path / "run"))
    config = parse_experiment(CONFIG, "test", tmp_path, ["training.tensorboard=false"])
    train_run(config, take_directory("run", tmp_path / "run", force=True))
    assert not list((tmp_path / "run").glob("*tfevents*"))


def test_each_fold_has_its_events_in_its_directory(tmp_path: Path) -> None:
    mlpcli.cross_validate("iris", out=tmp_path / "cv", folds=2, training={"epochs": 2, "tensorboard": True})
    for number in (1, 2):
        assert len(scalars(read(tmp_path / "cv" / f"fold-{number}"))["loss/val"]) == 2


@pytest.mark.parametrize("what", ["run", "folds"])
def test_without_the_package_nothing_is_trained_or_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    train = mlpcli.train if what == "run" else mlpcli.cross_validate
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UsageError, match=r"needs tensorboardX.*\n.*'mlpcli\[tensorboard\]'"):
        train("iris", out=tmp_path / "out", training=ON)  # type: ignore[operator]
    assert not (tmp_path / "out").exists()


def test_a_run_in_memory_has_no_place_for_event_files() -> None:
    for train in (mlpcli.train, mlpcli.cross_validate):
        with pytest.raises(UsageError, match="this run has none; name one with out, or set the key to false"):
            train("iris", training=ON)  # type: ignore[operator]


def test_an_event_file_that_cannot_be_written_ends_the_run_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(parse_experiment(CONFIG, "test", tmp_path), take_directory("run", tmp_path / "run"))
    epochs = run.epochs()
    next(epochs)

    def refuse(self: RunDirectory, file: Path, records: bytes) -> None:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(RunDirectory, "append_events", refuse)
    with pytest.raises(NotWrittenError, match=r"mlp cannot be written: No space.*\nWhat was saved before"):
        next(epochs)
