"""Computes what the page draws: the data after each change, and the network's outputs after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.colours import CLASS_COLOURS, CLASS_SHAPES, SPLIT_COLOURS
from mlpcli.play.network import Passed, draw_network, draw_unit
from mlpcli.play.packing import bounded, pack, pack_images, rounded, short_points
from mlpcli.play.places import Places
from mlpcli.play.session import Session
from mlpcli.play.settings import list_controls, scaled_names
from mlpcli.terms import name_terms
from mlpcli.text import clip
from mlpcli.training.health import advise
from mlpcli.training.plane import main_axes, pass_through, project

__all__ = ["View", "draw_frame", "draw_state"]

_MAX_FOR_AXES = 60  # examples from which the principal axes are computed
_MAX_CHANGES = 50
_FARTHEST = 1e6  # that an output is drawn
_NAME = 60  # characters of a name


@dataclass(frozen=True)
class View:
    """The hidden layer that is shown, along two of its units, or along its principal axes without ``units``.

    Layers and units count from 1. Layer 0 stands for the last layer with two units, or else the first layer.
    ``unit`` is the layer and the unit that is drawn large; there layer 0 are the inputs. Without ``inside``
    only the predictions are drawn.
    """

    layer: int = 0
    units: tuple[int, int] | None = None
    unit: tuple[int, int] | None = None
    inside: bool = True


def draw_state(session: Session) -> dict[str, Any]:
    """Return the settings, data and axes, which stay the same until the next change; ready for JSON.

    Of a regression, ``values`` are in the place of ``labels``, and ``range`` is that of the values.
    """
    run, places = session.run, session.places
    splits = run.splits
    part_of = np.zeros(len(splits.train.X), np.intp)
    for number, split in enumerate((splits.train, splits.val, splits.test)):
        if split is not None:
            part_of[split.rows] = number
    parts = part_of[places.rows]
    is_regression = splits.classes is None
    points = np.concatenate([places.X, places.y], axis=1)[:, :2] if is_regression else places.X
    return {
        "build": session.build,
        "task": "regression" if is_regression else "classification",
        "controls": list_controls(session.experiment, session.own, splits),
        "network": run.describe_network(),
        "data": run.describe_data(),
        "notice": session.notice,
        "classes": [clip(name, _NAME) for name in splits.classes or ()],
        "colours": CLASS_COLOURS,
        "shapes": CLASS_SHAPES,
        "split_colours": SPLIT_COLOURS,
        "features": [clip(name, _NAME) for name in splits.columns],
        "inputs": _names(session)[0],
        "hidden": list(run.network.widths[1:-1]),
        "activations": _activations(session),
        "outputs": _names(session)[-1],
        "extent": places.extent,
        "range": places.range,
        "points": short_points(points),
        "labels": [] if is_regression else places.y.tolist(),
        "values": rounded(places.y[:, 0], 4) if is_regression else [],
        "parts": parts.tolist(),
        "added": np.flatnonzero(np.isin(places.rows, session.added_rows)).tolist(),
        "changes": [str(change) for change in session.changes[-_MAX_CHANGES:]],
        "link": session.link,
    }


def draw_frame(session: Session, view: View) -> dict[str, Any]:
    """Return what the network makes of the plane now, ready for JSON.

    ``labels``, ``strength`` (how sure, 0 to 255) and ``lead`` (over the next class), or of a regression
    ``values``, are bytes over a grid of ``side`` points, row by row from the lowest, in base64. With one
    feature, ``curve`` has the values.
    """
    run, places = session.run, session.places_now
    with run.trainer.threads, np.errstate(all="ignore"):  # divergence is reported in words
        passed = _pass(session, places)
        predictions = _predictions(session, passed)
        inside: dict[str, Any] = {}
        if view.inside:
            inside["network"] = draw_network(run.network, passed)
            inside["unit"] = _unit(session, passed, view)
            inside["hidden"] = _hidden(session, passed, view)
    scores = session.scores()
    return {
        "build": session.build,
        "epoch": session.epoch,
        "batches": session.batch,
        "playing": session.playing,
        "diverged": session.diverged,
        "side": places.side,
        **predictions,
        **inside,
        "history": session.history,
        "scores": scores,
        "loss_now": scores["train"]["loss"],
        "test": scores.get("test"),
        "metrics": session.metrics,
        "advice": [] if session.metrics is None else advise(session.metrics),
    }


def _predictions(session: Session, passed: Passed) -> dict[str, Any]:
    """Return what the network predicts over the grid, and which examples it gets wrong."""
    loss, places = session.run.loss, passed.places
    logits = passed.logits
    if places.range is None:
        wrong = np.flatnonzero(loss.classify(logits[places.examples]) != places.y)
        return {
            "labels": pack(loss.classify(logits[places.grid]).astype(np.uint8)),
            "strength": pack(_strength(passed.predicted[places.grid], passed.probabilities)),
            "lead": pack(_lead(logits[places.grid])),
            "wrong": wrong.tolist(),
        }
    values = passed.layers[-1]
    low, high = (np.array([end]) for end in places.range)
    drawn = {"values": pack_images(places.images(values), low, high)["bytes"], "wrong": []}
    return drawn if places.lines.shape[2] == 2 else {**drawn, "curve": rounded(values[places.grid, 0], 4)}


def _activations(session: Session) -> list[str]:
    """Return the name of the activation of each hidden layer."""
    model = session.run.experiment.model
    resolved: list[Any] = [model.resolved(layer) for layer in model.hidden]
    return [layer.activation.name for layer in resolved]


def _names(session: Session) -> list[list[str]]:
    """Return the names of the units of each layer, from the inputs to the outputs."""
    splits, network, transform = session.run.splits, session.run.network, session.run.transform
    inputs = [clip(name, _NAME) for name in transform.features(splits.columns, splits.kinds)]
    if transform.terms is not None:
        terms = name_terms(scaled_names(session.experiment, splits.columns), transform.terms.names)
        inputs[transform.n_direct - len(terms) : transform.n_direct] = [clip(name, _NAME) for name in terms]
    hidden = [[f"unit {unit}" for unit in range(1, n + 1)] for n in network.widths[1:-1]]
    outputs = [clip(name, _NAME) for name in splits.classes or session.target_names]
    return [inputs, *hidden, outputs[-network.widths[-1] :]]


def _pass(session: Session, places: Places) -> Passed:
    """Let the network predict at all places at once."""
    loss = session.run.loss
    hidden, logits = pass_through(session.run.network, places.inputs)
    predicted = loss.predict(logits)
    if session.run.target_transform is not None:
        predicted = session.run.target_transform.undo(predicted)
    outputs = predicted[:, -logits.shape[1] :]  # of a binary loss that of the second class
    layers = [places.shown, *hidden, outputs]
    return Passed(places, layers, logits, predicted, _names(session), loss.outputs == "probabilities")


def _lead(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """Return how far the best class of each row is ahead of the next, 0 at a border, as roots up to 255.

    Logits, unlike probabilities, go on rising far from a border, and roots keep what is small apart.
    """
    if logits.shape[1] == 1:  # the score of the second of two classes
        lead = np.abs(logits[:, 0])
    else:
        ordered = np.partition(logits, -2, axis=1)
        lead = ordered[:, -1] - ordered[:, -2]
    lead = bounded(lead)
    most = float(lead.max(initial=0)) or 1.0
    roots: NDArray[np.uint8] = np.rint(255 * np.sqrt(lead / most)).astype(np.uint8)
    return roots


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


def _unit(session: Session, passed: Passed, view: View) -> dict[str, Any] | None:
    if view.unit is None:
        return None
    layer, unit = view.unit
    activations = _activations(session)
    activation = activations[layer - 1] if 1 <= layer <= len(activations) else None
    return draw_unit(session.run.network, passed, layer, unit, activation)


def _hidden(session: Session, passed: Passed, view: View) -> dict[str, Any] | None:
    """Return the plane as a hidden layer bends it."""
    places, sizes = passed.places, session.run.network.widths[1:-1]
    if not sizes:
        return None
    layer = view.layer if 1 <= view.layer <= len(sizes) else 0
    if layer == 0:
        layer = next((i for i, n in reversed(list(enumerate(sizes, 1))) if n == 2), 1)
    outputs = passed.layers[layer]
    lines, points = outputs[places.bent], outputs[places.examples]
    chosen = view.units
    if chosen is not None and max(chosen) <= sizes[layer - 1] and min(chosen) >= 1:
        columns = [unit - 1 for unit in chosen]
        names = [f"unit {unit}" for unit in chosen]
        points, lines = points[:, columns], lines[:, columns]
    else:
        chosen = None
        few = bounded(
            points[:: -(-len(points) // _MAX_FOR_AXES)], _FARTHEST
        )  # all would take most of the time
        if sizes[layer - 1] > 2:
            mean, directions, names = main_axes(few)
            across, middle = directions.T.astype(outputs.dtype), mean @ directions.T
            lines, points = lines @ across - middle, points @ across - middle
        else:
            _, lines, names = project(few, bounded(lines, _FARTHEST))
            _, points, _ = project(few, bounded(points, _FARTHEST))
    lines, points = bounded(lines, _FARTHEST), bounded(points, _FARTHEST)
    return {
        "layer": layer,
        "units": chosen,
        "names": names,
        "lines": short_points(lines.reshape(*places.lines.shape[:2], 2)),
        "points": short_points(points),
    }
