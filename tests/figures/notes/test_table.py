"""The table of the figures of the notes: each is trained by valid configs, and is in docs/ with its claim."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from mlpcli.cli.plot import plot
from mlpcli.config.loader import load_experiment
from mlpcli.figures.notes import FIGURES

ROOT = Path(__file__).parents[3]
README = (ROOT / "configs" / "notes" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIGURES)
def test_panels_have_the_same_data_and_valid_keys(name: str) -> None:
    for config, variants in FIGURES[name].trains.items():
        path = ROOT / "configs" / "notes" / f"{config}.yaml"
        experiments = [load_experiment(path, overrides) for overrides in variants]
        assert len({experiment.data.model_dump_json(exclude={"scaling"}) for experiment in experiments}) == 1
        if not any("seed" in option for overrides in variants for option in overrides):
            assert len({experiment.training.seed for experiment in experiments}) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_in_docs_and_its_command_beside_it(name: str) -> None:
    assert f"](../../docs/notes/{name}.png)" in README
    (command,) = re.findall(rf"`mlp (plot --notes {name}\b[^`]*)`", README)
    words = shlex.split(command)
    assert words[-1] == f"docs/notes/{name}.png"
    plot.make_context("plot", words[1:])
    picture = ROOT / "docs" / "notes" / f"{name}.png"
    assert picture.stat().st_size < 100_000
    with Image.open(picture) as image:
        assert 400 < image.width < 1600


def test_docs_have_no_figure_that_is_not_drawn_any_more() -> None:
    assert {path.stem for path in (ROOT / "docs" / "notes").iterdir()} == FIGURES.keys()
