"""Frames show the predictions of the network, worked out by hand for simple weights."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.config.loader import validate_experiment
from mlpcli.play.frames import View, draw_frame, draw_state
from mlpcli.play.session import DEFAULT, Session


def make(tmp_path: Path, hidden: list[int], loss: str = "cross_entropy") -> Session:
    plain = {
        "data": {"name": "moons", "points": 40, "scaling": "none"},
        "model": {"hidden": hidden, "activation": "identity"},
        "loss": loss,
    }
    return Session(validate_experiment(plain, tmp_path), tmp_path)


def set_weights(session: Session, *weights: list[list[float]]) -> None:
    for layer, W in zip(session.run.network.dense, weights, strict=True):
        layer.W[...], layer.b[...] = W, 0


def unpacked(text: str, *shape: int) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_the_plane_is_divided_where_the_network_divides_it(axis: int, loss: str, tmp_path: Path) -> None:
    """Scores are +-x, so p = sigmoid(2 x): class 1 is right of 0, or above; confidence 2 p - 1 = tanh(x)."""
    session = make(tmp_path, [], loss)
    W = np.zeros((2, 2))
    W[axis] = -1, 1
    set_weights(session, W.tolist())
    state, frame = draw_state(session), draw_frame(session, View())
    n = frame["side"]
    x = np.linspace(*session.places.extent[axis], n)
    shape = (1, n) if axis == 0 else (n, 1)  # x runs along a row, and rows go up
    labels, strength, lead = (unpacked(frame[name], n, n) for name in ("labels", "strength", "lead"))
    np.testing.assert_array_equal(labels, np.broadcast_to((x > 0).reshape(shape), (n, n)))
    sure = np.tanh(np.abs(x)) if loss == "cross_entropy" else np.minimum(np.abs(2 * x), 1)
    np.testing.assert_allclose(strength, np.broadcast_to(255 * sure.reshape(shape), (n, n)), atol=1.01)
    ahead = 255 * np.sqrt(np.abs(x) / np.abs(x).max())
    np.testing.assert_allclose(lead, np.broadcast_to(ahead.reshape(shape), (n, n)), atol=1.01)
    points, told = np.array(state["points"]), np.array(state["labels"])
    assert frame["wrong"] == np.flatnonzero((points[:, axis] > 0) != told).tolist()
    assert frame["hidden"] is None


def test_names_of_columns_and_classes_can_be_shown(tmp_path: Path) -> None:
    rows = "".join(
        f"{i * i % 7}.5,{i * 5 % 11}.5,{'a' * 1000 if i % 2 else chr(0x202E)}\n" for i in range(20)
    )
    (tmp_path / "t.csv").write_text(f"x\x1b,{'y' * 1000},kind\n{rows}", encoding="utf-8")
    plain = {"data": {"name": "csv", "path": "t.csv", "target": "kind"}, "loss": "cross_entropy"}
    state = draw_state(Session(validate_experiment(plain, tmp_path), tmp_path))
    assert state["features"][0] == "x\\x1b"
    assert sorted(state["classes"])[0] == "\\u202e"
    assert {len(name) for name in (state["features"][1], max(state["classes"], key=len))} == {60}


def test_points_are_those_of_the_data_and_held_out_ones_are_marked(tmp_path: Path) -> None:
    session = make(tmp_path, [3])
    state = draw_state(session)
    assert len(state["points"]) == len(state["labels"]) == 40
    parts = session.run.splits
    held_out = {tuple(row) for part in (parts.val, parts.test) if part for row in part.X[part.rows].round(3)}
    marked = {
        tuple(np.float32(point).round(3))
        for point, part in zip(state["points"], state["parts"], strict=True)
        if part
    }
    assert marked == held_out
    assert len(marked) == 16


def test_a_frame_is_json_even_of_a_network_that_diverged(tmp_path: Path) -> None:
    session = make(tmp_path, [3])
    for value in (np.nan, np.inf, 1e38):
        session.run.network.parameters.values[...] = value
        session._scored = None
        text = json.dumps(draw_frame(session, View(1, None, (1, 2))), allow_nan=False)
        assert '"diverged"' in text


def test_a_frame_is_drawn_thirty_times_a_second(tmp_path: Path) -> None:
    """2-100-3 with the network drawn takes 7 ms of a core; 33 ms are a coarse bound."""
    session = Session(validate_experiment({**DEFAULT, "model": {"hidden": [100]}}, tmp_path), tmp_path)
    session.train_epoch()
    session.playing = True
    took = []
    for _ in range(8):
        begun = time.thread_time()
        json.dumps(draw_frame(session, View(1, None, (1, 5))))
        took.append(time.thread_time() - begun)
    assert min(took) < 1 / 30


def corners(frame: dict[str, Any], layer: int) -> NDArray[np.uint8]:
    """Return the lower left, lower right, upper left and upper right corner of each unit's map."""
    drawn, side = frame["network"]["layers"][layer], frame["network"]["side"]
    found = unpacked(drawn["bytes"], drawn["shown"], side, side)
    return found[:, [0, 0, -1, -1], [0, -1, 0, -1]]


def test_a_regression_of_two_features_is_a_surface(tmp_path: Path) -> None:
    """The prediction is 2 x1, in units of a target whose scale the transform undoes."""
    plain = {"data": {"name": "peaks", "points": 60, "scaling": "none"}, "model": {"hidden": []}}
    session = Session(validate_experiment(plain, tmp_path), tmp_path)
    to_units = session.run.target_transform
    assert to_units is not None
    set_weights(session, [[2 / to_units.scaling.scale[0]], [0]])
    session.run.network.dense[0].b[...] = -to_units.scaling.shift / to_units.scaling.scale
    state, frame = draw_state(session), draw_frame(session, View(unit=(1, 1)))
    side, (low, high) = frame["side"], state["range"]
    x = np.linspace(*state["extent"][0], side)
    wanted = np.clip((2 * x - low) / (high - low), 0, 1) * 255
    values = unpacked(frame["values"], side, side)
    np.testing.assert_allclose(values, np.broadcast_to(wanted, (side, side)), atol=1.01)
    assert (state["task"], state["labels"], frame["wrong"]) == ("regression", [], [])
    assert frame["unit"]["high"] == pytest.approx(2 * x[-1], rel=1e-3)
    splits = session.run.splits
    y = np.concatenate([split.y[split.rows, 0] for split in splits.parts.values()])
    np.testing.assert_allclose(state["values"], y, rtol=1e-3)
    assert low < y.min()
    assert high > y.max()
    assert "curve" not in frame
    assert frame["scores"]["test"].keys() == {"loss", "r2"}


def test_a_regression_of_one_feature_is_a_curve(tmp_path: Path) -> None:
    plain = {"data": {"name": "sine", "points": 60}, "model": {"hidden": [3]}}
    session = Session(validate_experiment(plain, tmp_path), tmp_path)
    session.train_epoch()
    state, frame = draw_state(session), draw_frame(session, View(unit=(1, 2)))
    x = np.linspace(*state["extent"][0], frame["side"])[:, None]
    run = session.run
    assert run.target_transform is not None
    predicted = run.target_transform.undo(run.network.predict(run.transform.apply(x).astype(np.float32)))
    np.testing.assert_allclose(frame["curve"], predicted[:, 0], rtol=1e-2, atol=1e-3)
    assert state["extent"][1] == state["range"]
    assert state["outputs"] == ["y"]
    targets = np.concatenate([split.y[split.rows, 0] for split in run.splits.parts.values()])
    np.testing.assert_allclose(np.array(state["points"])[:, 1], targets, atol=1e-4)
    side = frame["network"]["side"]
    maps = unpacked(frame["network"]["layers"][1]["bytes"], 3, side, side)
    assert (maps == maps[:, :1]).all()
    assert np.shape(frame["hidden"]["lines"])[0] == 1


def test_the_grid_is_finer_while_nothing_is_playing(tmp_path: Path) -> None:
    session = make(tmp_path, [3])
    paused = draw_frame(session, View(unit=(1, 1)))
    session.playing = True
    playing = draw_frame(session, View(unit=(1, 1)))
    assert paused["side"] > playing["side"]
    every = (paused["side"] - 1) // (playing["side"] - 1)
    fine, coarse = (unpacked(frame["labels"], *[frame["side"]] * 2) for frame in (paused, playing))
    np.testing.assert_array_equal(fine[::every, ::every], coarse)
    assert paused["network"]["layers"][0] == playing["network"]["layers"][0]
    assert paused["unit"]["side"] == paused["side"]


def test_without_its_inside_a_frame_has_the_predictions_alone(tmp_path: Path) -> None:
    session = make(tmp_path, [3])
    whole, few = draw_frame(session, View()), draw_frame(session, View(inside=False))
    assert whole.keys() - few.keys() == {"network", "unit", "hidden"}
    assert few == {key: whole[key] for key in few}


def test_units_are_those_of_the_layer_in_view(tmp_path: Path) -> None:
    """The first layer passes on x1 and x2; the units of the second are -x1, x2 and a constant."""
    session = make(tmp_path, [2, 3])
    set_weights(session, [[1, 0], [0, 1]], [[-1, 0, 0], [0, 1, 0]], [[0, 0]] * 3)
    first, second = (draw_frame(session, View(layer)) for layer in (0, 2))
    assert (first["hidden"]["layer"], second["hidden"]["layer"]) == (1, 2)
    np.testing.assert_array_equal(corners(first, 1), [[0, 255, 0, 255], [0, 0, 255, 255]])
    np.testing.assert_array_equal(corners(first, 2), [[255, 0, 255, 0], [0, 0, 255, 255], [0, 0, 0, 0]])
    np.testing.assert_allclose(first["hidden"]["points"], draw_state(session)["points"], atol=1e-4)
    chosen = draw_frame(session, View(2, (2, 1)))["hidden"]
    assert chosen["names"] == ["unit 2", "unit 1"]
    points = np.array(draw_state(session)["points"])
    np.testing.assert_allclose(chosen["points"], points[:, [1, 0]] * [1, -1], atol=1e-4)


@pytest.mark.parametrize("view", [View(9), View(-1), View(1, (1, 3)), View(1, (0, 1)), View(2, (3, 4))])
def test_a_view_of_missing_layers_or_units_falls_back_to_existing_ones(view: View, tmp_path: Path) -> None:
    hidden = draw_frame(make(tmp_path, [2, 3]), view)["hidden"]
    assert hidden["layer"] == (view.layer if view.layer in (1, 2) else 1)
    assert hidden["units"] is None


def test_points_of_small_scale_stay_distinct(tmp_path: Path) -> None:
    rows = "".join(f"{i * 1e-7},{5 + (i % 7) * 1e-6},{i % 2}\n" for i in range(30))
    (tmp_path / "small.csv").write_text("a,b,c\n" + rows)
    plain = {"data": {"name": "csv", "path": "small.csv", "target": "c", "scaling": "none"}}
    session = Session(validate_experiment({**plain, "model": {"hidden": [2]}}, tmp_path), tmp_path)
    points = np.array(draw_state(session)["points"])
    assert len(np.unique(points[:, 0])) == 30
    np.testing.assert_allclose(np.sort(points[:, 0]), np.arange(30) * 1e-7, rtol=1e-4)
    assert len(np.unique(points[:, 1])) == 7
    assert len(np.unique(draw_frame(session, View(1))["hidden"]["points"], axis=0)) > 1
