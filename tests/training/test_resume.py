"""Resuming: the right run is found, all differences are reported, and the whole state is restored."""

from __future__ import annotations

import dataclasses
from math import cos, log2, pi
from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import CheckpointError, ConfigError, DataError, UsageError
from mlpcli.training.checkpoints import load_checkpoint, save_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.resume import find_run_to_resume, load_last, restore
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

CONFIG = """
data: {name: csv, path: table.csv, target: y}
model: {hidden: [4], batch_norm: true}
optimizer: {name: adam, learning_rate: 0.01}
training: {epochs: 3, batch_size: 8}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which contains a table."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 7},{i * i % 5},{'ab'[i % 2]}\n" for i in range(60))
    Path("table.csv").write_text(f"u,v,y\n{rows}")
    return tmp_path


def config(*overrides: str) -> Experiment:
    return parse_experiment(CONFIG, "test", Path.cwd(), overrides)


@pytest.fixture
def trained_run(folder: Path) -> RunDirectory:
    """Return the directory of a run of three epochs."""
    directory = take_directory("run", Path("run"))
    train_run(config(), directory)
    return RunDirectory.reopen(Path("run"))


def test_the_run_is_the_given_one_or_the_last_with_the_name(trained_run: RunDirectory) -> None:
    assert find_run_to_resume("run", Path("run")) == Path("run")
    assert find_run_to_resume("run", None) is None  # runs/run is meant
    for number in range(2):
        take_directory("run", None).begin(config())
        assert find_run_to_resume("run", None) == Path("runs", ("run", "run-2")[number])


def test_without_a_run_none_is_found(folder: Path) -> None:
    Path("empty").mkdir()
    for place in (Path("empty"), Path("new")):
        assert find_run_to_resume("run", place) is None
    for place in (Path("table.csv"), folder):
        with pytest.raises(UsageError, match=r"is not the directory of a run: it has no config\.yaml"):
            find_run_to_resume("run", place)


def test_a_run_that_was_stopped_before_anything_was_saved_has_no_last(folder: Path) -> None:
    directory = take_directory("run", Path("run"))
    directory.begin(config())
    assert load_last(directory, config()) is None
    with pytest.raises(ConfigError, match=r"training\.seed: 0 at the start, now 7"):
        load_last(directory, config("training.seed=7"))


def test_every_key_that_differs_is_named_and_only_epochs_may_differ(trained_run: RunDirectory) -> None:
    last = load_last(trained_run, config("training.epochs=9"))
    assert last is not None
    assert last.epoch == 3
    with pytest.raises(ConfigError) as caught:
        load_last(trained_run, config("training.epochs=9", "model.hidden=[5]", "optimizer=sgd"))
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert "model.hidden: [4] at the start, now [5]" in lines
    assert "optimizer.name: adam at the start, now sgd" in lines
    assert "optimizer.beta2: 0.999 at the start, now left out" in lines
    assert not any("epochs:" in line for line in lines)


@pytest.mark.parametrize(
    ("begun", "now"),
    [
        (["optimizer=adamw"], []),
        (["optimizer=adamw"], ["regularization.l2=null"]),
        (["optimizer=adamw"], ["regularization.l2=0"]),
        (["optimizer=adamw", "regularization.l2=1e-4"], []),  # the default of every optimizer in older runs
        (["optimizer=adam"], ["regularization.l2=1e-4"]),
        (["optimizer=adam", "regularization.l2=1e-4"], []),
        (["optimizer=adamw", "regularization.l2=0"], ["regularization.weight_decay=0.01"]),
    ],
    ids=str,
)
def test_a_run_goes_on_with_the_l2_that_it_was_begun_with(
    begun: list[str], now: list[str], folder: Path
) -> None:
    train_run(config(*begun), take_directory("run", Path("run")))
    train_run(config(begun[0], *now, "training.epochs=5"), RunDirectory.reopen(Path("run")))
    train_run(config(*begun, "training.epochs=5"), take_directory("whole", Path("whole")))
    resumed, unbroken = (load_checkpoint(Path(name, "last.npz")) for name in ("run", "whole"))
    assert resumed.experiment == unbroken.experiment
    np.testing.assert_array_equal(resumed.network.parameters.values, unbroken.network.parameters.values)


def test_another_l2_is_refused_also_if_it_is_the_default(folder: Path) -> None:
    train_run(config("regularization.l2=0.1"), take_directory("run", Path("run")))
    with pytest.raises(ConfigError, match=r"regularization\.l2: 0\.1 at the start, now 0\.0001\n"):
        load_last(RunDirectory.reopen(Path("run")), config())


def test_a_checkpoint_without_the_optimizers_state_cannot_be_resumed(trained_run: RunDirectory) -> None:
    checkpoint = load_checkpoint(trained_run.last)
    save_checkpoint(trained_run.last, dataclasses.replace(checkpoint, resume=None))
    with pytest.raises(CheckpointError, match="no state of the optimizer"):
        load_last(trained_run, config())


def test_the_whole_state_is_restored(trained_run: RunDirectory) -> None:
    last = load_last(trained_run, config())
    assert last is not None
    assert last.resume is not None
    run = Run(config())
    restore(run, last)
    np.testing.assert_array_equal(run.network.parameters.values, last.network.parameters.values)
    assert run.network.state.keys() == last.network.state.keys() != set()
    for name, values in run.network.state.items():
        np.testing.assert_array_equal(values, last.network.state[name])
    assert run.trainer.optimizer.slots.keys() == last.resume.slots.keys() != set()
    for name, values in run.trainer.optimizer.slots.items():
        np.testing.assert_array_equal(values, last.resume.slots[name])
    assert run.trainer.optimizer.steps == last.resume.steps > 0
    assert run.trainer.progress == last.resume.progress


def test_a_run_that_goes_on_with_another_engine_says_so(trained_run: RunDirectory) -> None:
    last = load_last(trained_run, config())
    assert last is not None
    assert last.engine == "NumPy"  # the products are small
    run = Run(config())
    restore(run, dataclasses.replace(last, engine="oneDNN 3.0.0"))
    assert run.notes[-1].startswith("NumPy multiplies the matrices now, and oneDNN 3.0.0 did before")


def test_data_that_have_changed_are_recognized(trained_run: RunDirectory) -> None:
    last = load_last(trained_run, config())
    assert last is not None
    text = Path("table.csv").read_text()
    for changed in (text.replace("u,v,y", "u,w,y"), text.replace(",b", ",c"), text + "3,3,a\n"):
        Path("table.csv").write_text(changed)
        with pytest.raises(DataError, match=r"table\.csv has changed since the run was started"):
            restore(Run(config()), last)


# The rates of the last step of 3 epochs and of the first step after it in a training of 6, worked by hand:
# 36 rows to train on, in 5 batches of 8, so the last step begins at 2.8 epochs.
JUMPS = {
    "cosine": (0.01 * (1 + cos(pi * 2.8 / 3)) / 2, 0.01 * 0.5),
    "{name: cosine, final: 0.1}": (0.001 + 0.009 * (1 + cos(pi * 2.8 / 3)) / 2, 0.001 + 0.009 * 0.5),
    "coslog4": (0.01 * (1 - cos(2 * pi * log2(15))) / 2, 0.01 * (1 - cos(2 * pi * log2(8.5))) / 2),
}


@pytest.mark.parametrize("schedule", JUMPS)
def test_more_epochs_note_the_jump_of_a_schedule_that_ends_with_them(folder: Path, schedule: str) -> None:
    settings = f"optimizer.schedule={schedule}"
    train_run(config(settings), take_directory("run", Path("run")))
    run = train_run(config(settings, "training.epochs=6"), RunDirectory.reopen(Path("run")))
    before, now = JUMPS[schedule]
    (note,) = run.notes
    assert note.startswith(f"The learning rate jumps from {before:.2g} to {now:.2g}: ")
    assert "schedule was for 3 epochs, and now ends after 6." in note
    assert note in Path("run/run.log").read_text()
    assert run.metrics[2]["learning_rate"] == pytest.approx(before)


def test_the_rates_that_are_noted_are_those_of_the_rows(folder: Path) -> None:
    """With one batch an epoch, the rate of a row is that of its only step."""
    settings = ("optimizer.schedule=one_cycle", "training.batch_size=60")
    train_run(config(*settings), take_directory("run", Path("run")))
    run = train_run(config(*settings, "training.epochs=6"), RunDirectory.reopen(Path("run")))
    before, now = (run.metrics[i]["learning_rate"] for i in (2, 3))
    assert run.notes[0].startswith(f"The learning rate jumps from {before:.2g} to {now:.2g}: ")


@pytest.mark.parametrize("schedule", ["constant", "{name: step, every: 2}", "plateau", "exponential"])
def test_schedules_that_do_not_know_the_end_go_on_without_a_note(folder: Path, schedule: str) -> None:
    settings = f"optimizer.schedule={schedule}"
    train_run(config(settings), take_directory("run", Path("run")))
    run = train_run(config(settings, "training.epochs=6"), RunDirectory.reopen(Path("run")))
    assert run.notes == []


def test_the_same_epochs_are_not_noted(folder: Path) -> None:
    train_run(config("optimizer.schedule=cosine"), take_directory("run", Path("run")))
    assert train_run(config("optimizer.schedule=cosine"), RunDirectory.reopen(Path("run"))).notes == []
