"""Starting runs: in a directory or in memory, new or resumed; the directory is free again at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.blas import ENGINE
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, DataError, RunError, RunWarning, UsageError
from mlpcli.onednn import find_onednn
from mlpcli.training.directory import RunDirectory
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory, train_run


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(*overrides: str) -> Experiment:
    text = "data: {name: spiral, points: 60}\nmodel: {hidden: [4]}\ntraining: {epochs: 3}"
    return parse_experiment(text, "test", Path(), overrides)


def test_without_a_directory_a_run_leaves_no_file() -> None:
    run = train_run(config())
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3]
    assert list(Path().iterdir()) == []


def test_given_data_are_used_for_training() -> None:
    splits = load_splits(config())
    assert train_run(config(), splits=splits).splits is splits


def test_progress_is_reported_at_the_start_and_after_each_epoch() -> None:
    seen: list[int] = []

    def progress(run: Run) -> None:
        seen.append(len(run.metrics))

    train_run(config(), progress=progress)
    assert seen == [0, 1, 2, 3]


def test_progress_may_stop_the_run() -> None:
    run = train_run(config("training.epochs=50"), progress=lambda run: len(run.metrics) == 2 and run.stop())
    assert len(run.metrics) == 2


@pytest.mark.parametrize("fails", [False, True])
def test_the_directory_is_unlocked_however_the_run_ends(fails: bool) -> None:
    def progress(run: Run) -> None:
        if fails and run.metrics:
            raise ZeroDivisionError

    directory = take_directory("run", Path("run"))
    try:
        train_run(config(), directory, progress=progress)
    except ZeroDivisionError:
        assert fails
    take_directory("run", Path("run"), resume=True).close()


def test_the_directory_of_a_run_that_does_not_start_is_removed() -> None:
    directory = take_directory("run", Path("new/run"))
    wrong = parse_experiment("data: {name: csv, path: none.csv, target: y}", "test", Path())
    with pytest.raises(DataError, match=r"none\.csv"):
        train_run(wrong, directory)
    assert list(Path().iterdir()) == []


def arrays(directory: RunDirectory) -> dict[str, Any]:
    with np.load(directory.last) as last:
        return {name: last[name].tolist() for name in last.files if name != "meta"}


def test_a_resumed_run_ends_as_if_it_had_never_stopped() -> None:
    whole, parts = take_directory("run", Path("whole")), take_directory("run", Path("parts"))
    train_run(config(), whole)
    train_run(config(), parts, progress=lambda run: len(run.metrics) == 1 and run.stop())
    run = train_run(config(), take_directory("run", Path("parts"), resume=True))
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3]
    assert arrays(parts) == arrays(whole)


@pytest.mark.parametrize("engine", ["numpy", "fast"])
@pytest.mark.parametrize("model", [{"norm": "batch"}, {"members": 2, "linear_path": "learned"}], ids=str)
def test_in_bfloat16_equal_runs_have_equal_bytes_and_resumed_ones_too(
    model: dict[str, Any], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    onednn, reason = find_onednn()
    if engine == "fast" and (onednn is None or not onednn.has_bfloat16):
        pytest.skip(reason or "the processor has no bfloat16")
    monkeypatch.setenv(ENGINE, engine)
    changes = ["training.precision=bfloat16", *(f"model.{key}={value}" for key, value in model.items())]
    made = [take_directory("run", Path(name)) for name in ("one", "two", "parts")]
    for directory in made[:2]:
        train_run(config(*changes), directory)
    train_run(config(*changes), made[2], progress=lambda run: len(run.metrics) == 1 and run.stop())
    run = train_run(config(*changes), take_directory("run", Path("parts"), resume=True))
    assert not any("multiplies" in note for note in run.notes)
    assert arrays(made[0]) == arrays(made[1]) == arrays(made[2])
    assert (Path("one") / "best.npz").read_bytes() == (Path("two") / "best.npz").read_bytes()
    in_float32 = take_directory("run", Path("float32"))
    train_run(config(*changes, "training.precision=float32"), in_float32)
    assert arrays(in_float32) != arrays(made[0])
    assert "in bfloat16" in (Path("one") / "run.log").read_text()
    assert "in bfloat16" not in (Path("float32") / "run.log").read_text()


def test_in_bfloat16_both_engines_train_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    onednn, reason = find_onednn()
    if onednn is None or not onednn.has_bfloat16:
        pytest.skip(reason or "the processor has no bfloat16")
    losses = []
    for engine in ("numpy", "fast"):
        monkeypatch.setenv(ENGINE, engine)
        run = train_run(config("training.precision=bfloat16", "model.hidden=[32,32]", "training.epochs=10"))
        assert run.network.engine.name.startswith("oneDNN" if engine == "fast" else "NumPy")
        losses.append([row["train_loss"] for row in run.metrics])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert losses[0][-1] < 0.8 * losses[0][0]


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize(
    "more", [[], ["optimizer.clip_norm=1"], ["regularization.l2=0.01"], ["training.shards=2"]], ids=str
)
def test_both_engines_train_alike(optimizer: str, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where oneDNN sums the gradients for momentum; what is measured of a gradient is of one step."""
    onednn, reason = find_onednn()
    if onednn is None:
        pytest.skip(reason)
    large = [f"optimizer={optimizer}", "model.hidden=[512,512]", "training.batch_size=8"]
    rows = []
    for engine in ("numpy", "fast"):
        monkeypatch.setenv(ENGINE, engine)
        run = train_run(config(*large, *more))
        assert run.network.engine.name.startswith("oneDNN" if engine == "fast" else "NumPy")
        rows.append(run.metrics[-1])
    for key in ("train_loss", "gradient_norm", "gradient_norms", "update_ratio", "weight_norm"):
        assert rows[0][key] == pytest.approx(rows[1][key], rel=1e-3), key


def test_slow_bfloat16_is_refused_unless_numpy_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.nn.products.find_onednn", lambda: (None, "oneDNN is not installed"))
    monkeypatch.delenv(ENGINE, raising=False)
    slow = config("training.precision=bfloat16")
    with pytest.raises(ConfigError, match="slower here than float32: oneDNN is not installed"):
        train_run(slow, take_directory("run", Path("new")))
    assert list(Path().iterdir()) == []
    monkeypatch.setenv(ENGINE, "numpy")
    assert len(train_run(slow).metrics) == 3


def test_members_are_resumed_within_an_epoch() -> None:
    """With their folds, their batches, their linear paths and their units that have not been active yet."""
    changes = ["model.members=3", "training.validation=folds", "training.batch_size=8", "model.dropout=0.2"]
    changes += ["model.linear_path=fitted", "training.checkpoint_every=2"]
    whole, parts = take_directory("run", Path("whole")), take_directory("run", Path("parts"))
    finished = train_run(config(*changes), whole)
    run = start_run(config(*changes), parts)
    assert finished.trainer.batches == 4  # 80 % of 60 examples, two thirds of them for each member, by 8
    saved = []

    def stop(checkpoint: Any) -> None:
        saved.append(checkpoint)
        if len(saved) == 3:
            run.stop()

    save, run.recorder.save = run.recorder.save, lambda checkpoint: (save(checkpoint), stop(checkpoint))
    list(run.epochs())
    parts.close()
    assert len(saved) >= 3
    resumed = train_run(config(*changes), take_directory("run", Path("parts"), resume=True))
    assert arrays(parts) == arrays(whole)
    columns = [{k: v for k, v in row.items() if "second" not in k} for row in finished.metrics]
    assert [{k: v for k, v in row.items() if "second" not in k} for row in resumed.metrics] == columns
    assert (Path("parts") / "best.npz").read_bytes() == (Path("whole") / "best.npz").read_bytes()


def test_a_run_is_resumed_with_its_monitor() -> None:
    whole, parts = take_directory("run", Path("whole")), take_directory("run", Path("parts"))
    train_run(config("training.monitor=roc_auc"), whole)
    train_run(
        config("training.monitor=roc_auc"), parts, progress=lambda run: len(run.metrics) == 1 and run.stop()
    )
    run = train_run(config(), take_directory("run", Path("parts"), resume=True))  # left out: it stays
    assert run.experiment.monitor == "roc_auc"
    assert "monitor: roc_auc" in parts.config.read_text()
    assert arrays(parts) == arrays(whole)
    with pytest.raises(ConfigError, match=r"training\.monitor: roc_auc at the start, now loss"):
        train_run(config("training.monitor=loss"), take_directory("run", Path("parts"), resume=True))


def test_without_a_run_to_resume_a_new_one_starts() -> None:
    run = train_run(config(), take_directory("run", Path("run"), resume=True))
    assert len(run.metrics) == 3
    train_run(config("training.epochs=4"), take_directory("run", Path("run"), resume=True))
    assert "epochs: 4" in Path("run/config.yaml").read_text()


def test_a_different_config_does_not_change_a_run() -> None:
    train_run(config(), take_directory("run", Path("run")))
    before = {path: path.read_bytes() for path in Path("run").iterdir()}
    with pytest.raises(ConfigError, match="was started with another config"):
        train_run(config("model.hidden=[5]"), take_directory("run", Path("run"), resume=True))
    assert {path: path.read_bytes() for path in Path("run").iterdir()} == before


def test_a_run_is_replaced_only_by_force() -> None:
    train_run(config(), take_directory("run", Path("run")))
    with pytest.raises(UsageError, match="already holds a run"):
        take_directory("run", Path("run"))
    train_run(config("training.epochs=1"), take_directory("run", Path("run"), force=True))
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 1


def test_a_run_that_is_being_written_is_not_touched() -> None:
    directory = take_directory("run", Path("run"))
    start_run(config(), directory)
    for how in ({"resume": True}, {"force": True}):
        with pytest.raises(RunError, match="is in use"):
            take_directory("run", Path("run"), **how)


@pytest.mark.parametrize(("in_memory", "when"), [(True, 2), (True, 0), (False, 2)])
def test_an_interrupted_run_in_memory_is_returned_with_its_epochs(in_memory: bool, when: int) -> None:
    def interrupt(run: Run) -> None:
        if len(run.metrics) == when:
            raise KeyboardInterrupt

    directory = None if in_memory else take_directory("run", Path("run"))
    if not in_memory or when == 0:
        with pytest.raises(KeyboardInterrupt):
            train_run(config(), directory, progress=interrupt)
        return
    with pytest.warns(RunWarning, match="Training was interrupted after 2 epochs; the best is kept"):
        run = train_run(config(), directory, progress=interrupt)
    assert (len(run.metrics), run.last.epoch) == (2, 2)
    assert run.best.epoch <= 2
