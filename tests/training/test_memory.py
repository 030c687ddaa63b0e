"""The memory forecast: compared with what runs really take; runs that do not fit are refused first."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.blas import ENGINE
from mlpcli.cli import run
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS, plan_experiment, plan_widths
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, DataError
from mlpcli.machine import Available
from mlpcli.onednn import find_onednn
from mlpcli.optim.rules import RULES
from mlpcli.training.memory import (
    EVALUATION_ROWS,
    Forecast,
    forecast_memory,
    forecast_scoring,
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
    return forecast_memory(plan_experiment(config, widths), config, data)


def peak(config: Experiment, tmp_path: Path) -> int:
    """Return the peak of the bytes that NumPy and Python allocate during a run and its final scores."""
    tracemalloc.start()  # it does not count earlier allocations
    try:
        trained = train_run(config, take_directory("r", tmp_path / "r"))
        trained.score_best()
        trained.score_baselines()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def without_program(forecast: Forecast) -> int:
    return sum(part.bytes for part in forecast.parts if part.key not in ("program", "margin"))


def within_a_quarter(config: Experiment, tmp_path: Path) -> None:
    said, took = without_program(forecast(config)), peak(config, tmp_path)
    assert 0.75 * took < said < 1.25 * took, {part.key: part.bytes for part in forecast(config).parts}


@pytest.mark.parametrize("optimizer", some(RULES, 3))
def test_parameters(tmp_path: Path, optimizer: str) -> None:
    config = experiment(model={"hidden": [600, 600]}, optimizer=optimizer, training={"batch_size": 10})
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize("activation", some(UNITS, 4))
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


@pytest.mark.parametrize("engine", ["numpy", "fast"])
@pytest.mark.parametrize(
    ("batch", "hidden", "residual"),
    [(5000, [60, 60, 40], True), pytest.param(10, [600, 600], False, marks=pytest.mark.exhaustive)],
)
def test_bfloat16(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    batch: int,
    hidden: list[int],
    residual: bool,
) -> None:
    onednn, reason = find_onednn()
    if engine == "fast" and (onednn is None or not onednn.has_bfloat16):
        pytest.skip(reason or "the processor has no bfloat16")
    monkeypatch.setenv(ENGINE, engine)
    config = experiment(
        data={"name": "moons", "points": 5000, "val_size": 0.0, "test_size": 0.0},
        model={"hidden": hidden, "residual": residual},
        training={"batch_size": batch, "precision": "bfloat16"},
    )
    within_a_quarter(config, tmp_path)


@pytest.mark.parametrize(
    ("batch", "hidden"), [(5000, [60, 60]), pytest.param(16, [600, 600], marks=pytest.mark.exhaustive)]
)
def test_shards(tmp_path: Path, batch: int, hidden: list[int]) -> None:
    config = experiment(
        data={"name": "moons", "points": 5000, "val_size": 0.0, "test_size": 0.0},
        model={"hidden": hidden},
        training={"batch_size": batch, "shards": 8},
    )
    within_a_quarter(config, tmp_path)


def test_processes_share_the_memory_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    config = experiment(model={"hidden": [600, 600]}, training={"batch_size": 16, "shards": 4})
    need = forecast_memory(plan_widths((2, 600, 600, 3)), config, measured_data(config), 4).total
    four: Any = SimpleNamespace(size=4, here=4)
    for left, fits in ((4 * need + 100_000, True), (4 * need - 100_000, False)):
        monkeypatch.setattr(
            "mlpcli.training.memory.available_memory", lambda left=left: Available(left, "here")
        )
        if fits:
            require_memory(config, processes=four)
        else:
            with pytest.raises(ConfigError, match="for each of 4 processes here has"):
                require_memory(config, processes=four)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_windows(tmp_path: Path, precision: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "images.npz"
    np.savez(path, X=rng.random((2000, 256), np.float32), y=rng.integers(0, 3, 2000))
    config = experiment(
        data={"name": "npz", "path": str(path), "test_size": 0.0},
        model={"hidden": [{"units": 16, "window": 4, "stride": 2}, {"units": 16, "window": 3}]},
        training={"batch_size": 1000, "precision": precision},
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


@pytest.mark.exhaustive
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


@pytest.mark.parametrize("dtype", some(["uint8", "float32", "float64"], 3))
def test_an_npz_file(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "x.npz"
    np.savez(path, X=rng.integers(0, 9, (16_000, 500)).astype(dtype), y=np.arange(16_000) % 3)
    within_a_quarter(experiment(data={"name": "npz", "path": str(path)}, model={"hidden": [4]}), tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
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


def test_terms_of_the_inputs(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, X=np.random.default_rng(0).normal(size=(5_000, 8)), y=np.arange(5_000) % 3)
    data = {"name": "npz", "path": str(path), "terms": ["square", "product", "sine"]}
    config = experiment(data=data, model={"hidden": [4]})
    assert measured_data(config) is not None
    within_a_quarter(config, tmp_path)
    of_a_toy = known_data(experiment(data={"name": "moons", "terms": ["square"]}))
    assert of_a_toy is not None
    assert of_a_toy.bytes == known_data(experiment(data="moons")).bytes  # type: ignore[union-attr]


def test_a_run_that_begins_with_a_trained_network(tmp_path: Path) -> None:
    """That network is dropped before the copies of the best weights are made."""
    sections = {"model": {"hidden": [600, 600]}, "training": {"batch_size": 10}}
    before = take_directory("before", tmp_path / "before")
    train_run(experiment(**sections), before)
    sections["training"]["start_from"] = str(before.last)
    within_a_quarter(experiment(**sections), tmp_path)


@pytest.mark.parametrize("scaling", ["standardize", "whiten"])
def test_cifar10(
    tmp_path: Path, make_cifar10: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, scaling: str
) -> None:
    """Of the official size: 60,000 images of 3,072 bytes, kept as floats if they are whitened."""
    monkeypatch.setattr("mlpcli.config.schema.Cifar10.examples", 6 * 200)
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=200)
    config = experiment(
        data={
            "name": "cifar10",
            "root": str(tmp_path),
            "val_size": 100,
            "scaling": scaling,
            "augment": {"flip": True, "rotate": 10, "crop": 4, "mixup": 0.2},
        },
        model={"hidden": [20]},
        training={"batch_size": 900},
    )
    within_a_quarter(config, tmp_path)


def test_loaded_data_are_counted_with_their_real_size() -> None:
    config = experiment(data={"name": "moons", "points": 1000})
    begun = Run(config)
    data = loaded_data(begun.splits, begun.transform)
    assert (data.trained, data.scored, data.inputs, data.outputs) == (600, 600, 2, 2)
    assert data.bytes == 1000 * (2 * 4 + 8 + 8)
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
    monkeypatch.setattr("mlpcli.build.readers.read_npz", read)
    monkeypatch.setattr("mlpcli.build.readers.read_csv", read)
    for name in ("x.npz", "x.csv"):
        target = {"target": "y"} if name == "x.csv" else {}
        data = {"name": name[2:], "path": str(tmp_path / name), **target}
        with pytest.raises(ConfigError, match=f"give {name} fewer rows"):
            Run(experiment(data=data, model={"hidden": [3]}))
        with pytest.raises(AssertionError):
            Run(experiment(data=data, model={"hidden": [3]}), force_memory=True)


@pytest.mark.usefixtures("little")
def test_a_network_of_a_width_that_only_the_data_know(tmp_path: Path) -> None:
    """The first rows give the number of inputs, and the number of classes if they have them all."""
    path = tmp_path / "x.csv"
    path.write_text(",".join(f"x{i}" for i in range(5000)) + ",y\n" + "1," * 5000 + "2\n")
    config = experiment(
        data={"name": "csv", "path": str(path), "target": "y"}, model={"hidden": [1000]}, loss="cross_entropy"
    )
    with pytest.raises(ConfigError, match="The largest part is numbers that are kept for each parameter"):
        require_memory(config)
    path.write_text("x,y\n" + "".join(f"{i},{i // 4}\n" for i in range(12_000)))
    for begin in (require_memory, Run):
        with pytest.raises(ConfigError, match="7,200 x 1, for a linear model"):
            begin(config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two runs, of two features and of a table."""
    folder = tmp_path_factory.mktemp("runs")
    rows = "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(60))
    (folder / "t.csv").write_text(f"x,y\n{rows}")
    (folder / "t.yaml").write_text(
        "data: {name: csv, path: t.csv, target: y}\nmodel: {hidden: [3]}\ntraining: {epochs: 1}\n"
    )
    (folder / "m.yaml").write_text("data: moons\nmodel: {hidden: [3]}\ntraining: {epochs: 1}\n")
    np.save(folder / "t.npy", np.zeros((4, 1)))
    np.savez(folder / "t.npz", X=np.zeros((4, 1)), y=["a", "b", "a", "b"])
    for name in "tm":
        out = str(folder / name)
        assert run(["train", str(folder / f"{name}.yaml"), "--quiet", "--out", out]) == 0
    return folder


READING = ("read_known", "rows_of_npy", "rows_of_npz", "labelled_npz")
COMMANDS = [
    "train t.yaml",
    "train t.yaml --dry-run",
    "train t.yaml --folds 3",
    "count-params t.yaml",
    "check t.yaml",
    "data describe t.yaml",
    "data describe moons",
    "data draw moons",
    "eval t",
    "eval m --split train",
    "eval t --data t.csv",
    "eval t --data t.csv --split test",
    "eval t --data t.npz",
    "predict t t.csv",
    "predict t t.npy",
    "predict t t.npz",
    "explain t 1",
    "explain t 1 --data t.npz",
    "importance t",
    "plot m",
    "report m",
    "play m.yaml --port 0",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_that_reads_data_asks_first_whether_they_fit(
    words: str, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    monkeypatch.chdir(finished)
    for name in (
        "build.readers.read_csv",
        "build.readers.draw_toy",
        *(f"data.new_rows.{name}" for name in READING),
    ):
        monkeypatch.setattr(f"mlpcli.{name}", read)
    monkeypatch.setattr(
        "mlpcli.training.memory.available_memory", lambda: Available(1_000_000, "the control group /job")
    )
    before = {path for path in finished.rglob("*") if "plots" not in path.parts}
    assert run(words.split()) != 0
    err = capsys.readouterr().err
    assert "would take about" in err
    assert "but the control group /job has 1 MB left" in err
    assert "Nothing was started." in err
    assert {path for path in finished.rglob("*") if "plots" not in path.parts} == before


@pytest.mark.parametrize("split", ["train", "test"])
def test_scoring_counts_the_rows_of_the_split(split: str) -> None:
    config = experiment(data={"name": "moons", "points": 1000}, model={"hidden": [3]})
    data = measured_data(config)
    assert data is not None
    rows = {"train": data.trained, "test": data.tested}
    assert rows == {"train": 600, "test": 200}
    parts = forecast_scoring([plan_widths((2, 3, 2))], config, replace(data, scored=rows[split])).parts
    assert next(part.working for part in parts if part.key == "scores") == f"{rows[split]} x 2"


def test_a_missing_file_is_reported_by_the_reader() -> None:
    for data in ({"name": "csv", "path": "nope.csv", "target": "y"}, {"name": "npz", "path": "nope.npz"}):
        with pytest.raises(DataError, match="no such file"):
            require_memory(experiment(data=data))


def test_without_a_known_limit_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.training.memory.available_memory", lambda: None)
    require_memory(experiment(model={"hidden": [10**6] * 1000}))


def test_loaded_data_are_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    config = experiment(data={"name": "moons", "points": 10_000})
    begun = Run(config)
    data = loaded_data(begun.splits, begun.transform)
    parts = {part.key: part.bytes for part in forecast_memory(plan_widths((2, 100, 2)), config, data).parts}
    needed = sum(parts.values()) - parts["program"] - parts["data"]
    for free, fits in ((needed, True), (needed - 1000, False)):
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
code = run(sys.argv[1:])
status = Path("/proc/self/status").read_text().splitlines()  # ru_maxrss would be that of the parent
print("took", [1024 * int(line.split()[1]) for line in status if "VmHWM" in line][0])
sys.exit(code)
"""


def taken(folder: Path, *words: str) -> int:
    """Return the most memory that a command has in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not result.returncode, result.stderr
    return int(result.stdout.split()[-1])


def forecast_of_all(config: Experiment) -> int:
    """Return the larger of the two forecasts of a training: before the data are read, and after that."""
    begun = Run(config)
    data = loaded_data(begun.splits, begun.transform)
    after = forecast_memory(begun.network.spec, begun.experiment, data)
    return max(forecast(config).total, after.total)


def write_csv(path: Path, columns: list[list[Any]]) -> None:
    names = [*(f"x{i}" for i in range(len(columns) - 1)), "y"]
    rows = (",".join(map(str, row)) for row in zip(*columns, strict=True))
    path.write_text("\n".join([",".join(names), *rows]) + "\n")


def many_classes(folder: Path) -> None:
    X = np.random.default_rng(0).standard_normal((6000, 20)).astype(np.float32)
    np.savez(folder / "x.npz", X=X, y=np.arange(6000) % 3000)


def wide_bytes(folder: Path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (2000, 20_000)).astype(np.uint8)
    np.savez(folder / "x.npz", X=X, y=np.arange(2000) % 10)


def doubles(folder: Path) -> None:
    X = np.random.default_rng(0).standard_normal((200_000, 40))
    np.savez(folder / "x.npz", X=X, y=X[:, :3])


def numbers(folder: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40_000, 30)).round(4)
    write_csv(folder / "x.csv", [*X.T.tolist(), (np.arange(40_000) % 3).tolist()])


def categories(folder: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [[f"v{i}" for i in rng.integers(0, 60, 40_000)] for _ in range(5)]
    write_csv(folder / "x.csv", [*texts, (np.arange(40_000) % 2).tolist()])


NPZ, CSV = {"name": "npz", "path": "x.npz"}, {"name": "csv", "path": "x.csv", "target": "y"}
WHOLE: dict[str, tuple[dict[str, Any], Callable[[Path], None] | None]] = {
    "small": ({}, None),
    "adam": ({"model": {"hidden": [3000, 3000]}}, None),
    "sgd": ({"model": {"hidden": [4000, 4000]}, "optimizer": "sgd"}, None),
    "points": (
        {"data": {"name": "moons", "points": 2_000_000}, "training": {"batch_size": 10_000}},
        None,
    ),
    "values": (
        {"data": {"name": "sine", "points": 2_000_000}, "loss": "mse", "training": {"batch_size": 10_000}},
        None,
    ),
    "batch": (
        {
            "data": {"name": "moons", "points": 100_000},
            "training": {"batch_size": 30_000},
            "model": {"hidden": [500, 500], "activation": "gelu"},
        },
        None,
    ),
    "members": ({"model": {"hidden": [512, 512], "members": 8}, "training": {"batch_size": 60}}, None),
    "many classes": ({"data": NPZ, "loss": "cross_entropy"}, many_classes),
    "margins of many classes": ({"data": NPZ, "loss": "hinge"}, many_classes),
    "wide bytes": ({"data": NPZ}, wide_bytes),
    "doubles": ({"data": NPZ, "loss": "mse"}, doubles),
    "numbers": ({"data": CSV, "model": {"hidden": [50]}}, numbers),
    "table recipe": ({"data": CSV}, numbers),
    "categories": ({"data": CSV}, categories),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's figures")
@pytest.mark.parametrize("words", ["eval r --json", "eval r --data x.npz", "predict r x.npz"])
@pytest.mark.parametrize("write", [many_classes, wide_bytes, doubles])
def test_the_forecast_is_what_scoring_takes_and_up_to_a_fifth_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, write: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    (tmp_path / "c.yaml").write_text(
        "data: {name: npz, path: x.npz}\nmodel: {hidden: [20]}\ntraining: {epochs: 1}\n"
        + ("loss: cross_entropy\n" if write is many_classes else "")
    )
    taken(tmp_path, "train", "c.yaml", "--quiet", "--out", "r")
    took = taken(tmp_path, *words.split())
    said = []

    def keep(*args: Any, **settings: Any) -> Forecast:
        said.append(forecast_scoring(*args, **settings).total)
        return forecast_scoring(*args, **settings)

    monkeypatch.setattr("mlpcli.training.memory.forecast_scoring", keep)
    assert run([*words.split(), *(["--out", "p.csv"] if words.startswith("predict") else [])]) == 0
    assert took <= said[-1]
    if took > 100_000_000:
        assert said[-1] <= 1.2 * took


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's figures")
@pytest.mark.parametrize(("sections", "write"), WHOLE.values(), ids=WHOLE)
def test_the_forecast_is_what_a_training_takes_and_up_to_a_fifth_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any], write: Any
) -> None:
    from mlpcli.config.schema import to_plain
    from mlpcli.config.yaml12 import write_yaml

    monkeypatch.chdir(tmp_path)
    if write is not None:
        write(tmp_path)
    config = experiment(**sections)
    (tmp_path / "c.yaml").write_text(write_yaml(to_plain(config)))
    took, said = taken(tmp_path, "train", "c.yaml", "--quiet"), forecast_of_all(config)
    assert took <= said
    if took > 100_000_000:
        assert said <= 1.2 * took
