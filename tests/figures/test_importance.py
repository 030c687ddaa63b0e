"""The picture of permutation importance: a bar for each column, the longest on top."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlpcli.figures.importance import draw_importance
from mlpcli.training.finished import FinishedRun
from mlpcli.training.importance import measure_importance


def test_bars_are_the_means_in_their_order(finished: Callable[..., FinishedRun]) -> None:
    run = finished("iris", "training.epochs=3")
    found = measure_importance(run.checkpoint, run.splits.parts["test"], "test", 10)
    axes = draw_importance(run).axes[0]
    bars = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(bars, np.sort(found.means)[::-1])
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [found.columns[j] for j in found.order]
    assert axes.get_xlabel().startswith("accuracy lost when the column is shuffled")
