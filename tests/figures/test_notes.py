"""The figures of the notes: functions and derivatives are correct, and those in docs/ can be drawn again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlpcli.cli.plot import plot
from mlpcli.config.loader import load_experiment
from mlpcli.errors import UsageError
from mlpcli.figures import NOTES
from mlpcli.figures.notes import FIGURES, draw_activations, draw_notes

ROOT = Path(__file__).parents[2]
README = (ROOT / "configs" / "notes" / "README.md").read_text(encoding="utf-8")
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
    figure = draw_activations()
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


@pytest.mark.parametrize("name", FIGURES)
def test_panels_have_the_same_data_and_valid_keys(name: str) -> None:
    variants, _ = FIGURES[name]
    config = ROOT / "configs" / "notes" / f"{name}.yaml"
    experiments = [load_experiment(config, overrides) for overrides in variants]
    assert len({experiment.data.model_dump_json() for experiment in experiments}) == 1
    if not any("seed" in option for overrides in variants for option in overrides):
        assert len({experiment.training.seed for experiment in experiments}) == 1


def test_a_figure_is_trained_and_drawn(tmp_path: Path) -> None:
    text = (ROOT / "configs" / "notes" / "layer_sizes.yaml").read_text(encoding="utf-8")
    short, n = re.subn(r"epochs: \d+", "epochs: 2", text)
    assert n == 1
    (tmp_path / "layer_sizes.yaml").write_text(short, encoding="utf-8")
    said: list[str] = []
    figure = draw_notes("layer_sizes", tmp_path, said.append)
    titles = [axes.get_title().splitlines()[0] for axes in figure.axes]
    assert titles == ["hidden [3]", "hidden [6]", "hidden [20]"]
    assert said[0] == f"1 of 3: mlp train {tmp_path / 'layer_sizes.yaml'} --set 'model.hidden=[3]'"
    assert len(said) == 3


def test_in_another_folder_the_error_says_where_the_configs_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in the project's folder, which contains configs/notes"):
        draw_notes("dead_relu", tmp_path, print)


@pytest.mark.parametrize("name", NOTES)
def test_each_figure_is_in_docs_and_its_command_beside_it(name: str) -> None:
    assert f"](../../docs/{name}.png)" in README
    (command,) = re.findall(rf"`mlp (plot --notes {name}\b[^`]*)`", README)
    words = shlex.split(command)
    assert words[-1] == f"docs/{name}.png"
    plot.make_context("plot", words[1:])
    picture = ROOT / "docs" / f"{name}.png"
    assert picture.stat().st_size < 150_000
    with Image.open(picture) as image:
        assert 400 < image.width < 1600
