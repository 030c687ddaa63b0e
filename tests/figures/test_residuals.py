"""Predicted and true values, and the residuals between them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from mlpcli.figures.residuals import draw_residuals
from mlpcli.training.finished import FinishedRun


def test_points_are_the_values_in_their_own_units(plane_values: FinishedRun) -> None:
    split = plane_values.splits.parts["test"]
    y = split.y[split.rows][:, 0]
    values = plane_values.values(plane_values.logits("test"))[:, 0]
    figure = draw_residuals(plane_values)
    left, right = figure.axes
    np.testing.assert_allclose(left.collections[0].get_offsets(), np.stack([y, values], axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        right.collections[0].get_offsets(), np.stack([values, y - values], axis=1), atol=1e-5
    )
    assert (left.get_xlabel(), left.get_ylabel()) == ("true price", "predicted price")
    assert f"on {len(y)} test examples" in figure.get_suptitle()


def test_each_target_has_a_row(trained_text: Callable[[str, Path], Path], tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((20_000, 2))
    np.savez(tmp_path / "t.npz", X=X, y=X @ [[1, 2, 3], [4, 5, 6]])
    config = "data: {name: npz, path: t.npz}\nloss: mse\nmodel: {hidden: [2]}\ntraining: {epochs: 1}"
    figure = draw_residuals(FinishedRun.open(trained_text(config, tmp_path / "run")))
    assert len(figure.axes) == 6
    assert figure.axes[4].get_xlabel() == "true y3"
    assert len(figure.axes[0].collections[0].get_offsets()) == 3000  # type: ignore[arg-type]
    assert "4,000 test examples (3,000 are drawn)" in figure.get_suptitle()


def test_large_numbers_on_the_axes_do_not_touch(
    trained_text: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    X = np.random.default_rng(0).standard_normal((200, 2))
    config = "data: {name: npz, path: t.npz}\nloss: mse\nmodel: {hidden: [2]}\ntraining: {epochs: 1}"
    for size in (1e4, 1e7):
        np.savez(tmp_path / "t.npz", X=X, y=size * (2 + X[:, 0]))
        figure = draw_residuals(FinishedRun.open(trained_text(config, tmp_path / f"run-{size:g}")))
        figure.draw_without_rendering()
        for axes in figure.axes:
            boxes = [text.get_window_extent() for text in axes.get_xticklabels()]
            assert all(one.x1 + 3 < other.x0 for one, other in pairwise(boxes))
            assert any("0,000" in text.get_text() for text in axes.get_xticklabels())
