"""The figure of activations: functions and derivatives are correct, and the identities of the notes hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlpcli.figures.notes.activations import draw_activations

# From the definitions; GELU has the normal distribution, which NumPy does not know.
VALUES = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "ReLU": lambda z: np.where(z > 0, z, 0),
    "leaky ReLU": lambda z: np.where(z > 0, z, 0.01 * z),
    "PReLU": lambda z: np.where(z > 0, z, 0.25 * z),
    "maxout is ReLU": lambda z: np.where(z > 0, z, 0),
    "maxout is leaky ReLU": lambda z: np.where(z > 0, z, 0.01 * z),
    "ELU": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "SiLU": lambda z: z / (1 + np.exp(-z)),
    "Mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return draw_activations()


def lines(figure: Figure, panel: str) -> dict[str, tuple[Any, Any]]:
    """Return the points of the lines of a panel, by their names in the legend."""
    (axes,) = (axes for axes in figure.axes if axes.get_title().splitlines()[0] == panel)
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in axes.lines
    }


@pytest.mark.parametrize("panel", [*VALUES, "GELU"])
def test_activations_have_the_correct_values_and_slopes(figure: Figure, panel: str) -> None:
    drawn = lines(figure, panel)
    z, y = drawn["activation y"]
    _, slope = drawn["derivative dy/dz"]
    if panel in VALUES:
        assert np.allclose(y, VALUES[panel](z), atol=1e-9)
    inner = np.abs(z) > 0.02  # but for the corner, the slope of the very line that is drawn
    assert np.allclose(np.gradient(y, z)[inner][1:-1], slope[inner][1:-1], atol=1e-3)


@pytest.mark.parametrize(
    ("panel", "dots"),
    [
        ("tanh", "2 sigmoid(2z) − 1, by sigmoid"),
        ("maxout is ReLU", "ReLU and leaky ReLU"),
        ("maxout is leaky ReLU", "ReLU and leaky ReLU"),
    ],
)
def test_identities_hold_at_every_dot(figure: Figure, panel: str, dots: str) -> None:
    z, y = lines(figure, panel)[dots]
    assert len(z) >= 12
    assert np.allclose(y, VALUES[panel](z), atol=1e-12)


def test_the_legend_is_in_the_order_of_the_panels(figure: Figure) -> None:
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "activation y",
        "derivative dy/dz",
        "2 sigmoid(2z) − 1, by sigmoid",
        "PReLU with other slopes a",
        "ReLU and leaky ReLU",
        "the two pieces of maxout",
    ]
