"""The memory forecast: compared with what runs really take; runs that do not fit are refused first."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS, plan_network, plan_widths
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, DataError
from mlpcli.machine import Available
from mlpcli.optim.rules import RULES
from mlpcli.training.memory import (
    EVALUATION_ROWS,
    Forecast,
    forecast_memory,
    known_data,
    loaded_data,
    measured_data,
    require_memory,
)
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run


def experiment(**sections: Any) -> Experiment:
    sections["training"] = {"epochs": 1, **sections.get("training", {})}
    return validate_experiment({"data": "spiral", **sections}, Path())


def forecast(config: Experiment) -> Forecast:
    data = measured_data(config)
    widths = config.widths(data and data.inputs, data and data.outputs) or config.widths(
        data and data.inputs, 2
    )
    assert widths is not None
    return forecast_memory(plan_network(config.model, widths), config, data)


def peak(config: Experiment, tmp_path: Path) -> int:
    """Return the peak of the bytes that NumPy and Python allocate during a run and its final scores."""
    tracemalloc.start()  # it does not count earlier allocations
    try:
        run = train_run(config, take_directory("r", tmp_path / "r"))
        run.score_best()
        run.score_baselines()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def without_program(forecast: Forecast) -> int:
    return sum(part.bytes for part in forecast.parts if part.key != "program")


def within_a_quarter(config: Experiment, tmp_path: Path) -> None:
    said, took = without_program(forecast(config)), peak(config, tmp_path)
    assert 0.75 * took < said < 1.25 * took, {part.key: part.bytes for part in forecast(config).parts}


@pytest.mark.parametrize("optimizer", RULES)
def test_parameters(tmp_path: Path, optimizer: str) -> None:
    config = experiment(model={"hidden": [600, 600]}, optimizer=optimizer, training={"batch_size": 10})
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize("activation", UNITS)
def test_a_large_batch(tmp_path: Path, activation: str) -> None:
    config = experiment(
        data={"name": "moons", "points": 5000, "val_size": 0.0, "test_size": 0.0},
        model={"hidden": [60, 60], "activation": activation},
        training={"batch_size": 5000},
    )
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_and_residual_layers(tmp_path: Path, norm: str, residual: bool) -> None:
    config = experiment(
        data={"name": "moons", "points": 5000, "val_size": 0.0, "test_size": 0.0},
        model={"hidden": [60, 60, 40], "norm": norm, "residual": residual},
        training={"batch_size": 5000},
    )
    within_a_quarter(config, tmp_path)


def test_members(tmp_path: Path) -> None:
    config = experiment(
        data={"name": "moons", "points": 5000, "test_size": 0.0},
        model={"hidden": [60, 60], "members": 4, "linear_path": "learned"},
        training={"batch_size": 1000, "validation": "folds"},
    )
    within_a_quarter(config, tmp_path)


def test_everything_at_once(tmp_path: Path) -> None:
    config = experiment(
        data={"name": "moons", "points": 5000, "val_size": 0.1, "test_size": 0.0},
        model={
            "hidden": [60, 60],
            "batch_norm": True,
            "dropout": 0.5,
            "input_noise": 0.1,
            "input_dropout": 0.1,
        },
        training={"batch_size": 4500},
    )
    within_a_quarter(config, tmp_path)


def test_toy_data(tmp_path: Path) -> None:
    config = experiment(
        data={"name": "spiral", "points": 200_000}, model={"hidden": [2]}, training={"batch_size": 1000}
    )
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize(
    ("loss", "monitor"),
    [
        ("cross_entropy", "roc_auc"),
        ("cross_entropy", "log_loss"),
        ({"name": "cross_entropy", "class_weights": "balanced"}, None),
    ],
)
def test_scores_that_choose_the_best_epoch(tmp_path: Path, loss: Any, monitor: str | None) -> None:
    config = experiment(
        data={"name": "blobs", "points": 100_000, "classes": 20},
        model={"hidden": [2]},
        loss=loss,
        training={"batch_size": 1000, "monitor": monitor},
    )
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.exhaustive), "uint8"])
def test_an_npz_file(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "x.npz"
    np.savez(path, X=rng.integers(0, 9, (16_000, 500)).astype(dtype), y=np.arange(16_000) % 3)
    within_a_quarter(experiment(data={"name": "npz", "path": str(path)}, model={"hidden": [4]}), tmp_path)


@pytest.mark.parametrize("loss", ["cross_entropy", pytest.param("mse", marks=pytest.mark.exhaustive)])
def test_a_csv_file(tmp_path: Path, loss: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "x.csv"
    names = [*(f"x{i}" for i in range(50)), "y"]
    rows = rng.integers(100, 1000, (10_000, 51))
    rows[:, 50] %= 3
    np.savetxt(path, rows, "%d", ",", header=",".join(names), comments="")
    config = experiment(
        data={"name": "csv", "path": str(path), "target": "y"}, model={"hidden": [4]}, loss=loss
    )
    within_a_quarter(config, tmp_path)


def test_cifar10(tmp_path: Path, make_cifar10: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the official size: 60,000 images of 3,072 bytes."""
    monkeypatch.setattr("mlpcli.config.schema.Cifar10.examples", 6 * 200)
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=200)
    config = experiment(
        data={
            "name": "cifar10",
            "root": str(tmp_path),
            "val_size": 100,
            "augment": {"flip": True, "crop": 4, "mixup": 0.2},
        },
        model={"hidden": [20]},
        training={"batch_size": 900},
    )
    within_a_quarter(config, tmp_path)


def test_loaded_data_are_counted_with_their_real_size() -> None:
    config = experiment(data={"name": "moons", "points": 1000})
    data = loaded_data(Run(config).splits)
    assert (data.trained, data.scored, data.inputs, data.outputs) == (600, 600, 2, 2)
    assert data.bytes == 1000 * (2 * 4 + 8 + 3 * 8)
    known = known_data(config)
    assert known is not None
    assert (known.trained, known.scored) == (600, 600)


def test_a_batch_is_no_larger_than_the_data_and_evaluation_no_smaller_than_its_rows() -> None:
    parts = [
        {part.key: part.bytes for part in forecast(experiment(training={"batch_size": size})).parts}
        for size in (180, 100_000)
    ]
    assert parts[0] == parts[1]
    assert parts[0]["activations"] == 4 * 180 * (2 + 100 + 3)
    large = experiment(data={"name": "moons", "points": 10**6}, training={"batch_size": 1})
    parts = {part.key: part.bytes for part in forecast(large).parts}
    assert parts["buffers"] > 2 * 4 * (EVALUATION_ROWS - 1) * (2 + 100 + 2)


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mlpcli.training.memory.available_memory", lambda: Available(100_000_000, "the control group /job")
    )


LARGEST = {
    "parameters": (
        {"model": {"hidden": [3000, 3000]}},
        ["for each parameter", "lower model.hidden (now 3000-3000), or set optimizer: sgd"],
    ),
    "parameters of sgd with momentum": (
        {"model": {"hidden": [3000, 3000]}, "optimizer": {"name": "sgd", "momentum": 0.9}},
        ["for each parameter", "or set optimizer.momentum: 0, which keeps no state"],
    ),
    "parameters of several networks": (
        {"model": {"hidden": [2000, 2000], "members": 3}},
        ["for each parameter", "lower model.members (now 3) or model.hidden, or set optimizer: sgd"],
    ),
    "parameters without slots": (
        {"model": {"hidden": [3000, 3000]}, "optimizer": "sgd"},
        ["for each parameter", "lower model.hidden (now 3000-3000).\n"],
    ),
    "batch": (
        {"data": {"name": "moons", "points": 100_000}, "training": {"batch_size": 50_000}},
        ["each example of a batch", "lower training.batch_size (now 50,000)"],
    ),
    "evaluation": (
        {"data": {"name": "moons", "points": 1000}, "model": {"hidden": [50_000]}},
        ["each example of a batch", "lower model.hidden (now 50000)"],
    ),
    "points": (
        {"data": {"name": "moons", "points": 2_000_000}},
        ["the data set", "lower data.points (now 2,000,000)"],
    ),
    "cifar10": ({"data": "cifar10"}, ["the data set", "CIFAR-10 is always read completely"]),
}


@pytest.mark.parametrize(("sections", "expected"), LARGEST.values(), ids=LARGEST)
@pytest.mark.usefixtures("little")
def test_a_run_that_does_not_fit_is_refused_with_a_table(
    sections: dict[str, Any], expected: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        require_memory(experiment(**sections))
    message = str(caught.value)
    assert "the control group /job has 100 MB left" in message
    for words in (*expected, "\nweights and biases ", "\ntotal ", "\nNothing was started."):
        assert words in message
    assert max(map(len, message.splitlines())) <= 110


@pytest.mark.usefixtures("little")
def test_data_that_do_not_fit_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the file was read")

    np.savez(tmp_path / "x.npz", X=np.zeros((50_000, 1000), np.uint8), y=np.arange(50_000) % 2)
    with (tmp_path / "x.csv").open("wb") as file:
        file.write(b"a,b,y\n")
        file.truncate(10**9)  # sparse
    monkeypatch.setattr("mlpcli.build.read_npz", read)
    monkeypatch.setattr("mlpcli.build.read_csv", read)
    for name in ("x.npz", "x.csv"):
        target = {"target": "y"} if name == "x.csv" else {}
        data = {"name": name[2:], "path": str(tmp_path / name), **target}
        with pytest.raises(ConfigError, match=f"give {name} fewer rows"):
            Run(experiment(data=data, model={"hidden": [3]}))
        with pytest.raises(AssertionError):
            Run(experiment(data=data, model={"hidden": [3]}), force_memory=True)


@pytest.mark.usefixtures("little")
def test_a_network_of_a_width_that_only_the_data_know(tmp_path: Path) -> None:
    """The header row gives the number of inputs, the rows give the number of classes."""
    path = tmp_path / "x.csv"
    path.write_text(",".join(f"x{i}" for i in range(5000)) + ",y\n" + "1," * 5000 + "2\n")
    config = experiment(
        data={"name": "csv", "path": str(path), "target": "y"}, model={"hidden": [1000]}, loss="cross_entropy"
    )
    with pytest.raises(ConfigError, match="The largest part is numbers that are kept for each parameter"):
        require_memory(config)
    path.write_text("x,y\n" + "".join(f"{i},{i // 2}\n" for i in range(12_000)))
    require_memory(config)
    with pytest.raises(ConfigError, match="7,200 x 6,000"):
        Run(config)


def test_a_missing_file_is_reported_by_the_reader() -> None:
    for data in ({"name": "csv", "path": "nope.csv", "target": "y"}, {"name": "npz", "path": "nope.npz"}):
        with pytest.raises(DataError, match="no such file"):
            require_memory(experiment(data=data))


def test_without_a_known_limit_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.training.memory.available_memory", lambda: None)
    require_memory(experiment(model={"hidden": [10**6] * 1000}))


def test_loaded_data_are_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    config = experiment(data={"name": "moons", "points": 10_000})
    data = loaded_data(Run(config).splits)
    total = forecast_memory(plan_widths((2, 100, 2)), config, data).total
    for free, fits in ((total - 56_000_000 - data.bytes, True), (total - 56_001_000 - data.bytes, False)):
        monkeypatch.setattr(
            "mlpcli.training.memory.available_memory", lambda free=free: Available(free, "this machine")
        )
        if fits:
            require_memory(config, data)
        else:
            with pytest.raises(ConfigError):
                require_memory(config, data)


CHILD = """
import sys
from pathlib import Path
from mlpcli.cli import run
run(["train", *sys.argv[1:], "--quiet"])
print([line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line][0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's figures")
@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"model": {"hidden": [3000, 3000]}},
        {"model": {"hidden": [4000, 4000]}, "optimizer": "sgd"},
        {"data": {"name": "moons", "points": 3_000_000}, "training": {"batch_size": 10_000}},
        {
            "data": {"name": "moons", "points": 100_000},
            "training": {"batch_size": 30_000},
            "model": {"hidden": [500, 500], "activation": "gelu"},
        },
    ],
    ids=["small", "adam", "sgd", "points", "batch"],
)
def test_whole_processes(tmp_path: Path, sections: dict[str, Any]) -> None:
    from mlpcli.config.schema import to_plain
    from mlpcli.config.yaml12 import write_yaml

    config = experiment(**sections)
    (tmp_path / "c.yaml").write_text(write_yaml(to_plain(config)))
    result = subprocess.run(
        [sys.executable, "-c", CHILD, "c.yaml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    took, said = 1024 * int(result.stdout.split()[-1]), forecast(config).total
    assert 0.75 * took < said < 1.25 * took
