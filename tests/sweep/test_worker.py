"""What a worker process does with the tasks that it is sent, carried out here in a thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from usual import some

from mlpcli.build.readers import load_data
from mlpcli.cohort.cohort import Cohort
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS
from mlpcli.errors import ConfigError
from mlpcli.optim.rules import RULES
from mlpcli.sweep.messages import Outcome, Progress, Rung, Stop, Task
from mlpcli.sweep.worker import _Worker
from mlpcli.training import start
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import train_run

TIMES = ("seconds", "examples_per_second")
VALUES = [  # in which runs that train side by side differ
    {"training": {"seed": 1}, "regularization": {"l2": 0.1}},
    {"training": {"epochs": 2}, "data": {"name": "moons", "points": 60, "split_seed": 5}},
    {"regularization": {"max_norm": 0.5, "weight_decay": 0.01}},
]
SHAPES: dict[str, dict[str, Any]] = {
    **{f"rule {name}": {"optimizer": {"name": name, "learning_rate": 0.01}} for name in RULES},
    **{f"norm {name}": {"model": {"hidden": [4], "norm": name}} for name in NORMS},
    "dropout": {"model": {"hidden": [4], "dropout": 0.5}},
    "snapshots": {"training": {"snapshots": 2, "checkpoint_every": 1}},
    "a linear path": {"model": {"hidden": [4], "linear_path": "fitted"}},
    "class weights": {"loss": {"name": "cross_entropy", "class_weights": "balanced"}},
}


def task(folder: Path, epochs: int = 3, **sections: Any) -> Task:
    config = {"data": {"name": "moons", "points": 60}, "model": {"hidden": [4]}, **sections}
    config["training"] = {"epochs": epochs, **sections.get("training", {})}
    return Task(1, validate_experiment(config, folder), folder / "run")


@contextmanager
def worker() -> Iterator[Any]:
    """Yield the connection to a worker in a thread; it ends with it."""
    here, there = Pipe()
    thread = threading.Thread(target=_Worker(there).work)
    thread.start()
    yield here
    here.close()
    thread.join(20)
    assert not thread.is_alive()


def together(folder: Path, configs: Sequence[dict[str, Any]]) -> list[Task]:
    """Return tasks whose runs are of one shape."""
    each = [task(folder, **config) for config in configs]
    return [replace(one, run=i, directory=folder / f"run-{i}") for i, one in enumerate(each)]


def outcomes(connection: Any, tasks: Sequence[Task], prune: Sequence[tuple[int, int]] = ()) -> list[Outcome]:
    """Let runs train together, and return how they have ended; those at a rung of ``prune`` end there."""
    connection.send(list(tasks))
    found: dict[int, Outcome] = {}
    while len(found) < len(tasks):
        came = connection.recv()
        if isinstance(came, Rung):
            connection.send((came.run, came.step) in prune)
        elif isinstance(came, Outcome):
            assert came.run not in found
            found[came.run] = came
    return [found[each.run] for each in tasks]


def files_of(folder: Path) -> list[Any]:
    """Return what a run has left, but for times."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]
    return [rows, *((folder / name).read_bytes() for name in ("best.npz", "last.npz", "config.yaml"))]


def alone(each: Task, folder: Path) -> list[Any]:
    """Return what a run leaves that is trained by itself."""
    train_run(each.experiment, RunDirectory.create("", folder))
    return files_of(folder)


def outcome(connection: Any) -> Outcome:
    while not isinstance(came := connection.recv(), Outcome):
        assert isinstance(came, Progress)
    return came


def test_it_trains_one_run_after_the_other_and_reads_data_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr("mlpcli.sweep.loaded.load_data", lambda each: loaded.append(each) or load_data(each))
    first = task(tmp_path)
    others = [
        replace(first, directory=tmp_path / "2", experiment=task(tmp_path, model={"hidden": [5]}).experiment),
        replace(first, directory=tmp_path / "3", experiment=task(tmp_path, training={"seed": 1}).experiment),
    ]
    with worker() as connection:
        for each in (first, *others):
            connection.send([each])
            ended = outcome(connection)
            assert (ended.status, ended.epochs) == ("finished", 3)
            assert next(iter(ended.best)) == "val_accuracy"
            assert ended.last.keys() == ended.best.keys() >= {"train_loss", "val_loss"}
    assert len(loaded) == 2  # the other seed draws other points


def test_what_goes_wrong_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: BaseException) -> Any:
        def start_run(*_: Any, **__: Any) -> Any:
            raise error

        return start_run

    diverging = task(tmp_path, optimizer={"name": "sgd", "learning_rate": 1e30})
    with worker() as connection:
        connection.send([diverging])
        ended = outcome(connection)
        assert ended.status == "failed"
        assert "diverged" in ended.message
        for error, says in (
            (MemoryError(), "out of memory"),
            (ZeroDivisionError("x"), "a bug in mlp (ZeroDivisionError: x)"),
        ):
            monkeypatch.setattr("mlpcli.sweep.worker.start_run", fail(error))
            connection.send([replace(diverging, directory=tmp_path / "other")])
            assert outcome(connection) == replace(
                Outcome(1, "failed", message=says), seconds=pytest.approx(0, abs=5)
            )
        monkeypatch.setattr("mlpcli.sweep.worker.start_run", start.start_run)
        connection.send([replace(task(tmp_path), directory=tmp_path / "third")])
        assert outcome(connection).status == "finished"  # it goes on


def test_a_run_that_is_stopped_is_saved_and_goes_on(tmp_path: Path) -> None:
    long = task(tmp_path, epochs=1_000_000)
    with worker() as connection:
        connection.send([long])
        assert isinstance(connection.recv(), Progress)
        connection.send(Stop())
        assert outcome(connection).status == "stopped"
        connection.send([long])
        again = connection.recv()
        assert again.epoch > 1
        connection.send(Stop())
        assert outcome(connection).status == "stopped"


def test_a_run_asks_after_each_rung_whether_to_end(tmp_path: Path) -> None:
    pruned = replace(task(tmp_path, epochs=27), prunes=True)
    with worker() as connection:
        connection.send([pruned])
        rungs = []
        while not isinstance(came := connection.recv(), Outcome):
            if isinstance(came, Rung):
                rungs.append(came.step)
                connection.send(came.step == 9)
        assert rungs == [1, 3, 9]
        assert (came.status, came.epochs) == ("pruned", 9)
        connection.send([pruned])  # after a kill before that was noted
        for step in (1, 3, 9):
            assert connection.recv() == Rung(1, step, pytest.approx(came.best["val_accuracy"], abs=0.5))
            connection.send(step == 9)
        assert outcome(connection).status == "pruned"


def test_a_worker_whose_sweep_is_gone_saves_its_run_and_ends(tmp_path: Path) -> None:
    with worker() as connection:
        connection.send([task(tmp_path, epochs=1_000_000)])
        assert isinstance(connection.recv(), Progress)
    assert (tmp_path / "run" / "last.npz").exists()


def merged(shape: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    keys = {**shape, **values}
    return {key: {**shape.get(key, {}), **values.get(key, {})} for key in keys}


@pytest.mark.parametrize("name", some(SHAPES, 4))
def test_runs_that_train_together_leave_the_files_that_each_leaves_alone(tmp_path: Path, name: str) -> None:
    tasks = together(tmp_path, [merged(SHAPES[name], values) for values in VALUES])
    with worker() as connection:
        assert [each.status for each in outcomes(connection, tasks)] == ["finished"] * 3
    for each in tasks:
        assert files_of(each.directory) == alone(each, tmp_path / "alone" / str(each.run))


def test_runs_that_fail_or_are_pruned_leave_the_others(tmp_path: Path) -> None:
    rates: list[dict[str, Any]] = [
        {"optimizer": {"name": "sgd", "learning_rate": rate}} for rate in (0.1, 1e30, 0.2, 0.3)
    ]
    rates.append({"data": {"name": "moons", "points": 60, "val_size": 59}})
    tasks = [
        replace(each, prunes=True) for each in together(tmp_path, [{**each, "epochs": 9} for each in rates])
    ]
    with worker() as connection:
        ended = outcomes(connection, tasks, prune=[(2, 3)])
    assert [each.status for each in ended] == ["finished", "failed", "pruned", "finished", "failed"]
    assert "diverged" in ended[1].message
    assert ended[2].epochs == 1
    assert ended[4].message.startswith("the splits do not fit")
    for i in (0, 3):
        assert files_of(tasks[i].directory) == alone(tasks[i], tmp_path / "alone" / str(i))


def test_runs_that_are_stopped_together_go_on_together(tmp_path: Path) -> None:
    def tasks(epochs: int) -> list[Task]:
        return together(tmp_path, [{"training": {"seed": seed}, "epochs": epochs} for seed in range(3)])

    with worker() as connection:
        connection.send(tasks(1_000_000))
        assert isinstance(connection.recv(), Progress)
        connection.send(Stop())
        stopped = [outcome(connection) for _ in range(3)]
    assert [each.status for each in stopped] == ["stopped"] * 3
    assert {each.run for each in stopped} == {0, 1, 2}
    longest = max(each.epochs for each in stopped) + 2
    with worker() as connection:
        assert [each.epochs for each in outcomes(connection, tasks(longest))] == [longest] * 3
    for each in tasks(longest):
        assert files_of(each.directory)[0] == alone(each, tmp_path / "alone" / str(each.run))[0]


def test_those_for_which_there_is_no_room_train_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    monkeypatch.setattr("mlpcli.sweep.worker.Cohort", lambda runs: sizes.append(len(runs)) or Cohort(runs))
    begun = []

    def start_run(*args: Any, **options: Any) -> Any:
        begun.append(1)
        if len(begun) == 3:
            raise ConfigError("too large", topic="memory")
        return start.start_run(*args, **options)

    monkeypatch.setattr("mlpcli.sweep.worker.start_run", start_run)
    tasks = together(tmp_path, [{"training": {"seed": seed}} for seed in range(4)])
    with worker() as connection:
        assert [each.status for each in outcomes(connection, tasks)] == ["finished"] * 4
    assert sizes == [2, 2]


def test_a_bug_that_ends_one_of_several_runs_ends_that_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Cohort):
        def epochs(self) -> Any:
            for run, epoch in super().epochs():
                if run.experiment.training.seed == 1 and epoch.number >= 2:
                    raise ZeroDivisionError("x")
                yield run, epoch

    monkeypatch.setattr("mlpcli.sweep.worker.Cohort", Broken)
    tasks = together(tmp_path, [{"training": {"seed": seed}, "epochs": 4} for seed in range(3)])
    with worker() as connection:
        ended = outcomes(connection, tasks)
    assert [each.status for each in ended] == ["finished", "failed", "finished"]
    assert ended[1].message == "a bug in mlp (ZeroDivisionError: x)"
    for i in (0, 2):  # each went on alone from where it was
        assert files_of(tasks[i].directory) == alone(tasks[i], tmp_path / "alone" / str(i))
