"""mlp compare reads runs, refuses what cannot be compared, and says what is to be known about the rest."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_sweeps import make_sweep
from scipy import stats

import mlpcli
from mlpcli.config.loader import parse_experiment
from mlpcli.errors import MlpError, RunError, UsageError
from mlpcli.sweep.compare import Comparison, compare_runs, is_better_higher, title_of
from mlpcli.sweep.ranking import rank_sweep
from mlpcli.sweep.record import read_record, write_record
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import take_directory, train_run

Trained = Callable[..., RunDirectory]
SHORT = "training.epochs=3"


@pytest.fixture
def run(trained: Trained) -> Callable[..., Path]:
    """Return a function that returns the directory of a run of the moons with these overrides."""

    def run(*overrides: str, seed: int = 0, name: str = "moons") -> Path:
        return trained(name, SHORT, f"training.seed={seed}", *overrides).path

    return run


def train_table(out: Path, data: str = "target: c") -> Path:
    """Train on a small table beside ``out``; return the directory."""
    table = out.parent / "table.csv"
    if not table.exists():
        rng = np.random.default_rng(0)
        rows = [f"{a:.3f},{b:.3f},{a * b:.3f}" for a, b in rng.normal(size=(40, 2))]
        table.write_text("\n".join(["a,b,c", *rows]))
    config = f"data: {{name: csv, path: table.csv, {data}}}\nrecipe: plain\ntraining: {{epochs: 1}}"
    train_run(parse_experiment(config, "test", out.parent), take_directory("run", out))
    return out


def test_runs_become_groups_by_the_score_that_chose_their_epochs(run: Callable[..., Path]) -> None:
    paths = [run(f"model.hidden={h}", seed=seed) for h in ("[2]", "[30]") for seed in (0, 1, 2)]
    found = compare_runs(paths)
    assert (found.score, found.keys) == ("val_accuracy", ["model.hidden"])
    assert (found.passed_over, found.notes) == ([], [])
    scores = {path: load_checkpoint(path / "best.npz").scores["val_accuracy"] for path in paths}
    assert {Path(r.name): r.score for group in found.groups for r in group.results.values()} == scores


def test_the_interval_of_pairs_is_that_of_scipy(run: Callable[..., Path]) -> None:
    small, large = ([run(f"model.hidden={h}", seed=seed) for seed in (0, 1, 2)] for h in ("[2]", "[30]"))
    (one,) = compare_runs([*small, *large], "loss").contrasts
    a, b = (
        [load_checkpoint(path / "best.npz").scores["val_loss"] for path in some] for some in (small, large)
    )
    if np.mean(a) > np.mean(b):  # the better one is the first
        a, b = b, a
    expected = stats.ttest_rel(a, b)
    assert one.interval is not None
    assert one.value == pytest.approx(np.mean(a) - np.mean(b))
    assert one.interval.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (one.interval.low, one.interval.high) == pytest.approx((interval.low, interval.high))


def test_the_order_of_runs_does_not_matter(run: Callable[..., Path]) -> None:
    paths = [run(f"model.hidden={h}", seed=seed) for h in ("[2]", "[30]") for seed in (0, 1, 2)]
    expected = compare_runs(paths)
    random.Random(1).shuffle(paths)
    assert compare_runs(paths) == expected


def test_a_folder_stands_for_its_runs_and_a_run_counts_once(run: Callable[..., Path], tmp_path: Path) -> None:
    for seed in (0, 1):
        shutil.copytree(run(seed=seed), tmp_path / f"moons-{seed}")
    shutil.copytree(run(seed=0), tmp_path / "zcopy")
    found = compare_runs([tmp_path, tmp_path / "moons-0", tmp_path / ".." / tmp_path.name / "moons-1"])
    assert [sorted(result.name for result in group.results.values()) for group in found.groups] == [
        [str(tmp_path / "moons-0"), str(tmp_path / "moons-1")]
    ]
    assert found.passed_over == [
        f"{tmp_path / 'zcopy'} has the same keys and seeds as {tmp_path / 'moons-0'}"
    ]


def test_runs_that_give_l2_as_others_have_it_by_default_are_one_group(run: Callable[..., Path]) -> None:
    adam, given = "optimizer=adam", "regularization.l2=1e-4"
    paths = [run("optimizer=adamw"), run(adam), run(adam, given, seed=1), run(adam, given)]
    found = compare_runs(paths)
    assert sorted(len(group.results) for group in found.groups) == [1, 2]
    assert found.keys == ["optimizer.name", "regularization.l2"]
    assert [group.values["regularization.l2"] for group in found.groups if len(group.results) == 2] == [1e-4]
    assert [text.partition(" has ")[2].partition(" as ")[0] for text in found.passed_over] == [
        "the same keys and seeds"
    ]


def test_pairs_need_equal_seeds_of_points_and_splits_too(run: Callable[..., Path]) -> None:
    """A seed of the splits of its own makes other splits; the same number makes the same training."""
    seeds = (0, 1, 2)
    fixed = [run("data.split_seed=7", "model.hidden=[2]", seed=seed) for seed in seeds]
    (one,) = compare_runs([*fixed, *(run(seed=seed) for seed in seeds)]).contrasts
    assert one.pairs is None
    same = compare_runs([run("data.split_seed=0", "data.points_seed=0"), run(), run(seed=1)])
    assert len(same.passed_over) == 1


def test_runs_on_other_data_are_refused(run: Callable[..., Path], trained: Trained, tmp_path: Path) -> None:
    moons, iris = run(), trained("iris", SHORT).path
    for paths, expected in (
        ([moons, run(name="circles")], "moons learned from moons, and .*circles learned|from circles"),
        ([moons, iris], r"from iris.csv; scores on other data cannot be compared"),
    ):
        with pytest.raises(UsageError, match=expected):
            compare_runs(paths)
    first = train_table(tmp_path / "one")
    (tmp_path / "table.csv").write_text((tmp_path / "table.csv").read_text() + "\n1,2,3")
    with pytest.raises(UsageError, match=r"table.csv has changed between .*one and .*two"):
        compare_runs([first, train_table(tmp_path / "two")])


def train_arrays(out: Path, X: str = "X.npy", y: str = "y.npy") -> Path:
    """Train on arrays in files beside ``out``; return the directory."""
    rng = np.random.default_rng(0)
    for name, shape in (("X.npy", (40, 2)), ("y.npy", 40), ("Z.npy", (40, 2)), ("z.npy", 40)):
        np.save(out.parent / name, rng.normal(size=shape))
    config = f"data: {{name: npy, X: {X}, y: {y}}}\ntraining: {{epochs: 1}}"
    train_run(parse_experiment(config, "test", out.parent), take_directory("run", out))
    return out


def test_arrays_in_other_files_are_other_data_unless_they_were_moved(tmp_path: Path) -> None:
    first = train_arrays(tmp_path / "one")
    for name, files in (("other-X", {"X": "Z.npy"}), ("other-y", {"y": "z.npy"})):
        other = train_arrays(tmp_path / name, **files)
        with pytest.raises(UsageError, match=r"learned from .*[Zz].npy.*; scores on other data"):
            compare_runs([first, other])
    for name in ("X", "y"):
        shutil.copy(tmp_path / f"{name}.npy", tmp_path / f"{name}-moved.npy")
    moved = train_arrays(tmp_path / "moved", "X-moved.npy", "y-moved.npy")
    assert "has the same keys and seeds" in compare_runs([first, moved]).passed_over[0]


def test_other_columns_of_a_file_may_be_compared_and_other_targets_not(tmp_path: Path) -> None:
    whole = train_table(tmp_path / "whole")
    less = train_table(tmp_path / "less", "target: c, columns: {a: drop}")
    assert compare_runs([whole, less]).keys == ["data.columns.a"]
    other = train_table(tmp_path / "other", "target: b")
    with pytest.raises(UsageError, match="predict other targets"):
        compare_runs([whole, other])


def test_examples_that_are_drawn_in_another_way_are_told(run: Callable[..., Path]) -> None:
    found = compare_runs([run(), run("data.noise=0.5"), run("data.val_size=0.3")])
    assert found.notes == [
        "data.noise, data.val_size differ: the groups are scored on other examples, which may be easier or "
        "harder."
    ]
    assert compare_runs([run(), run("data.scaling=none")]).notes == []


def test_other_monitors_and_other_losses_need_a_score_that_is_named(run: Callable[..., Path]) -> None:
    by_loss, hinge = run("training.monitor=loss"), run("loss=hinge")
    with pytest.raises(
        UsageError, match=r"was chosen by validation accuracy, and that of .* by validation loss"
    ) as e:
        compare_runs([run(), by_loss])
    assert (e.value.topic, e.value.facts) == ("score to compare", {"score": "val_loss"})
    assert compare_runs([run(), by_loss], "loss").score == "val_loss"
    assert compare_runs([run(), hinge]).score == "val_accuracy"
    with pytest.raises(
        UsageError, match=r"loss.name differs between .* so their losses measure other things"
    ) as e:
        compare_runs([run(), hinge], "val_loss")
    assert e.value.facts == {"score": "val_accuracy"}
    with pytest.raises(
        UsageError, match=r"los is not a score .*they have train_loss, .*val_accuracy\nDid you"
    ):
        compare_runs([run(), hinge], "val_los")


def test_runs_that_do_not_count_are_told(run: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copytree(run(seed=3), tmp_path / "begun")
    (tmp_path / "begun" / "best.npz").unlink()
    found = compare_runs([run(), run(seed=1), tmp_path / "begun"])
    assert found.passed_over == [f"{tmp_path / 'begun'} has no best.npz: no epoch has been finished"]
    with pytest.raises(UsageError, match="no epoch has been finished; 1 left; a comparison needs two runs"):
        compare_runs([run(), tmp_path / "begun"])


def test_runs_that_got_more_epochs_are_one_group_wherever_their_best_epochs_are(tmp_path: Path) -> None:
    paths = [tmp_path / f"seed-{seed}" for seed in (0, 1, 2, 3)]
    for epochs, resume in ((3, False), (5, True)):
        for seed, path in enumerate(paths):
            settings = {"training.epochs": epochs, "training.seed": seed}
            mlpcli.train("spiral", out=path, resume=resume, **settings)
    kept = {load_checkpoint(path / "best.npz").experiment.training.epochs for path in paths}
    assert kept == {3, 5}  # what was planned when the best epoch was saved
    found = compare_runs(paths)
    assert ([len(group.results) for group in found.groups], found.keys, found.notes) == ([4], [], [])


def test_runs_that_failed_in_their_sweep_do_not_count(tmp_path: Path) -> None:
    grid = {"optimizer.learning_rate": [0.1, 0.01, 1e9]}
    sweep = make_sweep(tmp_path / "sweep", grid, 2, "spiral", epochs=20)
    record = read_record(sweep / "sweep.csv")
    failed = [row.directory for row in record.rows if row.status == "failed"]
    assert failed == ["run-05", "run-06"]
    shutil.copy(sweep / "run-01" / "best.npz", sweep / "run-06" / "best.npz")  # as if it had failed later
    found = compare_runs([sweep])
    assert f"{sweep / 'run-06'} failed in its sweep" in found.passed_over
    ranked = rank_sweep(record)
    assert [group.mean for group in found.groups] == [group.mean for group in ranked.groups]
    pruned = [replace(row, status="pruned") if row.run == 1 else row for row in record.rows]
    write_record(sweep / "sweep.csv", replace(record, rows=pruned))
    assert f"{sweep / 'run-01'} was ended early in its sweep" in compare_runs([sweep]).passed_over


def test_a_sweep_stands_for_all_runs_of_its_table_wherever_they_are(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path / "one", {"optimizer.learning_rate": [0.1, 0.01]}, 2)
    record = read_record(sweep / "sweep.csv")
    here = compare_runs([sweep])
    other = tmp_path / "two"
    other.mkdir()
    for row in record.rows[2:]:
        (sweep / row.directory).rename(other / row.directory)
    moved = [
        row if row.run < 3 else replace(row, directory=str(other / row.directory)) for row in record.rows
    ]
    write_record(sweep / "sweep.csv", replace(record, rows=moved))
    found = compare_runs([sweep, other])
    assert found.passed_over == []
    assert [group.scores for group in found.groups] == [group.scores for group in here.groups]
    assert [group.scores for group in compare_runs([sweep]).groups] == [group.scores for group in here.groups]

    moved[2] = replace(moved[2], status="pruned")
    moved[3] = replace(moved[3], directory="host:/far/run-4")
    write_record(sweep / "sweep.csv", replace(record, rows=moved))
    assert compare_runs([sweep]).passed_over == [
        f"{other / 'run-03'} was ended early in its sweep",
        f"run 4 of {sweep} is not there: host:/far/run-4",
    ]


def test_a_run_that_is_not_finished_is_told(run: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copytree(run(seed=3), tmp_path / "stopped")
    metrics = tmp_path / "stopped" / "metrics.jsonl"
    metrics.write_bytes(b"".join(metrics.read_bytes().splitlines(keepends=True)[:2]))
    (note,) = compare_runs([run(), tmp_path / "stopped"]).notes
    assert note == f"1 run not trained to the end, as {tmp_path / 'stopped'} after 2 of 3 epochs."
    metrics.unlink()
    with pytest.raises(RunError, match=r"metrics.jsonl cannot be read"):
        compare_runs([run(), tmp_path / "stopped"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nowhere", "nowhere is not the directory of a run: it has no config.yaml"),
        ("moons/best.npz", r"best.npz is a file; name its run, .*moons"),
    ],
)
def test_what_is_no_run_is_refused(
    run: Callable[..., Path], tmp_path: Path, name: str, expected: str
) -> None:
    shutil.copytree(run(), tmp_path / "moons")
    with pytest.raises(MlpError, match=expected):
        compare_runs([run(), tmp_path / name])
    with pytest.raises(UsageError, match="only one run is named"):
        compare_runs([run()])


def test_of_a_folder_of_folders_those_with_runs_are_named(run: Callable[..., Path], tmp_path: Path) -> None:
    for place in ("runs/several/a", "runs/several/b", "runs/empty/notes", "runs/one/c"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("a", "b"):
        (tmp_path / "runs" / "several" / place / "config.yaml").touch()
    named = rf"name one of the folders that hold several: {tmp_path / 'runs' / 'several'}$"
    with pytest.raises(UsageError, match=f"runs is not the directory of a run, and there is none.*{named}"):
        compare_runs([tmp_path / "runs"])
    shutil.copytree(run(), tmp_path / "runs" / "moons")
    with pytest.raises(UsageError, match=f"only one run is named; a comparison needs two.*{named}"):
        compare_runs([tmp_path / "runs"])


def test_titles_and_directions() -> None:
    assert title_of("val_roc_auc") == "validation ROC AUC"
    assert title_of("train_loss") == "training loss"
    assert is_better_higher("val_r2")
    assert not is_better_higher("val_mse")
    assert not is_better_higher("test_loss")


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Return the comparison of two cross-validations of three folds."""
    place = tmp_path_factory.mktemp("folds")
    for units in (2, 8):
        config = {"data": "moons", "model": {"hidden": [units]}, "training": {"epochs": 2}}
        mlpcli.cross_validate(config, folds=3, out=place / f"cv-{units}")
    return compare_runs([place / "cv-2", place / "cv-8"])


def test_folds_are_pairs_and_have_test_scores(folds: Comparison) -> None:
    assert (folds.repeated, folds.keys) == ("fold", ["model.hidden"])
    assert [len(group.results) for group in folds.groups] == [3, 3]
    assert "test_accuracy" in folds.beside
    assert folds.notes == [
        "Folds share most of their training rows, so the true intervals are somewhat wider."
    ]
