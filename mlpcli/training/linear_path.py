"""Fits the linear path of a network to the training split, before the network is trained."""

from __future__ import annotations

import numpy as np

from mlpcli.data.batches import Batches
from mlpcli.nn.linear import fit_linear, fit_parts, linear_flops
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network
from mlpcli.streams import stream

__all__ = ["fit_linear_path"]

_FLOPS = 2e10  # a second or two: larger tables are fitted to a part of their rows
_NUMBERS = 1 << 21  # of the inputs at a time, 16 MB
_ROWS = 1 << 12  # that are gathered at once


def fit_linear_path(network: Network, loss: Loss, batches: Batches, seed: int) -> None:
    """Set V of the linear path and the biases of the output layer to a ridge or logistic regression.

    Each member of the network has that of the examples that it trains on. Of a large split a random part is
    used. The path does not take the bins of encoded numbers, which are too many for few examples. Does
    nothing if inputs are not finite: training then says so.
    """
    assert network.path is not None
    classes = None if loss.outputs == "values" else 2 if loss.binary else network.widths[-1]
    order = stream(seed, "linear_path").permutation(len(batches))
    inputs = batches.transform.n_direct
    places = np.sort(order[: _size(len(batches), inputs, classes, network.members)])
    X = np.empty((len(places), inputs))
    y = batches.split.y[batches.split.rows[places]]
    for start in range(0, len(places), _ROWS):
        some = slice(start, start + _ROWS)
        X[some] = batches.examples(places[some])[0][:, :inputs]
    if not np.isfinite(X).all():
        return
    if batches.left_out is None:
        V, b = fit_linear(X, y, classes)
    else:
        parts = [np.flatnonzero(~np.isin(places, left_out)) for left_out in batches.left_out]
        V, b = fit_parts(X, y, classes, parts)
    if loss.binary:
        V, b = V[..., 1:] - V[..., :1], b[..., 1:] - b[..., :1]
    network.path.V[...] = 0
    network.path.V[..., :inputs, :] = V
    network.dense[-1].b[...] = b


def _size(n: int, d: int, classes: int | None, members: int) -> int:
    """Return how many of n rows of d inputs are fitted in a moment."""
    n = min(n, max(1, _NUMBERS // d))
    while n > 1 and linear_flops(n, d, classes) * (1 + members / 3) > _FLOPS:
        n = int(0.9 * n)
    return n
