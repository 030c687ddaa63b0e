"""What a notebook shows of runs and models: pictures by their names, and a few lines of HTML."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.colours import SPLIT_COLOURS
from mlpcli.errors import DataError, MlpError, RunWarning, UsageError, did_you_mean
from mlpcli.figures import KINDS, require_matplotlib
from mlpcli.nn.measures import MEASURES
from mlpcli.text import clip, count, rounded
from mlpcli.training.evaluation import score_text
from mlpcli.training.finished import FinishedRun
from mlpcli.training.model import Model, describe_network
from mlpcli.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["model_html", "plot_model", "plot_run", "run_html"]

_PARTS = {"train": "training", "val": "validation", "out_of_fold": "each row by networks new to it"}
_CURVES = {"train": "training (mean over the epoch)", "val": "validation"}
_WIDTH, _HEIGHT, _MARGIN = 360, 120, 5  # of the curve, in pixels
_MOST_POINTS = 120  # of a curve; of more epochs a point is the mean of several
_MOST_CLASSES = 5  # that are named
_SPAN = 10  # if the ratio of the largest to the smallest loss is above this, the axis is logarithmic
_LARGEST = 1e300  # the difference of two such values is a number


def plot_run(run: Run, kind: str) -> Figure:
    """Return the picture ``kind`` of a run with its best epoch so far; see `Run.plot`."""
    _require_kind(kind)
    return _plot(FinishedRun.of(run, run.best.checkpoint), kind)


def plot_model(model: Model, kind: str) -> Figure:
    """Return the picture ``kind`` of a model, as far as it can be had without its run; see `Model.plot`."""
    _require_kind(kind)
    try:
        return _plot(FinishedRun.alone(model), kind)
    except DataError as error:
        if error.topic != "data not kept":
            raise
        raise UsageError(f"{kind} needs the examples, but {error}; plot the run that trained it") from None


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        hint = did_you_mean(str(kind), KINDS)
        raise UsageError(f"{kind!r} is no picture of a run; there are {', '.join(KINDS)}{hint}")
    require_matplotlib()


def _plot(run: FinishedRun, kind: str) -> Figure:
    from mlpcli.figures.kinds import DRAW
    from mlpcli.figures.style import styled

    figure = DRAW[kind]([run])
    styled(figure.draw_without_rendering)()  # makes the ticks, so that they have no other style later
    return figure


def run_html(run: Run) -> str:
    """Return the network of a run, the scores of its best epoch, and its losses, as a piece of a page."""
    try:
        best, rows = run.best, run.metrics
    except (MlpError, OSError):  # there is no epoch yet, or the directory is gone
        best, rows = None, []
    done = f"epoch {run.trainer.progress.epoch:,} of {run.experiment.training.epochs:,}"
    about = [_network(run.describe_network()), escape(run.describe_data())]
    if best is None:
        return _block(*about, done)
    return _block(
        *about,
        f"{done}; the best is {best.epoch:,}",
        _scores(best),
        _curve(rows, best.epoch, "best epoch"),
    )


def model_html(model: Model) -> str:
    """Return the network of a model, what it takes and gives, and its scores, as a piece of a page."""
    checkpoint = model.checkpoint
    networks = "" if not checkpoint.others else f"the mean of {len(checkpoint.members):,} networks; each: "
    names = checkpoint.target_names if checkpoint.classes is None else checkpoint.classes
    what = count(len(names), "value") if checkpoint.classes is None else f"{len(names):,} classes"
    shown = ", ".join(clip(name, 24) for name in names[:_MOST_CLASSES])
    more = ", …" if len(names) > _MOST_CLASSES else ""
    trained = f"trained on {checkpoint.experiment.data.title}"
    if not checkpoint.others:
        trained += f", epoch {model.epoch:,}"
    return _block(
        networks + _network(describe_network(checkpoint.network, checkpoint.experiment)),
        escape(f"{trained}; {count(len(model.columns), 'column')} to {what}: {shown}{more}"),
        _scores(model),
        _curve(_known_rows(model), model.epoch, "this epoch"),
    )


def _known_rows(model: Model) -> list[dict[str, Any]]:
    """Return the metrics of the run of a model, if they are kept beside it and can be read."""
    if model.folder is None or model.checkpoint.others:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RunWarning)  # what is left out of a damaged file
            return [row.model_dump() for row in FinishedRun.alone(model).rows]
    except MlpError:
        return []


def _block(*lines: str) -> str:
    return f'<div style="line-height:1.5">{"".join(f"<div>{line}</div>" for line in lines if line)}</div>'


def _network(described: str) -> str:
    name, comma, rest = described.partition(", ")
    return f"<b>{escape(name)}</b>{comma}{escape(rest)}"


def _scores(model: Model) -> str:
    """Return a table of the scores of a model, with a row for each split."""
    scores = model.checkpoint.scores
    parts = {part: _of_part(scores, part) for part in _PARTS}
    names = list(dict.fromkeys(name for own in parts.values() for name in own))
    if not names:
        return ""
    cell = 'style="text-align:right;padding:0 0.8em"'
    titles = "".join(
        f"<th {cell}>{'loss' if name == 'loss' else MEASURES[name].title}</th>" for name in names
    )
    rows = "".join(
        f'<tr><td style="text-align:left;padding:0 0.8em">{_PARTS[part]}</td>'
        + "".join(f"<td {cell}>{score_text(name, own[name]) if name in own else ''}</td>" for name in names)
        + "</tr>"
        for part, own in parts.items()
        if own
    )
    return f'<table style="margin:0.3em 0"><tr><th></th>{titles}</tr>{rows}</table>'


def _of_part(scores: dict[str, float], part: str) -> dict[str, float]:
    """Return the scores of a split by their names, of those that have titles."""
    own = {name.removeprefix(f"{part}_"): value for name, value in scores.items() if name.startswith(part)}
    return {name: value for name, value in own.items() if name == "loss" or name in MEASURES}


def _curve(rows: Sequence[dict[str, Any]], marked: int, mark: str) -> str:
    """Return the losses over the epochs as SVG, with a dot at the epoch ``marked``, which is a ``mark``.

    The colors can be seen on light and on dark pages.
    """
    if not rows:
        return ""
    losses = {
        part: np.clip([row[f"{part}_loss"] for row in rows], -_LARGEST, _LARGEST)
        for part in _CURVES
        if rows[0].get(f"{part}_loss") is not None
    }
    values = np.concatenate(list(losses.values()))
    low, high = float(values.min()), float(values.max())
    is_log = low > 0 and high > _SPAN * low
    place = np.log if is_log else np.asarray
    bottom, top = float(place(low)), float(place(high))
    step = (_WIDTH - 2 * _MARGIN) / max(len(rows) - 1, 1)
    scale = (_HEIGHT - 2 * _MARGIN) / ((top - bottom) or 1.0)

    def points(losses: NDArray[Any]) -> list[str]:
        x = _MARGIN + step * _means(np.arange(len(losses)))
        y = _MARGIN + scale * (top - place(_means(losses)))
        return [f"{a:.4g},{b:.4g}" for a, b in zip(x, y, strict=True)]

    drawn, legend = "", ""
    for part, own in losses.items():
        colour = SPLIT_COLOURS[part]
        ends = points(own)
        drawn += f'<polyline points="{" ".join(ends)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        if len(ends) == 1:
            drawn += _dot(ends[0], colour)
        legend += _key("&#9473;", colour, _CURVES[part])
    judged = list(losses)[-1]
    if 0 < marked <= len(rows) > 1:
        x = _MARGIN + step * (marked - 1)
        y = _MARGIN + scale * (top - float(place(losses[judged][marked - 1])))
        drawn += _dot(f"{x:.4g},{y:.4g}", SPLIT_COLOURS[judged])
        legend += _key("&#9679;", SPLIT_COLOURS[judged], mark)
    axis = f"loss from {rounded(low)} to {rounded(high)}{', logarithmic' * is_log}"
    told = f"{axis}, over {count(len(rows), 'epoch')}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" style="max-width:100%" '
        f'role="img" aria-label="{told}"><path d="M0.5 0V{_HEIGHT - 0.5}H{_WIDTH}" fill="none" '
        f'stroke="currentColor" stroke-opacity="0.4"/>{drawn}</svg>'
        f'<div style="font-size:85%">{told}:{legend}</div>'
    )


def _key(sign: str, colour: str, name: str) -> str:
    return (
        f' <span style="white-space:nowrap"><span style="color:{colour}" aria-hidden="true">{sign}</span> '
        f"{name}</span>"
    )


def _dot(point: str, colour: str) -> str:
    x, _, y = point.partition(",")
    return f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>'


def _means(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values, or the means of neighbours where there are more than fit."""
    if len(values) <= _MOST_POINTS:
        return values
    return np.array([chunk.mean() for chunk in np.array_split(values, _MOST_POINTS)])
