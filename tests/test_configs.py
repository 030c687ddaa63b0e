"""The configs that come with the project solve their tasks."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from usual import some

from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment, parse_experiment
from mlpcli.data.toy import TOY_SETS
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.checkpoints.reading import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import take_directory, train_run

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
NOTES = sorted((CONFIGS / "notes").glob("*.yaml"))
LADDER = sorted((CONFIGS / "cifar10").glob("*.yaml"))
SMALL = CONFIGS / "cifar10" / "small.npz"
REAL = os.environ.get("MLP_DATA")

# What held-out examples have to score: accuracy, or R2 for a regression (with noise of 0.1 on a sine of
# variance 0.5 the best there is comes to 0.98). CIFAR-10 takes minutes and has its own test below.
SOLVED = {
    "blobs": 0.98,
    "circles": 0.98,
    "digits": 0.97,
    "iris": 0.93,
    "moons": 0.98,
    "peaks": 0.95,
    "penguins": 0.95,
    "sine": 0.97,
    "spiral": 0.97,
    "xor": 0.97,
}


def test_with_their_squares_as_inputs_a_line_separates_the_circles(
    trained: Callable[..., RunDirectory],
) -> None:
    """x1^2 + x2^2 is 1 on the one circle and 0.25 on the other."""
    linear = ("model.hidden=[]", "training.epochs=60")
    accuracies = [
        score_checkpoint(trained("circles", *linear, *terms).best, "test", None)["accuracy"]
        for terms in ([], ["data.terms=square"])
    ]
    assert accuracies[0] < 0.7
    assert accuracies[1] >= 0.98


def test_every_config_is_tested() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {*SOLVED, "cifar10"}
    table = (CONFIGS / "notes" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+\.yaml)\)", table)) == {path.name for path in NOTES}
    ladder = (ROOT / "docs" / "cifar10.md").read_text(encoding="utf-8")
    assert set(re.findall(r"configs/cifar10/(\w+\.yaml)\)", ladder)) == {path.name for path in LADDER}


@pytest.mark.parametrize("name", some(SOLVED, 4))
def test_solves_its_data(trained: Callable[..., RunDirectory], name: str) -> None:
    report = score_checkpoint(trained(name).best, "test", None)
    assert report.get("accuracy", report.get("r2")) >= SOLVED[name]


@pytest.mark.parametrize("file", [*NOTES, CONFIGS / "notes" / "README.md"], ids=lambda file: file.name)
def test_the_commands_of_the_notes_are_valid(file: Path) -> None:
    """Every command that they show can be run; `tests/test_notes.py` measures the results."""
    commands = re.findall(r"mlp train (configs/notes/[^;`\n]+)", file.read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        config, *options = shlex.split(command.replace("$seed", "1"))
        assert options[::2] == ["--set"] * (len(options) // 2)
        load_experiment(ROOT / config, options[1::2])
    if file.suffix == ".yaml":
        load_splits(load_experiment(file))


@pytest.mark.parametrize("name", TOY_SETS)
def test_a_toy_set_has_different_points_for_a_different_seed(name: str) -> None:
    first, again, other = (
        load_splits(parse_experiment(f"{{data: {name}, training: {{seed: {seed}}}}}", name, Path()))
        for seed in (1, 1, 2)
    )
    assert (first.train.X == again.train.X).all()
    assert not (first.train.X == other.train.X).all()


@pytest.mark.parametrize("file", LADDER, ids=lambda file: file.stem)
def test_a_rung_of_the_ladder_trains(
    make_cifar10: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """Noise cannot be learned beyond the images seen: only that a rung trains and is scored, not how well."""
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=20)
    monkeypatch.setenv("MLP_DATA", str(tmp_path))
    experiment = load_experiment(file, ["data.val_size=20", "training.epochs=1", "training.batch_size=40"])
    directory = take_directory(file.stem, tmp_path / "run")
    train_run(experiment, directory)
    (row,) = directory.metrics.read_text().splitlines()
    assert 0 < json.loads(row)["val_loss"] < 100
    assert score_checkpoint(directory.best, "test", None)["n"] == 20


def test_the_trained_network_that_comes_along_is_small_and_that_of_its_config() -> None:
    assert SMALL.stat().st_size < 2_000_000
    assert load_checkpoint(SMALL).experiment == load_experiment(SMALL.with_suffix(".yaml"))


@pytest.mark.skipif(REAL is None, reason="needs the real CIFAR-10 under MLP_DATA")
def test_the_trained_network_that_comes_along_scores_what_its_page_says() -> None:
    """The official images may differ a little from the copy that the page's figures were measured on."""
    page = (ROOT / "docs" / "cifar10.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if "configs/cifar10/small.yaml)" in line and "|" in line)
    said = float(row.split("|")[3].removesuffix("% ").strip()) / 100
    report = score_checkpoint(SMALL, "test", Path(REAL or ""))
    assert report["n"] == 10_000
    assert report["accuracy"] == pytest.approx(said, abs=0.01)


@pytest.mark.parametrize("suffix", [".bin", ""], ids=["binary", "python"])
def test_cifar10_trains_on_both_formats(
    make_cifar10: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    folder = tmp_path / ("cifar-10-batches-bin" if suffix else "cifar-10-batches-py")
    make_cifar10(folder, suffix, n=40)
    monkeypatch.setenv("MLP_DATA", str(tmp_path))
    overrides = ["data.val_size=20", "training.epochs=2", "model.hidden=[8, 8]"]
    experiment = load_experiment(CONFIGS / "cifar10.yaml", overrides)
    directory = take_directory("cifar10", tmp_path / "run")
    run = train_run(experiment, directory)
    assert run.describe_data() == ("cifar10: 180 train / 20 val / 40 test, 3,072 features, 10 classes")
    assert run.splits.train.X.dtype == "uint8"
    rows = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    assert len(rows) == 2
    report = score_checkpoint(directory.best, None, None)
    assert (report["split"], report["n"]) == ("test", 40)
    assert score_checkpoint(directory.best, None, tmp_path) == {**report, "data": str(tmp_path)}
