"""The data of a run are found again: where the config says, or where they were as seen from the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import DataError, UsageError
from mlpcli.training.apply import load_same_splits
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.moved import (
    data_from,
    found_from_config,
    is_missing,
    places_of_data,
    redirected,
    what_was_tried,
)
from mlpcli.training.start import take_directory, train_run

ROWS = "".join(f"{i % 7},{i * i % 5},{'ab'[i % 2]}\n" for i in range(60))
CONFIG = """
data: {name: csv, path: ../data/table.csv, target: y}
model: {hidden: [4]}
training: {epochs: 2}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that has been moved after training: data/, configs/ and runs/r."""
    old = tmp_path / "old"
    (old / "data").mkdir(parents=True)
    (old / "data" / "table.csv").write_text("u,v,y\n" + ROWS)
    experiment = parse_experiment(CONFIG, "c.yaml", old / "configs")
    train_run(experiment, take_directory("r", old / "runs" / "r"))
    (old / "runs" / "r" / "run.log").touch()
    return old.rename(tmp_path / "new")


def config(folder: Path, *overrides: str) -> Experiment:
    return parse_experiment(CONFIG, "c.yaml", folder / "configs", overrides)


def test_the_path_from_the_run_is_kept_in_its_checkpoints(project: Path) -> None:
    for name in ("best.npz", "last.npz"):
        assert load_checkpoint(project / "runs" / "r" / name).data_from_run == "../../data/table.csv"
    assert data_from(project / "elsewhere", config(project)) == "../data/table.csv"
    assert data_from(None, config(project)) is None
    assert data_from(project, parse_experiment("data: spiral", "c.yaml", project)) is None


def test_a_moved_project_finds_its_data(project: Path) -> None:
    checkpoint = load_checkpoint(project / "runs" / "r" / "best.npz")
    assert is_missing(checkpoint.experiment)
    splits = load_same_splits(checkpoint, project / "runs" / "r")
    assert splits.fingerprint == checkpoint.fingerprint


def test_a_moved_run_finds_data_that_stayed(project: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (project / "data").rename(tmp_path / "old" / "data")
    checkpoint = load_checkpoint(project / "runs" / "r" / "best.npz")
    assert load_same_splits(checkpoint, project / "runs" / "r").fingerprint == checkpoint.fingerprint


def test_of_two_tables_the_one_that_it_was_trained_on_is_taken(project: Path, tmp_path: Path) -> None:
    """A project was copied, and the table of the original has changed since."""
    shutil.copytree(project, tmp_path / "old")
    (tmp_path / "old" / "data" / "table.csv").write_text("u,v,y\n" + ROWS + "1,2,a\n")
    checkpoint = load_checkpoint(project / "runs" / "r" / "best.npz")
    assert load_same_splits(checkpoint, project / "runs" / "r").fingerprint == checkpoint.fingerprint
    with pytest.raises(DataError, match=r"table\.csv is no longer what the network was trained on"):
        load_same_splits(checkpoint, tmp_path / "old" / "runs" / "r")
    run = train_run(
        config(tmp_path / "old", "training.epochs=3"), RunDirectory.reopen(project / "runs" / "r")
    )
    (note,) = run.notes
    assert note == (
        f"{tmp_path}/old/data/table.csv is no longer the same; "
        f"the data are read from {project}/data/table.csv."
    )


def test_data_that_were_renamed_are_named_by_the_caller(project: Path) -> None:
    renamed = (project / "data" / "table.csv").rename(project / "t.csv")
    checkpoint = load_checkpoint(project / "runs" / "r" / "best.npz")
    assert load_same_splits(checkpoint, project / "runs" / "r", renamed).fingerprint == checkpoint.fingerprint
    renamed.write_text("u,v,y\n" + ROWS[:-6])
    with pytest.raises(DataError, match="is no longer what the network was trained on"):
        load_same_splits(checkpoint, project / "runs" / "r", renamed)


def test_data_that_are_not_found_name_both_places(project: Path) -> None:
    (project / "data" / "table.csv").unlink()
    directory = project / "runs" / "r"
    checkpoint = load_checkpoint(directory / "best.npz")
    for read in (
        lambda: load_same_splits(checkpoint, directory),
        lambda: train_run(checkpoint.experiment, RunDirectory.reopen(directory)),
    ):
        with pytest.raises(DataError) as caught:
            read()
        assert caught.value.topic == "data moved"
        first, second = str(caught.value).splitlines()
        assert first == f"{project.parent}/old/data/table.csv: no such file"
        assert second == (
            f"{project}/data/table.csv: no such file; as seen from the run, the data were there"
        )


def test_a_moved_run_is_resumed_and_keeps_the_new_path(project: Path) -> None:
    directory = project / "runs" / "r"
    run = train_run(config(project.parent / "old", "training.epochs=3"), RunDirectory.reopen(directory))
    assert run.trainer.progress.epoch == 3
    assert run.notes[0].startswith(
        f"{project.parent}/old/data/table.csv is not there; the data are read from"
    )
    assert f"path: {project}/data/table.csv" in (directory / "config.yaml").read_text()


def test_the_config_of_a_moved_run_finds_its_data(project: Path) -> None:
    directory, experiment = project / "runs" / "r", config(project.parent / "old")
    found = found_from_config(directory / "config.yaml", experiment)
    assert found == config(project)
    assert found_from_config(directory / "config.yaml", found) is found
    (directory / "last.npz").unlink()
    assert found_from_config(directory / "config.yaml", experiment) == found
    (directory / "best.npz").unlink()
    assert found_from_config(directory / "config.yaml", experiment) is experiment


def test_places_without_a_second_one(project: Path) -> None:
    experiment = config(project)
    assert places_of_data(experiment, project, None) == [experiment]
    assert places_of_data(experiment, project, "data/table.csv") == [experiment]  # the same file
    assert places_of_data(experiment, project, "nowhere.csv") == [experiment]
    assert what_was_tried(experiment, None, "x.csv") == what_was_tried(experiment, project, None) == ""


def test_only_data_of_files_are_redirected(tmp_path: Path) -> None:
    images = parse_experiment("data: cifar10", "c.yaml", tmp_path)
    assert getattr(redirected(images, tmp_path).data, "root", None) == str(tmp_path)
    with pytest.raises(UsageError, match="spiral is drawn from the seed"):
        redirected(parse_experiment("data: spiral", "c.yaml", tmp_path), tmp_path)


def test_several_files_are_found_again_together(tmp_path: Path) -> None:
    for part in ("a", "b"):
        folder = tmp_path / "old" / "data" / part
        folder.mkdir(parents=True)
        (folder / "t.csv").write_text("u,v,y\n" + ROWS)
    text = CONFIG.replace("../data/table.csv", "[../data/a/t.csv, ../data/b/t.csv]")
    experiment = parse_experiment(text, "c.yaml", tmp_path / "old" / "configs")
    train_run(experiment, take_directory("r", tmp_path / "old" / "runs" / "r"))
    (tmp_path / "old").rename(tmp_path / "new")
    checkpoint = load_checkpoint(tmp_path / "new" / "runs" / "r" / "best.npz")
    assert checkpoint.data_from_run == "../../data"
    splits = load_same_splits(checkpoint, tmp_path / "new" / "runs" / "r")
    assert splits.fingerprint == checkpoint.fingerprint
    (tmp_path / "new" / "data" / "b" / "t.csv").unlink()
    with pytest.raises(DataError, match="no such file"):
        load_same_splits(checkpoint, tmp_path / "new" / "runs" / "r")


def test_files_of_splits_are_found_after_a_move(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "data").mkdir(parents=True)
    for name in ("a", "b"):
        (old / "data" / f"{name}.csv").write_text("u,v,y\n" + ROWS)
    text = CONFIG.replace("path: ../data/table.csv", "split: {test: ../data/a.csv, train: ../data/b.csv}")
    train_run(parse_experiment(text, "c.yaml", old / "configs"), take_directory("r", old / "runs" / "r"))
    old.rename(new)
    checkpoint = load_checkpoint(new / "runs" / "r" / "best.npz")
    for data in (None, new / "data"):
        splits = load_same_splits(checkpoint, new / "runs" / "r", data)
        assert (len(splits.train), len(splits.test or ())) == (60, 60)
    with pytest.raises(UsageError, match=r"a\.csv is not the folder of the files of the splits"):
        redirected(checkpoint.experiment, new / "data" / "a.csv")
    moved = parse_experiment(text, "c.yaml", new / "configs", ["training.epochs=3"])
    assert train_run(moved, RunDirectory.reopen(new / "runs" / "r")).trainer.progress.epoch == 3
