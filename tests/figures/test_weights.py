"""The weights are drawn as images: one for each unit, longest vectors first, gray for 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlpcli.figures.weights import draw_weights
from mlpcli.training.finished import FinishedRun


def title_of(figure: Figure) -> str:
    """Return the title without its line breaks."""
    return " ".join(figure.get_suptitle().split())


def test_filters_of_colour_images(cifar10: FinishedRun) -> None:
    figure = draw_weights(cifar10)
    (axes,) = figure.axes
    sheet = np.asarray(axes.images[0].get_array())
    assert sheet.shape == (33 * 2 - 1, 33 * 20 - 1, 3)  # 24 units of 32 x 32, 20 in a row
    W = cifar10.checkpoint.network.dense[0].W.astype(float)
    lengths = np.sqrt((W**2).sum(axis=0))
    first = W[:, lengths.argmax()].reshape(3, 32, 32)  # CIFAR-10: a plane for each color
    assert np.allclose(sheet[:32, :32], 0.5 + 0.5 * first.transpose(1, 2, 0) / np.abs(first).max())
    title = title_of(figure)
    assert "from the 32 x 32 color pixels, 24 units, longest first" in title
    assert f"lengths from {lengths.max():.3g} to {lengths.min():.3g}" in title


@pytest.mark.exhaustive
def test_terms_of_pixels_are_no_images(finished: Callable[..., FinishedRun]) -> None:
    run = finished("digits", "training.epochs=2", "model.hidden=[8]", "data.terms=[square]")
    assert run.checkpoint.network.widths[0] == 2 * 64
    W = run.checkpoint.network.dense[0].W[:64].astype(float)
    lengths = np.sqrt((W**2).sum(axis=0))
    assert f"from {lengths.max():.3g} to {lengths.min():.3g}" in title_of(draw_weights(run))


def test_sums_of_maxout_are_not_called_units(finished: Callable[..., FinishedRun]) -> None:
    maxout = "model.hidden=[{units: 5, activation: {name: maxout, pieces: 3}}]"
    figure = draw_weights(finished("digits", "training.epochs=2", maxout))
    assert "15 sums of 5 units, longest first" in title_of(figure)


def test_units_that_see_a_window_are_drawn_as_this_window(finished: Callable[..., FinishedRun]) -> None:
    run = finished("digits", "training.epochs=2", "model.hidden=[{units: 3, window: 4, stride: 2}]")
    figure = draw_weights(run)
    assert "from the windows of 4 x 4 out of 8 x 8 pixels, 27 units, longest first" in title_of(figure)
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    W = run.checkpoint.network.dense[0].W.astype(float)
    place, unit = np.unravel_index(np.linalg.norm(W, axis=1).argmax(), (9, 3))
    first = W[place, :, unit].reshape(4, 4)
    assert np.allclose(sheet[:4, :4, 0], 0.5 + 0.5 * first / np.abs(first).max())


def test_weights_of_whitened_images_are_called_so(finished: Callable[..., FinishedRun]) -> None:
    figure = draw_weights(finished("digits", "training.epochs=2", "data.scaling=whiten"))
    assert "weights of the first layer from the 8 x 8 whitened pixels, 200 of 256 units" in title_of(figure)


def test_a_long_title_is_broken_into_lines(finished: Callable[..., FinishedRun]) -> None:
    windows = "model.hidden=[{units: 9, window: 3}]"
    figure = draw_weights(finished("digits", "training.epochs=2", "data.scaling=whiten", windows))
    figure.draw_without_rendering()
    (title,) = figure.texts
    assert title.get_window_extent().width <= figure.bbox.width
    assert figure.bbox.height >= title.get_window_extent().y1
