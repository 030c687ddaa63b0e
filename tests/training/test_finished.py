"""Finished runs are found by their directory or a checkpoint, and their files are validated."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import mlpcli
from mlpcli.config.loader import load_experiment
from mlpcli.errors import CheckpointError, NoCheckpointError, RunError, RunWarning
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun, find_runs, read_metrics
from mlpcli.training.start import take_directory, train_run

Trained = Callable[..., RunDirectory]
CONFIGS = Path(__file__).parents[2] / "configs"
SHORT = ("training.epochs=5", "training.snapshots=3")

ROW: dict[str, Any] = {
    "epoch": 1,
    "train_loss": 0.5,
    "gradient_norm": 1.0,
    "gradient_norms": [1.0, 2.0],
    "update_ratio": [0.1, None],
    "dead": [0.25],
    "saturated": [None],
}


def written(folder: Path, *rows: dict[str, Any], rest: str = "") -> Path:
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + rest)
    return path


def test_rows_are_read_except_one_that_is_still_being_written(tmp_path: Path) -> None:
    more = {"val_accuracy": 0.5, "seconds": 3.0, "what later versions add": []}
    path = written(tmp_path, ROW | more, ROW | {"epoch": 2}, rest='{"epoch": 3, "tr')
    with pytest.warns(RunWarning, match=r"metrics\.jsonl ends in a row that is not whole; .* after 2 rows"):
        first, second = read_metrics(path)
    assert (first.epoch, first.val_accuracy, first.layers) == (1, 0.5, 2)
    assert (second.epoch, second.val_accuracy, second.dead) == (2, None, [0.25])


def test_the_norm_of_all_weights_is_known_if_the_run_kept_it(tmp_path: Path) -> None:
    old, new = read_metrics(written(tmp_path, ROW, ROW | {"epoch": 2, "weight_norm": [3.0, 4.0]}))
    assert (old.weight_norm, old.whole_norm) == (None, None)
    assert (new.weight_norm, new.whole_norm) == ([3, 4], 5)


@pytest.mark.parametrize(
    "change",
    [
        *({"epoch": 3}, {"epoch": "2"}, {"train_loss": "0.5"}, {"train_loss": float("nan")}),
        *({"val_accuracy": -1}, {"dead": [2.0]}, {"dead": [0.0, 0.5]}, {"saturated": []}),
        *({"update_ratio": [0.1] * 7}, {"gradient_norms": [0.1]}),
        *({"weight_norm": []}, {"weight_norm": [1.0]}, {"weight_norm": [1.0, -1.0]}),
        # Consistent, but from a different network than the previous row.
        {"update_ratio": [0.1], "gradient_norms": [0.1], "dead": [], "saturated": []},
    ],
    ids=str,
)
def test_an_invalid_row_is_refused_with_its_line(tmp_path: Path, change: dict[str, Any]) -> None:
    path = written(tmp_path, ROW, ROW | {"epoch": 2} | change)
    with pytest.raises(RunError) as caught:
        read_metrics(path)
    assert str(caught.value) == f"{path}:2: is not a row of metrics"


def is_row(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


PIECES = st.integers(1, len(json.dumps(ROW))).flatmap(
    lambda n: st.sampled_from([json.dumps(ROW)[:n].encode(), json.dumps(ROW)[-n:].encode() + b"\n"])
)


@given(st.integers(1, 5), PIECES | st.lists(st.binary(), min_size=1).map(b"\n".join))
def test_any_broken_end_is_left_out_with_a_word(n: int, end: bytes) -> None:
    assume(not any(map(is_row, end.split(b"\n")[:-1])))
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), *(ROW | {"epoch": epoch + 1} for epoch in range(n)))
        with path.open("ab") as stream:
            stream.write(end)
        with pytest.warns(RunWarning, match="not whole") if end else nullcontext():
            assert len(read_metrics(path)) == n


@pytest.mark.parametrize("broken", ["nonsense\n", '"loss": 1}\n', "\n"])
def test_a_broken_row_between_others_is_refused(tmp_path: Path, broken: str) -> None:
    path = written(tmp_path, ROW, rest=broken + json.dumps(ROW | {"epoch": 2}) + "\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl:2: is not a row of metrics"):
        read_metrics(path)


@pytest.mark.parametrize("text", ["", '{"epoch": 1'])
def test_without_a_complete_row_no_epoch_has_been_finished(tmp_path: Path, text: str) -> None:
    with pytest.raises(RunError, match="no epoch has been finished"):
        read_metrics(written(tmp_path, rest=text))


def test_a_run_is_opened_by_its_directory_or_by_one_of_its_checkpoints(trained: Trained) -> None:
    directory = trained("moons", *SHORT)
    run = FinishedRun.open(directory.path)
    assert (run.name, run.directory) == ("moons", directory.path)
    assert run.checkpoint.epoch == run.best_epoch
    assert [path.name for path in run.snapshots] == [f"epoch-{epoch:04}.npz" for epoch in (1, 2, 5)]
    for path, epoch in ((directory.last, 5), (directory.snapshot(2), 2)):
        found = FinishedRun.open(path)
        assert (found.name, found.directory, found.checkpoint.epoch) == ("moons", directory.path, epoch)
        assert (found.best_epoch, len(found.rows)) == (run.best_epoch, 5)


def test_what_is_not_a_run_is_refused(tmp_path: Path, trained: Trained) -> None:
    runs = tmp_path / "runs"
    for name in ("a", "b"):
        (runs / name).mkdir(parents=True)
        (runs / name / "config.yaml").touch()
    (tmp_path / "a.csv").touch()
    for path, said in (
        (tmp_path / "none", "there is no such run or checkpoint; name the directory"),
        (tmp_path / "a.csv", "is not a run or a checkpoint; name the directory"),
        (runs / "a", "no best.npz yet: no epoch has been finished"),
        (runs, f"it holds {runs / 'a'}, {runs / 'b'}: name one of them"),
        (tmp_path, "; name the directory of a run"),
    ):
        with pytest.raises(NoCheckpointError, match=said):
            FinishedRun.open(path)


def test_a_folder_of_runs_stands_for_them(tmp_path: Path) -> None:
    for name in ("b", "a", "notes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "runs" / name / "config.yaml").touch()
    runs = tmp_path / "runs"
    assert find_runs([runs]) == [runs / "a", runs / "b"]
    assert find_runs([runs / "b", runs]) == [runs / "b", runs / "a", runs / "b"]
    for name in ("units-20", "units-3", "l2-0.1", "l2-0.01"):
        (tmp_path / "more" / name).mkdir(parents=True)
        (tmp_path / "more" / name / "config.yaml").touch()
    found = [run.name for run in find_runs([tmp_path / "more"])]
    assert found == ["l2-0.01", "l2-0.1", "units-3", "units-20"]
    assert find_runs([runs / "notes", tmp_path / "none"]) == [runs / "notes", tmp_path / "none"]


def test_a_run_can_be_shown_only_at_its_own_checkpoints(trained: Trained) -> None:
    run = FinishedRun.open(trained("moons", *SHORT).path)
    then = run.at(run.snapshots[0])
    assert (then.checkpoint.epoch, run.checkpoint.epoch) == (1, run.best_epoch)
    assert then.splits is run.splits
    assert not np.array_equal(then.logits("val"), run.logits("val"))
    with pytest.raises(CheckpointError, match="does not belong to the run in"):
        run.at(trained("spiral", "training.epochs=5").best)


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        ([], "test"),
        (["data.test_size=0"], "val"),
        (["data.test_size=0", "data.val_size=0"], "train"),
    ],
)
def test_the_split_to_judge_by_is_test_else_val_else_train(
    trained: Trained, overrides: list[str], part: str
) -> None:
    run = FinishedRun.open(trained("moons", "training.epochs=1", *overrides).path)
    assert run.held_out == part
    assert run.logits(part).shape == (len(run.splits.parts[part]), 2)


def test_a_run_is_finished_after_its_last_epoch_or_when_patience_runs_out(
    tmp_path: Path, trained: Trained
) -> None:
    assert not FinishedRun.open(trained("moons", *SHORT).path).is_unfinished
    still = ("training.epochs=50", "training.patience=2", "optimizer.learning_rate=1e-30")
    assert not FinishedRun.open(trained("moons", *still).path).is_unfinished
    shutil.copytree(trained("moons", *SHORT).path, tmp_path / "run")
    path = tmp_path / "run" / "metrics.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    assert FinishedRun.open(tmp_path / "run").is_unfinished


def test_a_resumed_run_has_the_config_that_it_was_resumed_with(tmp_path: Path) -> None:
    """Its best.npz has the older one, since no later epoch was better."""
    still = ("data.points=40", "optimizer.learning_rate=1e-30")
    for epochs in (2, 4):
        config = load_experiment(CONFIGS / "moons.yaml", [*still, f"training.epochs={epochs}"])
        train_run(config, take_directory("run", tmp_path / "run", resume=True))
    run = FinishedRun.open(tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "best.npz").experiment.training.epochs == 2
    assert run.experiment.training.epochs == run.checkpoint.experiment.training.epochs == 4
    metrics = tmp_path / "run" / "metrics.jsonl"
    metrics.write_text("".join(metrics.read_text().splitlines(keepends=True)[:3]))
    assert FinishedRun.open(tmp_path / "run").is_unfinished
    metrics.unlink()  # a checkpoint beside a config that may be any other
    (tmp_path / "run" / "config.yaml").write_text("data: spiral")
    assert FinishedRun.open(tmp_path / "run" / "best.npz").experiment.data.name == "moons"


def test_a_run_in_memory_equals_the_one_on_disk(trained: Trained) -> None:
    on_disk = FinishedRun.open(trained("moons", *SHORT).last)
    in_memory = FinishedRun.of(train_run(load_experiment(CONFIGS / "moons.yaml", SHORT)))
    np.testing.assert_array_equal(in_memory.logits("test"), on_disk.logits("test"))
    assert [row.val_loss for row in in_memory.rows] == [row.val_loss for row in on_disk.rows]
    assert not in_memory.is_unfinished


def test_a_run_in_memory_on_arrays_is_called_by_its_network() -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 2)), [0, 1] * 10
    run = mlpcli.train({"model": {"hidden": [3]}, "training": {"epochs": 1}}, X=X, y=y)
    for found in (FinishedRun.of(run), FinishedRun.alone(run.last)):
        assert found.name == "2-3-2 network"
    assert FinishedRun.of(mlpcli.train("moons", training={"epochs": 1})).name == "moons"


def test_values_of_a_regression_are_in_their_own_units(trained: Trained) -> None:
    run = FinishedRun.open(trained("sine", "training.epochs=20").path)
    split = run.splits.parts["test"]
    values = run.values(run.predict_logits(split.X[split.rows]))
    np.testing.assert_allclose(values, run.values(run.logits("test")), rtol=1e-5, atol=1e-6)
    assert np.mean((values - split.y[split.rows]) ** 2) < 0.5 * split.y[split.rows].var()
