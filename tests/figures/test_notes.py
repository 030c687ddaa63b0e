"""The notes' figures: their data, and what each is to show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import load_experiment
from mlpcli.errors import UsageError
from mlpcli.figures import NOTES
from mlpcli.figures.notes import FIGURES, draw_activations, draw_notes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "notes"


def test_activations_are_drawn_with_their_derivatives() -> None:
    """The derivative is held against differences of the curve that is drawn."""
    figure = draw_activations()
    assert len(figure.axes) == 8
    for axes in figure.axes:
        slope, curve = (
            {line.get_label(): line for line in axes.lines}[name]
            for name in ("derivative dy/dz", "activation y")
        )
        z, y = np.asarray(curve.get_xdata(), float), np.asarray(curve.get_ydata(), float)
        expected = (y[2:] - y[:-2]) / (z[2:] - z[:-2])
        off = np.abs(np.asarray(slope.get_ydata(), float)[1:-1] - expected)
        assert (off > 1e-3).sum() <= 2, axes.get_title()  # a kink


@pytest.mark.parametrize("name", FIGURES)
def test_panels_differ_in_what_is_compared_alone(name: str) -> None:
    experiments = [load_experiment(FOLDER / f"{name}.yaml", options) for options in FIGURES[name][0]]
    assert len(experiments) > 1
    assert len({experiment.data.model_dump_json() for experiment in experiments}) == 1
    for options in FIGURES[name][0]:
        assert len(options) <= 2


def test_one_is_trained_and_drawn() -> None:
    heard: list[str] = []
    figure = draw_notes("universal_approximator", FOLDER, heard.append)
    assert len(figure.axes) == 4
    assert heard[1] == f"2 of 4: mlp train {FOLDER}/universal_approximator.yaml --set model.hidden=[2]"
    errors = [float(re.search(r"test ([\d.]+)", axes.get_title())[1]) for axes in figure.axes]  # type: ignore[index]
    assert errors == sorted(errors, reverse=True)


def test_elsewhere_it_says_where_the_configs_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in the project's folder"):
        draw_notes("dead_relu", tmp_path, print)


@pytest.mark.parametrize("name", NOTES)
def test_each_is_in_the_docs_with_its_command(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.png").stat().st_size < 200_000
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"mlp plot --notes {name} --out docs/{name}.png" in page
    assert f"(../../docs/{name}.png)" in page
