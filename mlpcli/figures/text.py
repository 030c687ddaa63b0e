"""Draws the decision boundary and the loss curve as text, for a terminal without matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.figures import UnfitError
from mlpcli.text import clip
from mlpcli.training.finished import FinishedRun
from mlpcli.training.plane import without_axis

__all__ = ["boundary_text", "curve_text"]

_SHADES = " ░▒▓"  # of regions
_PLAIN_SHADES = " .:-=+~'`,"  # if the terminal has only ASCII, or there are more classes
_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # for the examples of each class
_MISTAKE = "!"
_RAMP = " .:-=+*%@"  # for values, from small to large
_SPAN = 30  # if the ratio of the largest to the smallest loss is above this, the axis is logarithmic
_LARGEST = 1e300  # the difference of two such values is a number
_NAME = 16  # widest name
_ASPECT = 0.5  # a character is about twice as high as it is wide


def curve_text(run: FinishedRun, width: int, plain: bool) -> str:
    """Return the training and validation loss over the epochs, in lines of at most ``width`` characters.

    ``plain`` asks for ASCII characters only.
    """
    rows = run.rows
    curves = {"train": ("." if plain else "·", [row.train_loss for row in rows])}
    if rows[0].val_loss is not None:
        curves["val"] = ("o", [row.val_loss for row in rows if row.val_loss is not None])
    drawn = {name: (sign, np.clip(losses, -_LARGEST, _LARGEST)) for name, (sign, losses) in curves.items()}
    values = np.concatenate([losses for _, losses in drawn.values()])
    low, high = float(values.min()), float(values.max())
    high = high if high > low else low + max(abs(low), 1)
    names = [f"{high:.4g}", f"{low:.4g}"]
    logarithmic = low > 0 and high > _SPAN * low
    place = np.log if logarithmic else np.asarray
    low, high = float(place(low)), float(place(high))
    height = 12
    margin = max(map(len, names)) + 2
    canvas = _Canvas(max(width - margin - 1, 10), height)
    for sign, losses in drawn.values():
        # A column shows the mean of its epochs, so that a noisy loss is still a line.
        for column, chunk in enumerate(_columns(losses, canvas.width)):
            canvas.put(column, round((high - float(place(chunk))) / (high - low) * (height - 1)), sign)
    corner, bar, wall = ("+", "-", "|") if plain else ("└", "─", "│")
    signs = ", ".join(f"{sign} {name}" for name, (sign, _) in curves.items())
    lines = [f"loss of {run.name}: {signs}{', logarithmic' if logarithmic else ''}"]
    for i, line in enumerate(canvas.lines):
        name = names[0] if i == 0 else names[1] if i == height - 1 else ""
        lines.append(f"{name:>{margin - 2}} {wall}{line}".rstrip())
    lines.append(" " * (margin - 1) + corner + bar * canvas.width)
    last = f"epoch {len(rows):,}"
    lines.append(" " * margin + f"{1:<{max(canvas.width - len(last), 1)}}{last}")
    return "\n".join(line[:width] for line in lines)


def _columns(values: NDArray[Any], width: int) -> list[float]:
    if len(values) >= width:
        return [float(chunk.mean()) for chunk in np.array_split(values, width)]
    places = np.linspace(0, len(values) - 1, width)
    return [float(value) for value in np.interp(places, np.arange(len(values)), values)]


def boundary_text(run: FinishedRun, width: int, plain: bool) -> str:
    """Return the predictions of the network over one or two features, and the examples, as text.

    Classes are drawn as shaded regions, with examples as the signs of their classes and mistakes as
    exclamation marks. A regression over one feature is drawn as the fitted function and the examples, over
    two features as levels. Raises UnfitError if there are more than two features, or one feature with
    classes.
    """
    features = run.checkpoint.columns
    classes = run.checkpoint.classes
    if len(features) > 2 or (len(features) == 1 and classes is not None):
        raise UnfitError(
            f"boundary as text needs 2 features, or 1 feature of a regression, but "
            f"{run.experiment.data.title} has {len(features):,}"
        )
    why_not = without_axis(features, run.checkpoint.kinds)
    if why_not is not None:
        raise UnfitError(f"boundary as text cannot draw {run.experiment.data.title}: {why_not}")
    if len(features) == 1:
        return _function(run, width, plain)
    X = np.concatenate([split.X[split.rows] for split in run.splits.parts.values()]).astype(np.float64)
    y = np.concatenate([split.y[split.rows] for split in run.splits.parts.values()])
    (low, high), (bottom, top) = _reach(X[:, 0]), _reach(X[:, 1])
    columns = max(min(width - 2, 64), 10)
    rows = max(8, min(32, round(columns * _ASPECT * min((top - bottom) / (high - low), 1.2))))
    canvas = _Canvas(columns, rows)
    x_axis = low + (np.arange(columns) + 0.5) * (high - low) / columns
    y_axis = top - (np.arange(rows) + 0.5) * (top - bottom) / rows
    logits = run.predict_logits(np.stack(np.meshgrid(x_axis, y_axis), axis=-1).reshape(-1, 2))
    column = np.minimum((X[:, 0] - low) / (high - low) * columns, columns - 1).astype(int)
    row = np.minimum((top - X[:, 1]) / (top - bottom) * rows, rows - 1).astype(int)
    if classes is None:
        return _levels(run, canvas, _fitted(run, logits), width, plain)
    shades = _PLAIN_SHADES if plain or len(classes) > len(_SHADES) else _SHADES
    labels = run.loss.classify(logits).reshape(rows, columns)
    for i, j in np.ndindex(rows, columns):
        canvas.put(j, i, shades[labels[i, j] % len(shades)])
    predicted = run.loss.classify(np.concatenate([run.logits(part) for part in run.splits.parts]))
    wrong = predicted != y
    for i in np.argsort(wrong, kind="stable"):  # mistakes on top
        canvas.put(column[i], row[i], _MISTAKE if wrong[i] else _SIGNS[y[i] % len(_SIGNS)])
    keys = [
        f"{_class_name(name)}: {_SIGNS[i % len(_SIGNS)]}, background {_visible(shades[i % len(shades)])}"
        for i, name in enumerate(classes[:12])
    ]
    keys += [f"… {len(classes)} classes" if not plain else f"... {len(classes)} classes"] * (
        len(classes) > 12
    )
    keys.append(f"{_MISTAKE} mistake ({int(wrong.sum())} of {len(y):,})")
    head = _plane_title(run)
    return "\n".join(
        [
            head[:width],
            *canvas.framed(plain),
            _ends(low, high, columns, clip(features[0], _NAME)),
            *_wrap(keys, width),
        ]
    )


def _visible(shade: str) -> str:
    return "blank" if shade == " " else shade


def _class_name(name: str) -> str:
    return f"class {name}" if name.isdecimal() else clip(name, _NAME)


def _function(run: FinishedRun, width: int, plain: bool) -> str:
    X = np.concatenate([split.X[split.rows, 0] for split in run.splits.parts.values()]).astype(np.float64)
    y = np.concatenate([split.y[split.rows, 0] for split in run.splits.parts.values()]).astype(np.float64)
    low, high = _reach(X)
    columns, rows = max(min(width - 12, 70), 10), 18
    canvas = _Canvas(columns, rows)
    x_axis = low + (np.arange(columns) + 0.5) * (high - low) / columns
    fitted = _fitted(run, run.predict_logits(x_axis[:, None]))
    bottom, top = _reach(np.concatenate([y, fitted]))
    for x, value in zip(X, y, strict=True):
        canvas.put(
            int(min((x - low) / (high - low) * columns, columns - 1)),
            int(min((top - value) / (top - bottom) * rows, rows - 1)),
            "." if plain else "·",
        )
    for column, value in enumerate(fitted):
        canvas.put(column, int(min(max((top - value) / (top - bottom) * rows, 0), rows - 1)), "#")
    lines = canvas.framed(plain)
    lines[1] += f" {top:.3g}"
    lines[-2] += f" {bottom:.3g}"
    keys = [f"{'.' if plain else '·'} example", "# the network"]
    head = f"{clip(run.name, 40)}, epoch {run.checkpoint.epoch}"
    return "\n".join(
        [
            head[:width],
            *lines,
            _ends(low, high, columns, clip(run.checkpoint.columns[0], _NAME)),
            *_wrap(keys, width),
        ]
    )


def _levels(run: FinishedRun, canvas: _Canvas, fitted: NDArray[Any], width: int, plain: bool) -> str:
    low, high = float(fitted.min()), float(fitted.max())
    levels = (fitted - low) / ((high - low) or 1) * (len(_RAMP) - 1)
    for i, level in enumerate(np.rint(levels).astype(int)):
        canvas.put(i % canvas.width, i // canvas.width, _RAMP[level])
    head = _plane_title(run)
    return "\n".join([head[:width], *canvas.framed(plain), f"'{_RAMP}' from {low:.4g} to {high:.4g}"])


def _fitted(run: FinishedRun, logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values (n,) of a regression; raises UnfitError if they are too large to be drawn."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = run.values(logits)[:, 0].astype(np.float64)
    if not (np.abs(values) < _LARGEST).all():
        raise UnfitError(
            f"boundary as text cannot draw {run.experiment.data.title}: the network predicts values "
            f"beyond {_LARGEST:g}"
        )
    return values


def _plane_title(run: FinishedRun) -> str:
    across, up = (clip(name, _NAME) for name in run.checkpoint.columns)
    return f"{clip(run.name, 40)}, epoch {run.checkpoint.epoch}: {across} across, {up} up"


def _reach(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis that shows these values, with a margin."""
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or max(0.05 * abs(low), 1.0)
    return low - margin, high + margin


def _ends(low: float, high: float, columns: int, name: str) -> str:
    left, right = f" {low:.3g}", f"{high:.3g}"
    return f"{left}{name:^{max(columns + 2 - len(left) - len(right), len(name) + 2)}}{right}"


def _wrap(keys: list[str], width: int) -> list[str]:
    """Return the keys in lines that fit the width, without breaking keys."""
    lines = [""]
    for key in keys:
        longer = f"{lines[-1]}  {key}" if lines[-1] else key
        if len(longer) > width and lines[-1]:
            lines.append(key)
        else:
            lines[-1] = longer
    return [line[:width] for line in lines]


class _Canvas:
    """A canvas of characters in rows and columns."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[" "] * width for _ in range(height)]

    def put(self, column: int, row: int, sign: str) -> None:
        """Put a character at a place, replacing the one there."""
        self._cells[row][column] = sign

    @property
    def lines(self) -> list[str]:
        """The rows, from top to bottom."""
        return ["".join(row) for row in self._cells]

    def framed(self, plain: bool) -> list[str]:
        """Return the rows with a frame around them."""
        signs = "+-+|+-+" if plain else "┌─┐│└─┘"
        above = signs[0] + signs[1] * self.width + signs[2]
        below = signs[4] + signs[5] * self.width + signs[6]
        return [above, *(f"{signs[3]}{line}{signs[3]}" for line in self.lines), below]
