"""A loss that is left out follows from the target: the same way for every caller, and with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli import train
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment, validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, DataError
from mlpcli.machine import Available
from mlpcli.training import memory
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.predictions import predict_rows
from mlpcli.training.run import Run
from mlpcli.training.settled import settle, with_task
from mlpcli.training.start import take_directory, train_run

ROWS = [(i % 7, i * i % 5, i, i % 3, "xy"[i % 2], i % 2 == 0, i / 7) for i in range(60)]
NAMES = "a,b,many,few,text,bool,real"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(NAMES + "\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS))
    return path


def config(table: Path, target: str, **sections: Any) -> Experiment:
    data = {"name": "csv", "path": str(table), "target": target, "features": ["a", "b"]}
    plain = {"data": data, "model": {"hidden": [3]}, "training": {"epochs": 1}, **sections}
    return validate_experiment(plain, Path())


CHOSEN = {
    "text": "loss: cross_entropy, since 'text' holds text.",
    "bool": "loss: cross_entropy, since 'bool' holds text.",
    "few": "loss: cross_entropy, since 'few' holds only 3 different whole numbers, each in 20 rows on "
    "average. To predict it as a number: loss: mse.",
    "many": "loss: mse, since 'many' holds 60 different numbers. "
    "To take each number as a class: loss: cross_entropy.",
    "real": "loss: mse, since 'real' holds 60 different numbers. "
    "To take each number as a class: loss: cross_entropy.",
}


@pytest.mark.parametrize("target", CHOSEN)
def test_the_loss_follows_from_the_column(table: Path, target: str) -> None:
    experiment = config(table, target)
    settled, note = settle(experiment, load_splits(experiment))
    assert note == CHOSEN[target]
    assert note.startswith(f"loss: {settled.loss.name}, ")
    assert settled == config(table, target, loss=settled.loss.name)


@pytest.mark.parametrize(("said", "name"), [("number", "mse"), ("category", "cross_entropy")])
def test_the_kind_that_is_set_for_the_target_decides(table: Path, said: str, name: str) -> None:
    data = {"name": "csv", "path": str(table), "target": "few", "columns": {"few": said}}
    experiment = validate_experiment({"data": data}, Path())
    settled, note = settle(experiment, load_splits(experiment))
    assert settled.loss.name == name
    what = "numbers" if said == "number" else "classes"
    assert note == f"loss: {name}, since data.columns says that 'few' holds {what}."


@pytest.mark.parametrize(("target", "other"), [("few", "mse"), ("many", "mae"), ("text", "hinge")])
def test_a_loss_that_is_named_stays(table: Path, target: str, other: str) -> None:
    experiment = config(table, target, loss=other)
    assert settle(experiment, load_splits(experiment)) == (experiment, None)


Y = {
    "labels": (["p", "q"] * 30, "cross_entropy"),
    "booleans": ([True, False] * 30, "cross_entropy"),
    "few whole numbers": ([0, 1, 2] * 20, "cross_entropy"),
    "many whole numbers": (list(range(60)), "mse"),
    "floats": (np.linspace(0, 1, 60), "mse"),
    "values": (np.arange(120.0).reshape(60, 2), "mse"),
}


@pytest.mark.parametrize("y", Y)
def test_arrays_and_npz_files_follow_the_same_rule(tmp_path: Path, y: str) -> None:
    values, name = Y[y]
    X = np.array([row[:2] for row in ROWS], np.float32)
    run = train({"model": {"hidden": [3]}, "training": {"epochs": 1}}, X=X, y=values)
    np.savez(tmp_path / "t.npz", X=X, y=values)
    from_file = Run(validate_experiment({"data": {"name": "npz", "path": str(tmp_path / "t.npz")}}, Path()))
    assert run.experiment.loss.name == from_file.experiment.loss.name == name
    assert run.best.checkpoint.experiment == run.experiment
    assert run.notes == from_file.notes
    assert run.notes[0].startswith(f"loss: {name}, since 'y' holds ")


def test_one_hot_rows_are_not_taken_for_values() -> None:
    with pytest.raises(DataError, match=r"Turn one-hot rows into labels with y\.argmax\(axis=1\)"):
        train({}, X=np.ones((30, 2)), y=np.eye(3)[np.arange(30) % 3])


def test_settings_of_classes_go_to_cross_entropy_alone(table: Path) -> None:
    weighted = {"class_weights": "balanced"}
    experiment = config(table, "few", loss=weighted)
    settled, _ = settle(experiment, load_splits(experiment))
    assert settled == config(table, "few", loss={"name": "cross_entropy", **weighted})
    experiment = config(table, "many", loss=weighted)
    with pytest.raises(ConfigError) as caught:
        settle(experiment, load_splits(experiment))
    assert str(caught.value) == (
        "loss.class_weights is for classes, but 'many' holds 60 different numbers; "
        "delete it, or set loss.name: cross_entropy"
    )
    assert with_task(experiment, True).loss.name == "cross_entropy"


def test_the_run_keeps_the_chosen_loss_and_its_reason(table: Path, tmp_path: Path) -> None:
    run = train_run(config(table, "many"), take_directory("r", tmp_path / "r"))
    assert run.notes == [CHOSEN["many"]]
    assert CHOSEN["many"] in (tmp_path / "r" / "run.log").read_text()
    chosen = config(table, "many", loss="mse")
    assert run.experiment == load_experiment(tmp_path / "r" / "config.yaml") == chosen
    assert load_checkpoint(tmp_path / "r" / "best.npz").experiment == chosen


def test_resuming_keeps_the_kind_of_the_run(table: Path, tmp_path: Path) -> None:
    """A run of three numbers goes on as a regression, which the rule would not choose."""
    directory = tmp_path / "r"
    for target, loss in (("many", "mse"), ("few", "mse"), ("few", "cross_entropy")):
        path = directory / f"{target}-{loss}"
        train_run(config(table, target, loss=loss), take_directory("r", path))
        longer = config(table, target, training={"epochs": 2})
        run = train_run(longer, RunDirectory.reopen(path))
        assert (run.experiment.loss.name, run.notes) == (loss, [])
    with pytest.raises(ConfigError, match=r"loss: mse at the start, now"):
        train_run(config(table, "many", loss="huber"), RunDirectory.reopen(directory / "many-mse"))


def test_memory_is_checked_before_the_data_are_read(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the file was read")

    monkeypatch.setattr("mlpcli.build.readers.read_csv", read)
    monkeypatch.setattr(memory, "available_memory", lambda: Available(1000, "this machine"))
    with pytest.raises(ConfigError, match="training would take about"):
        Run(config(table, "many"))


def test_arrays_that_are_taken_for_the_other_kind_are_refused(tmp_path: Path) -> None:
    """The run was of three numbers; without a loss, they are taken for classes."""
    X, y = np.array([row[:2] for row in ROWS], np.float32), np.arange(60) % 3
    model = {"model": {"hidden": [3]}, "training": {"epochs": 1}}
    train(model, X=X, y=y, loss="mse", out=tmp_path / "r")
    with pytest.raises(ConfigError, match="taken for classes, and mse is for numbers; set loss: mse"):
        train(model, X=X, y=y, out=tmp_path / "r", resume=True)
    train(model, X=X, y=y, loss="mse", out=tmp_path / "r", resume=True)


def test_a_recipe_fits_the_epochs_to_the_rows_and_resumes(table: Path, tmp_path: Path) -> None:
    """48 of the 60 rows are trained on, in two batches of 32, and there are at most 150 epochs."""
    data = {"name": "csv", "path": str(table), "target": "text", "features": ["a", "b"]}
    experiment = validate_experiment({"data": data}, Path())
    settled, _ = settle(experiment, load_splits(experiment))
    assert (settled.training.epochs, settled.training.batch_size) == (150, 32)
    assert settle(settled, load_splits(experiment))[0] == settled

    def stop(run: Run) -> None:
        if len(run.metrics) == 3:
            run.stop()

    train_run(experiment, take_directory("r", tmp_path / "r"), progress=stop)
    run = train_run(experiment, take_directory("r", tmp_path / "r", resume=True))
    assert len(run.metrics) == 150
    assert run.experiment == settled
    other = validate_experiment({"data": data, "training": {"batch_size": 16}}, Path())
    directory = take_directory("r", tmp_path / "r", resume=True)
    with pytest.raises(ConfigError, match=r"training.batch_size: 32 at the start, now 16"):
        train_run(other, directory)


def test_numbers_to_predict_are_read_as_those_of_the_training(tmp_path: Path) -> None:
    """A file of few rows may not show that its points are no decimal points."""
    path, rows = tmp_path / "a.csv", tmp_path / "rows.csv"
    path.write_text("x;y\n" + "".join(f"1.{100 + 7 * i},5;{i},25\n" for i in range(60)))
    rows.write_text("x;y\n1.100;0\n1.499;0\n")
    data = {"name": "csv", "path": str(path), "target": "y", "delimiter": ";"}
    run = train_run(experiment := validate_experiment({"data": data, "training": {"epochs": 1}}, Path()))
    settled: Any = run.experiment.data
    assert (settled.decimal, settled.thousands) == (",", ".")
    expected = run.last.predict([[1100.0], [1499.0]])
    assert expected[0] != expected[1]
    assert predict_rows(run.last.checkpoint, rows).values[:, 0] == pytest.approx(expected, rel=1e-6)

    folder = tmp_path / "r"
    train_run(experiment, take_directory("r", folder))
    longer = validate_experiment({"data": data, "training": {"epochs": 2}}, Path())
    assert train_run(longer, RunDirectory.reopen(folder)).experiment.data == settled


def test_dates_to_predict_are_read_in_the_order_of_the_training(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.csv", tmp_path / "rows.csv"
    path.write_text("when,y\n" + "".join(f"{1 + i % 12}/{1 + i % 28}/2024,{i}.5\n" for i in range(84)))
    rows.write_text("when,y\n2/5/2024,0\n")
    data = {"name": "csv", "path": str(path), "target": "y", "columns": {"when": "date"}}
    run = train_run(validate_experiment({"data": data, "training": {"epochs": 1}}, Path()))
    settled: Any = run.experiment.data
    assert settled.dates == "mdy"
    (value,) = predict_rows(run.last.checkpoint, rows).values[:, 0]
    rows.write_text("when,y\n2024-02-05,0\n")
    assert predict_rows(run.last.checkpoint, rows).values[0, 0] == value
    rows.write_text("when,y\n2024-05-02,0\n")
    assert predict_rows(run.last.checkpoint, rows).values[0, 0] != value
