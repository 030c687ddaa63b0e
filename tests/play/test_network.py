"""The network is drawn with the outputs and weights that it has, worked out by hand for simple weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.play.frames import View, draw_frame, draw_state
from mlpcli.play.network import shown_units
from mlpcli.play.session import Session
from tests.play.test_frames import set_weights, unpacked


def make(tmp_path: Path, **more: Any) -> Session:
    plain = {"data": {"name": "moons", "points": 40, "scaling": "none"}, **more}
    return Session(validate_experiment(plain, tmp_path), tmp_path)


def two_layers(tmp_path: Path, loss: str = "cross_entropy") -> Session:
    """Return a network whose hidden units are x1 and -2 x2, and whose scores are x1 and -x1."""
    session = make(tmp_path, model={"hidden": [2], "activation": "identity"}, loss=loss)
    set_weights(session, [[1, 0], [0, -2]], [[1, -1], [0, 0]])
    return session


def test_maps_run_over_the_plane_from_the_lowest_to_the_highest_output(tmp_path: Path) -> None:
    session = two_layers(tmp_path)
    network = draw_frame(session, View())["network"]
    inputs, hidden, outputs = network["layers"]
    (left, right), (bottom, top) = session.places.extent
    side = network["side"]
    assert (inputs["low"], inputs["high"]) == (
        pytest.approx([left, bottom], rel=1e-3),
        pytest.approx([right, top], rel=1e-3),
    )
    assert (hidden["low"], hidden["high"]) == (
        pytest.approx([left, -2 * top], rel=1e-3),
        pytest.approx([right, -2 * bottom], rel=1e-3),
    )
    x1, minus_x2 = unpacked(hidden["bytes"], 2, side, side).astype(int)
    ramp = 255 * np.linspace(0, 1, side)
    np.testing.assert_allclose(x1, np.broadcast_to(ramp, (side, side)), atol=1.01)
    np.testing.assert_allclose(minus_x2, np.broadcast_to(255 - ramp[:, None], (side, side)), atol=1.01)
    assert (outputs["low"], outputs["high"]) == ([0, 0], [1, 1])
    p = 1 / (1 + np.exp(-2 * np.linspace(left, right, side)))
    first = unpacked(outputs["bytes"], 2, side, side)[0]
    np.testing.assert_allclose(first, np.broadcast_to(255 * p, (side, side)), atol=1.01)
    assert network["weights"] == [[[1, 0], [0, -2]], [[1, -1], [0, 0]]]


def test_a_unit_comes_large_with_its_weights(tmp_path: Path) -> None:
    session = two_layers(tmp_path)
    session.run.network.dense[0].b[...] = 0.5, 0.25
    unit = draw_frame(session, View(unit=(1, 2)))["unit"]
    assert unit["from"] == [["x1", 0], ["x2", -2]]
    assert unit["to"] == [["0", 0], ["1", 0]]
    assert (unit["bias"], unit["activation"]) == (0.25, "identity")
    image = unpacked(unit["bytes"], unit["side"], unit["side"])
    assert (image[0].min(), image[-1].max()) == (255, 0)
    first, last = (draw_frame(session, View(unit=place))["unit"] for place in ((0, 1), (2, 1)))
    assert (first["from"], first["bias"], first["to"]) == ([], None, [["unit 1", 1], ["unit 2", 0]])
    assert (last["name"], last["from"], last["to"]) == ("0", [["unit 1", 1], ["unit 2", 0]], [])


def test_of_many_weights_the_largest_come_first(tmp_path: Path) -> None:
    session = make(tmp_path, model={"hidden": [150]})
    W = session.run.network.dense[1].W
    W[:, 0] = np.arange(150)
    weights = draw_frame(session, View(unit=(2, 1)))["unit"]["from"]
    assert weights[:2] == [["unit 150", 149], ["unit 149", 148]]
    assert len(weights) == 100


@pytest.mark.parametrize("place", [(3, 1), (1, 3), (99, 1), (-1, 1), (1, -1)])
def test_there_may_be_no_such_unit(place: tuple[int, int], tmp_path: Path) -> None:
    assert draw_frame(two_layers(tmp_path), View(unit=place))["unit"] is None


def test_a_binary_loss_has_one_output_that_of_the_second_class(tmp_path: Path) -> None:
    session = make(tmp_path, model={"hidden": []}, loss="binary_cross_entropy")
    set_weights(session, [[3], [0]])
    state, network = draw_state(session), draw_frame(session, View())["network"]
    assert state["outputs"] == state["classes"][1:]
    assert [layer["shown"] for layer in network["layers"]] == [2, 1]
    side = network["side"]
    image = unpacked(network["layers"][1]["bytes"], side, side)
    assert image[0, 0] < 10
    assert image[0, -1] > 245


@pytest.mark.parametrize("activation", UNITS)
@pytest.mark.parametrize("model", [{}, {"norm": "batch", "residual": True}, {"members": 2, "dropout": 0.3}])
def test_each_kind_of_unit_can_be_drawn(activation: str, model: dict[str, Any], tmp_path: Path) -> None:
    if activation == "prelu" and model.get("members"):
        pytest.skip("members cannot share slopes")
    session = make(tmp_path, model={"hidden": [4, 3], "activation": activation, **model})
    session.train_epoch()
    frame = draw_frame(session, View(unit=(2, 3)))
    assert [layer["shown"] for layer in frame["network"]["layers"]] == [2, 4, 3, 2]
    assert [np.shape(W) for W in frame["network"]["weights"]] == [(2, 4), (4, 3), (3, 2)]
    assert frame["unit"]["activation"] == activation
    assert ("pieces" in frame["unit"]) == (activation == "maxout")
    assert ("slope" in frame["unit"]) == (activation == "prelu")
    assert len(frame["unit"]["from"]) == 4


@pytest.mark.parametrize(
    ("widths", "shown"),
    [
        ((2, 100, 3), [2, 100, 3]),
        ((2, 101, 3), [2, 100, 3]),
        ((2, 50, 50, 3), [2, 50, 50, 3]),
        ((2, 100, 10, 3), [2, 50, 10, 3]),
        ((2, *[500] * 8, 30), [2, *[20] * 8, 20]),
        ((2, 3), [2, 3]),
    ],
)
def test_large_networks_are_shown_in_part(widths: tuple[int, ...], shown: list[int]) -> None:
    assert shown_units(widths) == shown
