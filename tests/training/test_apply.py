"""Checkpoints in use: scored on the data of their training or on other data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli import train
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment
from mlpcli.errors import DataError, MlpError, UsageError
from mlpcli.training.apply import load_same_splits, score_checkpoint
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import take_directory, train_run

Trained = Callable[..., RunDirectory]
ROOT = Path(__file__).parents[2]
IRIS = ROOT / "datasets" / "iris.csv"
EPOCHS = "training.epochs=20"


def test_it_is_scored_on_the_named_split_or_else_on_the_first_that_exists(trained: Trained) -> None:
    best = trained("iris", EPOCHS).best
    assert [score_checkpoint(best, part, None)["n"] for part in ("train", "val", "test")] == [90, 30, 30]
    assert score_checkpoint(best, None, None) == score_checkpoint(best, "test", None)
    without = trained("iris", EPOCHS, "data.test_size=0").best
    assert score_checkpoint(without, None, None)["split"] == "val"
    with pytest.raises(UsageError, match="this run has no test split; it has val, train"):
        score_checkpoint(without, "test", None)


def test_a_file_is_scored_as_a_whole_or_split_as_the_config_says(tmp_path: Path, trained: Trained) -> None:
    best, copy = trained("iris", EPOCHS).best, tmp_path / "copy.csv"
    shutil.copy(IRIS, copy)
    whole = score_checkpoint(best, None, copy)
    assert (whole["split"], whole["n"], whole["data"]) == ("all", 150, str(copy))
    assert score_checkpoint(best, "val", copy) == score_checkpoint(best, "val", None) | {"data": str(copy)}


def test_the_splits_are_those_of_the_training(trained: Trained) -> None:
    checkpoint = load_checkpoint(trained("iris", EPOCHS).best)
    found, expected = load_same_splits(checkpoint), load_splits(load_experiment(ROOT / "configs/iris.yaml"))
    for part, split in expected.parts.items():
        np.testing.assert_array_equal(found.parts[part].rows, split.rows)


def changed(text: str) -> dict[str, tuple[str | None, str, str | None]]:
    """Return the ways in which a table may have changed: its text, the message, and the topic of the hint."""
    header, *rows = text.splitlines()
    return {
        "gone": (None, "no such file", "data moved"),
        "another order": ("\n".join([header, *rows[::-1]]), "is no longer what the network", "data changed"),
        "one row more": (text + rows[0] + "\n", "is no longer what the network was", "data changed"),
        "another column": (text.replace("petal_width", "p"), "other features than those", None),
        "another class": (text.replace("setosa", "rosa"), "other classes than those", None),
    }


@pytest.mark.parametrize("what", changed(IRIS.read_text()))
def test_changed_data_are_refused(tmp_path: Path, what: str) -> None:
    """Otherwise the test split might contain training examples."""
    table = tmp_path / "iris.csv"
    shutil.copy(IRIS, table)
    experiment = load_experiment(ROOT / "configs" / "iris.yaml", [f"data.path={table}", "training.epochs=1"])
    directory = take_directory("run", tmp_path / "run")
    train_run(experiment, directory)
    text, said, topic = changed(IRIS.read_text())[what]
    table.unlink()
    if text is not None:
        table.write_text(text)
    with pytest.raises(MlpError, match=said) as caught:
        load_same_splits(load_checkpoint(directory.best))
    assert caught.value.topic == topic


def test_data_without_a_file_cannot_be_replaced(trained: Trained) -> None:
    with pytest.raises(UsageError, match="spiral is drawn from the seed") as caught:
        score_checkpoint(trained("spiral", EPOCHS).best, "test", IRIS)
    assert caught.value.topic == "data drawn"


def test_arrays_from_a_program_cannot_be_read_again(tmp_path: Path) -> None:
    X, y = np.random.default_rng(0).standard_normal((60, 2)), np.arange(60) % 2
    train({"training": {"epochs": 1}}, X=X, y=y, out=tmp_path / "run")
    with pytest.raises(DataError, match="arrays that a program handed in") as caught:
        score_checkpoint(tmp_path / "run" / "best.npz", None, None)
    assert caught.value.topic == "data not kept"
