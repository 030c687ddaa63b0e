"""Pictures as text fit the terminal, work in ASCII, and show the predictions of the network."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.figures import UnfitError
from mlpcli.figures.text import boundary_text, curve_text
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
WIDTHS = pytest.mark.parametrize("width", [30, 40, 80, 200])


@WIDTHS
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("name", "epochs"), [("spiral", 30), ("sine", 12), ("moons", 2)], ids=["spiral", "sine", "moons"]
)
def test_lines_fit_and_are_ascii_if_necessary(
    finished: Finish, name: str, epochs: int, width: int, plain: bool
) -> None:
    run = finished(name, f"training.epochs={epochs}")
    for text in (boundary_text(run, width, plain), curve_text(run, width, plain)):
        assert max(map(len, text.splitlines())) <= width
        assert text.isascii() == plain
        assert name in text.splitlines()[0]


def frame(text: str) -> list[str]:
    """Return the inside of the frame of a picture in ASCII."""
    return [line[1:-1] for line in text.splitlines() if line.startswith("|") and line.endswith("|")]


def test_regions_are_the_predictions_of_the_network(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    text = boundary_text(run, 80, True)
    cells = frame(text)
    parts = run.splits.parts.values()
    X = np.concatenate([split.X[split.rows] for split in parts]).astype(float)
    low, high = X.min(axis=0), X.max(axis=0)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
    rows, columns = len(cells), len(cells[0])
    shades, right = " .:", 0
    compared = [(i, j) for i in range(rows) for j in range(columns) if cells[i][j] in shades]
    for i, j in compared:
        x = low[0] + (j + 0.5) / columns * (high[0] - low[0])
        y = high[1] - (i + 0.5) / rows * (high[1] - low[1])
        right += shades[int(run.predict_logits(np.array([[x, y]])).argmax())] == cells[i][j]
    assert len(compared) > 1000
    assert right == len(compared)


LARGE = {
    "the same": np.full(1, 1e38, np.float32),
    "next to each other": np.nextafter(np.float32(1e38), np.float32([0, np.inf])),
    "all of 32 bits": np.float32([-3.4e38, 3.4e38]),
    "the largest": np.array([-9e299, 9e299]),
}


@pytest.mark.parametrize("name", ["sine", "plane"])
@pytest.mark.parametrize("values", LARGE.values(), ids=LARGE)
def test_a_regression_is_drawn_whatever_the_size_of_its_values(
    finished: Finish, trained_text: Callable[..., Path], tmp_path: Path, name: str, values: NDArray[Any]
) -> None:
    run = of_values(finished, trained_text, tmp_path, name, values)
    assert max(map(len, boundary_text(run, 80, True).splitlines())) <= 80


@pytest.mark.parametrize("name", ["sine", "plane"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e301])
def test_values_that_are_too_large_are_not_drawn(
    finished: Finish, trained_text: Callable[..., Path], tmp_path: Path, name: str, value: float
) -> None:
    run = of_values(finished, trained_text, tmp_path, name, np.array([0, value]))
    with pytest.raises(UnfitError, match=r"the network predicts values beyond 1e\+300"):
        boundary_text(run, 80, True)


def of_values(
    finished: Finish, trained_text: Callable[..., Path], tmp_path: Path, name: str, values: NDArray[Any]
) -> FinishedRun:
    """Return a run of a regression of one or two features, which predicts these values by turns."""
    if name == "sine":
        run = copy(finished("sine", "training.epochs=2"))
    else:
        rows = "".join(f"{i},{i * i % 7},{i}\n" for i in range(40))
        (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
        text = "data: {name: csv, path: t.csv, target: y}\nloss: mse\ntraining: {epochs: 1}\n"
        run = FinishedRun.open(trained_text(text, tmp_path / "run"))
    run.values = lambda logits: np.resize(values, (len(logits), 1))  # type: ignore[method-assign]
    return run


@pytest.mark.parametrize("losses", [[1e38], [1e38, 1e38], [0.0, 1.7e308], [1.7e308] * 200, [1e-320, 1e308]])
def test_a_curve_is_drawn_whatever_the_size_of_the_loss(finished: Finish, losses: list[float]) -> None:
    run = copy(finished("sine", "training.epochs=2"))
    row = run.rows[0]
    run.rows = [row.model_copy(update={"train_loss": loss, "val_loss": None}) for loss in losses]
    assert "." in curve_text(run, 80, True)


def test_mistakes_are_counted_and_marked(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    wrong = sum(
        int((run.logits(part).argmax(axis=1) != split.y[split.rows]).sum())
        for part, split in run.splits.parts.items()
    )
    text = boundary_text(run, 80, True)
    assert f"! mistake ({wrong} of 300)" in text
    assert 0 < sum(line.count("!") for line in frame(text)) <= wrong
    assert "class 0: 0, background blank  class 1: 1, background .  class 2: 2, background :" in text


def test_the_curve_falls_from_left_to_right(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    lines = curve_text(run, 80, True).splitlines()
    losses = [row.val_loss or 0 for row in run.rows] + [row.train_loss for row in run.rows]
    assert lines[0] == "loss of spiral: . train, o val"
    assert lines[1].split()[0] == f"{max(losses):.4g}"
    assert lines[12].split()[0] == f"{min(losses):.4g}"
    assert lines[-1].split() == ["1", "epoch", "30"]
    canvas = [line.split("|", 1)[1].ljust(70) for line in lines[1:13]]
    heights = [min(i for i, line in enumerate(canvas) if line[column] != " ") for column in range(60)]
    assert heights[0] < 4 < 8 < heights[-1]


def test_a_function_is_drawn_over_its_examples(finished: Finish) -> None:
    run = finished("sine", "training.epochs=12")
    text = boundary_text(run, 80, True)
    cells = [line[1:69].rstrip("|") for line in text.splitlines() if line.startswith("|")]
    X = np.concatenate([split.X[split.rows, 0] for split in run.splits.parts.values()])
    reach = 0.05 * (X.max() - X.min())
    x = np.linspace(X.min() - reach, X.max() + reach, 69)
    y = run.values(run.predict_logits(((x[1:] + x[:-1]) / 2)[:, None]))[:, 0]
    rows = [next(i for i, line in enumerate(cells) if line[column] == "#") for column in range(68)]
    assert np.corrcoef(rows, y)[0, 1] < -0.99  # row 0 is on top
    assert "." in "".join(cells)


def test_a_regression_over_two_features_is_drawn_as_levels(plane_values: FinishedRun) -> None:
    text = boundary_text(plane_values, 60, True)
    assert text.splitlines()[0] == f"run, epoch {plane_values.checkpoint.epoch}: width across, length up"
    assert text.splitlines()[-1].startswith("' .:-=+*%@' from ")
    cells = frame(text)
    # price = width - 2 length: highest at the lower right
    assert " .:-=+*%@".index(cells[-1][-1]) > " .:-=+*%@".index(cells[0][0])


def test_names_and_many_classes_fit_the_width(
    trained_text: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    rows = "\n".join(f"{i % 12},{i // 12},class {'n' * (i % 12)} {i % 12}\t" for i in range(180))
    (tmp_path / "many.csv").write_text(f"{'wide ' * 9},é,kind\n{rows}\n", encoding="utf-8")
    config = "data: {name: csv, path: many.csv, target: kind}\ntraining: {epochs: 1}"
    run = FinishedRun.open(trained_text(config, tmp_path / "run"))
    text = boundary_text(run, 40, False)
    assert max(map(len, text.splitlines())) <= 40
    assert "\t" not in text


def test_other_data_are_refused(finished: Finish) -> None:
    with pytest.raises(UnfitError, match=r"needs 2 features, or 1 feature of a regression, but iris\.csv"):
        boundary_text(finished("iris", "training.epochs=3"), 80, True)
