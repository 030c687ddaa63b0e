"""Runs on data that are read in blocks: as good as in memory, the same bytes again, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from usual import only

from mlpcli.cli import run as command
from mlpcli.config.loader import validate_experiment
from mlpcli.errors import ConfigError, DataError
from mlpcli.training.describe import describe_data
from mlpcli.training.memory import forecast_memory, loaded_data
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

RNG = np.random.default_rng(0)
X = (3 * RNG.normal(size=(900, 6)) + 5).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] > 10).astype(int) + (X[:, 2] > 5)
VALUES = X @ RNG.normal(size=6) + RNG.normal(size=900)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the arrays, and let them be large: blocks of 20 rows, windows of 100."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlpcli.data.npy.LARGE", 1000)
    monkeypatch.setattr("mlpcli.data.npy.rows_of_a_block", lambda _: 20)
    monkeypatch.setattr("mlpcli.training.run.WINDOW", 100 * 6 * 4)
    monkeypatch.setattr("mlpcli.data.large.source._SAMPLED_ROWS", 150)
    np.save("X.npy", X)
    np.save("classes.npy", CLASSES)
    np.save("values.npy", VALUES)
    np.save("weights.npy", RNG.integers(0, 3, 900))
    return tmp_path


def config(y: str = "classes", **sections: Any) -> dict[str, Any]:
    data = {"name": "npy", "X": "X.npy", "y": f"{y}.npy", **sections.pop("data", {})}
    training = {"epochs": 3, "batch_size": 16, **sections.pop("training", {})}
    return {"data": data, "model": {"hidden": [8]}, "training": training, **sections}


def make(y: str = "classes", **sections: Any) -> Run:
    return Run(validate_experiment(config(y, **sections), Path.cwd()))


def trained(y: str = "classes", **sections: Any) -> Run:
    run = make(y, **sections)
    for _ in run.epochs():
        pass
    return run


def weights(run: Run) -> NDArray[Any]:
    return run.network.parameters.values


def test_a_small_file_gives_the_bytes_of_an_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    np.save("classes.npy", CLASSES)
    np.savez("both.npz", X=X, y=CLASSES)
    npz = {**config(), "data": {"name": "npz", "path": "both.npz"}}
    other = Run(validate_experiment(npz, Path.cwd()))
    for _ in other.epochs():
        pass
    run = trained()
    assert weights(run).tobytes() == weights(other).tobytes()
    assert run.splits.fingerprint == other.splits.fingerprint


@pytest.mark.parametrize(
    ("y", "sections"),
    [
        ("classes", {}),
        ("classes", {"data": {"weights": "weights.npy", "split_by": "time"}}),
        ("classes", {"model": {"hidden": [8], "members": 2}, "training": {"monitor": "roc_auc"}}),
        ("values", {"data": {"bins": 3, "terms": ["square"]}, "training": {"monitor": "mae"}}),
        ("values", {"data": {"target_transform": "quantile", "val_size": 0}}),
        ("values", {"model": {"hidden": [8], "linear_path": "fitted"}}),
    ],
    ids=["plain", "weights, in time", "members", "bins and terms", "no validation", "linear path"],
)
def test_it_learns_and_the_same_run_has_the_same_bytes(tiny: Path, y: str, sections: dict[str, Any]) -> None:
    run = trained(y, **sections)
    scores = run.score_best()
    assert scores["test"]["accuracy" if y == "classes" else "r2"] > 0.5  # type: ignore[operator]
    assert scores.keys() == run.score_baselines().keys() == run.splits.parts.keys()
    assert "and is read in blocks" in run.notes[0]
    again = make(y, **sections)
    while again.trainer.progress.epoch < 3:  # each step resumes within an epoch
        again.trainer.step()
    assert weights(again).tobytes() == weights(run).tobytes()


def test_a_resumed_run_has_the_bytes_of_an_unbroken_one(tiny: Path) -> None:
    Path("c.yaml").write_text(json.dumps(config()))
    for out, epochs in (("one", 3), ("two", 1)):
        assert (
            command(["train", "c.yaml", "--quiet", "--out", out, "--set", f"training.epochs={epochs}"]) == 0
        )
    assert command(["train", "c.yaml", "--quiet", "--out", "two", "--resume"]) == 0
    with np.load("one/last.npz") as one, np.load("two/last.npz") as two:
        assert one["W1"].tobytes() == two["W1"].tobytes()


def test_scores_of_a_whole_split_are_those_of_its_rows(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_run(validate_experiment(config(), Path.cwd()), take_directory("run", Path("run")))
    for part, scores in run.score_best().items():
        capsys.readouterr()
        assert command(["eval", "run", "--split", part, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        own = run.splits.parts[part].whole
        assert own is not None
        X = np.concatenate([split.X for split in own.chunks()])
        y = np.concatenate([split.y for split in own.chunks()])
        found = run.best.evaluate(X, y)
        assert report["n"] == len(own) == found["n"]
        assert report["accuracy"] == scores["accuracy"] == found["accuracy"]
        assert report["loss"] == pytest.approx(found["loss"], rel=1e-6)
        assert report["baselines"]["linear"]["roc_auc"] == pytest.approx(
            found["baselines"]["linear"]["roc_auc"]
        )


def test_a_large_split_is_scored_by_its_first_rows(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.training.evaluation.scored_rows", lambda _: 50)
    run = trained()
    X = np.concatenate([split.X for split in run.splits.parts["val"].whole.chunks()])[:50]  # type: ignore[union-attr]
    y = np.concatenate([split.y for split in run.splits.parts["val"].whole.chunks()])[:50]  # type: ignore[union-attr]
    assert run.last.evaluate(X, y)["accuracy"] == run.metrics[-1]["val_accuracy"]


@pytest.mark.parametrize(
    "words",
    only(
        {"data describe c.yaml", "explain run 7", "count-params c.yaml", "predict run X.npy"},
        [
            "check c.yaml",
            "data describe c.yaml",
            "importance run",
            "explain run 7",
            "plot run",
            "report run",
            "count-params c.yaml",
            "predict run X.npy",
        ],
    ),
)
def test_the_other_commands_take_such_data(tiny: Path, words: str) -> None:
    Path("c.yaml").write_text(json.dumps(config()))
    if "run" in words:
        assert command(["train", "c.yaml", "--quiet", "--out", "run", "--set", "training.epochs=1"]) == 0
    assert command(words.split()) == 0


def test_a_description_counts_all_rows(tiny: Path) -> None:
    report = describe_data(validate_experiment(config(), Path.cwd()))
    assert report["examples"] == 900
    assert report["splits"] == {"train": 540, "val": 180, "test": 180}
    assert report["bytes"] == X.nbytes
    assert [sum(row[part] for row in report["classes"]) for part in ("train", "val", "test")] == [
        540,
        180,
        180,
    ]
    assert min(row["min"] for row in report["features"]) >= X.min()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": {"fold": {"number": 1, "of": 5}}}, "data.fold: .*read in blocks.*delete it"),
        (
            {"model": {"hidden": [8], "members": 2}, "training": {"validation": "folds"}},
            "training.validation: .*read in blocks.*set it to split",
        ),
    ],
)
def test_folds_are_refused(tiny: Path, sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(**sections)


def test_a_file_that_changes_during_training_is_no_traceback(tiny: Path) -> None:
    run = make(training={"epochs": 2})
    epochs = run.epochs()
    next(epochs)
    with Path("X.npy").open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(DataError, match="it has become shorter since it was opened"):
        next(epochs)


def test_the_data_may_have_moved_with_the_run(tiny: Path) -> None:
    Path("here").mkdir()
    for file in ("X.npy", "classes.npy"):
        Path(file).rename(Path("here", file))
    Path("here/c.yaml").write_text(json.dumps(config()))
    assert (
        command(["train", "here/c.yaml", "--quiet", "--out", "here/run", "--set", "training.epochs=1"]) == 0
    )
    Path("here").rename("there")
    assert command(["eval", "there/run"]) == 0
    assert command(["eval", "there/run", "--split", "val", "--data", "there"]) == 0


def test_the_forecast_does_not_grow_with_the_file(tiny: Path) -> None:
    def total(n: int) -> int:
        np.save("X.npy", np.tile(X, (n, 1)))
        np.save("classes.npy", np.tile(CLASSES, n))
        run = make()
        data = loaded_data(run.splits, run.transform)
        return forecast_memory(run.network.spec, run.experiment, data).total

    assert total(40) < 1.5 * total(25)


UNDER_A_LIMIT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
from mlpcli.cli import run
code = run(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the limit means something else")
def test_a_larger_file_is_learned_from_within_a_gigabyte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blob: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    blob(tmp_path)
    settings = {"data": {"val_size": 0.01, "test_size": 0.01}, "training": {"epochs": 1, "batch_size": 256}}
    Path("c.yaml").write_text(json.dumps(config(**settings)))
    for words in (
        ["train", "c.yaml", "--quiet", "--out", "run"],
        ["eval", "run"],
        ["predict", "run", "X.npy", "--out", "predicted.csv"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", UNDER_A_LIMIT, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split("peak")[-1]) < 500_000_000, words


@pytest.fixture
def blob() -> Callable[[Path], None]:
    """Return a function that writes 1.6 GB of numbers, in which the first columns tell the class."""

    def write(folder: Path) -> None:
        rng, n, d = np.random.default_rng(0), 400_000, 1000
        y = rng.integers(0, 3, n)
        np.save(folder / "classes.npy", y)
        with (folder / "X.npy").open("wb") as stream:
            np.lib.format.write_array_header_1_0(
                stream, {"descr": "<f4", "fortran_order": False, "shape": (n, d)}
            )
            block = rng.standard_normal((5000, d), dtype=np.float32)
            for start in range(0, n, 5000):
                block[:, :3] += np.eye(3, dtype=np.float32)[y[start : start + 5000]]
                stream.write(block.tobytes())
                block[:, :3] -= np.eye(3, dtype=np.float32)[y[start : start + 5000]]

    return write


def test_an_evaluation_says_that_not_all_rows_are_scored(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_run(validate_experiment(config(), Path.cwd()), take_directory("run", Path("run")))
    for room in ("evaluation", "apply"):
        monkeypatch.setattr(f"mlpcli.training.{room}.scored_rows", lambda _: 50)
    capsys.readouterr()
    assert command(["eval", "run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 50
    assert report["notes"] == ["Of the 180 examples of the test split 50 are scored."]
