"""The network is drawn with the outputs and weights that it has, worked out by hand for simple weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.play.frames import View, draw_frame, draw_state
from mlpcli.play.network import shown_units
from mlpcli.play.places import SIDE_OF_MAPS
from mlpcli.play.session import Session
from mlpcli.play.settings import scaled_names
from tests.play.test_frames import set_weights, unpacked


def make(tmp_path: Path, **more: Any) -> Session:
    plain: dict[str, Any] = {"data": {"name": "moons", "points": 40, "scaling": "none"}, **more}
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


def test_inputs_are_drawn_as_what_they_are_called(tmp_path: Path) -> None:
    """The terms are functions of scaled numbers, and scaled themselves, which their pictures undo."""
    data = {"name": "spiral", "terms": ["square", "product", "sine"]}
    session = make(tmp_path, data=data)
    names = draw_state(session)["inputs"]
    assert names == ["x1", "x2", "z1^2", "z2^2", "z1 * z2", "sin(pi z1)", "sin(pi z2)"]
    drawn = draw_frame(session, View())["network"]["layers"][0]
    ranges = dict(zip(names, zip(drawn["low"], drawn["high"], strict=True), strict=True))
    (left, right), (bottom, top) = session.places.extent
    assert ranges["x1"] == pytest.approx((left, right), rel=1e-3)
    assert ranges["x2"] == pytest.approx((bottom, top), rel=1e-3)
    scaling = session.run.transform.scaling
    z = (np.linspace(left, right, 77)[::4] - scaling.shift[0]) / scaling.scale[0]
    assert ranges["z1^2"] == pytest.approx(((z**2).min(), (z**2).max()), rel=1e-2, abs=1e-3)
    sine = np.sin(np.pi * z)
    assert ranges["sin(pi z1)"] == pytest.approx((sine.min(), sine.max()), rel=1e-2)
    side = SIDE_OF_MAPS
    image = unpacked(drawn["bytes"], len(names), side, side)[5]
    wanted = 255 * (sine - sine.min()) / np.ptp(sine)
    np.testing.assert_allclose(image, np.broadcast_to(wanted, (side, side)), atol=1.5)


@pytest.mark.parametrize(
    ("columns", "scaling", "names"),
    [
        (("x1", "x2"), "standardize", ["z1", "z2"]),
        (("x1", "length"), "range", ["z1", "z(length)"]),
        (("x1", "length"), "none", ["x1", "length"]),
    ],
)
def test_names_of_scaled_columns(
    columns: tuple[str, ...], scaling: str, names: list[str], tmp_path: Path
) -> None:
    experiment = validate_experiment({"data": {"name": "moons", "scaling": scaling}}, tmp_path)
    assert scaled_names(experiment, columns) == names


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


@pytest.mark.parametrize("activation", some(UNITS, 4))
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
