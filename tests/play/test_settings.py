"""Settings are changed as typed, kept where that makes sense, and refused as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import MlpError
from mlpcli.optim.rules import RULES
from mlpcli.play.settings import shown_value
from tests.play.sessions import change_much, controls, make, train, weights


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


@pytest.mark.parametrize("optimizer", some(RULES, 3))
def test_every_optimizer_can_follow_every_other(optimizer: str, tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("optimizer.momentum", "0")
    session.change("optimizer.name", optimizer)
    for name in RULES:
        session.change("optimizer.name", name)
        assert session.experiment.optimizer.name == name
        session.change("optimizer.name", optimizer)


def test_the_page_shows_the_l2_in_force(tmp_path: Path) -> None:
    session = make(tmp_path, {"data": "spiral", "optimizer": "adam"})

    def shown() -> Any:
        return {control["key"]: control["value"] for control in controls(session)}["regularization.l2"]

    assert shown() == "0.0001"
    session.change("optimizer.name", "adamw")
    assert shown() == "0"
    session.change("regularization.l2", "0.01")
    assert shown() == "0.01"
    session.change("optimizer.name", "adam")
    assert shown() == "0.01"
    session.change("regularization.l2", "null")
    assert shown() == "0.0001"


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
