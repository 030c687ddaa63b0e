"""What a notebook shows: HTML that is short, whole and safe, and every picture by its name."""

from __future__ import annotations

import html.parser
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from usual import some

import mlpcli
from mlpcli import RunError, UsageError
from mlpcli.colours import SPLIT_COLOURS
from mlpcli.figures import KINDS, UnfitError
from mlpcli.figures.kinds import DRAW
from mlpcli.figures.notebook import _curve
from mlpcli.figures.style import INK
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun

Trained = Callable[..., RunDirectory]
SHORT: dict[str, Any] = {"training": {"epochs": 3}}


class Page(html.parser.HTMLParser):
    """Holds the texts of a piece of a page, its elements and their attributes; all have to be closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def shown(thing: Any) -> Page:
    source = thing._repr_html_()
    assert len(source) < 8_000
    assert "http" not in source
    assert "url(" not in source
    return Page(source)


@pytest.fixture(scope="module")
def run() -> mlpcli.Run:
    return mlpcli.train("spiral", training={"epochs": 5})


def test_a_run_shows_its_network_scores_and_curve(run: mlpcli.Run) -> None:
    page = shown(run)
    for text in ("2-100-3 network", "603 parameters", "spiral:", "epoch 5 of 5", "accuracy"):
        assert text in page.text
    curves = [attributes for tag, attributes in page.elements if tag == "polyline"]
    assert [curve["stroke"] for curve in curves] == [SPLIT_COLOURS["train"], SPLIT_COLOURS["val"]]
    assert {len(str(curve["points"]).split()) for curve in curves} == {5}
    (svg,) = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert "over 5 epochs" in str(svg["aria-label"])


def test_the_curve_has_the_values_of_the_run(run: mlpcli.Run) -> None:
    """The axis is linear or logarithmic: the points are those of one of the two."""
    curves = [attributes["points"] for tag, attributes in shown(run).elements if tag == "polyline"]
    heights = np.array([[float(point.split(",")[1]) for point in str(points).split()] for points in curves])
    losses = np.array([[row["train_loss"] for row in run.metrics], [row["val_loss"] for row in run.metrics]])
    fits = [abs(np.corrcoef(heights.ravel(), values.ravel())[0, 1]) for values in (losses, np.log(losses))]
    assert max(fits) > 0.9999
    assert (np.sign(np.diff(heights)) == -np.sign(np.diff(losses))).all()  # y of SVG points down


def test_a_model_shows_its_network_and_scores(run: mlpcli.Run, trained: Trained) -> None:
    best = run.best
    page = shown(best)
    for text in ("2-100-3 network", f"epoch {best.epoch}", "3 classes: 0, 1, 2", "validation"):
        assert text in page.text
    assert f"{best.checkpoint.scores['val_accuracy']:.2%}" in page.text
    assert "svg" not in dict(page.elements)
    loaded = shown(mlpcli.load(trained("spiral", "training.epochs=5").path))
    assert "svg" in dict(loaded.elements)  # its run is known
    assert "this epoch" in loaded.text


def test_a_model_whose_metrics_are_damaged_has_no_curve(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained("spiral", "training.epochs=5").path, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_text("nonsense")
    assert "svg" not in dict(shown(mlpcli.load(tmp_path / "run")).elements)


def test_what_is_shown_before_the_first_epoch_and_after_one() -> None:
    pages = []
    mlpcli.train("moons", training={"epochs": 1}, progress=lambda run: pages.append(shown(run)))
    before, after = pages
    assert "epoch 0 of 1" in before.text
    assert [tag for tag, _ in after.elements].count("circle") == 2  # a line of one point cannot be seen


def test_several_networks_and_regressions_are_shown_too() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    found = mlpcli.cross_validate(SHORT, X=X, y=X[:, 0] > 0, folds=2)
    assert "the mean of 2 networks" in shown(found.model).text
    run = mlpcli.train(SHORT, X=X, y=X[:, 0] * 1.5)
    assert "R2" in shown(run).text
    assert "2 columns to 1 value" in shown(run.best).text


def test_names_are_texts_and_short() -> None:
    label = "<script>alert(1)</script>"
    X = np.random.default_rng(0).normal(size=(60, 2))
    run = mlpcli.train(SHORT, X=X, y=np.where(X[:, 0] > 0, label, "\x1b[31m" + 90 * "x"))
    page = shown(run.best)
    assert "script" not in dict(page.elements)
    assert "<script>" in page.text
    assert "\\x1b" in page.text
    assert 30 * "x" not in page.text
    assert "<script>" not in run.best._repr_html_()


@pytest.mark.parametrize("background", ["#ffffff", "#111111", "#1e1e1e"], ids=["light", "Jupyter", "VS Code"])
@pytest.mark.parametrize("part", ["train", "val"])
def test_curves_can_be_seen_on_light_and_dark_themes(part: str, background: str) -> None:
    """WCAG 2.2 asks for a contrast of 3 for graphics; texts have the color of the page."""

    def luminance(colour: str) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted([luminance(SPLIT_COLOURS[part]), luminance(background)])
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize("kind", some(KINDS, 3))
def test_a_run_in_memory_has_the_pictures_of_its_directory(
    kind: str, run: mlpcli.Run, finished: Callable[..., FinishedRun]
) -> None:
    try:
        expected = DRAW[kind]([finished("spiral", "training.epochs=5")])
    except UnfitError as error:
        reason = re.escape(str(error))
        with pytest.raises(UsageError, match=f"^{reason}$"):
            run.plot(kind)
        return
    picture = run.plot(kind)
    assert isinstance(picture, Figure)
    assert picture.get_suptitle() == expected.get_suptitle()
    lines = [[line.get_xydata() for axes in each.axes for line in axes.lines] for each in (picture, expected)]
    for one, other in zip(*lines, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_picture_of_a_run_shows_its_best_epoch_and_is_curves_by_default(run: mlpcli.Run) -> None:
    assert f"epoch {run.best.epoch}\n" in run.plot("boundary").get_suptitle()
    assert run.plot().get_suptitle() == "spiral: learning curves"


def test_the_help_of_plot_names_all_pictures() -> None:
    assert all(re.search(rf"\b{kind}\b", str(mlpcli.Run.plot.__doc__)) for kind in KINDS)


def test_the_curve_of_many_epochs_is_short_and_any_loss_can_be_drawn() -> None:
    for losses in ([1e308, 1e-308] * 5_000, [0.0] * 3, [-1e308, 1e308], list(range(1, 10_000))):
        rows = [{"train_loss": loss, "val_loss": loss} for loss in losses]
        drawn = _curve(rows, 2, "best epoch")
        assert len(drawn) < 6_000
        points = " ".join(re.findall('points="([^"]+)"', drawn)).split()
        assert len(points) == 2 * min(len(losses), 120)
        assert all(0 <= float(value) <= 360 for point in points for value in point.split(","))


@pytest.mark.parametrize("thing", ["run", "model"])
def test_an_unknown_picture_is_refused_with_those_that_there_are(thing: str, run: mlpcli.Run) -> None:
    plot = run.plot if thing == "run" else run.best.plot
    with pytest.raises(UsageError, match=r"'boundry' is no picture .*curves.*\nDid you mean 'boundary'\?"):
        plot("boundry")
    with pytest.raises(UsageError, match=r"^None is no picture of a run; there are curves"):
        plot(None)  # type: ignore[arg-type]


def test_a_picture_of_no_epoch_and_without_matplotlib(
    monkeypatch: pytest.MonkeyPatch, run: mlpcli.Run
) -> None:
    errors = []

    def plot(run: mlpcli.Run) -> None:
        if not run.metrics:
            with pytest.raises(RunError) as caught:
                run.plot()
            errors.append(str(caught.value))

    mlpcli.train("moons", training={"epochs": 1}, progress=plot)
    assert errors == ["no epoch has been finished yet"]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"mlpcli\[plot\]"):
        run.plot()


def test_a_model_alone_is_drawn_as_far_as_it_is_known(run: mlpcli.Run) -> None:
    model = run.best
    assert model.plot().get_suptitle()
    assert (
        model.plot("boundary").get_suptitle() == run.plot("boundary").get_suptitle()
    )  # drawn again by the seed
    with pytest.raises(UsageError, match="does not know the epochs of its training; plot the run"):
        model.plot("curves")
    X = np.random.default_rng(0).normal(size=(60, 2))
    on_arrays = mlpcli.train(SHORT, X=X, y=X[:, 0] > 0)
    assert on_arrays.plot("boundary").axes
    with pytest.raises(UsageError, match=r"boundary needs the examples, but .* arrays .*; plot the run"):
        on_arrays.best.plot("boundary")
    found = mlpcli.cross_validate(SHORT, X=X, y=X[:, 0] > 0, folds=2)
    with pytest.raises(UsageError, match="the mean of 2 networks, and a picture shows one"):
        found.model.plot()


def test_a_model_of_a_directory_has_all_pictures_of_its_run(trained: Trained, tmp_path: Path) -> None:
    directory = trained("spiral", "training.epochs=5")
    model = mlpcli.load(directory.last)
    assert model.plot("curves").get_suptitle() == "spiral: learning curves"
    model.layers["W1"][:] = 0  # what was changed is drawn
    assert "epoch 5\naccuracy: train 33.3%" in model.plot("boundary").get_suptitle()
    shutil.copy(directory.last, tmp_path / "alone.npz")
    with pytest.raises(UsageError, match="does not know the epochs"):
        mlpcli.load(tmp_path / "alone.npz").plot("curves")


def test_a_picture_is_none_of_pyplots_and_has_a_style_of_its_own(run: mlpcli.Run) -> None:
    with pyplot.style.context("dark_background"):
        before = dict(pyplot.rcParams)
        picture = run.plot("curves")
        assert picture._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
        picture.draw_without_rendering()
        assert dict(pyplot.rcParams) == before
    assert not pyplot.get_fignums()
    colours = {tick.get_color() for axes in picture.axes for tick in axes.get_xticklabels()}
    assert colours == {INK}
    assert picture.get_facecolor() == (1, 1, 1, 1)
