"""Regions are those that the network predicts, and their tints say how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb

from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.style import CLASS_COLOURS
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def strength(tint: Any, index: int) -> float:
    """Return the share of the colour of class ``index`` in a tint; NaN if it is no tint of this class."""
    full, tint = 1 - np.array(to_rgb(CLASS_COLOURS[index])), 1 - np.asarray(tint)
    share = float(tint @ full / (full @ full))
    return share if np.allclose(tint, share * full, atol=1e-6) else float("nan")


def points_of(run: FinishedRun, n: int) -> tuple[Any, Any]:
    """Return n points of the picture of a run, and their tints."""
    (image,) = draw_boundary([run]).axes[0].images
    colours = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    places = np.random.default_rng(0).integers(0, len(colours), (n, 2))
    share = places / (len(colours) - 1)
    points = np.column_stack([left + (right - left) * share[:, 1], bottom + (top - bottom) * share[:, 0]])
    return points, colours[places[:, 0], places[:, 1]]


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_regions_are_the_predictions_and_stronger_where_the_network_is_surer(
    finished: Finish, loss: str
) -> None:
    run = finished("spiral", "training.epochs=30", f"loss={loss}")
    points, tints = points_of(run, 300)
    logits = run.predict_logits(points).astype(np.float64)
    shares = np.array([strength(tint, i) for tint, i in zip(tints, logits.argmax(axis=1), strict=True)])
    assert not np.isnan(shares).any()
    ranked = np.sort(logits, axis=1)
    sure = ranked[:, -1] - ranked[:, -2]
    if loss == "cross_entropy":
        sure = np.exp(ranked[:, -1]) / np.exp(ranked).sum(axis=1)
    order = np.argsort(sure)
    assert (np.diff(shares[order]) > -1e-6).all()  # never paler where it is surer
    assert shares.max() > 3 * shares.min()


def test_the_scale_of_two_classes_goes_from_one_to_the_other(finished: Finish) -> None:
    run = finished("moons", "training.epochs=5", "loss=binary_cross_entropy")
    figure = draw_boundary([run])
    _, bar = figure.axes
    assert bar.get_ylabel() == "probability of class 1"
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0%", "25%", "50%", "75%", "100%"]
    figure.canvas.draw()
    (scale,) = (c for c in bar.collections if isinstance(c, QuadMesh))
    colours = np.asarray(scale.get_facecolors())
    colours = 1 - colours[:, 3:] * (1 - colours[:, :3])  # on white
    points, tints = points_of(run, 200)
    p = 1 / (1 + np.exp(-run.predict_logits(points)[:, 0].astype(np.float64)))
    clear = np.abs(10 * p - np.round(10 * p)) > 1e-3  # rounding decides at the edges
    expected = colours[np.digitize(p, np.arange(1, 10) / 10)]
    assert np.allclose(tints[clear], expected[clear])


@pytest.mark.parametrize(("loss", "margin"), [("binary_hinge", 1.0), ("hinge", 1.0)])
def test_the_margin_of_a_linear_svm_is_drawn_where_its_scores_are_one(
    finished: Finish, loss: str, margin: float
) -> None:
    run = finished("moons", "training.epochs=5", "model.hidden=[]", f"loss={loss}")
    figure = draw_boundary([run])
    axes, _ = figure.axes
    found = []
    for contours in axes.collections:
        if type(contours).__name__ == "QuadContourSet":
            for path in contours.get_paths():
                logits = run.predict_logits(path.vertices).astype(np.float64)
                found.append(logits[:, 0] if loss == "binary_hinge" else logits[:, 1] - logits[:, 0])
    assert [round(float(scores.mean()), 2) for scores in found] == [0, -margin, margin]
    assert all(np.ptp(scores) < 0.02 for scores in found)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-2:] == ["score 0" if loss == "binary_hinge" else "lead 0", "margin, −1 and 1"]


def test_more_classes_have_a_grey_scale_from_chance_to_certainty(finished: Finish) -> None:
    _, bar = draw_boundary([finished("spiral", "training.epochs=3")]).axes
    assert bar.get_ylabel() == "probability of the class shown"
    assert [text.get_text() for text in bar.get_yticklabels()] == ["33%", "50%", "75%", "100%"]
