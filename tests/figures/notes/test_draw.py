"""The runs of a figure are trained and drawn in any folder, with a line for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.figures.notes import FIGURES, draw_notes


@pytest.mark.exhaustive
def test_a_figure_is_trained_and_drawn_under_its_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    figure = draw_notes("layer_sizes", said.append)
    assert " ".join(figure.get_suptitle().split()) == FIGURES["layer_sizes"].claim
    titles = [axes.get_title().splitlines()[0] for axes in figure.axes[:3]]
    assert titles == ["3 hidden units", "6 hidden units", "20 hidden units"]
    assert said[0] == "layer_sizes, 1 of 3: mlp train notes/layer_sizes --set 'model.hidden=[3]'"
    assert len(said) == 3
    assert not list(tmp_path.iterdir())
