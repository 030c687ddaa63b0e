"""Recorders: both kinds keep the same, and kept weights do not change during further training."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli.config.loader import load_experiment, parse_experiment
from mlpcli.errors import RunError
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.directory import NotWrittenError
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory, train_run

CONFIGS = Path(__file__).parents[2] / "configs"
TIMINGS = {"seconds", "examples_per_second"}
Start = Callable[..., Run]

# Batch norm has state in addition to its parameters.
CONFIG = """
data: {name: spiral, points: 60}
model: {hidden: [5], batch_norm: true, dropout: 0.2}
training: {epochs: 9, batch_size: 18, snapshots: 3}
"""


@pytest.fixture(params=["memory", "directory"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Return a function that starts a run of a config, kept in memory or in a directory."""

    def start(config: str, *overrides: str) -> Run:
        experiment = parse_experiment(config, "test", tmp_path, overrides)
        directory = None if request.param == "memory" else take_directory("run", tmp_path / "run")
        return start_run(experiment, directory)

    return start


def values(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Return copies of all arrays of a checkpoint that evaluation needs, and its epoch and scores."""
    assert checkpoint is not None
    network = checkpoint.network
    arrays = {"values": network.parameters.values, **network.state}
    return {name: array.tolist() for name, array in arrays.items()} | {
        "epoch": checkpoint.epoch,
        "scores": checkpoint.scores,
    }


def kept(run: Run) -> dict[str, Any]:
    recorder = run.recorder
    rows = [{key: value for key, value in row.items() if key not in TIMINGS} for row in recorder.metrics]
    return {
        "metrics": rows,
        "best": values(recorder.best),
        "last": values(recorder.last),
        "snapshots": {epoch: values(recorder.snapshot(epoch)) for epoch in recorder.snapshots},
        "scores": run.score_best(),
    }


def test_memory_and_directory_keep_the_same(tmp_path: Path) -> None:
    experiment = parse_experiment(CONFIG, "test", tmp_path)
    in_memory = train_run(experiment)
    on_disk = train_run(experiment, take_directory("run", tmp_path / "run"))
    assert kept(in_memory) == kept(on_disk)
    assert in_memory.recorder.snapshots == [1, 3, 9]
    assert (in_memory.recorder.directory, on_disk.recorder.directory) == (None, tmp_path / "run")


def test_nothing_is_kept_before_the_first_epoch(start: Start) -> None:
    recorder = start(CONFIG).recorder
    assert (recorder.metrics, recorder.best, recorder.last, recorder.snapshots) == ([], None, None, [])


def test_kept_weights_do_not_change_during_training(start: Start) -> None:
    run = start(CONFIG)
    epochs = run.epochs()
    next(epochs)
    best, last = run.recorder.best, run.recorder.last
    before = values(best), values(last)
    live = run.network.parameters.values
    assert before[1]["values"] == live.tolist()
    next(epochs)
    assert (values(best), values(last)) == before
    assert values(run.recorder.last)["values"] == live.tolist()
    assert len(run.recorder.metrics) == 2
    epochs.close()


def test_the_best_epoch_is_kept_without_reading_it_from_disk(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(CONFIG)
    for _ in run.epochs():
        pass
    monkeypatch.setattr("mlpcli.training.recorder.load_checkpoint", None)
    assert run.score_best()["train"].keys() == {"loss", "accuracy"}


def test_a_run_that_diverges_keeps_the_weights_before(start: Start) -> None:
    run = start("data: {name: sine}\ntraining: {epochs: 5}")
    good: list[Any] = []

    def spoil() -> None:
        for epoch in run.epochs():
            good.append(run.network.parameters.values.tolist())
            if epoch.number == 2:
                run.network.parameters.values[0] = np.inf

    with pytest.raises(RunError, match="training diverged"):
        spoil()
    assert values(run.recorder.last)["values"] == good[1]


def test_a_run_that_is_stopped_within_an_epoch_keeps_its_current_weights(start: Start) -> None:
    run = start(CONFIG, "training.batch_size=5")
    backward, calls = run.network.backward, iter(range(1, 100))

    def stop_in_step_11(dlogits: Any) -> None:
        if next(calls) == 11:
            run.stop()
        backward(dlogits)

    run.network.backward = stop_in_step_11  # type: ignore[method-assign]
    assert [epoch.number for epoch in run.epochs()] == [1]
    assert (run.trainer.batches, run.trainer.optimizer.steps) == (8, 11)
    assert values(run.recorder.last)["values"] == run.network.parameters.values.tolist()


def test_a_best_epoch_before_a_resume_is_read_from_disk(tmp_path: Path) -> None:
    experiment = load_experiment(CONFIGS / "spiral.yaml", ["training.epochs=2"])
    train_run(experiment, take_directory("run", tmp_path / "run"))
    run = train_run(experiment, take_directory("run", tmp_path / "run", resume=True))
    assert run.recorder.best is not None
    assert len(run.recorder.metrics) == 2
    assert run.score_best()["val"]["accuracy"] == run.recorder.best.scores["val_accuracy"]


def test_a_file_that_cannot_be_written_is_reported_with_its_run(tmp_path: Path) -> None:
    run = start_run(parse_experiment(CONFIG, "test", tmp_path), take_directory("run", tmp_path / "run"))
    (tmp_path / "run" / "metrics.jsonl").mkdir()
    with pytest.raises(NotWrittenError, match="Nothing had been saved yet") as caught:
        next(run.epochs())
    assert caught.value.facts == {"run": tmp_path / "run"}


@pytest.mark.parametrize("why", ["gone", "moved", "unreadable", "a file now"])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_directory_out_of_reach_is_told_with_what_had_been_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str, resumed: bool
) -> None:
    """What is said does not rest on what can be seen of the disk now."""
    experiment, folder = parse_experiment(CONFIG, "test", tmp_path), tmp_path / "run"
    epochs = start_run(experiment, take_directory("run", folder)).epochs()
    next(epochs)
    if resumed:
        epochs.close()
        directory = take_directory("run", folder, resume=True)
        epochs = start_run(experiment, directory).epochs()
    if why == "unreadable":
        seen = Path.stat

        def stat(path: Path, **options: Any) -> Any:
            if folder in path.parents:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return seen(path, **options)

        monkeypatch.setattr(Path, "stat", stat)
        monkeypatch.setattr(Path, "is_file", lambda path: stat(path) is not None)
        shutil.rmtree(folder / "snapshots")
        (folder / "snapshots").touch()
    else:
        folder.rename(tmp_path / "elsewhere")
        if why == "gone":
            shutil.rmtree(tmp_path / "elsewhere")
        elif why == "a file now":
            folder.touch()
    with pytest.raises(NotWrittenError) as caught:
        list(epochs)
    assert f"\nWhat had been saved in {folder} is gone now, or cannot be read." in str(caught.value)
    assert (caught.value.topic, caught.value.facts) == ("run out of reach", {"run": folder})


def test_a_log_that_cannot_be_written_does_not_hide_a_divergence(tmp_path: Path) -> None:
    run = start_run(
        parse_experiment("data: {name: sine}\ntraining: {epochs: 5}", "test", tmp_path),
        take_directory("run", tmp_path / "run"),
    )
    epochs = run.epochs()
    next(epochs)
    (tmp_path / "run" / "run.log").unlink()
    (tmp_path / "run" / "run.log").mkdir()
    run.network.parameters.values[0] = np.inf
    with pytest.raises(RunError, match="training diverged"):
        next(epochs)


def test_invalid_rows_are_an_error(tmp_path: Path) -> None:
    directory = take_directory("run", tmp_path / "run")
    directory.metrics.write_text('{"epoch": 1}\nnonsense\n')
    with pytest.raises(RunError, match=r"metrics\.jsonl holds something that is not a row of metrics"):
        directory.read_metrics()


@pytest.mark.parametrize("out", [None, "run"], ids=["memory", "directory"])
def test_what_is_given_back_belongs_to_the_caller(tmp_path: Path, out: str | None) -> None:
    """Writing to weights or rows that a run gives back changes neither the run nor its files."""
    folder = None if out is None else tmp_path / out

    def spoil(run: Run) -> None:
        if run.metrics:
            run.metrics[0].clear()
            for model in (run.best, run.last):
                model.layers["W1"][...] = 0

    run = mlpcli.train("spiral", out=folder, progress=spoil, training={"epochs": 3})
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3]
    for model in (run.best, run.last):
        assert np.abs(model.layers["W1"]).max() > 0


def test_reading_the_last_weights_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mlpcli.train("spiral", out=tmp_path / "run", training={"epochs": 2})
    monkeypatch.setattr("mlpcli.training.recorder.save_checkpoint", None)
    assert run.last.epoch == 2
