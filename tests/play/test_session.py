"""A session trains the same network as its YAML, and refused changes have no effect."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.config.loader import load_experiment, parse_experiment, validate_experiment
from mlpcli.errors import ConfigError, MlpError, RunError, UsageError
from mlpcli.play.session import DEFAULT, Session
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.start import take_directory, train_run

CONFIGS = Path(__file__).parents[2] / "configs"


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
    session.change("optimizer.name", "adamw")
    session.change("optimizer.learning_rate", "1e-2")
    session.change("regularization.l1", "0.001")
    session.change("training.batch_size", "7")
    session.new_seed()


def add_points(session: Session) -> None:
    session.add(0.1, -0.7, 1)
    session.add(1 / 3, 1e-7, 0)
    session.change("regularization.l2", "0.01")


def add_and_clear(session: Session) -> None:
    session.add(0.5, 0.5, 0)
    session.clear()


@pytest.mark.parametrize("do", [lambda session: None, change_much, add_points, add_and_clear])
def test_the_saved_config_trains_to_the_network_shown(do: Any, tmp_path: Path) -> None:
    session = make(tmp_path)
    do(session)
    train(session, 7)
    shown = weights(session)
    np.testing.assert_array_equal(train_file(session.save(), tmp_path / "run"), shown)


def test_so_does_the_config_of_a_table(tmp_path: Path) -> None:
    names = ("<b>x</b>", '"y, z"')
    rows = "".join(f"{i % 7 / 3},{i * i % 11},{names[i % 2]}\n" for i in range(60))
    (tmp_path / "own.csv").write_text(f"class,b,what\n{rows}")
    data = {"name": "csv", "path": "own.csv", "target": "what"}
    session = make(tmp_path, {"data": data, "optimizer": {"name": "adam", "schedule": "cosine"}})
    assert "cosine" in session.notice
    session.add(0.25, 3, 1)
    train(session, 3)
    np.testing.assert_array_equal(train_file(session.save(), tmp_path / "run"), weights(session))
    session.change("data.name", "xor")
    session.change("data.name", "own")
    assert session.run.splits.classes == ("<b>x</b>", "y, z")
    assert session.run.splits.val is not None


def test_added_points_are_trained_on_and_nothing_is_held_out(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.add(0.1, 0.2, 2)
    splits = session.run.splits
    assert len(splits.train) == 301
    assert (splits.val, splits.test) == (None, None)
    assert np.float32([0.1, 0.2]) in splits.train.X
    session.clear()
    assert [len(part) for part in session.run.splits.parts.values()] == [180, 60, 60]


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("optimizer.learning_rate", "-1", "optimizer.learning_rate: -1 is not a number above 0"),
        ("model.hidden", "8, x", "model.hidden.1"),
        ("model.hidden", "501", "at most 500"),
        ("model.hidden", "2 " * 9, "at most 8"),
        ("model.activation", "rleu", 'did you mean "relu"'),
        ("loss", "mse", "does not fit spiral"),
        ("data.points", "10001", "at most 10,000"),
        ("training.seed", "a: b", "training.seed"),
        ("training.epochs", "3", "not a setting"),
        ("data.noise", "1" * 201, "at most 200"),
    ],
)
def test_a_wrong_value_changes_nothing(key: str, text: str, message: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    before, yaml = weights(session), session.yaml()
    with pytest.raises(MlpError, match=message):
        session.change(key, text)
    assert session.epoch == 2
    assert session.yaml() == yaml
    np.testing.assert_array_equal(weights(session), before)
    session.train_epoch()
    assert session.epoch == 3


def test_slow_epochs_are_refused(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("data.points", "10000")
    session.change("model.hidden", "400, 400")
    before = session.yaml()
    for key, text in (("training.batch_size", "1"), ("model.hidden", ", ".join(["500"] * 8))):
        with pytest.raises(UsageError, match="seconds, but the page allows at most 2; try fewer"):
            session.change(key, text)
        assert session.yaml() == before


def test_two_processes_are_told_apart(tmp_path: Path) -> None:
    """A page that is left open must not mistake a new server for the old one."""
    assert make(tmp_path).build != make(tmp_path).build


@pytest.mark.parametrize("point", [(float("nan"), 0, 0), (0, 1e31, 0), (0, 0, 3), (0, 0, -1)])
def test_an_invalid_point_is_refused(point: tuple[float, float, int], tmp_path: Path) -> None:
    session = make(tmp_path)
    with pytest.raises(UsageError):
        session.add(*point)
    assert session.added == []


def test_reset_gives_the_same_network_and_a_new_seed_a_different_one(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 3)
    first = weights(session)
    session.reset()
    assert session.epoch == 0
    train(session, 3)
    np.testing.assert_array_equal(weights(session), first)
    session.new_seed()
    train(session, 3)
    assert not np.array_equal(weights(session), first)


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    session = make(tmp_path)
    with pytest.raises(UsageError, match="nothing has been trained"):
        session.save()
    train(session, 1)
    assert session.save().name == "play.yaml"
    (tmp_path / "out" / "play-2.csv").write_text("mine")
    assert session.save().name == "play-3.yaml"
    assert (tmp_path / "out" / "play-2.csv").read_text() == "mine"


def test_a_config_that_cannot_be_written_leaves_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make(tmp_path)
    session.add(0.1, 0.2, 0)
    train(session, 1)

    def full(_: Session, __: str) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "yaml", full)
        with pytest.raises(RunError, match="No space left"):
            session.save()
    assert list((tmp_path / "out").iterdir()) == []
    assert session.save().name == "play.yaml"


def test_divergence_is_reported_and_not_saved(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("optimizer.learning_rate", "1e30")
    session.playing = True
    train(session, 3)
    assert session.diverged is not None
    assert "training diverged" in session.diverged
    assert not session.playing
    with pytest.raises(UsageError, match="diverged"):
        session.save()
    session.change("optimizer.learning_rate", "0.1")
    assert session.diverged is None


@pytest.mark.parametrize(
    ("config", "message"),
    [("sine", "is a regression"), ("cifar10", "has 3,072"), ("iris", "has 4; name two columns")],
)
def test_data_without_a_plane_of_classes_are_refused(config: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        Session(load_experiment(CONFIGS / f"{config}.yaml"), tmp_path)


def test_a_table_without_a_loss_is_played_with_if_its_target_holds_classes(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i * i % 11},{'pq'[i % 2]},{i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,b,kind,size\n" + rows)
    data = {"name": "csv", "path": "t.csv", "features": ["a", "b"]}
    session = make(tmp_path, {"data": {**data, "target": "kind"}})
    train(session, 2)
    assert session.experiment.loss.name == "cross_entropy"
    assert "loss:" in session.yaml()
    assert "auto" not in session.yaml().split("loss:")[1].split("optimizer:")[0]
    session.change("data.name", "moons")
    session.change("data.name", "own")
    assert session.experiment.loss.name == "cross_entropy"
    session.add(1.0, 2.0, 1)
    with pytest.raises(UsageError, match=r"t\.csv is a regression"):
        make(tmp_path, {"data": {**data, "target": "size"}})


def test_the_history_of_a_long_run_stays_short(tmp_path: Path) -> None:
    session = make(tmp_path, {"data": {"name": "xor", "points": 20}, "model": {"hidden": []}})
    train(session, 2500)
    epochs = [row[0] for row in session.history]
    assert 200 < len(epochs) <= 501
    assert epochs[0] == 0
    assert epochs == sorted(epochs)
    assert epochs[-1] > 2480


@pytest.mark.parametrize("epochs", [0, 3])
def test_the_history_has_the_losses_of_the_same_network_on_all_three_splits(
    epochs: int, tmp_path: Path
) -> None:
    session = make(tmp_path)
    session.change("model.dropout", "0.5")
    train(session, epochs)
    session.playing = True
    run = session.run
    epoch, *losses = session.history[-1]
    assert epoch == epochs
    for split, loss in zip((run.splits.train, run.splits.val, run.splits.test), losses, strict=True):
        assert split is not None
        assert loss is not None
        X = run.transform.apply(split.X[split.rows]).astype(np.float32)
        p = run.loss.predict(run.network.predict(X))[np.arange(len(X)), split.y[split.rows]]
        np.testing.assert_allclose(loss, -np.log(p).mean(), rtol=1e-4)


def test_the_yaml_is_a_config(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 4)
    experiment = parse_experiment(session.yaml(), "play.yaml", tmp_path)
    assert experiment.training.epochs == 4
    with pytest.raises(ConfigError):
        session.change("data.name", "nowhere")
