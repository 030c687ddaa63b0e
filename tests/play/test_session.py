"""A session trains the same network as its YAML, and refused changes have no effect."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.config.loader import load_experiment, parse_experiment, validate_experiment
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import ConfigError, MlpError, RunError, UsageError
from mlpcli.optim.rules import RULES
from mlpcli.play import saving
from mlpcli.play.session import DEFAULT, Session
from mlpcli.play.settings import list_controls, shown_value
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.run import Run
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
    session.clear()
    for part, whole in zip(parts_of(session), before, strict=True):
        np.testing.assert_array_equal(part, whole)
    assert session.epoch == epochs
    assert [str(change) for change in session.changes] == [
        f"epoch 2: points {done}" for done in ("added", "moved", "removed") if epochs
    ]


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


def controls(session: Session) -> list[dict[str, Any]]:
    return list_controls(session.experiment, session.own, session.run.splits)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("data.noise", "0.3"), ("data.points", "100"), ("data.angle", "6"), ("training.seed", "4")),
        *(("model.hidden", "5"), ("model.activation", "tanh"), ("loss", "hinge"), ("data.name", "moons")),
    ],
)
def test_other_changes_begin_from_the_seed(key: str, text: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    session.change("optimizer.learning_rate", "0.3")
    session.change(key, text)
    assert session.epoch == 0
    assert session.changes == ()
    assert {control["key"]: control["effect"] for control in controls(session)}[key] == "restarts"


def test_a_value_that_is_dragged_is_one_change(tmp_path: Path) -> None:
    session = make(tmp_path)
    for text in ("0.1", "0.2", "0.3"):
        train(session, 1)
        session.change("model.dropout", text)
    session.change("model.dropout", "0.3")
    assert [str(change) for change in session.changes] == ["epochs 1 to 3: dropout 0 -> 0.3"]


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


@pytest.mark.parametrize("name", ["spiral", "peaks", "sine"])
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


def test_the_network_that_was_saved_can_be_evaluated(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    drag_points(session)
    checkpoint = session.save().with_suffix(".npz")
    report = score_checkpoint(checkpoint, "test", None)
    assert report["accuracy"] == pytest.approx(session.scores()["test"]["accuracy"], abs=1e-4)


def test_an_optimizer_keeps_learning_rate_and_momentum_of_the_one_before(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("optimizer.name", "adam")
    session.change("optimizer.learning_rate", "0.01")
    session.change("optimizer.name", "sgd")
    assert session.experiment.optimizer.model_dump(include={"name", "learning_rate", "momentum"}) == {
        "name": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
    }


@pytest.mark.parametrize("optimizer", RULES)
def test_every_optimizer_can_follow_every_other(optimizer: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("optimizer.momentum", "0")
    session.change("optimizer.name", optimizer)
    for name in RULES:
        session.change("optimizer.name", name)
        assert session.experiment.optimizer.name == name
        session.change("optimizer.name", optimizer)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("0.001", "0.001"), ("1000000", "1e6"), ("0.0", "0"), ("1e-7", "1e-7"), ("123456.5", "123456.5")],
)
def test_numbers_are_shown_as_people_write_them(typed: str, shown: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("regularization.l2", typed)
    assert shown_value(session.experiment, "regularization.l2") == shown
    session.change("regularization.l2", shown)
    assert session.experiment.regularization.l2 == float(typed)


def test_a_link_brings_all_settings_of_another_page(tmp_path: Path) -> None:
    one, other = make(tmp_path), make(tmp_path)
    assert one.link == {}
    change_much(one)
    link = one.link
    assert next(iter(link)) == "data.name"
    other.take_link(link)
    assert other.link == link
    train(one, 2)
    train(other, 2)
    np.testing.assert_array_equal(weights(one), weights(other))
    other.take_link({})
    assert other.link == {}


@pytest.mark.parametrize(
    "settings", [{"data.name": "moons", "model.hidden": "9999"}, {"training.epochs": "3"}, {"loss": "mse"}]
)
def test_a_link_is_taken_as_a_whole_or_not_at_all(settings: dict[str, str], tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 2)
    before, yaml = weights(session), session.yaml()
    with pytest.raises(MlpError):
        session.take_link(settings)
    assert session.yaml() == yaml
    np.testing.assert_array_equal(weights(session), before)


def test_single_steps_are_counted_and_end_in_an_epoch(tmp_path: Path) -> None:
    session = make(tmp_path)
    seen = []
    for _ in range(4):
        session.train_batch()
        seen.append((session.epoch, session.batch, len(session.history)))
    assert seen == [(0, 1, 1), (0, 2, 1), (1, 0, 2), (1, 1, 2)]
    session.train_epoch()
    assert (session.epoch, session.batch) == (2, 0)


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
        ("data.terms", "square, cube", "data.terms"),
        ("data.test_size", "0.9", "leave some to train on"),
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


def test_after_a_divergence_a_change_begins_from_the_seed(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 1)
    session.change("optimizer.learning_rate", "1e30")
    train(session, 3)
    assert session.diverged is not None
    session.change("optimizer.learning_rate", "0.1")
    assert (session.diverged, session.epoch, session.changes) == (None, 0, ())


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
    [("cifar10", "has 3,072"), ("iris", "has 4; name two columns")],
)
def test_data_without_a_plane_of_classes_are_refused(config: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        Session(load_experiment(CONFIGS / f"{config}.yaml"), tmp_path)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("moons", {"training": {"monitor": "roc_auc"}}),
        ("sine", {"training": {"monitor": "mae"}, "model": {"clip_outputs": True}}),
    ],
)
def test_every_data_set_can_follow_every_other(data: str, more: dict[str, Any], tmp_path: Path) -> None:
    session = make(tmp_path, {"data": data, **more})
    for name in TOY_SETS:
        session.change("data.name", name)
        assert session.experiment.data.name == name
        assert (session.run.splits.classes is None) == (session.experiment.loss.task == "regression")
        session.change("data.name", data)


def test_several_files_are_data_of_ones_own(tmp_path: Path) -> None:
    for name, n in (("a.csv", 40), ("b.csv", 30)):
        rows = "".join(f"{i * n % 7},{i * i % 11},{'pq'[i % 2]}\n" for i in range(n))
        (tmp_path / name).write_text("a,b,kind\n" + rows)
    session = make(tmp_path, {"data": {"name": "csv", "path": ["a.csv", "b.csv"], "target": "kind"}})
    assert controls(session)[0]["choices"][0] == ("own", "a.csv and 1 more")
    session.add(1, 2, 0)
    train(session, 2)
    np.testing.assert_array_equal(train_file(session.save(), tmp_path / "run"), weights(session))


def test_classes_of_one_feature_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,kind\n" + rows)
    with pytest.raises(UsageError, match=r"needs 2 features, but t\.csv has 1; name two columns") as refused:
        make(tmp_path, {"data": {"name": "csv", "path": "t.csv", "target": "kind"}})
    assert refused.value.topic is None  # there is no option that would help


def test_several_targets_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i * i % 11},{i % 5}.5,{i % 3}.25\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,b,y,z\n" + rows)
    with pytest.raises(UsageError, match="draws one target"):
        make(tmp_path, {"data": {"name": "csv", "path": "t.csv", "target": ["y", "z"]}})


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


def test_the_yaml_is_a_config(tmp_path: Path) -> None:
    session = make(tmp_path)
    train(session, 4)
    experiment = parse_experiment(session.yaml(), "play.yaml", tmp_path)
    assert experiment.training.epochs == 4
    with pytest.raises(ConfigError):
        session.change("data.name", "nowhere")
