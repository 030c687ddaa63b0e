"""Cross-validation: a network predicts only rows that are new to it, and stopping changes nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli import cross_validate, load, train
from mlpcli.build.readers import load_dataset
from mlpcli.build.splits import divide
from mlpcli.cohort.folds import CrossValidation, train_folds
from mlpcli.cohort.group import shape_of
from mlpcli.config.loader import make_experiment
from mlpcli.errors import ConfigError, DataError, RunError, UsageError
from mlpcli.training.directory import FoldsDirectory
from mlpcli.training.loop import Trainer
from mlpcli.training.run import Run
from mlpcli.training.start import take_folder
from mlpcli.training.validated import Validated, read_record

IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"
PENGUINS = IRIS.with_name("penguins.csv")
CONFIG: dict[str, Any] = {
    "data": {"name": "csv", "path": str(IRIS), "target": "species"},
    "model": {"hidden": [8]},
    "training": {"epochs": 4},
}
EPOCH: dict[str, Any] = {"training": {"epochs": 1}}
FILES = ("folds.npz", "folds.json", "out_of_fold.csv")


def iris() -> tuple[Any, Any]:
    with IRIS.open() as file:
        rows = list(csv.reader(file))[1:]
    return np.array([row[:4] for row in rows], float), np.array([row[4] for row in rows])


def contents(folder: Path) -> dict[str, bytes]:
    """Return what must be the same after a stop: all but the logs and the times of epochs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
    }


def rows_of(run: Path) -> list[dict[str, Any]]:
    """Return the rows of metrics.jsonl without times."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if key not in ("seconds", "examples_per_second")} for row in rows]


def test_each_row_is_predicted_by_the_network_that_has_not_seen_it(tmp_path: Path) -> None:
    found = cross_validate(CONFIG, folds=4, out=tmp_path / "cv")
    X, y = iris()
    tested = np.zeros(len(X), int)
    for k in range(1, 5):
        fold = {"data": {"fold": {"number": k, "of": 4}}}
        splits = divide(make_experiment(CONFIG, fold), load_dataset(make_experiment(CONFIG)))
        assert splits.test is not None
        rows = splits.test.rows
        seen = np.concatenate([splits.parts[part].rows for part in ("train", "val")])
        assert not set(rows) & set(seen)
        tested[rows] += 1
        alone = train(CONFIG, **fold).best  # the run of a fold is an ordinary run
        np.testing.assert_array_equal(alone.predict_proba(X[rows]), found.outputs[rows])
        np.testing.assert_array_equal(
            load(tmp_path / "cv" / f"fold-{k}").predict_proba(X[rows]), found.outputs[rows]
        )
        assert (found.folds[rows] == k).all()
        scores = found.scores[k - 1]
        report = alone.evaluate(X[rows], y[rows])
        assert {key: scores[key] for key in ("n", "loss", "accuracy", "roc_auc")} == {
            key: report[key] for key in ("n", "loss", "accuracy", "roc_auc")
        }
    assert (tested == 1).all()
    accuracies = [row["accuracy"] for row in found.scores]
    assert found.mean["accuracy"] == mean(accuracies)
    assert found.std["accuracy"] == stdev(accuracies)
    assert found.record.out_of_fold is not None
    assert found.record.out_of_fold["accuracy"] == np.mean(found.predictions == y)


@pytest.mark.parametrize(
    ("data", "loss"),
    [("moons", "cross_entropy"), ("moons", "binary_cross_entropy"), ("spiral", "hinge"), ("sine", "mse")],
)
def test_the_model_is_the_mean_of_the_networks(tmp_path: Path, data: str, loss: str) -> None:
    config = {"data": data, "loss": loss, "training": {"epochs": 2}}
    found = cross_validate(config, folds=3, out=tmp_path / "cv")
    models = [load(tmp_path / "cv" / f"fold-{k}") for k in (1, 2, 3)]
    X = np.random.default_rng(0).standard_normal((40, len(found.model.columns)))
    read = {"mse": "predict", "hinge": "scores"}.get(loss, "predict_proba")
    expected = np.mean([getattr(model, read)(X).astype(float) for model in models], axis=0)
    for model in (found.model, load(tmp_path / "cv"), load(tmp_path / "cv" / "folds.npz")):
        np.testing.assert_allclose(getattr(model, read)(X), expected, rtol=1e-5, atol=1e-6)


def test_repeats_have_other_folds_if_the_seed_of_splits_is_named() -> None:
    section = {**CONFIG["data"], "split_seed": 5}
    found = cross_validate({**CONFIG, "data": section}, folds=3, repeats=2)
    assert (found.folds[:, 0] != found.folds[:, 1]).any()
    points = {"data": {"name": "moons", "points": 30, "points_seed": 1}, "training": {"epochs": 1}}
    assert len(cross_validate(points, folds=2, repeats=2).scores) == 4


def test_predictions_of_repeats_are_averaged(tmp_path: Path) -> None:
    found = cross_validate(CONFIG, folds=3, repeats=2, out=tmp_path / "cv")
    X, y = iris()
    assert [(row["repeat"], row["fold"]) for row in found.scores] == [
        (r, k) for r in (1, 2) for k in (1, 2, 3)
    ]
    outputs = np.zeros((2, len(X), 3))
    for repeat in (1, 2):
        again = train(CONFIG, training={"seed": repeat - 1}, data={"fold": {"number": 1, "of": 3}}).best
        name = "fold-1" if repeat == 1 else "repeat-2-fold-1"
        one = load(tmp_path / "cv" / name)
        np.testing.assert_array_equal(one.predict_proba(X), again.predict_proba(X))
        for k in (1, 2, 3):
            model = load(tmp_path / "cv" / name.replace("fold-1", f"fold-{k}"))
            rows = found.folds[:, repeat - 1] == k
            outputs[repeat - 1, rows] = model.predict_proba(X[rows])
    np.testing.assert_allclose(found.outputs, outputs.mean(axis=0), rtol=1e-5, atol=1e-7)
    assert (found.folds[:, 0] != found.folds[:, 1]).any()
    with (tmp_path / "cv" / "out_of_fold.csv").open() as file:
        rows_of_file = list(csv.DictReader(file))
    assert [row["row"] for row in rows_of_file] == [str(i) for i in range(1, 151)]
    assert [row["truth"] for row in rows_of_file] == y.tolist()
    assert [row["prediction"] for row in rows_of_file] == found.predictions.tolist()
    assert [int(row["fold_2"]) for row in rows_of_file] == found.folds[:, 1].tolist()
    told = [
        [np.float32(row[f"probability_{name}"]) for name in found.model.classes or ()] for row in rows_of_file
    ]
    np.testing.assert_array_equal(told, found.outputs)


def test_values_of_a_regression_are_told_in_their_own_units(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    y = np.column_stack([1e6 + X[:, 0], X.sum(axis=1)])
    config = {"loss": "mse", "training": {"epochs": 3}}
    found = cross_validate(config, X=X, y=y, folds=3, out=tmp_path / "cv")
    assert found.predictions.shape == (60, 2)
    assert abs(found.predictions[:, 0] - 1e6).max() < 10
    with (tmp_path / "cv" / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["row", "fold", "truth_y1", "truth_y2", "prediction_y1", "prediction_y2"]
    np.testing.assert_allclose([float(row["truth_y1"]) for row in rows], y[:, 0], rtol=1e-7)
    in_memory = cross_validate(config, X=X, y=y, folds=3)
    np.testing.assert_array_equal(in_memory.outputs, found.outputs)
    np.testing.assert_array_equal(in_memory.model.predict(X), found.model.predict(X))


def stop_in(run_number: int, epoch: int) -> Any:
    """Return a function for ``progress`` that stops a run after some of its epochs."""
    begun: list[Run] = []

    def progress(run: Run) -> None:
        if run not in begun:
            begun.append(run)
        if begun.index(run) + 1 == run_number and run.trainer.progress.epoch == epoch:
            run.stop()

    return progress


STOPS = [
    *((1, 0), (3, 3)),
    *(pytest.param(*place, marks=pytest.mark.exhaustive) for place in [(1, 2), (2, 0), (3, 4)]),
]


@pytest.mark.parametrize(("number", "epoch"), STOPS)
def test_one_that_was_stopped_ends_in_the_same_bytes(tmp_path: Path, number: int, epoch: int) -> None:
    """Whichever fold is stopped stops all; those that have ended are not trained again."""
    cross_validate(CONFIG, folds=3, out=tmp_path / "whole")
    part = tmp_path / "part"
    done = 2 if epoch == 4 else 0  # all folds take turns
    with pytest.raises(RunError, match=rf"was stopped: {done} of 3 networks are trained"):
        cross_validate(CONFIG, folds=3, out=part, progress=stop_in(number, epoch))
    ended = [row.run for row in read_record(part / "folds.json").rows]
    assert len(ended) == done
    assert not (part / "folds.npz").exists()
    finished = {part / run: (part / run / "last.npz").stat().st_mtime_ns for run in ended}
    begun: list[Any] = []
    cross_validate(CONFIG, folds=3, out=part, resume=True, progress=lambda run: begun.append(run.directory))
    assert contents(part) == contents(tmp_path / "whole")
    for path, time in finished.items():
        assert (path / "last.npz").stat().st_mtime_ns == time
        assert path not in begun


def test_more_epochs_and_more_repeats_are_trained_later(tmp_path: Path) -> None:
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    cross_validate(CONFIG, folds=3, repeats=2, out=whole, training={"epochs": 6})
    cross_validate(CONFIG, folds=3, out=grown)
    cross_validate(CONFIG, folds=3, out=grown, resume=True, training={"epochs": 6})
    cross_validate(CONFIG, folds=3, repeats=2, out=grown, resume=True, training={"epochs": 6})
    assert contents(grown) == contents(whole)


def test_only_what_is_the_same_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "cv"
    cross_validate(CONFIG, folds=3, repeats=2, out=out)
    before = contents(out)
    for changed, message in (
        ({"folds": 4}, "has 3 folds, not 4"),
        ({"folds": 3, "repeats": 1}, "has 2 repeats; with 1, start a new one"),
        ({"folds": 3, "model": {"hidden": [9]}}, r"started with another config:\n  model.hidden"),
    ):
        with pytest.raises((UsageError, ConfigError), match=message):
            cross_validate(CONFIG, out=out, resume=True, **{"repeats": 2, **changed})
    X, y = iris()
    with pytest.raises(ConfigError, match="another config"):
        cross_validate(CONFIG, X=X, y=y, folds=3, repeats=2, out=out, resume=True)
    assert contents(out) == before


def test_data_that_have_changed_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(IRIS.read_bytes())
    config = {**CONFIG, "data": {**CONFIG["data"], "path": str(table)}}
    with pytest.raises(RunError, match="0 of 3"):
        cross_validate(config, folds=3, out=tmp_path / "cv", progress=stop_in(2, 0))
    table.write_text(IRIS.read_text().replace("5.1,3.5", "5.2,3.5", 1))
    with pytest.raises(DataError, match=r"table.csv has changed since the cross-validation was started"):
        cross_validate(config, folds=3, out=tmp_path / "cv", resume=True)


def test_it_goes_on_after_its_project_was_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "table.csv").write_bytes(IRIS.read_bytes())
    config = {**CONFIG, "data": {**CONFIG["data"], "path": str(old / "table.csv")}}
    with pytest.raises(RunError, match="0 of 3"):
        cross_validate(config, folds=3, out=old / "cv", progress=stop_in(2, 1))
    old.rename(new)
    found = cross_validate(config, folds=3, out=new / "cv", resume=True)
    assert len(found.scores) == 3


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        ({"data": "cifar10"}, {}, "cifar10 has a test split of its own"),
        ({"data": {"name": "moons", "fold": {"number": 1, "of": 5}}}, {}, "data.fold names one fold"),
        ({"data": "moons"}, {"repeats": 2}, "other points of moons; set data.points_seed"),
        ({"data": "moons"}, {"folds": 1}, "1 folds and 1 repeats: a cross-validation has 2 folds or more"),
        ({"data": "moons"}, {"folds": 1001}, "up to 1,000 networks"),
        ({"data": {"name": "moons", "val_size": 0.5}}, {"folds": 2}, r"val_size 0.5 \+ fold 0.5 is 1 of"),
        ({"data": {"name": "moons", "points": 10}}, {"folds": 11}, "10 examples cannot be cut into 11 folds"),
        ({**CONFIG, "training": {"seed": 2**32 - 1}}, {"repeats": 2}, "leaves no seeds for 2 repeats"),
    ],
)
def test_what_cannot_be_cut_is_refused(
    tmp_path: Path, config: Any, settings: dict[str, int], message: str
) -> None:
    with pytest.raises((ConfigError, UsageError, DataError), match=message):
        cross_validate(config, out=tmp_path / "cv", **settings)
    assert not (tmp_path / "cv").exists()


def test_another_one_in_its_place(tmp_path: Path) -> None:
    """With force nothing of the old one stays but files that others have put there."""
    out = tmp_path / "cv"
    cross_validate(CONFIG, folds=4, out=out)
    (out / "fold-4" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="already holds a cross-validation; resume that cross-validation"):
        cross_validate(CONFIG, folds=3, out=out)
    experiment = make_experiment(CONFIG)
    directory = take_folder(FoldsDirectory, "", out, force=True)
    found = train_folds(CrossValidation(experiment, 3, directory=directory))
    assert isinstance(found, Validated)
    assert [path.name for path in (out / "fold-4").iterdir()] == ["notes.txt"]
    cross_validate(CONFIG, folds=3, out=tmp_path / "new")
    (out / "fold-4" / "notes.txt").unlink()
    assert contents(out) == contents(tmp_path / "new")


def test_runs_and_cross_validations_do_not_replace_each_other(tmp_path: Path) -> None:
    train(CONFIG, out=tmp_path / "run")
    with pytest.raises(UsageError, match="files that do not belong to a cross-validation"):
        cross_validate(CONFIG, out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"not the directory of a cross-validation: it has no folds.json"):
        cross_validate(CONFIG, out=tmp_path / "run", resume=True)
    cross_validate(CONFIG, folds=2, out=tmp_path / "cv")
    with pytest.raises(UsageError, match="files that do not belong to a run"):
        train(CONFIG, out=tmp_path / "cv")


TABLE: dict[str, Any] = {"recipe": "table", "training": {"epochs": 2}}
CASES: dict[str, dict[str, Any]] = {
    "iris": CONFIG,
    "penguins": {**TABLE, "data": {"name": "csv", "path": str(PENGUINS), "target": "species"}},
    "a quantity": {
        "data": {"name": "csv", "path": str(PENGUINS), "target": "body_mass_g"},
        "training": {"epochs": 2},
    },
    "moons, balanced": {
        "data": {"name": "moons", "points": 61},
        "loss": {"name": "cross_entropy", "class_weights": "balanced"},
        "training": {"epochs": 3, "batch_size": 8},
    },
    "dropout": {**CONFIG, "model": {"hidden": [8], "dropout": 0.3, "norm": "batch"}},
    "patience": {**CONFIG, "training": {"epochs": 40, "patience": 2}},
    "snapshots": {**CONFIG, "training": {"epochs": 4, "snapshots": 2, "checkpoint_every": 3}},
    "a linear path": {**CONFIG, "model": {"hidden": [8], "linear_path": "fitted"}},
    "members with folds": {
        **CONFIG,
        "model": {"members": 3},
        "training": {"epochs": 2, "validation": "folds"},
    },
    # 150 rows in 7 folds: some training splits have 99 rows and others 98, and so a batch more.
    "other numbers of batches": {**CONFIG, "training": {"epochs": 3, "batch_size": 49}},
}


@pytest.mark.parametrize("name", some(CASES, 3))
def test_each_fold_has_the_files_that_it_has_alone(tmp_path: Path, name: str) -> None:
    config, folds = CASES[name], 7 if name == "other numbers of batches" else 4
    cross_validate(config, folds=folds, out=tmp_path / "cv")
    for k in range(1, folds + 1):
        together, alone = (tmp_path / place / f"fold-{k}" for place in ("cv", "alone"))
        train(config, data={"fold": {"number": k, "of": folds}}, out=alone)
        assert contents(together) == contents(alone)
        assert rows_of(together) == rows_of(alone)


def shapes(config: dict[str, Any], folds: int) -> int:
    """Return how many shapes the runs of the folds have."""
    validation = CrossValidation(make_experiment(config), folds)
    found: set[str] = set()

    def begin(runs: Sequence[Run]) -> None:
        found.update(repr(shape_of(run)) for run in runs)
        validation.waves.stop()

    list(validation.waves.train(begin))
    return len(found)


def test_folds_of_one_shape_train_side_by_side() -> None:
    assert shapes(CONFIG, 4) == 1
    assert shapes(CASES["other numbers of batches"], 7) == 2


def test_folds_may_have_other_inputs(tmp_path: Path) -> None:
    """A category that is in one fold alone is no input where that fold is held out; nor is a missing cell."""
    rows = [
        f"{i * 7 % 60},{'rare' if i == 5 else 'ab'[i % 2]},{'' if i == 8 else i % 5},{'yn'[i % 3 > 1]}"
        for i in range(60)
    ]
    (tmp_path / "table.csv").write_text("x,kind,z,y\n" + "\n".join(rows) + "\n")
    config = {"data": {"name": "csv", "path": str(tmp_path / "table.csv"), "target": "y"}, **EPOCH}
    assert shapes(config, 4) > 1
    found = cross_validate(config, folds=4, out=tmp_path / "cv")
    for k in range(1, 5):
        train(config, data={"fold": {"number": k, "of": 4}}, out=tmp_path / "alone" / f"fold-{k}")
    assert contents(tmp_path / "alone").items() <= contents(tmp_path / "cv").items()
    assert len(found.predictions) == 60


def test_a_fold_that_diverges_ends_all_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on from there, if they are resumed; what had ended is kept."""
    begin = Trainer.begin

    def lose(self: Trainer, number: int) -> Any:
        if number == 3 and self.train.split.rows.tobytes() == second:
            self.network.parameters.values[...] = np.nan
        return begin(self, number)

    fold = {"data": {"fold": {"number": 2, "of": 3}}}
    second = divide(make_experiment(CONFIG, fold), load_dataset(make_experiment(CONFIG))).train.rows.tobytes()
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "begin", lose)
        with pytest.raises(RunError, match=r"(?s)diverged.*The 2 epochs before it are in .*fold-2") as caught:
            cross_validate(CONFIG, folds=3, out=tmp_path / "cv")
    assert caught.value.run is not None
    assert [len(rows_of(tmp_path / "cv" / f"fold-{k}")) for k in (1, 2)] == [3, 2]
    cross_validate(CONFIG, folds=3, out=tmp_path / "cv", resume=True)
    cross_validate(CONFIG, folds=3, out=tmp_path / "whole")
    assert contents(tmp_path / "cv") == contents(tmp_path / "whole")


def test_the_rows_of_a_group_are_in_one_fold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = rng.integers(0, 20, 120)
    lines = [f"{rng.normal():.3f},p{person},{'ab'[int(rng.integers(2))]}" for person in people]
    (tmp_path / "table.csv").write_text("x,person,y\n" + "\n".join(lines) + "\n")
    data = {"name": "csv", "path": str(tmp_path / "table.csv"), "target": "y", "group": "person"}
    found = cross_validate({"data": data, "training": {"epochs": 1}}, folds=4, repeats=2, out=tmp_path / "cv")
    for repeat in range(2):
        for person in range(20):
            assert len(set(found.folds[people == person, repeat])) == 1
        assert set(found.folds[:, repeat]) == {1, 2, 3, 4}
    assert found.model.columns == ("x",)
    with pytest.raises(DataError, match="20 groups cannot be"):
        cross_validate({"data": data}, folds=21)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"split": "part"}, "data.split says which rows are held out"),
        ({"split_by": "time"}, "split_by: time"),
    ],
)
def test_splits_of_ones_own_are_not_cut_into_folds(own: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cross_validate({**CONFIG, "data": {**CONFIG["data"], **own}}, folds=3)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_baselines_of_the_mean_are_the_mean_of_theirs(tmp_path: Path, loss: str) -> None:
    X, y = iris()
    if loss == "mse":
        X, y = X[:, :3], X[:, 3]
    found = cross_validate(
        {"model": {"hidden": [4]}, "loss": loss}, X=X, y=y, folds=3, out=tmp_path / "cv", **EPOCH
    )
    outputs, constants = [], []
    for k in (1, 2, 3):
        fold = load(tmp_path / "cv" / f"fold-{k}").checkpoint
        assert fold.baselines is not None
        assert fold.baselines.V is not None
        constants.append(fold.baselines.constant)
        values = fold.transform.apply(X) @ fold.baselines.V + fold.baselines.b
        if fold.target_transform is not None:
            values = fold.target_transform.undo(values)
        else:
            values = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        outputs.append(values)
    mean_of_folds = np.mean(outputs, axis=0)
    for model in (found.model, load(tmp_path / "cv")):
        scores = model.evaluate(X, y)["baselines"]
        if loss == "mse":
            mse = np.mean((mean_of_folds[:, 0] - y) ** 2)
            assert scores["linear"]["mse"] == pytest.approx(mse, rel=1e-4)
            assert scores["mean"]["mse"] == pytest.approx(np.mean((y - np.mean(constants)) ** 2))
        else:
            chosen = found.model.classes
            assert chosen is not None
            expected = np.mean(np.array(chosen)[mean_of_folds.argmax(axis=1)] == y)
            assert scores["linear"]["accuracy"] == pytest.approx(expected)
            assert scores["most_frequent"]["accuracy"] == pytest.approx(1 / 3)


def test_cells_that_some_networks_do_not_know_are_told() -> None:
    """A cell is missing in one fold alone, so that only the network that is scored on it has not seen one."""
    X, y = iris()
    X[7, 1] = np.nan
    config = {"model": {"hidden": [4]}, "data": {"val_size": 0}, **EPOCH}
    found = cross_validate(config, X=X, y=y, folds=3)
    some = X[:9].copy()
    some[3:6, 1] = np.nan
    note = "1 network of 3; filled with the median."
    assert found.model.evaluate(X, y)["notes"] == [
        f"'x2': 1 cell is missing, which none was in the training split of {note}"
    ]
    some[0, 0] = np.nan
    assert found.model.evaluate(some, y[:9])["notes"] == [
        "'x1': 1 cell is missing, which none was in the training split; filled with the median.",
        f"'x2': 4 cells are missing, which none was in the training split of {note}",
    ]
