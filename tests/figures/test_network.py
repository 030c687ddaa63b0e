"""The network is drawn with its weights: colors by sign, widths by size, biases in the units."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlpcli.cli.working import write_out
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.figures.network import draw_forward, draw_network
from mlpcli.figures.style import write
from mlpcli.training.explanation import explain_example
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def edges(figure: Figure) -> list[LineCollection]:
    """Return the edges between the layers, from left to right."""
    return [each for each in figure.axes[0].collections if isinstance(each, LineCollection)]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def lines(collection: LineCollection) -> dict[tuple[float, float], tuple[float, str]]:
    """Return the width and the color of each edge, by the heights of its two ends."""
    drawn: Any = collection
    return {
        (float(line[0][1]), float(line[1][1])): (float(width), to_hex(colour))
        for line, width, colour in zip(
            drawn.get_segments(), drawn.get_linewidths(), drawn.get_colors(), strict=True
        )
    }


def test_edges_are_weights_and_numbers_are_biases(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "model.hidden=[4]")
    figure = draw_network(run)
    for collection, dense in zip(edges(figure), run.checkpoint.network.dense, strict=True):
        found, W = lines(collection), dense.W
        starts, ends = (sorted({key[i] for key in found}, reverse=True) for i in (0, 1))
        assert (len(starts), len(ends)) == W.shape
        for i, start in enumerate(starts):
            for j, end in enumerate(ends):
                width, colour = found[start, end]
                assert width == pytest.approx(0.2 + 5 * abs(W[i, j]) / np.abs(W).max(), abs=1e-4)
                assert colour == ("#d55e00" if W[i, j] < 0 else "#0072b2")
        assert f"widest: {np.abs(W).max():.2f}" in texts(figure)
    assert {"x1", "x2", "2 inputs", "layer 1\n4 relu", "layer 2\n3 outputs", "0", "1", "2"} <= {
        *texts(figure)
    }
    biases = run.checkpoint.network.dense[0].b
    assert all(any(abs(float(b) - number) < 6e-3 for number in numbers(figure)) for b in biases)
    weights = run.checkpoint.network.dense[0].W  # few edges have their numbers
    assert all(any(abs(float(w) - number) < 6e-3 for number in numbers(figure)) for w in weights.flat)


def numbers(figure: Figure) -> list[float]:
    found = []
    for text in texts(figure):
        try:
            found.append(float(text))
        except ValueError:
            continue
    return found


def test_of_large_layers_the_most_important_units_are_drawn(finished: Finish) -> None:
    run = finished("digits", "training.epochs=2")
    figure = draw_network(run)
    assert {"... 55 more", "... 247 more"} <= {*texts(figure)}
    first, second = run.checkpoint.network.dense
    lengths = np.linalg.norm(first.W, axis=0) * np.linalg.norm(second.W, axis=1)
    chosen = np.sort(np.argsort(-lengths)[:9])
    expected = np.abs(second.W[chosen]).max()
    assert any(text == f"widest: {expected:.2f}" for text in texts(figure))


def test_of_many_layers_the_first_and_the_last_are_drawn(finished: Finish) -> None:
    figure = draw_network(finished("spiral", "training.epochs=1", f"model.hidden={[3] * 12}"))
    assert "... 6 more layers ..." in texts(figure)
    assert {"layer 3\n3 relu", "layer 10\n3 relu"} <= {*texts(figure)}
    assert "layer 4\n3 relu" not in texts(figure)
    assert len(edges(figure)) == 6


@pytest.mark.parametrize(
    ("activation", "norm"),
    [
        *(
            pytest.param(name, "none", marks=pytest.mark.exhaustive if i % 4 else ())
            for i, name in enumerate(UNITS)
        ),
        *(("maxout", name) for name in NORMS),
    ],
)
def test_every_unit_and_norm_is_named(finished: Finish, activation: str, norm: str) -> None:
    layer = f"model={{hidden: [3], activation: {activation}, norm: {norm}, residual: true}}"
    figure = draw_network(finished("moons", "training.epochs=1", layer))
    named = f"3 {activation.replace('_', ' ')}{'' if norm == 'none' else f', {norm} norm'}, plus its input"
    assert f"layer 1\n{named}" in texts(figure)


def test_the_picture_of_an_example_has_its_outputs_and_contributions(finished: Finish) -> None:
    run = finished("iris", "training.epochs=3", "model.hidden=[3]")
    found = explain_example(run.directory, 1)
    figure = draw_forward(found)
    forward = found.forward
    given = forward.layers[1].x[:, None] * forward.layers[1].W
    drawn = lines(edges(figure)[1])
    for key, number in zip(sorted(drawn, reverse=True), given.reshape(-1), strict=True):
        width, colour = drawn[key]
        assert width == pytest.approx(0.2 + 5 * abs(number) / np.abs(given).max(), abs=1e-4)
        assert colour == ("#d55e00" if number < 0 else "#0072b2" if number else "#bbbbbb")
    for value in (*forward.x, *forward.layers[0].y, *forward.logits):
        assert any(abs(float(value) - number) < 6e-3 for number in numbers(figure))
    probability = found.outputs[found.output_names.index("setosa")]
    assert {"sepal_length", f"setosa: {probability:.2f}"} <= {*texts(figure)}
    assert figure.get_suptitle() == (
        f"row 1 of iris.csv: predicted {found.predicted} ({found.outputs.max():.2f}), true setosa"
    )


def test_a_regression_has_its_values_in_their_units(plane_values: FinishedRun) -> None:
    found = explain_example(plane_values.directory, 2)
    figure = draw_forward(found)
    assert f"price: {float(found.each[0, 0]):.4g}" in texts(figure)
    assert figure.get_suptitle().startswith("row 2 of values.csv (network 1 of 8): predicted ")
    assert figure.get_suptitle().endswith(", true -1")


def test_large_values_are_written_out(finished: Finish) -> None:
    found = explain_example(finished("sine", "training.epochs=1").directory, 2)
    large = replace(found, each=np.array([[14743.6]]), outputs=np.array([14743.6]), truth=[13500.0])
    figure = draw_forward(large)
    assert "y1: 14,744" in texts(figure)
    assert figure.get_suptitle() == "row 2 of sine: predicted 14,744, true 13,500"


def test_the_units_of_the_text_are_drawn_with_their_numbers(finished: Finish) -> None:
    found = explain_example(finished("digits", "training.epochs=1").directory, 2)
    figure, text = draw_forward(found), write_out(found)
    layer_1 = text.split("\nlayer 1:")[1].split("\nlayer 2:")[0]
    units = re.findall(r"^  unit (\d+) ", layer_1, re.MULTILINE)
    assert len(units) == 6
    assert {*units, "... 250 more"} <= {*texts(figure)}


def test_a_linear_path_alone_is_drawn_where_hidden_layers_add_nothing(finished: Finish) -> None:
    run = finished("moons", "training.epochs=1", "model={hidden: [20], linear_path: fitted}")
    found = explain_example(run.directory, 2)
    assert "which is not drawn" in legend(draw_forward(found))
    found.forward.layers[-1].W[...] = 0
    figure = draw_forward(found)
    assert "the hidden layers add nothing: all weights of layer 2 are 0" in legend(figure)
    assert found.path_weights is not None
    terms = np.abs(found.forward.x[:, None] * found.path_weights)
    assert len(edges(figure)) == 1
    assert f"widest: {terms.max():.2f}" in texts(figure)


def legend(figure: Figure) -> str:
    return str(figure.legends[0].get_title().get_text())


def test_an_image_stands_beside_its_pixels(cifar10: FinishedRun) -> None:
    found = explain_example(cifar10.directory, 61)
    (inset,) = draw_forward(found).axes[0].child_axes
    shown = np.asarray(inset.images[0].get_array())
    assert np.allclose(shown, found.raw.reshape(3, 32, 32).transpose(1, 2, 0) / 255)


def test_names_from_files_are_shown_and_not_obeyed(tmp_path: Path, trained_text: Callable[..., Path]) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'$x^2$' if i % 2 else 'p'}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"\x1b[31mred,{'d' * 99},y\n{rows}", encoding="utf-8")
    config = "data: {name: csv, path: t.csv, target: y}\nmodel: {hidden: [2]}\ntraining: {epochs: 1}"
    run = trained_text(config, tmp_path / "run")
    for figure in (draw_network(FinishedRun.open(run)), draw_forward(explain_example(run, 1))):
        shown = texts(figure)
        assert "\\x1b[31mred" in shown
        assert any(text.startswith("$x^2$") for text in shown)
        assert not any("d" * 31 in text or "\x1b" in text for text in shown)
        write(figure, io.BytesIO(), "png")
