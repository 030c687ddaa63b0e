"""The runs of a figure are trained and drawn, with a line for each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlpcli.errors import UsageError
from mlpcli.figures.notes import FIGURES, draw_notes

CONFIGS = Path(__file__).parents[3] / "configs" / "notes"


def test_a_figure_is_trained_and_drawn_under_its_claim(tmp_path: Path) -> None:
    text = (CONFIGS / "layer_sizes.yaml").read_text(encoding="utf-8")
    short, n = re.subn(r"epochs: \d+", "epochs: 2", text)
    assert n == 1
    (tmp_path / "layer_sizes.yaml").write_text(short, encoding="utf-8")
    said: list[str] = []
    figure = draw_notes("layer_sizes", tmp_path, said.append)
    assert " ".join(figure.get_suptitle().split()) == FIGURES["layer_sizes"].claim
    titles = [axes.get_title().splitlines()[0] for axes in figure.axes[:3]]
    assert titles == ["3 hidden units", "6 hidden units", "20 hidden units"]
    config = tmp_path / "layer_sizes.yaml"
    assert said[0] == f"layer_sizes, 1 of 3: mlp train {config} --set 'model.hidden=[3]'"
    assert len(said) == 3


def test_in_another_folder_the_error_says_where_the_configs_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in the project's folder, which contains configs/notes"):
        draw_notes("dead_relu", tmp_path, print)
