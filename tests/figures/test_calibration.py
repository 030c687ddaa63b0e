"""Calibration: a point for each bin that has examples, and how many it has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.calibration import _range, draw_calibration
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_points_and_bars_are_those_of_the_test_split(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    split = run.splits.parts["test"]
    p = run.loss.predict(run.logits("test").astype(np.float64))
    confidence, right = p.max(axis=1), p.argmax(axis=1) == split.y[split.rows]
    axes, bars = draw_calibration(run).axes
    points = {(round(x, 6), round(y, 6)) for x, y in zip(*axes.lines[1].get_data(), strict=True)}
    expected = set()
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        assert bars.patches[i].get_height() == inside.sum()  # type: ignore[attr-defined]
        if inside.any():
            expected.add((round(confidence[inside].mean(), 6), round(right[inside].mean(), 6)))
    assert points == expected


def test_the_range_of_a_share() -> None:
    """Wilson's interval of 8 of 10, as textbooks have it, and ranges that stay between 0 and 1."""
    low, high = _range(np.array([0.8, 0.0, 1.0]), np.array([10, 5, 5]))
    np.testing.assert_allclose((low[0], high[0]), (0.490, 0.943), atol=5e-4)
    assert low[1] == pytest.approx(0, abs=1e-12)
    assert high[2] == pytest.approx(1)


def test_scores_of_an_svm_have_no_calibration(finished: Finish) -> None:
    with pytest.raises(UnfitError, match=r"^calibration needs probabilities, and hinge gives scores$"):
        draw_calibration(finished("blobs", "training.epochs=1"))
