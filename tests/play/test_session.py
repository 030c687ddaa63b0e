"""A session trains, goes on after changes, and begins from the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.config.loader import load_experiment, validate_experiment
from mlpcli.errors import UsageError
from mlpcli.play.session import DEFAULT, Session
from mlpcli.training.run import Run
from tests.play.sessions import controls, make, train, weights


def parts_of(session: Session) -> list[NDArray[Any]]:
    return [split.X[split.rows] for split in session.run.splits.parts.values()]


@pytest.mark.parametrize("epochs", [0, 2])
def test_added_points_join_the_training_split_and_the_others_stay(epochs: int, tmp_path: Path) -> None:
    session = make(tmp_path)
    before = parts_of(session)
    train(session, epochs)
    session.add(0.1, 0.2, 2)
    session.add(0.3, 0.4, 0)
    state = [*before[0].tolist(), *np.float32([[0.1, 0.2], [0.3, 0.4]]).tolist()]
    np.testing.assert_array_equal(parts_of(session)[0], np.float32(state))
    for part, held_out in zip(parts_of(session)[1:], before[1:], strict=True):
        np.testing.assert_array_equal(part, held_out)
    assert session.epoch == epochs
    first, second = np.flatnonzero(np.isin(session.places.rows, session.added_rows)).tolist()
    session.move(first, -0.5, 0.5)
    session.remove(second)
    np.testing.assert_array_equal(parts_of(session)[0][-1], np.float32([-0.5, 0.5]))
    assert session.run.splits.train.y[-1] == 2
    said = ["epoch 2: 1 example added"] if epochs else []
    assert [str(change) for change in session.changes] == said
    session.clear()
    for part, whole in zip(parts_of(session), before, strict=True):
        np.testing.assert_array_equal(part, whole)
    assert session.epoch == epochs
    assert session.changes == ()


def test_the_axes_stay_while_points_are_dragged_within_them(tmp_path: Path) -> None:
    session = make(tmp_path)
    (left, right), (bottom, top) = before = session.places.extent
    session.add(right, top, 0)
    assert session.places.extent == [(left, pytest.approx(right)), (bottom, pytest.approx(top))]
    session.move(
        np.flatnonzero(session.places.rows == 300).item(),
        2 * right,
        2 * top,
    )
    assert session.places.extent == [(left, pytest.approx(2 * right)), (bottom, pytest.approx(2 * top))]
    session.clear()
    assert session.places.extent == before


@pytest.mark.parametrize("index", [-1, 0, 299, 301, 10**9])
def test_only_points_that_were_added_can_be_moved(index: int, tmp_path: Path) -> None:
    session = make(tmp_path)
    session.add(0.1, 0.2, 2)
    with pytest.raises(UsageError, match="only points that were added"):
        session.move(index, 0, 0)
    with pytest.raises(UsageError, match="only points that were added"):
        session.remove(index)


STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("optimizer.learning_rate", "0.3", {"optimizer": {"learning_rate": 0.3}}),
    ("optimizer.momentum", "0.5", {"optimizer": {"momentum": 0.5}}),
    ("regularization.l2", "0", {"regularization": {"l2": 0.0}}),
    ("regularization.l1", "1e-4", {"regularization": {"l1": 1e-4}}),
    ("model.dropout", "0.3", {"model": {"dropout": 0.3}}),
    ("training.batch_size", "16", {"training": {"batch_size": 16}}),
    ("optimizer.name", "rmsprop", {"optimizer": {"name": "rmsprop", "momentum": None}}),
]


def test_changes_go_on_as_runs_that_are_trained_by_hand(tmp_path: Path) -> None:
    """Each run by hand begins with the weights and the optimizer of the one before it."""
    session = make(tmp_path)
    train(session, 2)
    plain: dict[str, Any] = {**DEFAULT, "training": {"batch_size": 64, "epochs": 1000}}
    run = by_hand(plain, None)
    for key, text, change in STEPS:
        session.change(key, text)
        train(session, 2)
        for section, values in change.items():
            merged = {**plain[section], **values}
            plain = {**plain, section: {name: value for name, value in merged.items() if value is not None}}
        run = by_hand(plain, run)
        np.testing.assert_array_equal(weights(session), run.network.parameters.values)
    assert session.epoch == 2 * len(STEPS) + 2
    assert [change.what for change in session.changes] == [
        *("learning rate", "momentum", "L2", "L1", "dropout", "batch size", "optimizer")
    ]
    assert str(session.changes[0]) == "epoch 2: learning rate 0.1 -> 0.3"
    assert {key for key, _, _ in STEPS} == {
        control["key"] for control in controls(session) if control["effect"] == "goes on"
    } | {"optimizer.momentum"}


def by_hand(plain: dict[str, Any], before: Run | None) -> Run:
    run = Run(validate_experiment(plain, Path()), start=None if before is None else before.here())
    epochs = run.trainer.epochs()
    next(epochs)
    next(epochs)
    return run


def test_a_value_that_is_dragged_is_one_change(tmp_path: Path) -> None:
    session = make(tmp_path)
    for text in ("0.1", "0.2", "0.3"):
        train(session, 1)
        session.change("model.dropout", text)
    session.change("model.dropout", "0.3")
    assert [str(change) for change in session.changes] == ["epochs 1 to 3: dropout 0 -> 0.3"]


def test_a_page_that_begins_with_a_trained_network_still_has_the_way_from_the_seed(tmp_path: Path) -> None:
    """And other layers, which the trained network does not fit."""
    first = make(tmp_path)
    train(first, 2)
    first.change("optimizer.learning_rate", "0.05")
    session = Session(load_experiment(first.save()), tmp_path)
    np.testing.assert_array_equal(weights(session), weights(first))
    train(session, 1)
    train(first, 1)
    np.testing.assert_array_equal(weights(session), weights(first))
    session.change("model.hidden", "8")
    assert session.experiment.training.start_from is None
    session = Session(load_experiment(tmp_path / "out" / "play.yaml"), tmp_path)
    session.change("optimizer.learning_rate", "0.02")  # before the first epoch
    assert session.experiment.training.start_from is not None
    session.reset()
    seed = make(tmp_path)
    np.testing.assert_array_equal(weights(session), weights(seed))


def test_single_steps_are_counted_and_end_in_an_epoch(tmp_path: Path) -> None:
    session = make(tmp_path)
    seen = []
    for _ in range(4):
        session.train_batch()
        seen.append((session.epoch, session.batch, len(session.history)))
    assert seen == [(0, 1, 1), (0, 2, 1), (1, 0, 2), (1, 1, 2)]
    session.train_epoch()
    assert (session.epoch, session.batch) == (2, 0)


def test_after_a_divergence_a_change_begins_from_the_seed(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 1)
    session.change("optimizer.learning_rate", "1e30")
    train(session, 3)
    assert session.diverged is not None
    session.change("optimizer.learning_rate", "0.1")
    assert (session.diverged, session.epoch, session.changes) == (None, 0, ())


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


def test_divergence_is_reported_and_not_saved(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("optimizer.learning_rate", "1e30")
    session.playing = True
    train(session, 3)
    assert session.diverged is not None
    assert session.diverged.startswith("Training diverged: the loss is ")
    assert not session.playing
    with pytest.raises(UsageError, match="diverged"):
        session.save()
    session.change("optimizer.learning_rate", "0.1")
    assert session.diverged is None


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
    assert make(tmp_path, {"data": {**data, "target": "size"}}).experiment.loss.name == "mse"


def test_the_history_of_a_long_run_stays_short(tmp_path: Path) -> None:
    session = make(tmp_path, {"data": {"name": "xor", "points": 20}, "model": {"hidden": []}})
    train(session, 1100)
    epochs = [row[0] for row in session.history]
    assert 200 < len(epochs) <= 501
    assert epochs[0] == 0
    assert epochs == sorted(epochs)
    assert epochs[-1] > 1090


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


def test_changes_that_are_taken_back_before_a_step_leave_no_trace(tmp_path: Path) -> None:
    """The optimizer of the way back would have forgotten its velocity, and the epoch its first step."""
    session, other = make(tmp_path), make(tmp_path)
    for each in (session, other):
        train(each, 2)
        each.train_batch()
    for key, text in (
        *(("optimizer.name", "adam"), ("optimizer.learning_rate", "1e6"), ("optimizer.learning_rate", "0.1")),
        *(("optimizer.name", "sgd"), ("training.batch_size", "8"), ("training.batch_size", "64")),
    ):
        session.change(key, text)
    session.add(0.5, 0.5, 1)
    session.clear()
    assert (session.changes, session.batch) == ((), 1)
    train(session, 3)
    train(other, 3)
    np.testing.assert_array_equal(weights(session), weights(other))


def test_changes_between_two_steps_are_one(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    for text in ("0.05", "1e6", "0.02"):
        session.change("optimizer.learning_rate", text)
    session.change("model.dropout", "0.1")
    session.add(0.5, 0.5, 1)
    assert [str(change) for change in session.changes] == [
        *("epoch 2: dropout 0 -> 0.1", "epoch 2: learning rate 0.1 -> 0.02", "epoch 2: 1 example added")
    ]
