"""Sessions for the tests of the page, and what is done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mlpcli.config.loader import load_experiment, validate_experiment
from mlpcli.play.session import DEFAULT, Session
from mlpcli.play.settings import list_controls
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.start import take_directory, train_run


def make(tmp_path: Path, data: Any = DEFAULT) -> Session:
    return Session(validate_experiment(data, tmp_path), tmp_path / "out")


def weights(session: Session) -> NDArray[Any]:
    return session.run.network.parameters.values.copy()


def train(session: Session, epochs: int) -> None:
    for _ in range(epochs):
        session.train_epoch()


def train_file(config: Path, place: Path) -> NDArray[Any]:
    """Train a config as mlp train does and return the parameters of last.npz."""
    experiment = load_experiment(config)
    directory = take_directory("play", place)
    train_run(experiment, directory)
    return load_checkpoint(directory.last).network.parameters.values


def change_much(session: Session) -> None:
    session.change("data.name", "moons")
    session.change("data.noise", "0.25")
    session.change("model.hidden", "12, 2")
    session.change("model.activation", "tanh")
    session.change("model.dropout", "0.1")
    session.change("loss", "binary_hinge")
    session.change("data.terms", "sine")
    session.change("optimizer.name", "adamw")
    session.change("optimizer.learning_rate", "1e-2")
    session.change("regularization.l1", "0.001")
    session.change("training.batch_size", "7")
    session.new_seed()


def add_points(session: Session) -> None:
    session.add(0.1, -0.7, 1)
    session.add(1 / 3, 1e-7, 0)
    session.change("regularization.l2", "0.01")


def controls(session: Session) -> list[dict[str, Any]]:
    return list_controls(session.experiment, session.own, session.run.splits)
