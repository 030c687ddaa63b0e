"""Runs in waves: each as it would be alone, however many the memory has room for, and wherever they stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlpcli.build.splits import load_splits
from mlpcli.cohort import waves
from mlpcli.cohort.cohort import Cohort
from mlpcli.cohort.waves import Plan, Waves
from mlpcli.config.loader import validate_experiment
from mlpcli.errors import ConfigError, RunError
from mlpcli.training.directory import NotWrittenError, RunDirectory
from mlpcli.training.loop import Trainer
from mlpcli.training.run import Run

EPOCHS = 3
Kept = dict[str, bytes]


def plans(n: int = 5) -> list[Plan]:
    config = {"data": {"name": "moons", "points": 60}, "model": {"hidden": [4]}}
    return [
        Plan(
            f"number-{seed}",
            validate_experiment(
                {**config, "training": {"epochs": EPOCHS, "batch_size": 8, "seed": seed}}, Path()
            ),
        )
        for seed in range(n)
    ]


class Ended:
    """Waves with what they have kept: the weights of the runs that have ended, by name."""

    def __init__(self, folder: Path | None = None, done: Sequence[str] = ()) -> None:
        self.kept: Kept = {}
        self.errors: list[RunError] = []
        self.waves = Waves(plans(), done, load_splits, self._keep, folder)

    def _keep(self, plan: Plan, run: Run, error: RunError | None) -> None:
        if error is not None:
            self.errors.append(error)
            return
        assert plan.name not in self.kept
        self.kept[plan.name] = run.network.parameters.values.tobytes()

    def train(self) -> Kept:
        for _ in self.waves.train():
            assert self.waves.epochs_done <= self.waves.epochs == 5 * EPOCHS
        return self.kept


@pytest.fixture(scope="module")
def alone() -> Kept:
    found = {}
    for plan in plans():
        run = Run(plan.experiment)
        list(run.epochs())
        found[plan.name] = run.network.parameters.values.tobytes()
    return found


def room_for(n: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the memory suffice for n runs at a time; return a list that gets the number of each wave."""
    start_run, sizes, made = waves.start_run, [], []

    def short(*arguments: Any, **options: Any) -> Any:
        if len(made) == n:
            raise ConfigError("the run would need more memory than there is", topic="memory")
        made.append(start_run(*arguments, **options))
        return made[-1]

    class Counting(Cohort):
        def __init__(self, runs: Any) -> None:
            super().__init__(runs)
            sizes.append(len(runs))
            made.clear()

    monkeypatch.setattr(waves, "start_run", short)
    monkeypatch.setattr(waves, "Cohort", Counting)
    return sizes


@pytest.mark.parametrize("place", ["memory", "folder"])
@pytest.mark.parametrize(("room", "sizes"), [(5, [5]), (2, [2, 2, 1]), (1, [1] * 5)])
def test_each_is_as_it_would_be_alone(
    alone: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, sizes: list[int], place: str
) -> None:
    found = room_for(room, monkeypatch)
    ended = Ended(tmp_path if place == "folder" else None)
    assert ended.train() == alone
    assert found == sizes
    assert ended.waves.epochs_done == ended.waves.epochs


@pytest.mark.parametrize("stop", range(0, 15, 2))
@pytest.mark.parametrize("how", ["all", "one"])
def test_they_go_on_where_they_were_stopped(
    alone: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, how: str
) -> None:
    """One that is stopped stops all; what had ended is kept, and not trained again."""
    room_for(3, monkeypatch)
    first = Ended(tmp_path)
    for number, (run, _) in enumerate(first.waves.train()):
        if number == stop:
            first.waves.stop() if how == "all" else run.stop()
    assert first.waves.stopped
    assert first.kept.items() < alone.items()
    second = Ended(tmp_path, list(first.kept))
    assert second.waves.epochs_done == len(first.kept) * EPOCHS
    assert first.kept | second.train() == alone
    assert not first.kept.keys() & second.kept.keys()


def test_one_that_is_stopped_before_it_begins_stops_all(alone: Kept, tmp_path: Path) -> None:
    first = Ended(tmp_path)
    assert list(first.waves.train(lambda runs: runs[2].stop())) == []
    assert first.waves.stopped
    assert Ended(tmp_path).train() == alone


def test_stopped_while_runs_are_made(alone: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_run, first = waves.start_run, Ended(tmp_path)

    def stopping(*arguments: Any, **options: Any) -> Any:
        first.waves.stop()
        return start_run(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(waves, "start_run", stopping)
        assert first.train() == {}
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["number-0"]
    assert Ended(tmp_path).train() == alone


def test_the_error_of_a_run_is_kept_with_it(alone: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Trainer.begin

    def lose(self: Trainer, number: int) -> Any:
        if self.seed == 1 and number == 2:
            self.network.parameters.values[...] = float("nan")
        return begin(self, number)

    monkeypatch.setattr(Trainer, "begin", lose)
    ended = Ended()
    assert ended.train() == {name: values for name, values in alone.items() if name != "number-1"}
    assert ["diverged" in str(error) for error in ended.errors] == [True]


def test_a_run_that_cannot_be_written_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = RunDirectory.append_metrics

    def refuse(self: RunDirectory, row: dict[str, Any]) -> None:
        if self.path.name == "number-2":
            raise OSError(28, "No space left on device")
        whole(self, row)

    monkeypatch.setattr(RunDirectory, "append_metrics", refuse)
    ended = Ended(tmp_path)
    with pytest.raises(NotWrittenError, match=r"number-2.*No space left"):
        ended.train()
    assert ended.kept == {}
