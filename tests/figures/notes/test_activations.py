"""Figures of units: functions and derivatives are correct."""

from __future__ import annotations

import numpy as np

from mlpcli.figures.notes.activations import draw_activations

VALUES = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu, alpha 0.1": lambda z: np.where(z > 0, z, 0.1 * z),
    "elu, alpha 1": lambda z: np.where(z > 0, z, np.expm1(z)),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
}


def test_activations_have_the_correct_values_and_slopes() -> None:
    figure = draw_activations("Functions")
    panels = {axes.get_title(): axes for axes in figure.axes}
    assert panels.keys() == {*VALUES, "gelu"}
    for name, axes in panels.items():
        lines = {str(line.get_label()): line for line in axes.lines}
        z = np.asarray(lines["activation y"].get_xdata())
        y = np.asarray(lines["activation y"].get_ydata())
        slope = np.asarray(lines["derivative dy/dz"].get_ydata())
        if name in VALUES:
            assert np.allclose(y, VALUES[name](z), atol=1e-6)
        inner = np.abs(z) > 0.02  # but for the corner, the slope of the very line that is drawn
        assert np.allclose(np.gradient(y, z)[inner][1:-1], slope[inner][1:-1], atol=1e-3)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["derivative dy/dz", "activation y"]
