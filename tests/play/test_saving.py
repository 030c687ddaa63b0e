"""What is saved trains to the network that is shown, or goes on from it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import only

from mlpcli.config.loader import parse_experiment
from mlpcli.errors import ConfigError, RunError, UsageError
from mlpcli.play import saving
from mlpcli.play.session import Session
from mlpcli.training.apply import score_checkpoint
from tests.play.sessions import add_points, change_much, controls, make, train, train_file, weights


def add_and_clear(session: Session) -> None:
    session.add(0.5, 0.5, 0)
    session.clear()


def train_change_and_reset(session: Session) -> None:
    train(session, 2)
    change_much(session)
    add_points(session)
    train(session, 2)
    session.change("optimizer.learning_rate", "0.3")
    session.train_batch()
    session.reset()


def take_single_steps(session: Session) -> None:
    for _ in range(4):  # an epoch of 180 examples in batches of 64, and one step
        session.train_batch()


def add_inputs(session: Session) -> None:
    session.change("data.terms", "square, product")
    session.change("data.val_size", "0.3")
    session.change("data.test_size", "0.05")
    session.add(0.5, 0.25, 1)


def play_a_regression(session: Session) -> None:
    session.change("data.name", "peaks")
    session.add(0.5, 1.0, -3.25)


def play_a_curve(session: Session) -> None:
    session.change("data.name", "sine")
    session.add(0.5, 1.75)


@pytest.mark.parametrize(
    "do",
    [
        *(lambda session: None, change_much, add_points, add_and_clear, train_change_and_reset),
        *(take_single_steps, add_inputs, play_a_regression, play_a_curve),
    ],
)
def test_the_saved_config_trains_to_the_network_shown(do: Any, tmp_path: Path) -> None:
    session = make(tmp_path)
    do(session)
    train(session, 7)
    assert session.changes == ()
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


def test_the_yaml_of_a_network_that_was_changed_says_so(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    assert not session.yaml().startswith("#")
    session.change("optimizer.learning_rate", "0.3")
    session.train_batch()
    said = session.yaml()
    assert "epoch 2: learning rate 0.1 -> 0.3" in said
    assert "1 step into epoch 3" in said
    experiment = parse_experiment(said, "play.yaml", tmp_path)
    assert experiment.optimizer.learning_rate == 0.3
    assert experiment.training.start_from == str(tmp_path / "play.npz")


def drag_points(session: Session) -> None:
    session.add(0.1, -0.7, 1)
    session.move(np.flatnonzero(session.places.rows == 300).item(), 0.2, -0.6)


@pytest.mark.parametrize("name", only({"peaks"}, ["spiral", "peaks", "sine"]))
@pytest.mark.parametrize(
    "do",
    [
        lambda session: session.change("optimizer.learning_rate", "0.03"),
        lambda session: session.change("optimizer.name", "adam"),
        lambda session: session.change("model.dropout", "0.2"),
        drag_points,
    ],
)
def test_mlp_train_goes_on_from_what_was_changed_as_the_page_does(do: Any, name: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("data.name", name)
    train(session, 2)
    do(session)
    train(session, 3)
    config = session.save()
    assert {path.suffix for path in config.parent.iterdir()} == {".yaml", ".npz"} | (
        {".csv"} if session.added else set()
    )
    train(session, 5)
    np.testing.assert_array_equal(train_file(config, tmp_path / "run"), weights(session))


def test_the_network_that_was_saved_can_be_evaluated(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    drag_points(session)
    checkpoint = session.save().with_suffix(".npz")
    report = score_checkpoint(checkpoint, "test", None)
    assert report["accuracy"] == pytest.approx(session.scores()["test"]["accuracy"], abs=1e-4)


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    session = make(tmp_path)
    with pytest.raises(UsageError, match="nothing has been trained"):
        session.save()
    train(session, 1)
    assert session.save().name == "play.yaml"
    (tmp_path / "out" / "play-2.csv").write_text("mine")
    assert session.save().name == "play-3.yaml"
    assert (tmp_path / "out" / "play-2.csv").read_text() == "mine"


def test_a_config_that_cannot_be_written_leaves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make(tmp_path)
    session.add(0.1, 0.2, 0)
    train(session, 1)
    session.change("model.dropout", "0.2")

    def full(*_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(saving, "describe", full)
        with pytest.raises(RunError, match="No space left"):
            session.save()
    assert list((tmp_path / "out").iterdir()) == []
    assert session.save().name == "play.yaml"


def test_several_files_are_data_of_ones_own(tmp_path: Path) -> None:
    for name, n in (("a.csv", 40), ("b.csv", 30)):
        rows = "".join(f"{i * n % 7},{i * i % 11},{'pq'[i % 2]}\n" for i in range(n))
        (tmp_path / name).write_text("a,b,kind\n" + rows)
    session = make(tmp_path, {"data": {"name": "csv", "path": ["a.csv", "b.csv"], "target": "kind"}})
    assert controls(session)[0]["choices"][0] == ("own", "a.csv and 1 more")
    session.add(1, 2, 0)
    train(session, 2)
    np.testing.assert_array_equal(train_file(session.save(), tmp_path / "run"), weights(session))


def test_the_yaml_is_a_config(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 4)
    experiment = parse_experiment(session.yaml(), "play.yaml", tmp_path)
    assert experiment.training.epochs == 4
    with pytest.raises(ConfigError):
        session.change("data.name", "nowhere")
