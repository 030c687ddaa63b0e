"""Runs that train together end with the bytes that each would have alone, whatever they are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.api import train
from mlpcli.blas import ENGINE
from mlpcli.build.splits import Splits
from mlpcli.cohort import group
from mlpcli.cohort.cohort import Cohort, train_together
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.errors import RunError
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.onednn import find_onednn
from mlpcli.optim.rules import RULES
from mlpcli.optim.schedules import SCHEDULES
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.run import Run
from mlpcli.training.start import start_run

Config = dict[str, Any]
_TIMES = ("seconds", "examples_per_second")


def experiment(toy: str = "spiral", /, **sections: Any) -> Experiment:
    """Return the config of a small network."""
    config = {
        "data": {"name": toy, "points": 90, "test_size": 0},
        "model": {"hidden": [7, 5]},
        "training": {"epochs": 3, "batch_size": 16},
    }
    for name, section in sections.items():
        kept = config.get(name)
        config[name] = {**kept, **section} if isinstance(kept, dict) else section
    return validate_experiment(config, Path())


def seeds(toy: str = "spiral", /, **sections: Any) -> list[Experiment]:
    """Return configs that differ in their seeds."""
    training = sections.pop("training", {})
    return [experiment(toy, training={**training, "seed": seed}, **sections) for seed in range(3)]


def each(key: str, values: Sequence[Any], **sections: Any) -> list[Experiment]:
    """Return configs that differ in a key, too."""
    section, name = key.split(".")
    return [
        experiment(**{**sections, section: {**sections.get(section, {}), name: value}}) for value in values
    ]


def numbers(checkpoint: Checkpoint | None) -> list[bytes]:
    assert checkpoint is not None
    network = checkpoint.network
    return [array.tobytes() for array in (network.parameters.values, *network.state.values())]


def left(run: Run) -> tuple[list[Any], list[bytes]]:
    """Return all that a run leaves, but for times."""
    rows = [{key: row[key] for key in row if key not in _TIMES} for row in run.metrics]
    recorder = run.recorder
    arrays = [*numbers(recorder.best), *numbers(recorder.last)]
    arrays += [array for epoch in recorder.snapshots for array in numbers(recorder.snapshot(epoch))]
    arrays += [run.network.parameters.values.tobytes()]
    arrays += [slot.tobytes() for slot in run.trainer.optimizer.slots.values()]
    return [rows, run.trainer.progress, run.trainer.optimizer.steps], arrays


def require_same(
    experiments: Sequence[Experiment], splits: Sequence[Splits | None] | None = None
) -> list[Run]:
    """Train alone and together, compare, and return the runs; all of them have to be of one shape."""
    data = splits or [None] * len(experiments)
    alone, together = (
        [Run(config, own) for config, own in zip(experiments, data, strict=True)] for _ in range(2)
    )
    assert len({repr(group.shape_of(run)) for run in together}) == 1
    for run in alone:
        list(run.epochs())
    cohort = Cohort(together)
    trained = [run for run, _ in cohort.epochs()]
    assert not cohort.errors
    assert len(trained) == sum(len(run.metrics) for run in alone)
    for own, other in zip(alone, together, strict=True):
        assert left(other) == left(own)
    return together


SMALL = {"hidden": [7]}
CASES: dict[str, list[Experiment]] = {
    **{f"rule {name}": seeds(optimizer=name, regularization={"l2": 0.01}) for name in RULES},
    **{
        f"rates of {name}": each(
            "optimizer.learning_rate", [0.001, 0.1, 0.02], optimizer={"name": name}, model=SMALL
        )
        for name in RULES
    },
    **{f"activation {name}": seeds(model={"activation": name}) for name in UNITS},
    **{f"norm {name}": seeds(model={"norm": name}) for name in NORMS},
    **{
        f"loss {name}": seeds(
            "sine" if name in ("mse", "mae", "huber") else "moons" if "binary" in name else "spiral",
            loss=name,
        )
        for name in LOSSES
    },
    **{f"penalty {name}": seeds(regularization={name: 0.01}) for name in PENALTIES},
    **{
        f"strengths of {name}": each(f"regularization.{name}", [0.1, 0, 0.1, 0.01], model=SMALL)
        for name in PENALTIES
    },
    **{
        f"schedule {name}": each(
            "optimizer.learning_rate",
            [0.1, 0.001, 0.1],
            optimizer={"schedule": {"name": name, "warmup": 0.5}},
            training={"epochs": 6},
            model=SMALL,
        )
        for name in SCHEDULES
    },
    "momenta": each("optimizer.momentum", [0.9, 0.5, 0.9], optimizer={"name": "nesterov"}),
    "weight decays": each("regularization.weight_decay", [0.1, 0.01], optimizer="adamw"),
    "penalties that follow": each("regularization.l2", [None, 0.1, 0], model=SMALL),
    "penalties that follow from weight decays": each("regularization.weight_decay", [0.1, 0], model=SMALL),
    "decay and rates": each(
        "optimizer.learning_rate",
        [0.1, 0.02],
        optimizer={"name": "adamw"},
        regularization={"weight_decay": 0.3},
    ),
    "schedules": each("optimizer.schedule", ["cosine", "constant", "one_cycle"]),
    "numbers of epochs": each("training.epochs", [2, 5, 3], optimizer={"schedule": "cosine"}),
    "initial weights": each("model.init", ["he", "xavier", "orthogonal"]),
    "clipping": each("optimizer.clip_norm", [0.1, None, 0.5, 1000.0]),
    "max norm": each("regularization.max_norm", [0.5, None, 1.0]),
    "label smoothing": seeds(loss={"name": "cross_entropy", "label_smoothing": 0.1}),
    "class weights": seeds(loss={"name": "cross_entropy", "class_weights": "balanced"}),
    "dropout": seeds(model={"dropout": 0.3, "input_dropout": 0.1}),
    "noise": seeds(model={"input_noise": 0.2}),
    "residual": seeds(model={"hidden": [6, 6, 4], "residual": True, "norm": "batch"}),
    "linear path": seeds(model={"linear_path": "learned"}),
    "fitted linear path": seeds(model={"linear_path": "fitted"}),
    "clipped outputs": seeds("sine", model={"clip_outputs": True}),
    "members": seeds(model={"members": 3, "dropout": 0.2}),
    "members that leave out folds": seeds(
        model={"members": 3, "linear_path": "learned"}, training={"validation": "folds"}
    ),
    "no hidden layer": seeds(model={"hidden": []}),
    "one unit, one output": seeds("moons", loss="binary_cross_entropy", model={"hidden": [1]}),
    "one batch an epoch": seeds(training={"batch_size": 1000}),
    "batches of one": seeds(training={"batch_size": 1}, data={"points": 12}),
    "patience": seeds(training={"patience": 2, "epochs": 60}),
    "plateaus": seeds(
        optimizer={"schedule": {"name": "plateau", "patience": 1, "shrink": 0.5}}, training={"epochs": 12}
    ),
    "snapshots": seeds(training={"snapshots": 3}),
    "another monitor": seeds(training={"monitor": "roc_auc"}, data={"name": "moons"}),
    "no validation": seeds(data={"val_size": 0}),
    "bfloat16": seeds(training={"precision": "bfloat16"}),
    "squares of the inputs": seeds(data={"terms": ["square", "product"]}),
}


SEEN = {"hidden": [{"units": 3, "window": 2}, {"units": 4, "window": 2}, 5], "norm": "batch"}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_units_that_see_a_window(precision: str) -> None:
    runs = [
        validate_experiment(
            {
                "data": {"name": "npz", "path": "any.npz"},
                "model": SEEN,
                "loss": "cross_entropy",
                "optimizer": "momentum",
                "training": {"epochs": 2, "batch_size": 16, "seed": seed, "precision": precision},
            },
            Path(),
        )
        for seed in range(3)
    ]
    require_same(runs, [arrays(90, 16, 3, seed) for seed in range(3)])


@pytest.mark.parametrize("name", some(CASES, 4))
def test_each_run_ends_with_the_bytes_that_it_has_alone(name: str) -> None:
    require_same(CASES[name])


def test_networks_are_in_rows_of_one_array() -> None:
    runs = require_same(CASES["dropout"])
    bases = [run.network.parameters.values.base for run in runs]
    assert bases[0] is not None
    assert bases.count(bases[0]) == 3


def arrays(n: int, features: int, classes: int, seed: int, weighted: bool = False) -> Splits:
    """Return made-up data."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, features)).astype(np.float32), rng.integers(0, classes, n)
    weights = rng.random(n) if weighted else None
    if weights is not None:
        weights /= weights[: n - 30].mean()
    train_rows, val_rows = np.arange(n - 30), np.arange(n - 30, n)
    train_split, val = (Split(X, y, rows, weights=weights) for rows in (train_rows, val_rows))
    names = tuple(map(str, range(max(features, classes))))
    return Splits(train_split, val, None, names[:features], names[:classes], classes, 1)


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_weights_of_examples(loss: str) -> None:
    configs = [config_of_arrays(seed, loss=loss) for seed in range(3)]
    require_same(configs, [arrays(120, 4, 3, seed, weighted=True) for seed in range(3)])


def config_of_arrays(seed: int, **sections: Any) -> Experiment:
    config = {"data": {"name": "arrays"}, "model": {"hidden": [7]}, **sections}
    config["training"] = {"epochs": 3, "batch_size": 16, **config.get("training", {}), "seed": seed}
    return validate_experiment(config, Path())


def test_training_splits_that_differ_by_an_example() -> None:
    """As those of folds do: the last batch of an epoch is larger for some."""
    configs = [config_of_arrays(seed) for seed in range(3)]
    require_same(configs, [arrays(120 + seed, 4, 3, seed) for seed in range(3)])


@pytest.mark.parametrize("engine", ["numpy", "fast"])
@pytest.mark.parametrize("units", [30, 100, 200])
@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_large_layers(monkeypatch: pytest.MonkeyPatch, engine: str, units: int, rule: str) -> None:
    """Threads train such networks, or they are multiplied one by one; oneDNN may update the largest."""
    if engine == "fast" and find_onednn()[0] is None:
        pytest.skip(find_onednn()[1])
    monkeypatch.setenv(ENGINE, engine)
    sections = {"model": {"hidden": [units]}, "training": {"batch_size": 64, "epochs": 2}, "optimizer": rule}
    configs = [config_of_arrays(seed, **sections) for seed in range(3)]
    require_same(configs, [arrays(200, 784, 10, seed) for seed in range(3)])


def test_noise_that_is_taken_from_a_pool() -> None:
    configs = [
        config_of_arrays(seed, model={"hidden": [4], "input_noise": 0.1}, training={"batch_size": 64})
        for seed in range(2)
    ]
    require_same(configs, [arrays(200, 300, 3, seed) for seed in range(2)])


@pytest.mark.parametrize(
    "augment", [{"flip": True, "scale": 0.2, "crop": 2, "cutout": 4}, {"mixup": 0.4}], ids=["places", "mixup"]
)
def test_augmentation(augment: Config, tmp_path: Path, make_cifar10: Callable[..., Any]) -> None:
    make_cifar10(tmp_path, n=8)
    data = {"name": "cifar10", "root": str(tmp_path), "val_size": 8, "augment": augment}
    configs = [
        validate_experiment(
            {
                "data": data,
                "model": {"hidden": [4]},
                "training": {"epochs": 2, "batch_size": 8, "seed": seed},
            },
            Path(),
        )
        for seed in range(2)
    ]
    require_same(configs)


def test_other_shapes_are_trained_one_after_another() -> None:
    configs = [experiment(model={"hidden": [width]}) for width in (3, 4)]
    configs.append(experiment(loss="hinge"))
    alone, together = ([Run(config) for config in configs] for _ in range(2))
    for run in alone:
        list(run.epochs())
    list(Cohort(together).epochs())
    assert list(map(left, together)) == list(map(left, alone))


def test_a_run_that_diverges_fails_alone() -> None:
    """With the message that it has alone, and with the epochs before."""
    configs = each(
        "optimizer.learning_rate", [0.01, 1e6, 0.02], optimizer={"name": "sgd"}, training={"epochs": 4}
    )
    alone, together = ([Run(config) for config in configs] for _ in range(2))
    list(alone[0].epochs())
    with pytest.raises(Exception, match="diverged") as caught:
        list(alone[1].epochs())
    cohort = Cohort(together)
    list(cohort.epochs())
    assert list(cohort.errors) == [together[1]]
    assert str(cohort.errors[together[1]]) == str(caught.value)
    assert left(together[0]) == left(alone[0])
    assert [row["train_loss"] for row in together[1].metrics] == [
        row["train_loss"] for row in alone[1].metrics
    ]
    assert len(together[2].metrics) == 4


def test_a_gradient_that_overflows_is_told_with_its_layer() -> None:
    configs = each("model.init", [{"name": "he", "gain": gain} for gain in (1.0, 1e18, 1.0)])
    alone = Run(configs[1])
    with pytest.raises(Exception, match="in layer") as caught:
        list(alone.epochs())
    runs = [Run(config) for config in configs]
    cohort = Cohort(runs)
    list(cohort.epochs())
    assert [str(error) for error in cohort.errors.values()] == [str(caught.value)]


def directories(folder: Path, configs: Sequence[Experiment]) -> list[RunDirectory]:
    return [
        RunDirectory.create("", folder / str(number))
        if not (folder / str(number) / "last.npz").exists()
        else RunDirectory.reopen(folder / str(number))
        for number in range(len(configs))
    ]


def kept(folder: Path) -> list[Any]:
    """Return what the files of a run say, but for times."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found: list[Any] = [{key: row[key] for key in row if key not in _TIMES} for row in rows]
    found.append((folder / "config.yaml").read_text())
    for file in sorted(folder.rglob("*.npz")):
        found.append(file.name)
        for name, array in np.load(file).items():
            if name == "meta":
                found.append(without_times(json.loads(bytes(array))))
            else:
                found.append((name, array.dtype, array.tobytes()))
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in _TIMES}
    return value


def finish(folder: Path, configs: Sequence[Experiment], stop_after: int | None = None) -> None:
    """Train in directories, together; stop within the epoch after that number."""
    places = directories(folder, configs)
    cohort = Cohort([start_run(config, place) for config, place in zip(configs, places, strict=True)])
    for number, _ in enumerate(cohort.epochs(), start=1):
        if number == stop_after:
            cohort.stop()
    for place in places:
        place.close()


def test_runs_that_are_stopped_and_resumed_leave_the_same_files(tmp_path: Path) -> None:
    """Stopped when some have trained an epoch more than others; also saved within epochs."""
    configs = seeds(training={"epochs": 4, "checkpoint_every": 2, "snapshots": 2}, model={"dropout": 0.2})
    for number, config in enumerate(configs):
        place = RunDirectory.create("", tmp_path / "alone" / str(number))
        list(start_run(config, place).epochs())
        place.close()
    finish(tmp_path / "together", configs, stop_after=4)
    finish(tmp_path / "together", configs, stop_after=3)
    finish(tmp_path / "together", configs)
    for number in range(3):
        assert kept(tmp_path / "together" / str(number)) == kept(tmp_path / "alone" / str(number))


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    configs = each("optimizer.learning_rate", [0.01, 1e6, 0.02], optimizer={"name": "sgd"})
    runs = [Run(config) for config in configs]
    with pytest.raises(RunError, match="diverged"):
        train_together(runs)
    assert [len(run.metrics) for run in (runs[0], runs[2])] == [3, 3]


def test_a_listener_that_raises_ends_all() -> None:
    runs = [Run(config) for config in seeds()]

    def refuse(run: Run, epoch: Any) -> None:
        raise KeyError(epoch.number)

    runs[1].listeners.append(refuse)
    with pytest.raises(KeyError):
        list(Cohort(runs).epochs())
    assert [len(run.metrics) for run in runs] == [1, 0, 0]


def test_the_public_function_gives_the_same(tmp_path: Path) -> None:
    """A run of `mlpcli.train` has the bytes of one that trained with others."""
    run = Run(experiment())
    list(Cohort([run, Run(experiment(training={"seed": 7}))]).epochs())
    config = {"data": {"name": "spiral", "points": 90, "test_size": 0}, "model": {"hidden": [7, 5]}}
    alone = train({**config, "training": {"epochs": 3, "batch_size": 16}})
    assert left(run) == left(alone)
