"""A sweep on one machine: its processes, what becomes of runs that fail or are killed, and how it goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import mlpcli
from mlpcli.config.sweeps import SweepConfig, SweepOptions
from mlpcli.sweep import worker
from mlpcli.sweep.directory import take_sweep_directory
from mlpcli.sweep.machine import Began, Finished, SweepMachine, Waiting
from mlpcli.sweep.messages import Progress
from mlpcli.sweep.processes import Processes
from mlpcli.sweep.record import SweepRow, read_record

CONFIG = "data: {name: moons, points: 60}\nmodel: {hidden: [4]}\ntraining: {epochs: 3}\n"


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert not active_children()


@contextmanager
def opened(
    folder: Path, *, text: str = CONFIG, out: str = "s", workers: int = 1, **options: Any
) -> Iterator[Any]:
    """Yield a machine that trains a sweep in the folder ``out``, or goes on with it."""
    storage, patience = options.pop("storage", None), options.pop("patience", 120.0)
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    config = SweepConfig(folder / "c.yaml", (), SweepOptions(**options))
    directory = take_sweep_directory("c", folder / out, resume=True)
    try:
        with Processes(workers) as processes:
            yield SweepMachine(config, "c", directory, processes, storage, beat=0.1, patience=patience)
    finally:
        directory.close()


def train(folder: Path, **options: Any) -> list[SweepRow]:
    """Train a sweep to its end, and return the rows of its table."""
    with opened(folder, **options) as machine:
        for _ in machine.events():
            pass
    return read_record(folder / options.get("out", "s") / "sweep.csv").rows


def test_two_workers_train_the_runs_that_training_alone_would(tmp_path: Path) -> None:
    rows = train(tmp_path, workers=2, grid=["model.hidden=[[3], [6]]", "loss=[cross_entropy, hinge]"])
    values = [(row.values["model.hidden"], row.values["loss"]) for row in rows]
    assert values == [([3], "cross_entropy"), ([3], "hinge"), ([6], "cross_entropy"), ([6], "hinge")]
    assert [row.directory for row in rows] == ["run-1", "run-2", "run-3", "run-4"]
    for row in (rows[0], rows[3]):
        folder = tmp_path / "s" / row.directory
        changes = {"model.hidden": row.values["model.hidden"], "loss": row.values["loss"]}
        alone = mlpcli.train(tmp_path / "c.yaml", out=tmp_path / f"alone-{row.run}", **changes)
        for name in ("best.npz", "last.npz", "config.yaml"):
            assert (folder / name).read_bytes() == (tmp_path / f"alone-{row.run}" / name).read_bytes()
        best = next(epoch for epoch in alone.metrics if epoch["epoch"] == row.best_epoch)
        assert next(iter(row.best)) == "val_accuracy"
        assert row.best == {key: best[key] for key in row.best}
        assert row.last == {key: alone.metrics[-1][key] for key in row.last}
        assert row.best.keys() >= {"val_loss", "train_loss"}


def test_a_run_that_fails_is_recorded_and_stops_no_other(tmp_path: Path) -> None:
    grid = ["optimizer.learning_rate=[0.1, 1e30]", "data.val_size=[0.2, 55]"]
    rows = train(tmp_path, text=CONFIG + "optimizer: sgd\n", grid=grid)
    assert [row.status for row in rows] == ["finished", "failed", "failed", "failed"]
    diverged = rows[2]
    assert "diverged" in diverged.message
    assert rows[1].message.startswith("the splits do not fit: 60 examples, of which test 12, val 55")
    assert rows[1].best_epoch is None
    assert train(tmp_path, text=CONFIG + "optimizer: sgd\n", grid=grid) == rows  # nor is it repeated


class Dying:
    """A process that trains runs at once, in this one, and is gone as soon as it has several."""

    given: ClassVar[list[list[int]]] = []

    def __init__(self, _: int) -> None:
        self.claims: dict[int, Any] = {}
        self.connection: Any = self
        self._came: list[Any] = []

    def begin(self, claims: dict[int, Any], tasks: list[Any]) -> None:
        self.claims = claims
        self.given.append(list(claims))
        if len(claims) == 1:
            worker._Worker(self.connection)._train(tasks)

    def send(self, message: Any) -> None:
        self._came.append(message)

    def recv(self) -> Any:
        if not self._came:
            raise EOFError
        return self._came.pop(0)

    def last_words(self) -> str:
        return "it is gone"

    def end(self) -> None: ...


def test_each_run_of_a_process_that_is_gone_comes_back_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.sweep.processes.TrainingProcess", Dying)
    monkeypatch.setattr("mlpcli.sweep.machine.wait", lambda connections, _: list(connections))
    monkeypatch.setattr(Dying, "given", [])
    rows = train(tmp_path, workers=2, grid=["model.hidden=[[3], [6]]", "regularization.l2=[0, 0.1, 0.2]"])
    assert Dying.given == [[1, 2, 3], [4, 5, 6], *([run] for run in range(1, 7))]
    assert [row.status for row in rows] == ["finished"] * 6


@pytest.mark.exhaustive
def test_the_runs_of_a_process_that_is_killed_go_on_alone_and_the_one_that_ends_it_has_failed(
    tmp_path: Path,
) -> None:
    begun: list[int] = []
    # It dies in the middle of all three, and then of the second one alone.
    deaths = [[1, 2, 3], [1, 2, 3, 1, 2]]
    with opened(tmp_path, text=CONFIG.replace("epochs: 3", "epochs: 400"), seeds=3) as machine:
        for event in machine.events():
            begun += [event.run] if isinstance(event, Began) else []
            if isinstance(event, Progress) and begun in deaths and event.run == 2:
                deaths.remove(begun)
                (process,) = active_children()
                os.kill(process.pid or 0, signal.SIGKILL)
                process.join()
        rows = machine.record().rows
    assert begun == [1, 2, 3, 1, 2, 3]  # each comes back once
    assert [row.status for row in rows] == ["finished", "failed", "finished"]
    assert rows[1].message == "its process was ended by SIGKILL, perhaps since the memory ran out"
    alone = mlpcli.train(tmp_path / "c.yaml", training={"seed": 2}, out=tmp_path / "alone")
    assert len(alone.metrics) == 400
    for name in ("best.npz", "last.npz"):
        assert (tmp_path / "s" / "run-3" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.exhaustive
def test_a_sweep_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    options: dict[str, Any] = {"text": CONFIG.replace("epochs: 3", "epochs: 400"), "seeds": 3}
    with opened(tmp_path, **options) as machine:
        for event in machine.events():
            if isinstance(event, Progress):
                machine.stop()
        assert machine.ended == 0
    begun: list[int] = []
    with opened(tmp_path, **options) as machine:
        begun += [event.run for event in machine.events() if isinstance(event, Began)]
    assert begun == [1, 2, 3]
    assert "resumed after step" in (tmp_path / "s" / "run-2" / "run.log").read_text()
    alone = mlpcli.train(tmp_path / "c.yaml", training={"seed": 1})
    again = mlpcli.load(tmp_path / "s" / "run-2" / "last.npz")
    values = alone.network.parameters.values
    np.testing.assert_array_equal(again.checkpoint.network.parameters.values, values)


@pytest.mark.exhaustive
def test_runs_are_pruned(tmp_path: Path) -> None:
    text = CONFIG.replace("epochs: 3", "epochs: 27") + "optimizer: {name: sgd}\n"
    rates = "optimizer.learning_rate=[0.5, 1e-9, 2e-9, 0.6, 3e-9]"
    rows = train(tmp_path, text=text, grid=[rates], prune=True)
    assert [row.status for row in rows][:3] == ["finished", "pruned", "pruned"]
    assert "best.npz" in {path.name for path in (tmp_path / "s" / "run-2").iterdir()}
    lines = (tmp_path / "s" / "run-2" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 1  # of 27 epochs
    assert train(tmp_path, text=text, grid=[rates], prune=True) == rows


@pytest.mark.exhaustive
def test_a_second_machine_takes_what_is_left_and_has_the_whole_table(tmp_path: Path) -> None:
    shared = {"seeds": 3, "storage": str(tmp_path / "shared.jsonl")}
    with opened(tmp_path, **shared, out="one") as one:
        events = one.events()
        assert isinstance(next(events), Began)
        with opened(tmp_path, **shared, out="two") as two:
            heard = []
            for event in two.events():
                heard.append(event)
                if isinstance(event, Waiting):
                    for _ in events:
                        pass
    trained = [event.row.run for event in heard if isinstance(event, Finished)]
    assert trained == [3]  # the first one had taken two, and left one
    table = {name: read_record(tmp_path / name / "sweep.csv").rows for name in ("one", "two")}
    assert [row.directory for row in table["one"]] == [
        "run-1",
        "run-2",
        str(tmp_path / "two" / "run-3"),
    ]
    assert [row.directory for row in table["two"]] == [
        *(str(tmp_path / "one" / f"run-{n}") for n in (1, 2)),
        "run-3",
    ]


@pytest.mark.exhaustive
def test_a_damaged_run_is_begun_anew(tmp_path: Path) -> None:
    rows = train(tmp_path, seeds=1, grid=["training.batch_size=[8]"])
    (tmp_path / "s" / "journal.jsonl").unlink()
    (tmp_path / "s" / "run-1" / "last.npz").write_bytes(b"PK")
    again = train(tmp_path, seeds=1, grid=["training.batch_size=[8]"])
    assert again[0].best == rows[0].best


@pytest.mark.parametrize("broken", ["{", "[]", '{"machine": 1}'])
def test_a_directory_whose_name_in_the_storage_is_lost_is_refused(tmp_path: Path, broken: str) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "s" / "machine.json").write_text(broken, encoding="utf-8")
    with pytest.raises(mlpcli.RunError, match=r"machine\.json cannot be read"):
        take_sweep_directory("c", tmp_path / "s", resume=True)
