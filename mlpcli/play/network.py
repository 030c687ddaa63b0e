"""The network as the page draws it: each unit as a map of its outputs, the weights, and one unit large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layers import Maxout, PRelu
from mlpcli.nn.network import Network
from mlpcli.play.packing import pack_images, rounded
from mlpcli.play.places import SIDE_OF_MAPS, Places

__all__ = ["Passed", "draw_network", "draw_unit", "shown_units"]

_MOST, _LEAST = 100, 20  # units that are shown: of all hidden layers together, and of one
_ENDS = 20  # inputs or outputs that are shown
_MOST_WEIGHTS = 100  # of one unit that are given as numbers
_FEW_WEIGHTS = 12  # stay in their order, so that units can be compared


@dataclass(frozen=True)
class Passed:
    """What a forward pass over the places gave: the outputs of each layer, inputs first, predictions last.

    Each is (n, units), in a buffer that the next pass overwrites. ``names`` are those of the units of each
    layer. ``predicted`` is what the loss makes of the ``logits``, which may be ``probabilities``.
    """

    places: Places
    layers: list[NDArray[Any]]
    logits: NDArray[Any]
    predicted: NDArray[Any]
    names: list[list[str]]
    probabilities: bool


def shown_units(widths: Sequence[int]) -> list[int]:
    """Return how many units of each layer are shown, from the inputs to the outputs."""
    hidden = widths[1:-1]
    most = max(_LEAST, _MOST // max(1, len(hidden)))
    few = sum(hidden) <= _MOST
    return [
        min(widths[0], _ENDS),
        *(units if few else min(units, most) for units in hidden),
        min(widths[-1], _ENDS),
    ]


def draw_network(network: Network, passed: Passed) -> dict[str, Any]:
    """Return the small map of each shown unit, and the weights between them, ready for JSON."""
    shown = shown_units(network.widths)
    layers = []
    for i, (outputs, n) in enumerate(zip(passed.layers, shown, strict=True)):
        images = passed.places.small_images(outputs[:, :n])
        ends = _ends(passed, i, n)
        layers.append({"shown": n, **pack_images(images, *ends)})
    weights = [
        rounded(_weights(network, i)[:before, :after], 3) for i, (before, after) in enumerate(pairwise(shown))
    ]
    return {"side": SIDE_OF_MAPS, "layers": layers, "weights": weights}


def draw_unit(
    network: Network, passed: Passed, layer: int, unit: int, activation: str | None
) -> dict[str, Any] | None:
    """Return a unit large, with its weights as numbers; None if there is no such unit.

    Layers count from 0, the inputs, and units from 1.
    """
    if not (0 <= layer < len(network.widths) and 1 <= unit <= network.widths[layer]):
        return None
    column = passed.layers[layer][:, unit - 1 : unit]
    drawn = pack_images(passed.places.images(column), *_ends(passed, layer, 1))
    found = {
        "layer": layer,
        "unit": unit,
        "name": passed.names[layer][unit - 1],
        "side": passed.places.side,
        **drawn,
        "low": drawn["low"][0],
        "high": drawn["high"][0],
        "from": [],
        "bias": None,
        "to": [],
        "activation": activation,
    }
    if layer > 0:
        found["from"] = _named(_weights(network, layer - 1)[:, unit - 1], passed.names[layer - 1])
        found["bias"] = rounded(network.dense[layer - 1].b.reshape(-1)[unit - 1], 4)  # of the first member
    if layer < len(network.widths) - 1:
        found["to"] = _named(_weights(network, layer)[unit - 1], passed.names[layer + 1])
    if 0 < layer < len(network.widths) - 1:
        kind = network.hidden[layer - 1].activation
        if isinstance(kind, Maxout):
            found["pieces"] = kind.pieces
        if isinstance(kind, PRelu):
            found["slope"] = rounded(kind.a[unit - 1], 4)
    return found


def _ends(passed: Passed, layer: int, n: int) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return the ends of the scale of maps: those of probabilities are 0 and 1, others their own."""
    if layer == len(passed.layers) - 1 and passed.probabilities:
        return np.zeros(n), np.ones(n)
    return None, None


def _weights(network: Network, i: int) -> NDArray[Any]:
    """Return the weights (units before, units after) of a layer; of maxout units those of the first piece."""
    W = network.dense[i].W
    W = W[0] if W.ndim == 3 else W
    return W[:, : network.widths[i + 1]]


def _named(weights: NDArray[Any], names: list[str]) -> list[list[Any]]:
    """Return pairs of name and weight; of many the largest, and these first."""
    order = np.arange(len(weights))
    if len(weights) > _FEW_WEIGHTS:
        order = np.argsort(-np.abs(weights), kind="stable")[:_MOST_WEIGHTS]
    return [[names[i], value] for i, value in zip(order.tolist(), rounded(weights[order], 4), strict=True)]
