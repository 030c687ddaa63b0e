"""Runs: reproducible bytes, the best epoch, and what is kept when a run fails."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples, only

import mlpcli
from mlpcli.config.loader import load_experiment, parse_experiment, validate_experiment
from mlpcli.data.target_transform import BENDS
from mlpcli.errors import ConfigError, RunError
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.predictions import predict_rows
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory, train_run

CONFIGS = Path(__file__).parents[2] / "configs"
TIMINGS = {"seconds", "examples_per_second"}


def train(config: str | Path, out: Path, *overrides: str) -> tuple[Run, RunDirectory, list[dict[str, Any]]]:
    if isinstance(config, Path):
        experiment = load_experiment(config, overrides)
    else:
        experiment = parse_experiment(config, "test", Path(), overrides)
    directory = take_directory("run", out)
    run = train_run(experiment, directory)
    return run, directory, rows(directory)


def rows(directory: RunDirectory) -> list[dict[str, Any]]:
    return [json.loads(line) for line in directory.metrics.read_text().splitlines()]


@pytest.mark.parametrize("config", only({"spiral", "sine"}, ["spiral", "circles", "sine", "digits"]))
def test_two_runs_of_one_config_give_the_same_bytes(tmp_path: Path, config: str) -> None:
    results = []
    for out in (tmp_path / "a", tmp_path / "b"):
        _, directory, metrics = train(CONFIGS / f"{config}.yaml", out, "training.epochs=3")
        timeless = [{key: value for key, value in row.items() if key not in TIMINGS} for row in metrics]
        assert metrics[0].keys() > TIMINGS
        results.append((timeless, directory.best.read_bytes(), directory.last.read_bytes()))
    assert results[0] == results[1]


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    files = [
        train(CONFIGS / "spiral.yaml", tmp_path / str(seed), "training.epochs=1", f"training.seed={seed}")[1]
        for seed in (0, 1)
    ]
    assert files[0].best.read_bytes() != files[1].best.read_bytes()


def test_a_row_of_metrics_has_everything(tmp_path: Path) -> None:
    run, _, metrics = train(CONFIGS / "moons.yaml", tmp_path / "run", "training.epochs=2")
    assert list(metrics[0]) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
        "examples_per_second",
        "dead",
        "saturated",
        "gradient_norm",
        "gradient_norms",
        "update_ratio",
        "weight_norm",
    ]
    assert len(metrics[0]["dead"]) == len(metrics[0]["saturated"]) == 2
    assert len(metrics[0]["update_ratio"]) == len(run.network.dense) == 3
    assert all(0 < ratio < 1 for ratio in metrics[0]["update_ratio"])
    assert metrics[0]["learning_rate"] == 0.01


def test_best_and_last_have_the_weights_of_their_epochs(tmp_path: Path) -> None:
    run, directory, metrics = train(CONFIGS / "spiral.yaml", tmp_path / "run", "training.epochs=30")
    best, last = load_checkpoint(directory.best), load_checkpoint(directory.last)
    expected = max(metrics, key=lambda row: (row["val_accuracy"], -row["val_loss"], -row["epoch"]))
    assert best.epoch == expected["epoch"]
    assert last.epoch == 30
    np.testing.assert_array_equal(last.network.parameters.values, run.network.parameters.values)
    scores = run.score_best()
    assert scores["val"]["accuracy"] == expected["val_accuracy"]
    assert scores["val"]["loss"] == pytest.approx(expected["val_loss"], rel=1e-6)
    assert last.resume is not None
    assert (last.resume.progress, last.resume.steps) == (run.trainer.progress, 30 * 3)
    assert best.resume is None


def saved(directory: RunDirectory) -> tuple[int, int]:
    """Return the epochs of best.npz and last.npz."""
    return load_checkpoint(directory.best).epoch, load_checkpoint(directory.last).epoch


def test_checkpoints_are_written_once_a_second_at_most_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(seconds: float, out: Path, *overrides: str) -> list[int]:
        monkeypatch.setattr("mlpcli.training.recorder._WRITE_EVERY", seconds)
        experiment = load_experiment(CONFIGS / "spiral.yaml", ["training.epochs=6", *overrides])
        directory = take_directory("run", out)
        found = [saved(directory) for _ in start_run(experiment, directory).epochs()]
        metrics = rows(directory)
        assert [row["epoch"] for row in metrics] == [1, 2, 3, 4, 5, 6]
        for best, last in found:  # neither is ahead of the other
            scores = [(row["val_accuracy"], -row["val_loss"]) for row in metrics[:last]]
            assert best == 1 + scores.index(max(scores))
        return [*(last for _, last in found), saved(directory)[1]]

    assert written(0, tmp_path / "each") == [1, 2, 3, 4, 5, 6, 6]
    assert written(1000, tmp_path / "few") == [1, 1, 1, 1, 1, 1, 6]
    assert written(1000, tmp_path / "asked", "training.checkpoint_every=5") == [1, 2, 3, 4, 5, 6, 6]
    for name in ("best.npz", "last.npz"):
        assert (tmp_path / "each" / name).read_bytes() == (tmp_path / "few" / name).read_bytes()
    monkeypatch.setattr("mlpcli.training.recorder._MOST_KEPT", 1000)  # a large network is not kept twice
    assert written(1000, tmp_path / "large") == [1, 2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize("end", ["stop", "leave", "raise"])
def test_checkpoints_in_memory_are_written_however_the_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr("mlpcli.training.recorder._WRITE_EVERY", 1000)
    directory = take_directory("run", tmp_path / "run")
    run = start_run(load_experiment(CONFIGS / "spiral.yaml"), directory)

    def end_at_4() -> None:
        epochs = run.epochs()
        for epoch in epochs:
            assert saved(directory) == (1, 1)
            if epoch.number == 4:
                if end == "stop":
                    run.stop()
                elif end == "leave":
                    epochs.close()
                else:
                    epochs.throw(KeyboardInterrupt)

    with contextlib.suppress(KeyboardInterrupt):
        end_at_4()
    assert saved(directory) == (4, 4)
    assert len(rows(directory)) == 4


@pytest.mark.parametrize("bend", BENDS)
def test_bent_targets_are_learned_and_scored_in_their_own_units(bend: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    y = np.exp(3 * X[:, 0] + rng.normal(0, 0.1, 400)).astype(np.float32)
    config = {
        "data": {"name": "arrays", "target_transform": bend},
        "model": {"hidden": [16]},
        "loss": "mse",
        "optimizer": {"learning_rate": 0.02},
        "training": {"epochs": 15},
    }
    run = mlpcli.train(config, X=X, y=y)
    val = run.splits.val
    assert val is not None
    true, values = y[val.rows], run.last.predict(X[val.rows])
    report = run.last.report(val, "val")
    r2 = 1 - np.sum((values - true) ** 2) / np.sum((true - true.mean()) ** 2)
    assert report["r2"] == pytest.approx(r2, abs=1e-5)
    assert run.metrics[-1]["val_r2"] == pytest.approx(r2, abs=1e-5)
    assert run.metrics[-1]["val_loss"] == pytest.approx(report["loss"], rel=1e-4)
    assert np.corrcoef(np.log(values), np.log(true))[0, 1] > 0.98
    best = run.score_best()["val"]["r2"]
    assert best == pytest.approx(run.best.report(val, "val")["r2"], abs=1e-5)


@pytest.mark.parametrize("loss", only({"mse"}, ["cross_entropy", "mse"]))
@settings(max_examples=examples(20), deadline=None)
@given(offset=st.floats(-1e9, 1e9), scale=st.sampled_from([0.1, 1, 60, 1e5]), column=st.sampled_from("ab"))
def test_any_offset_and_scale_of_a_column_gives_the_same_network(
    loss: str, offset: float, scale: float, column: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Seconds since 1970 over two minutes are learned like the seconds of two minutes."""
    folder = tmp_path_factory.mktemp("moved")
    rng = np.random.default_rng(0)
    plain = {"a": rng.uniform(0, 120, 60).round(2), "b": rng.normal(size=60).round(3)}
    y = ["low", "high"] * 30 if loss == "cross_entropy" else plain["a"] + plain["b"]

    def predictions(columns: dict[str, Any], name: str) -> Any:
        rows = zip(*(values.tolist() for values in columns.values()), y, strict=True)
        (folder / name).write_text("a,b,y\n" + "".join(f"{a!r},{b!r},{target}\n" for a, b, target in rows))
        config = f"""
            data: {{name: csv, path: {name}, target: y}}
            loss: {loss}
            model: {{hidden: [8]}}
            optimizer: adam
            training: {{epochs: 5}}"""
        run = train_run(parse_experiment(config, "test.yaml", folder))
        return predict_rows(run.last.checkpoint, folder / name).values

    moved = {**plain, column: offset + scale * plain[column]}
    tolerance = 1e-5 if loss == "cross_entropy" else 1e-5 * np.std(y)
    found, expected = predictions(moved, "moved.csv"), predictions(plain, "plain.csv")
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_without_validation_the_training_score_decides(tmp_path: Path) -> None:
    _, directory, metrics = train(
        CONFIGS / "sine.yaml", tmp_path / "run", "training.epochs=5", "data.val_size=0"
    )
    assert "val_loss" not in metrics[0]
    assert load_checkpoint(directory.best).epoch == min(metrics, key=lambda row: row["train_loss"])["epoch"]


def test_balanced_class_weights_are_not_taken_back_by_the_best_epoch(tmp_path: Path) -> None:
    """By plain accuracy the best epoch is one that finds the rare class less often."""
    rng = np.random.default_rng(1)
    y = (rng.random(600) < 0.1).astype(int)
    X = rng.standard_normal((600, 2)) + 0.8 * y[:, None]
    lines = [f"{a:.4f},{b:.4f},{['no', 'yes'][label]}" for (a, b), label in zip(X, y, strict=True)]
    (tmp_path / "table.csv").write_text("a,b,y\n" + "\n".join(lines))
    config = f"""
        data: {{name: csv, path: '{tmp_path / "table.csv"}', target: y}}
        model: {{hidden: [8]}}
        loss: {{class_weights: balanced}}
        training: {{epochs: 30}}"""
    recalls = {}
    for monitor in ("null", "accuracy"):
        run, _, metrics = train(config, tmp_path / monitor, f"training.monitor={monitor}")
        val = run.splits.val
        assert val is not None
        best, last = (model.report(val, "val")["macro"]["recall"] for model in (run.best, run.last))
        recalls[monitor] = best, last
        if monitor == "null":
            assert best == max(row["val_balanced_accuracy"] for row in metrics)
            assert run.best.checkpoint.scores["val_balanced_accuracy"] == best
    assert recalls["null"][0] >= recalls["null"][1]
    assert recalls["null"][0] > recalls["accuracy"][0]


def test_a_monitor_that_the_validation_split_cannot_have_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,y\n" + "".join(f"{i},{i * i}\n" for i in range(20)))
    config = f"""
        data: {{name: csv, path: '{tmp_path / "table.csv"}', target: y, val_size: 1}}
        recipe: plain
        loss: mse
        training: {{monitor: r2}}"""
    with pytest.raises(ConfigError, match=r"r2 is not defined for the validation split, as the true"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_patience_counts_epochs_since_the_best(tmp_path: Path) -> None:
    run, _, metrics = train(
        CONFIGS / "spiral.yaml", tmp_path / "run", "training.patience=4", "optimizer.learning_rate=1e-30"
    )
    assert len(metrics) == 5
    assert run.trainer.out_of_patience


def test_l2_shrinks_the_weights(tmp_path: Path) -> None:
    sizes = []
    for l2 in ("0", "0.1"):
        run, _, _ = train(
            CONFIGS / "spiral.yaml", tmp_path / l2, "training.epochs=30", f"regularization.l2={l2}"
        )
        sizes.append(np.linalg.norm(run.network.parameters.values[: run.network.parameters.n_penalized]))
    assert sizes[1] < 0.5 * sizes[0]


def test_penalties_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    """With a negligible gradient of the data, an sgd step shrinks every weight by learning_rate * l2."""
    for batch_size in (7, 180):
        config = CONFIGS / "spiral.yaml"
        options = ["training.epochs=1", "optimizer.learning_rate=1e-3", "optimizer.momentum=0"]
        shrunk = {}
        for l2 in (0, 10):
            run, _, _ = train(
                config,
                tmp_path / f"{batch_size}-{l2}",
                *options,
                f"regularization.l2={l2}",
                f"training.batch_size={batch_size}",
            )
            shrunk[l2] = np.linalg.norm(run.network.dense[0].W)
        steps = -(-180 // batch_size)
        assert shrunk[10] / shrunk[0] == pytest.approx((1 - 1e-3 * 10) ** steps, rel=2e-2)


def consume(run: Run, after_2: Callable[[Run], None]) -> None:
    for epoch in run.epochs():
        if epoch.number == 2:
            after_2(run)


def spoil(run: Run) -> None:
    run.network.parameters.values[0] = np.inf


@pytest.mark.parametrize("overrides", [[], ["data.val_size=0", "training.batch_size=1000"]])
def test_after_divergence_the_good_checkpoints_remain(tmp_path: Path, overrides: list[str]) -> None:
    experiment = load_experiment(CONFIGS / "sine.yaml", overrides)
    directory = take_directory("run", tmp_path / "run")
    run = start_run(experiment, directory)
    with pytest.raises(RunError) as caught:
        consume(run, spoil)
    message = str(caught.value)
    assert "in epoch 3" in message
    assert "training diverged" in message
    assert "optimizer.learning_rate (now 0.01)" in message
    assert message.endswith(f"\nThe 2 epochs before it are in {directory.path}.")
    assert "stopped: " in directory.log.read_text()
    assert len(rows(directory)) == 2
    assert saved(directory) == (2, 2)


def test_weights_that_overflow_in_the_last_step_are_not_saved(tmp_path: Path) -> None:
    """The loss of the only batch is computed before the step, so it cannot show the overflow."""
    overrides = ["data.val_size=0", "training.batch_size=1000", "optimizer={name: sgd, learning_rate: 1e38}"]
    experiment = load_experiment(CONFIGS / "sine.yaml", [*overrides, "regularization.l2=1e4"])
    directory = take_directory("run", tmp_path / "run")
    run = start_run(experiment, directory)
    with pytest.raises(RunError, match="training diverged") as caught:
        consume(run, spoil)
    assert str(caught.value).endswith(f"\nThe log of the run is in {directory.path}.")
    assert not directory.last.exists()


def remove(run: Run) -> None:
    shutil.rmtree("run")


def test_a_directory_that_disappears_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(CONFIGS / "spiral.yaml")
    run = start_run(experiment, take_directory("run", Path("run")))
    with pytest.raises(RunError, match="cannot be written"):
        consume(run, remove)


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    experiment = load_experiment(CONFIGS / "spiral.yaml")
    directory = take_directory("run", tmp_path / "run")
    run = start_run(experiment, directory)
    directory.log.mkdir()
    with pytest.raises(RunError, match=r"run\.log cannot be written"):
        next(run.epochs())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    experiment = load_experiment(CONFIGS / "spiral.yaml")
    directory = take_directory("run", tmp_path / "run")
    run = start_run(experiment, directory)
    directory.log.symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot be written: No space left on device"):
        consume(run, remove)
    assert capfd.readouterr() == ("", "")


def test_the_trained_fixture_has_what_the_command_line_tests_need(
    trained: Callable[..., RunDirectory],
) -> None:
    assert trained("xor", "training.epochs=20") is trained("xor", "training.epochs=20")


@pytest.mark.parametrize("members", [1, 3])
def test_predictions_are_clipped_to_the_range_of_the_training_targets(members: int, tmp_path: Path) -> None:
    """Those of a checkpoint, too; targets may be bent before they are learned."""
    x = np.linspace(1, 10, 200)
    np.savez(tmp_path / "x.npz", X=x[:, None], y=np.exp(x))
    sections = {
        "data": {"name": "npz", "path": str(tmp_path / "x.npz"), "target_transform": "log"},
        "model": {"linear_path": "fitted", "members": members},
        "loss": "mse",
        "training": {"epochs": 1},
    }
    far = np.array([[-100.0], [100.0]])
    free = Run(validate_experiment(sections, tmp_path))
    list(free.epochs())
    clipped = Run(
        validate_experiment({**sections, "model": {**sections["model"], "clip_outputs": True}}, tmp_path)
    )
    list(clipped.epochs())
    clipped.best.save(tmp_path / "kept.npz")
    seen = clipped.splits.train.y[clipped.splits.train.rows]
    assert free.best.predict(far)[1] > 2 * seen.max()
    for model in (clipped.best, mlpcli.load(tmp_path / "kept.npz")):
        np.testing.assert_allclose(model.predict(far), [seen.min(), seen.max()], rtol=1e-5)


def test_columns_about_rows_and_columns_that_are_left_out_are_told_apart(tmp_path: Path) -> None:
    rows = "".join(f"{i * 1.7 % 3},{i % 7},{i % 5},1,{i * 0.37 % 1}\n" for i in range(30))
    (tmp_path / "t.csv").write_text("a,w,g,one,y\n" + rows)
    data = f"{{name: csv, path: '{tmp_path / 't.csv'}', target: y, weight: w, group: g}}"
    run = Run(parse_experiment(f"data: {data}\nrecipe: plain", "test", Path()))
    assert run.notes[:2] == [
        "No features: 'w' (is the weight of the rows); 'g' (names the group of each row).",
        "Left out: 'one' (holds 1 in every row). To keep a column, say in data.columns what it holds.",
    ]


def test_a_column_without_a_name_has_no_hint_how_to_name_it(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 1.7 % 3},{i * 0.37 % 1}\n" for i in range(30))
    (tmp_path / "t.csv").write_text(",a,y\n" + rows)
    data = f"{{name: csv, path: '{tmp_path / 't.csv'}', target: y}}"
    run = Run(parse_experiment(f"data: {data}\nrecipe: plain", "test", Path()))
    assert run.notes[0] == "Left out: '(column 1)' (has no name)."


def test_who_drops_a_column_is_not_told_how_to_keep_it(tmp_path: Path) -> None:
    rows = "".join(f"{i * 1.7 % 3},{i % 7},{i * 0.37 % 1}\n" for i in range(30))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    data = f"{{name: csv, path: '{tmp_path / 't.csv'}', target: y, columns: {{b: drop}}}}"
    run = Run(parse_experiment(f"data: {data}\nrecipe: plain", "test", Path()))
    assert run.notes[0] == "Left out: 'b' (dropped in `data.columns`)."


def test_columns_and_the_features_that_they_become_are_told_apart(tmp_path: Path) -> None:
    rows = "".join(f"{i * 1.7 % 3},{'uvw'[i % 3]},{i * 0.37 % 1}\n" for i in range(30))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    data = f"{{name: csv, path: '{tmp_path / 't.csv'}', target: y}}"
    run = Run(parse_experiment(f"data: {data}\nrecipe: plain", "test", Path()))
    assert run.describe_data().endswith(", 2 columns as 4 features, 1 target")


@pytest.mark.parametrize(
    ("optimizer", "advice"),
    [
        ("{name: sgd, ", "(now 1e+30), or bound the gradient with optimizer.clip_norm: 1."),
        ("{name: sgd, momentum: 0.9, ", "(now 1e+30) or optimizer.momentum, or bound the gradient"),
        ("{name: nesterov, ", "(now 1e+30) or optimizer.momentum, or bound the gradient"),
        ("{name: sgd, clip_norm: 1.0e+30, ", "(now 1e+30)."),
    ],
)
def test_advice_on_a_divergence_names_what_may_end_it(optimizer: str, advice: str) -> None:
    config = f"data: spiral\noptimizer: {optimizer}learning_rate: 1.0e+30}}"
    with pytest.raises(RunError) as caught:
        list(Run(parse_experiment(config, "test", Path())).epochs())
    assert advice in str(caught.value)
