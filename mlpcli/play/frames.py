"""Computes what the page draws: the data after each change, and the predictions after each epoch."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.colours import CLASS_COLOURS
from mlpcli.play.session import Session
from mlpcli.play.settings import list_controls
from mlpcli.text import clip
from mlpcli.training.health import advise
from mlpcli.training.plane import grid_lines, grid_of, hidden_outputs, project

__all__ = ["View", "draw_frame", "draw_state"]

_GRID = 80  # points along a side of the boundary
_MAP = 28  # points along a side of a unit's map
_MAX_MAPS = 32
_MAX_POINTS = 2000
_MAX_FOR_AXES = 60  # examples from which the principal axes are computed
_LINES, _ALONG = 15, 31  # of the warped grid
_NAME = 60  # characters of a name


@dataclass(frozen=True)
class View:
    """The hidden layer that is shown, along two of its units, or along its principal axes without ``units``.

    Layers and units count from 1. Layer 0 stands for the last layer with two units, or else the first layer.
    """

    layer: int = 0
    units: tuple[int, int] | None = None


def _pack(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _short(points: NDArray[Any]) -> list[Any]:
    """Return points (..., 2) for JSON, with as many digits as a screen can show."""
    points = points.astype(np.float64)
    reach = np.ptp(points.reshape(-1, points.shape[-1]), axis=0)
    scale = 10.0 ** (5 - np.floor(np.log10(np.where(reach > 0, reach, 1))))
    short: list[Any] = (np.round(points * scale) / scale).tolist()
    return short


def _shown(session: Session) -> NDArray[np.intp]:
    """Return the rows of the data that are drawn: all, or if there are too many, evenly spaced ones."""
    rows = np.concatenate([split.rows for split in session.run.splits.parts.values()])
    return rows[:: -(-len(rows) // _MAX_POINTS)]


def draw_state(session: Session) -> dict[str, Any]:
    """Return the settings, data and axes, which stay the same until the next change; ready for JSON."""
    splits = session.run.splits
    classes = splits.classes
    assert classes is not None
    rows = _shown(session)
    return {
        "build": session.build,
        "controls": list_controls(session.experiment, session.own, len(classes)),
        "network": session.run.describe_network(),
        "data": session.run.describe_data(),
        "notice": session.notice,
        "added": len(session.added),
        "classes": [clip(name, _NAME) for name in classes],
        "colours": CLASS_COLOURS,
        "features": [clip(name, _NAME) for name in splits.columns],
        "extent": session.extent,
        "points": _short(splits.train.X[rows]),
        "labels": splits.train.y[rows].tolist(),
        "held_out": np.isin(rows, splits.train.rows, invert=True).astype(int).tolist(),
        "hidden": list(session.run.network.widths[1:-1]),
    }


def draw_frame(session: Session, view: View) -> dict[str, Any]:
    """Return the network's current predictions over the plane, ready for JSON.

    ``labels`` and ``strength`` (how sure, 0 to 255) are bytes over a grid of ``side`` points, row by row
    from the lowest, in base64.
    """
    run = session.run
    rows = _shown(session)
    X, y = run.splits.train.X[rows], run.splits.train.y[rows]
    with np.errstate(all="ignore"):  # divergence is reported in words
        logits = _logits(session, grid_of(session.extent, _GRID)[2])
        wrong = np.flatnonzero(run.loss.classify(_logits(session, X)) != y)
        strength = _strength(run.loss.predict(logits), run.loss.outputs == "probabilities")
        maps, hidden = _hidden(session, X, view)
    return {
        "build": session.build,
        "epoch": session.epoch,
        "playing": session.playing,
        "diverged": session.diverged,
        "side": _GRID,
        "labels": _pack(run.loss.classify(logits).astype(np.uint8)),
        "strength": _pack(strength),
        "wrong": wrong.tolist(),
        "maps": maps,
        "hidden": hidden,
        "history": session.history,
        "metrics": session.metrics,
        "advice": [] if session.metrics is None else advise(session.metrics),
    }


def _logits(session: Session, points: NDArray[Any]) -> NDArray[Any]:
    network = session.run.network
    X = np.ascontiguousarray(session.run.transform.apply(points), network.dtype)
    logits: NDArray[Any] = network.predict(X).copy()
    return logits


def _strength(predictions: NDArray[Any], probabilities: bool) -> NDArray[np.uint8]:
    """Return the confidence of each row of ``predictions`` (n, classes), from 0 to 255.

    For probabilities, it is how far the largest is above that of a random guess. For an SVM, it is the lead
    of the best score, up to the margin of 1.
    """
    if probabilities:
        guess = 1 / predictions.shape[1]
        sure = (predictions.max(axis=1) - guess) / (1 - guess)
    else:
        ordered = np.sort(predictions, axis=1)
        sure = ordered[:, -1] - ordered[:, -2]
    strength: NDArray[np.uint8] = (np.clip(np.nan_to_num(sure), 0, 1) * 255).astype(np.uint8)
    return strength


def _hidden(
    session: Session, X: NDArray[Any], view: View
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the maps of a hidden layer's units, and the plane as the layer bends it."""
    network = session.run.network
    sizes = network.widths[1:-1]
    if not sizes:
        return None, None
    lines = grid_lines(session.extent, _LINES, _ALONG)
    grid = grid_of(session.extent, _MAP)[2]
    together = np.concatenate([grid, lines.reshape(-1, 2), X])
    outputs = hidden_outputs(network, session.run.transform.apply(together))

    layer = view.layer if 1 <= view.layer <= len(sizes) else 0
    if layer == 0:
        layer = next((i for i, n in reversed(list(enumerate(sizes, 1))) if n == 2), 1)

    units = outputs[layer - 1][: len(grid), :_MAX_MAPS].T
    low, high = units.min(axis=1, keepdims=True), units.max(axis=1, keepdims=True)
    scaled = np.nan_to_num((units - low) / np.where(high > low, high - low, 1))
    maps = {
        "side": _MAP,
        "units": sizes[layer - 1],
        "bytes": _pack((255 * np.clip(scaled, 0, 1)).astype(np.uint8)),
        "shown": len(units),
    }

    bent = np.clip(np.nan_to_num(outputs[layer - 1][len(grid) :].astype(np.float64)), -1e6, 1e6)
    n, units_chosen = lines.shape[0] * lines.shape[1], view.units
    if units_chosen is not None and max(units_chosen) <= sizes[layer - 1] and min(units_chosen) >= 1:
        bent = bent[:, [unit - 1 for unit in units_chosen]]
        names = [f"unit {unit}" for unit in units_chosen]
        points, along = bent[n:], bent[:n]
    else:
        units_chosen = None
        axes_of = bent[n:][:: -(-len(X) // _MAX_FOR_AXES)]  # for all examples, this would dominate the time
        _, both, names = project(axes_of, bent)
        points, along = both[n:], both[:n]
    return maps, {
        "layer": layer,
        "units": units_chosen,
        "names": names,
        "lines": _short(along.reshape(*lines.shape)),
        "points": _short(points),
    }
