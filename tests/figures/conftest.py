"""Runs to draw, each trained once: from the project's configs, from text, and on a small CIFAR-10."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun
from mlpcli.training.start import take_directory, train_run


def train_text(text: str, out: Path) -> Path:
    """Train a config given as text, whose data files are next to ``out``; return the run's directory."""
    experiment = parse_experiment(text, "test", out.parent)
    train_run(experiment, take_directory("run", out))
    return out


@pytest.fixture(scope="session")
def finished(trained: Callable[..., RunDirectory]) -> Callable[..., FinishedRun]:
    """Return a function that returns the finished run of configs/NAME.yaml; do not change its files."""

    @cache
    def finish(name: str, *overrides: str) -> FinishedRun:
        return FinishedRun.open(trained(name, *overrides).path)

    return finish


@pytest.fixture(scope="session")
def trained_text() -> Callable[[str, Path], Path]:
    """Return a function that trains a config given as text and returns the run's directory."""
    return train_text


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory: pytest.TempPathFactory, make_cifar10: Callable[..., object]) -> FinishedRun:
    """Return a run of 24 units on 60 images of CIFAR-10's format."""
    folder = tmp_path_factory.mktemp("cifar10")
    make_cifar10(folder / "cifar-10-batches-bin", n=12)
    config = "data: {name: cifar10, root: ., val_size: 10}\nmodel: {hidden: [24]}\ntraining: {epochs: 2}"
    return FinishedRun.open(train_text(config, folder / "run"))


@pytest.fixture(scope="session")
def plane_values(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Return a regression over two features of a CSV file."""
    folder = tmp_path_factory.mktemp("values")
    rows = "\n".join(f"{i % 9},{i % 7},{(i % 9) - 2 * (i % 7)}" for i in range(80))
    (folder / "values.csv").write_text(f"width,length,price\n{rows}\n")
    config = "data: {name: csv, path: values.csv, target: price}\nloss: mse\ntraining: {epochs: 5}"
    return FinishedRun.open(train_text(config, folder / "run"))
