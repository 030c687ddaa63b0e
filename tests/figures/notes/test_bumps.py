"""A sum of bumps approximates a sine, and its error falls as one over their number."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mlpcli.figures.notes.bumps import bump_network, draw_bumps

X = np.linspace(0, 2 * np.pi, 1000)[:, None]


def error(n: int) -> float:
    """Return the root mean squared error of n bumps."""
    return float(np.sqrt(np.mean((bump_network(n).forward(X) - np.sin(X)) ** 2)))


def test_twice_the_bumps_have_about_half_the_error() -> None:
    errors = [error(n) for n in (4, 8, 16, 32, 64)]
    ratios = [before / after for before, after in pairwise(errors)]
    assert all(1.8 < ratio < 2.3 for ratio in ratios)
    # In a step of width h, the error is spread evenly over h times the slope, whose mean square is 1/2.
    assert np.isclose(errors[-1], 2 * np.pi / 64 / np.sqrt(12) * np.sqrt(0.5), rtol=0.2)


def test_a_bump_is_two_units_and_nothing_outside_of_its_interval() -> None:
    network = bump_network(8)
    hidden, output = network.dense
    output.W[...] = np.where(np.arange(16)[:, None] // 2 == 1, output.W, 0)  # the second bump alone
    left, right = 2 * np.pi / 8, 4 * np.pi / 8
    inside, outside = (left + right) / 2, np.array([[0.0], [2 * left + right], [6.0]])
    assert np.isclose(network.forward(np.array([[inside]]))[0, 0], np.sin(inside), atol=1e-5)
    assert np.abs(network.forward(outside)).max() < 1e-3
    assert hidden.W.shape == (1, 16)


def test_the_figure_draws_the_networks_their_bumps_and_their_errors() -> None:
    figure = draw_bumps()
    for axes, n in zip(figure.axes, (4, 8, 16, 32), strict=True):
        *bumps, sine, total = axes.lines
        assert len(bumps) == n
        x, y = np.asarray(total.get_xdata()), np.asarray(total.get_ydata())
        assert np.allclose(sum(np.asarray(bump.get_ydata()) for bump in bumps), y)
        assert np.allclose(np.asarray(sine.get_ydata()), np.sin(x))
        wrong = np.sqrt(np.mean((y - np.sin(x)) ** 2))
        assert axes.get_title() == f"{n} bumps: {2 * n} sigmoid units\nroot mean squared error {wrong:.3f}"
