"""The Python API: its names and signatures, and what its users rely on."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli import (
    CheckpointError,
    ConfigError,
    DataError,
    Epoch,
    Model,
    Run,
    RunError,
    UsageError,
    load,
    train,
)
from mlpcli.cli import run as mlp

SPIRAL = Path(__file__).parents[1] / "configs" / "spiral.yaml"
SIGNATURES = {
    "train": "(config: 'str | os.PathLike[str] | Mapping[str, Any] | None' = None, *, X: 'Any' = None, "
    "y: 'Any' = None, sample_weight: 'Any' = None, groups: 'Any' = None, "
    "validation: 'tuple[Any, ...] | None' = None, "
    "out: 'str | os.PathLike[str] | None' = None, "
    "resume: 'bool' = False, progress: 'Callable[[Run], object] | bool | None' = None, "
    "listeners: 'Sequence[Listener]' = (), **overrides: 'Any') -> 'Run'",
    "cross_validate": "(config: 'str | os.PathLike[str] | Mapping[str, Any] | None' = None, *, "
    "X: 'Any' = None, y: 'Any' = None, sample_weight: 'Any' = None, groups: 'Any' = None, "
    "folds: 'int' = 5, repeats: 'int' = 1, "
    "out: 'str | os.PathLike[str] | None' = None, "
    "resume: 'bool' = False, progress: 'Callable[[Run], object] | bool | None' = None, "
    "listeners: 'Sequence[Listener]' = (), **overrides: 'Any') -> 'Validated'",
    "load": "(checkpoint: 'str | os.PathLike[str]') -> 'Model'",
    "MetricsCsv": "(path: 'str | os.PathLike[str] | None' = None) -> 'None'",
    "Epoch.values": "dict[str, float | None]",
    "Epoch.scalars": "dict[str, float]",
    "Model.predict": "(self, X: 'Any') -> 'NDArray[Any]'",
    "Model.predict_proba": "(self, X: 'Any') -> 'NDArray[Any]'",
    "Model.scores": "(self, X: 'Any') -> 'NDArray[Any]'",
    "Model.evaluate": "(self, X: 'Any', y: 'Any', sample_weight: 'Any' = None) -> 'dict[str, Any]'",
    "Model.save": "(self, path: 'str | Path') -> 'None'",
    "Model.export": "(self, path: 'str | Path', to: 'str | None' = None) -> 'Exported'",
    "Model.plot": "(self, kind: 'str' = 'network') -> 'Figure'",
    "Model.layers": "dict[str, NDArray[Any]]",
    "Model.config": "dict[str, Any]",
    "Model.columns": "tuple[str, ...]",
    "Model.classes": "tuple[str, ...] | None",
    "Model.epoch": "int",
    "Run.stop": "(self) -> 'None'",
    "Run.plot": "(self, kind: 'str' = 'curves') -> 'Figure'",
    "Run.metrics": "list[dict[str, Any]]",
    "Run.best": "Model",
    "Run.last": "Model",
    "Run.snapshots": "dict[int, Model]",
    "Run.directory": "Path | None",
    "Validated.scores": "list[dict[str, Any]]",
    "Validated.mean": "Scores",
    "Validated.std": "Scores",
}
WARNINGS = {"ConfigWarning", "DataWarning"}
ERRORS = {"CheckpointError", "ConfigError", "DataError", "RunError", "UsageError"}
PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
FILES = {"config.yaml", "metrics.jsonl", "best.npz", "last.npz", "run.log"}
TIMINGS = {"seconds", "examples_per_second"}
STILL: dict[str, Any] = {"learning_rate": 1e-30}  # no epoch is better than the first
SMALL: dict[str, Any] = {"model": {"hidden": [6]}, "training": {"epochs": 3}}


def two_classes(n: int = 80) -> tuple[Any, Any]:
    """Return rows whose class is the sign of their first column."""
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, np.where(X[:, 0] > 0, "right", "left")


@pytest.mark.parametrize("name", SIGNATURES)
def test_names_and_signatures_stay(name: str) -> None:
    found: Any = mlpcli
    for part in name.split("."):
        found = getattr(found, part) if not inspect.isclass(found) else inspect.getattr_static(found, part)
    if isinstance(found, property):
        assert found.fget is not None
        assert found.fget.__annotations__["return"] == SIGNATURES[name]
    else:
        assert str(inspect.signature(found)) == SIGNATURES[name]


def test_the_exported_names_are_these() -> None:
    functions = {name.partition(".")[0] for name in SIGNATURES}
    assert set(mlpcli.__all__) == functions | ERRORS | WARNINGS | {"MlpError", "__version__"}
    assert dir(mlpcli) == mlpcli.__all__
    for name in ERRORS:
        assert issubclass(getattr(mlpcli, name), mlpcli.MlpError)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = mlpcli.trian  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_and_changes_nothing() -> None:
    code = (
        "import gc, importlib, os, signal, sys, time, typing\n"
        "before = dict(os.environ), gc.get_threshold(), signal.getsignal(signal.SIGINT)\n"
        "start = time.process_time()\n"
        "import mlpcli\n"
        "assert time.process_time() - start < 0.03\n"
        "assert not {'numpy', 'pydantic', 'click', 'yaml'} & set(sys.modules)\n"
        "mlpcli.train; mlpcli.load; mlpcli.Run; mlpcli.Model; mlpcli.RunError\n"
        "assert before == (dict(os.environ), gc.get_threshold(), signal.getsignal(signal.SIGINT))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_config_by_path_name_and_dict_gives_the_same_run(capfd: pytest.CaptureFixture[str]) -> None:
    configs: list[Any] = [SPIRAL, str(SPIRAL), "spiral", train(SPIRAL, training={"epochs": 1}).best.config]
    runs = [train(config, training={"epochs": 2}) for config in configs]
    for run in runs[1:]:
        for name, array in run.last.layers.items():
            np.testing.assert_array_equal(array, runs[0].last.layers[name])
    assert capfd.readouterr() == ("", "")


def test_a_run_on_arrays_learns_them_and_says_how_it_went() -> None:
    X, y = two_classes()
    config = {"model": {"hidden": [8]}, "optimizer": {"learning_rate": 0.02}, "training": {"epochs": 40}}
    run = train(config, X=X, y=y)
    assert [row["epoch"] for row in run.metrics] == list(range(1, 41))
    assert run.directory is None
    assert (run.best.classes, run.best.columns) == (("left", "right"), ("x1", "x2", "x3"))
    new, truth = np.array([[3, 0, 0], [-3, 0, 0]]), ["right", "left"]
    assert run.best.predict(new).tolist() == truth
    assert run.best.evaluate(X, y)["accuracy"] > 0.9
    assert (
        run.best.epoch == max(run.metrics, key=lambda row: (row["val_accuracy"], -row["val_loss"]))["epoch"]
    )
    assert run.last.epoch == 40


def test_validation_arrays_are_what_epochs_are_scored_on() -> None:
    X, y = two_classes()
    run = train(SMALL, X=X, y=y, validation=(X[:10], y[:10]))
    assert {part: len(split) for part, split in run.splits.parts.items()} == {"train": 80, "val": 10}
    assert run.last.evaluate(X[:10], y[:10])["accuracy"] == run.metrics[-1]["val_accuracy"]


@pytest.mark.parametrize("scaling", ["none", "center", "standardize", "range"])
@pytest.mark.parametrize("class_weights", [None, "balanced"])
def test_a_row_of_weight_2_counts_like_two_rows(scaling: str, class_weights: Any) -> None:
    """In a training on all rows at once the networks, the baselines and the scores are the same."""
    X, y = two_classes(60)
    y[:6] = "left"  # labels that no network explains
    weights = np.random.default_rng(1).integers(0, 4, 60)
    config = {
        **SMALL,
        "data": {"val_size": 0, "scaling": scaling},
        "loss": {"name": "cross_entropy", "class_weights": class_weights},
        "optimizer": {"name": "sgd", "learning_rate": 0.3},
        "training": {"epochs": 20, "batch_size": 500},
    }
    run = train(config, X=X, y=y, sample_weight=5 * weights)
    rows = np.repeat(np.arange(60), weights)
    same = train(config, X=X[rows], y=y[rows])
    for name, array in run.last.layers.items():
        np.testing.assert_allclose(array, same.last.layers[name], rtol=1e-4, atol=1e-6)
    for name in ("scale", "shift"):
        expected = getattr(same.transform.scaling, name)
        np.testing.assert_allclose(getattr(run.transform.scaling, name), expected, rtol=1e-12)
    np.testing.assert_allclose(run.baselines.constant, same.baselines.constant)
    for row, other in zip(run.metrics, same.metrics, strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert row["train_accuracy"] == pytest.approx(other["train_accuracy"], rel=1e-6)
    report, plain = run.last.evaluate(X, y, weights), run.last.evaluate(X[rows], y[rows])
    assert report.pop("weighted") is True
    assert (report.pop("n"), plain.pop("n")) == (60, len(rows))
    by_weight = plain["confusion"][0][0] / report["confusion"][0][0]
    for key in (
        "loss",
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "f1",
        "ece",
        "brier",
        "macro",
        "baseline",
    ):
        assert report[key] == pytest.approx(plain[key], rel=1e-5), key
    np.testing.assert_allclose(by_weight * np.array(report["confusion"]), plain["confusion"])


def test_a_value_of_weight_2_counts_like_two_values() -> None:
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(60, 2)), rng.integers(0, 4, 60)
    y = 100 + X[:, 0] + rng.normal(size=60)
    y[weights == 0] = 1e6  # what does not count
    config = {
        **SMALL,
        "data": {"val_size": 0},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"epochs": 20, "batch_size": 500},
    }
    run = train(config, X=X, y=y, sample_weight=weights)
    rows = np.repeat(np.arange(60), weights)
    same = train(config, X=X[rows], y=y[rows])
    np.testing.assert_allclose(run.last.predict(X), same.last.predict(X), rtol=1e-6)
    np.testing.assert_allclose(run.baselines.constant, same.baselines.constant)
    report, plain = run.last.evaluate(X, y, weights), same.last.evaluate(X[rows], y[rows])
    for key in ("loss", "mse", "rmse", "mae", "mape", "r2"):
        assert report[key] == pytest.approx(plain[key], rel=1e-4), key
    for key in ("mse", "mae", "r2"):
        found, expected = report["baselines"]["mean"], plain["baselines"]["mean"]
        assert found[key] == pytest.approx(expected[key], abs=1e-6), key


def test_balanced_class_weights_of_weighted_rows_are_kept(tmp_path: Path) -> None:
    X, y = two_classes()
    run = train(
        {**SMALL, "loss": {"class_weights": "balanced"}, "data": {"val_size": 0}},
        X=X,
        y=y,
        sample_weight=np.where(y == "left", 3, 1),
    )
    left = np.count_nonzero(y == "left") * 3.0
    shares = np.array([left, np.count_nonzero(y == "right")])
    counts = run.best.checkpoint.class_counts
    np.testing.assert_allclose(counts, 80 * shares / shares.sum())
    run.best.save(tmp_path / "saved.npz")
    assert load(tmp_path / "saved.npz").checkpoint.class_counts == counts


def test_validation_may_have_weights() -> None:
    X, y = two_classes()
    weights = np.arange(10) + 1.0
    run = train(SMALL, X=X, y=y, validation=(X[:10], y[:10], weights))
    report = run.last.evaluate(X[:10], y[:10], weights)
    assert report["accuracy"] == pytest.approx(run.metrics[-1]["val_accuracy"])
    assert report["loss"] == pytest.approx(run.metrics[-1]["val_loss"], rel=1e-5)
    right = run.last.predict(X[:10]) == y[:10]
    assert report["accuracy"] == pytest.approx(weights[right].sum() / 55)


def test_a_run_with_weights_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    X, y = two_classes()
    given: dict[str, Any] = {"X": X, "y": y, "sample_weight": np.arange(80) % 3}
    config = {**SMALL, "training": {"epochs": 2, "batch_size": 16}}
    whole = train(config, **given)

    def stop(run: Run) -> None:
        steps = run.trainer._take_step

        def take(state: Any) -> None:
            steps(state)
            if run.trainer.optimizer.steps == 6:
                run.stop()

        run.trainer._take_step = take  # type: ignore[method-assign]

    train(config, **given, out=tmp_path / "run", progress=stop)
    resumed = train(config, **given, out=tmp_path / "run", resume=True)
    for name, array in whole.last.layers.items():
        np.testing.assert_array_equal(array, resumed.last.layers[name])
    assert resumed.metrics[-1]["train_accuracy"] == whole.metrics[-1]["train_accuracy"]
    with pytest.raises(DataError, match="arrays has changed since the run was started"):
        train(config, X=X, y=y, sample_weight=np.ones(80), out=tmp_path / "run", resume=True)


def test_a_directory_has_what_the_command_would_write_and_a_run_goes_on(tmp_path: Path) -> None:
    short, long = {"training.epochs": 2}, {"training.epochs": 4}
    first = train(SPIRAL, out=tmp_path / "a", **short)
    assert first.directory == tmp_path / "a"
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    with pytest.raises(UsageError, match=r"already holds a run; resume that run, or name another directory$"):
        train(SPIRAL, out=tmp_path / "a")
    run = train(SPIRAL, out=tmp_path / "a", resume=True, **long)
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3, 4]
    assert mlp(["train", str(SPIRAL), "-q", "--out", str(tmp_path / "b"), "--set", "training.epochs=4"]) == 0
    for name in ("best.npz", "last.npz", "config.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert load(tmp_path / "a").epoch == run.best.epoch


def test_a_run_on_other_arrays_does_not_go_on(tmp_path: Path) -> None:
    X, y = two_classes()
    train(SMALL, X=X, y=y, validation=(X, y), out=tmp_path / "run")
    again: dict[str, Any] = {"out": tmp_path / "run", "resume": True, "training": {"epochs": 5}}
    with pytest.raises(DataError, match="has changed since the run was started"):
        train(SMALL, X=X + 1, y=y, validation=(X, y), **again)
    with pytest.raises(DataError, match="has changed since the run was started"):
        train(SMALL, X=X, y=y, validation=(X + 1, y), **again)
    assert len(train(SMALL, X=X, y=y, validation=(X, y), **again).metrics) == 5


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"X": [[1.0]]}, UsageError, "^X is given without y; give both, or neither"),
        ({"y": [1.0]}, UsageError, "^y is given without X; give both, or neither"),
        ({"validation": ([[1.0]], [1])}, UsageError, "^validation is given without X and y"),
        ({"resume": True}, UsageError, "^resume=True needs out"),
        ({"X": [[1.0], [2.0]], "y": [0, 1, 2]}, DataError, "^y: has shape"),
        ({"X": [[1.0], [{}]], "y": [0, 1]}, DataError, "^X: "),
        ({"X": [[1.0], [2.0]], "y": "kind"}, UsageError, "^y is 'kind', the name of a column, and X is no"),
        ({"groups": [1.0]}, UsageError, r"^groups is given without X and y; .* the column in data\.group"),
        (
            {"X": [[1.0], [2.0]], "y": [0, 1], "groups": [0, 1], "data": {"split_by": "time"}},
            UsageError,
            "^groups and data.split_by: time do not go together",
        ),
        ({"training.epochs": 0}, ConfigError, "^training.epochs: 0 is not"),
        ({"optimizer": {"learning_rat": 1}}, ConfigError, "learning_rate"),
    ],
)
def test_what_cannot_be_trained_is_an_error(given: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        train("spiral", **given)
    assert "--" not in str(caught.value)


def test_there_must_be_something_to_learn_from() -> None:
    with pytest.raises(UsageError, match=r"^there is nothing to learn from; give a config, or X and y"):
        train()
    with pytest.raises(ConfigError, match="this is of type ndarray; give rows as X"):
        train(np.zeros((3, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("validation", "error", "message"),
    [
        ("ab c", UsageError, "^validation is not a pair; give"),
        ((np.ones((2, 3)), ["left", "up"]), DataError, "^validation: "),
        ((np.ones((2, 2)), ["left", "left"]), DataError, "^validation: X: has 2 features"),
    ],
)
def test_validation_has_to_fit(validation: Any, error: Any, message: str) -> None:
    X, y = two_classes()
    with pytest.raises(error, match=message):
        train(SMALL, X=X, y=y, validation=validation)


class Frame:
    """A data frame: columns by name, each an array."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns, self._values = list(columns), columns

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __len__(self) -> int:
        return len(next(iter(self._values.values())))


def table(n: int = 60) -> Frame:
    """Return a table with numbers, text, missing cells, a constant, and a target that some rows lack."""
    rng = np.random.default_rng(2)
    age = rng.normal(40, 9, n)
    kind = np.where(age + rng.normal(0, 3, n) > 40, "old", "young").astype(object)
    age[3], kind[5] = np.nan, None
    sex = np.array(["m", "f", None] * (n // 3), object)
    return Frame({"age": age, "sex": sex, "one": np.ones(n), "kind": kind})


def test_a_frame_trains_the_network_of_the_same_table_as_csv(tmp_path: Path) -> None:
    frame, path = table(), tmp_path / "table.csv"
    lines = [",".join(frame.columns)]
    rows = zip(*(frame[name] for name in frame.columns), strict=True)
    lines += [",".join("" if cell is None or cell != cell else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join(lines))
    short: dict[str, Any] = {"training.epochs": 2}
    data = {"name": "csv", "path": str(path), "target": "kind", "test_size": 0}
    of_file = train({"data": data}, **short)
    X = Frame({name: frame[name] for name in frame.columns[:-1]})
    runs = [
        train(X=X, y=frame["kind"], **short),
        train(X=frame, y="kind", **short),
        train({"data": data}, X=frame, y="kind", **short),
    ]
    for run in runs:
        config, expected = run.best.config, of_file.best.config
        assert config["recipe"] == "table"
        assert config.pop("data")["bins"] == expected.pop("data")["bins"] == 16
        assert config == expected
        for name, array in of_file.best.layers.items():
            np.testing.assert_array_equal(run.best.layers[name], array)
        np.testing.assert_array_equal(run.best.predict_proba(X), of_file.best.predict_proba(X))
    assert runs[1].notes[:2] == of_file.notes[:2]  # the rows and columns that are left out
    plain = train({"recipe": "plain"}, X=frame, y="kind", **short)
    assert (
        plain.best.config["model"] == train({}, X=np.ones((9, 1)), y=["a", "b", "b"] * 3).best.config["model"]
    )
    assert train(SMALL, X=frame, y="kind").best.config["recipe"] == "plain"


def test_rows_without_a_label_are_left_out_and_said() -> None:
    X, y = two_classes()
    labels = y.astype(object)
    labels[::8] = None
    run = train(SMALL, X=X, y=labels, validation=(X, labels))
    note = "10 of 80 rows have no 'y', and are left out."
    assert run.notes[:2] == [note, f"Validation: {note}"]
    assert {name: len(split) for name, split in run.splits.parts.items()} == {"train": 70, "val": 70}
    report = run.best.evaluate(X, labels)
    assert (report["n"], report["notes"]) == (70, [note])
    found = mlpcli.cross_validate(SMALL, X=X, y=labels, folds=2)
    assert len(found.predictions) == 70
    assert found.numbers[:3].tolist() == [2, 3, 4]


def test_validation_rows_choose_the_epoch_also_with_the_recipe_for_tables() -> None:
    frame = table()
    run = train(X=frame, y="kind", validation=(frame, "kind"), **{"training.epochs": 2})
    assert run.best.config["training"]["validation"] == "split"
    assert run.splits.val is not None
    assert len(run.splits.val) == 59


@pytest.mark.parametrize("groups", [np.arange(80) // 4, np.array([f"p{i // 4}" for i in range(80)], object)])
def test_groups_stay_on_one_side(groups: Any) -> None:
    X, y = two_classes()
    run = train(SMALL, X=X, y=y, groups=groups)
    assert run.splits.val is not None
    assert not set(groups[run.splits.val.rows]) & set(groups[run.splits.train.rows])
    members = train({"recipe": "table"}, X=X, y=y, groups=groups, **{"training.epochs": 1})
    left_out = members.trainer.train.left_out
    assert left_out is not None
    for rows in left_out:
        assert not set(groups[rows]) & set(np.delete(groups, rows))
    found = mlpcli.cross_validate(SMALL, X=X, y=y, groups=groups, folds=3)
    for group in set(groups):
        assert len(set(found.folds[groups == group, 0])) == 1


def test_progress_sees_each_epoch_and_may_stop() -> None:
    seen: list[int] = []

    def progress(run: Run) -> None:
        seen.append(len(run.metrics))
        if len(seen) == 1:
            with pytest.raises(RunError, match="no epoch has been finished yet"):
                _ = run.best
        elif len(seen) == 4:
            run.stop()

    run = train(SPIRAL, progress=progress, training={"snapshots": 200})
    assert seen == [0, 1, 2, 3]
    assert len(run.metrics) == run.last.epoch == 3
    assert list(run.snapshots) == [1, 2, 3]


@pytest.mark.parametrize("patience", [None, 2])
def test_a_bar_is_shown_if_it_is_asked_for(patience: int | None, capfd: pytest.CaptureFixture[str]) -> None:
    run = train("moons", progress=True, training={"epochs": 9, "patience": patience}, optimizer=STILL)
    epochs = 9 if patience is None else 3
    assert len(run.metrics) == epochs
    out, err = capfd.readouterr()
    assert out == ""
    assert f"epoch {epochs}/{epochs} " in err.splitlines()[-1]
    assert "val " in err
    train("moons", training={"epochs": 1})
    train("moons", training={"epochs": 1}, progress=False)
    assert capfd.readouterr() == ("", "")


def test_each_network_of_a_cross_validation_has_its_bar(capfd: pytest.CaptureFixture[str]) -> None:
    X, y = two_classes()
    mlpcli.cross_validate(SMALL, X=X, y=y, folds=2, progress=True)
    err = capfd.readouterr().err
    assert re.search(r"epoch 6/6 of all .*, 2 of 2 folds done", err)


def test_a_model_is_exported_as_the_command_does(tmp_path: Path) -> None:
    run = train("spiral", out=tmp_path / "run", training={"epochs": 2})
    written = load(tmp_path / "run").export(tmp_path / "model.py")
    assert mlp(["export", str(tmp_path / "run"), str(tmp_path / "same.py")]) == 0
    assert (tmp_path / "model.py").read_bytes() == (tmp_path / "same.py").read_bytes()
    assert written.files == {tmp_path / "model.py": (tmp_path / "model.py").stat().st_size}
    assert (written.inputs, written.outputs) == ({"X": ("x1", "x2")}, ("label", "probabilities"))
    assert run.best.export(str(tmp_path / "arrays"), to="npz").files


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("model.xyz", None, r"its ending says no format; let it end in .onnx, .* or name the format$"),
        ("model.npz", "onnx", r"is to be onnx, and ends in .npz"),
        ("model", "onxx", r"'onxx' is no format; there are onnx, .*\nDid you mean 'onnx'\?"),
        (".", "npz", "is a folder; name a file in it"),
        ("run/last.npz", None, "is a checkpoint, which it would replace"),
    ],
)
def test_an_export_that_is_refused(name: str, to: str | None, message: str, tmp_path: Path) -> None:
    model = train("spiral", out=tmp_path / "run", training={"epochs": 1}).best
    before = sorted(path.stat().st_size for path in tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=message):
        model.export(tmp_path / name, to)
    assert sorted(path.stat().st_size for path in tmp_path.rglob("*")) == before
    model.layers["W1"][0] = np.nan
    with pytest.raises(RunError, match="is not written: the network holds weights that are not finite"):
        model.export(tmp_path / "model.py")


def test_a_callback_that_fails_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    def progress(run: Run) -> None:
        if len(run.metrics) == 3:
            raise KeyError

    with pytest.raises(KeyError):
        train(SPIRAL, out=tmp_path / "run", progress=progress)
    run = train(SPIRAL, out=tmp_path / "run", resume=True, progress=lambda run: run.stop())
    assert len(run.metrics) == 3
    assert load(tmp_path / "run" / "last.npz").epoch == 3


def test_listeners_get_each_epoch_in_order_before_it_is_kept(tmp_path: Path) -> None:
    seen: list[Any] = []

    def first(run: Run, epoch: Epoch) -> None:
        seen.append((epoch.number, len(run.metrics), float(run.network.parameters.values[0])))

    def second(run: Run, epoch: Epoch) -> None:
        seen.append(epoch.metrics["train_loss"])

    run = train(SPIRAL, listeners=[first, second], training={"epochs": 2, "snapshots": 2})
    weights = [float(model.checkpoint.network.parameters.values[0]) for model in run.snapshots.values()]
    losses = [row["train_loss"] for row in run.metrics]
    assert seen == [(1, 0, weights[0]), losses[0], (2, 1, weights[1]), losses[1]]


MINE = (KeyError("mine"), OSError(28, "mine"), RunError("mine"), DataError("mine"))


@pytest.mark.parametrize(
    ("on_disk", "error"),
    # An interrupted run in memory is returned, see tests/training/test_start.py.
    [*((False, error) for error in MINE), *((True, error) for error in (*MINE, KeyboardInterrupt()))],
)
def test_what_a_listener_raises_comes_through_and_leaves_a_whole_run(
    tmp_path: Path, error: BaseException, on_disk: bool
) -> None:
    out, heard = tmp_path / "run" if on_disk else None, []

    def fail(run: Run, epoch: Epoch) -> None:
        heard.append(epoch.number)
        if heard == [1, 2, 3]:
            raise error

    with pytest.raises(type(error)) as caught:
        train(SPIRAL, out=out, listeners=[fail], training={"epochs": 5})
    assert caught.value is error
    if out is not None:
        assert load(out / "last.npz").epoch == 2
        run = train(SPIRAL, out=out, resume=True, listeners=[fail], training={"epochs": 5})
        assert heard == [1, 2, 3, 3, 4, 5]
        whole = train(SPIRAL, out=tmp_path / "whole", training={"epochs": 5})
        assert run.last.layers["W1"].tobytes() == whole.last.layers["W1"].tobytes()
        assert [row["epoch"] for row in run.metrics] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("wrong", [print, [print, "log"], None])
def test_listeners_are_a_list_of_functions(wrong: Any) -> None:
    with pytest.raises(UsageError, match="listeners is not a list of functions"):
        train(SPIRAL, listeners=wrong)


def test_a_listener_may_stop_the_run() -> None:
    run = train(SPIRAL, listeners=[lambda run, epoch: epoch.number == 3 and run.stop()])
    assert len(run.metrics) == 3


def test_another_thread_stops_within_an_epoch() -> None:
    started = threading.Event()
    runs: list[Run] = []

    def progress(run: Run) -> None:
        runs.append(run)
        started.set()

    def long() -> None:
        points = {"name": "spiral", "points": 300_000, "val_size": 0, "test_size": 0}
        train(
            {"data": points, "model": {"hidden": [200, 200]}, "training": {"batch_size": 8}},
            progress=progress,
        )

    thread = threading.Thread(target=long)
    thread.start()
    assert started.wait(60)
    runs[0].stop()
    thread.join(30)
    assert not thread.is_alive()
    assert len(runs) == 1  # no epoch ended


def test_runs_in_two_threads_are_those_that_run_alone(tmp_path: Path) -> None:
    """Large enough that each optimizer works in threads of its own, with everything random."""
    sections: dict[str, Any] = {
        "data": {"name": "spiral", "points": 400},
        "model": {"hidden": [300, 300], "batch_norm": True, "dropout": 0.2, "input_noise": 0.1},
    }

    def run(seed: int, out: Path) -> None:
        train(sections, out=out, training={"epochs": 4, "seed": seed, "batch_size": 50})

    for seed in (1, 2):
        run(seed, tmp_path / f"alone{seed}")
    threads = [threading.Thread(target=run, args=(seed, tmp_path / f"both{seed}")) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        alone, both = tmp_path / f"alone{seed}", tmp_path / f"both{seed}"
        for name in ("best.npz", "last.npz", "config.yaml"):
            assert (alone / name).read_bytes() == (both / name).read_bytes()
        rows = [
            [{key: row[key] for key in row.keys() - TIMINGS} for row in map(json.loads, lines)]
            for lines in ((out / "metrics.jsonl").read_text().splitlines() for out in (alone, both))
        ]
        assert rows[0] == rows[1]


def test_training_that_diverges_raises_and_the_run_keeps_what_was_good() -> None:
    runs: list[Run] = []

    def spoil(run: Run) -> None:
        runs.append(run)
        if len(run.metrics) == 2:
            run.network.parameters.values[0] = np.nan

    with pytest.raises(RunError, match="training diverged") as caught:
        train("sine", progress=spoil)
    assert caught.value.run is runs[0]
    assert len(runs[0].metrics) == runs[0].last.epoch == 2
    assert np.isfinite(runs[0].last.layers["W1"]).all()


def test_an_error_before_training_has_no_run() -> None:
    assert RunError("no").run is None


def test_a_warning_of_an_old_spelling_points_to_the_caller() -> None:
    config = {"data": {"name": "xor", "standardize": "scale"}, "training": {"epochs": 1}}
    with pytest.warns(mlpcli.ConfigWarning) as caught:
        train(config)
    assert {warning.filename for warning in caught} == {__file__}
    X, y = two_classes()
    with pytest.warns(mlpcli.ConfigWarning) as caught:
        mlpcli.cross_validate(config, X=X, y=y, folds=2)
    assert {warning.filename for warning in caught} == {__file__}


def test_loading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such run or checkpoint; name the directory"):
        load(tmp_path / "none.npz")
    with pytest.raises(CheckpointError, match="is not the directory of a run: it has no config"):
        load(tmp_path)
    (tmp_path / "config.yaml").touch()
    with pytest.raises(CheckpointError, match=r"has no best\.npz yet"):
        load(str(tmp_path))


def test_metrics_are_rows_with_the_same_keys(tmp_path: Path) -> None:
    for out in (None, tmp_path / "run"):
        rows = train(SPIRAL, training={"epochs": 3}, out=out).metrics
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
        assert json.loads(json.dumps(rows)) == rows


def test_a_network_of_arrays_is_scored_on_files_and_says_that_its_data_are_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = two_classes()
    train(SMALL, X=X, y=y, out=tmp_path / "run")
    np.savez(tmp_path / "new.npz", X=X, y=y)
    best = str(tmp_path / "run" / "best.npz")
    assert mlp(["eval", best, "--data", str(tmp_path / "new.npz")]) == 0
    capsys.readouterr()
    for more in ([], ["--data", str(tmp_path / "new.npz"), "--split", "test"]):
        assert mlp(["eval", best, *more]) == 1
        assert capsys.readouterr().err == (
            "Error: the network was trained on arrays that a program handed in, and they are not kept\n"
            "Name a file with the same columns with --data.\n"
        )


def test_a_model_is_a_model() -> None:
    assert isinstance(train(SPIRAL, training={"epochs": 1}).best, Model)


@pytest.mark.exhaustive
def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/python.md", "exec"), names)
    out, err = capsys.readouterr()
    assert out.startswith("20 epochs; the best was ")
    assert 'did you mean "learning_rate"' in out
    assert err == ""
    assert (tmp_path / "spiral.npz").exists()


@pytest.mark.parametrize("name", [*SIGNATURES, *sorted(ERRORS | WARNINGS), "MlpError"])
def test_the_page_shows_every_name(name: str) -> None:
    assert re.search(rf"\b{name.rpartition('.')[2]}\b", PAGE)
