"""Fits the linear path of a network to the training split, before the network is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlpcli.blas import one_thread
from mlpcli.data.batches import Batches
from mlpcli.nn.linear import fit_linear, fit_parts
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network
from mlpcli.streams import stream
from mlpcli.text import count
from mlpcli.training.baselines import weights_of
from mlpcli.training.memory import baseline_rows

__all__ = ["fit_linear_path"]


@one_thread()
def fit_linear_path(
    network: Network,
    loss: Loss,
    batches: Batches,
    seed: int,
    class_weights: Sequence[float] | None = None,
) -> str | None:
    """Set V of the linear path and the biases of the output layer to a ridge or logistic regression.

    Each member of the network has that of the examples that it trains on. Of many examples a random part is
    used. The path does not take the bins of encoded numbers, which are too many for few examples. The
    weights of examples and of classes count. Return a note for the user where a part was fitted, or nothing,
    so that V stays 0: because the fit would take long, or because inputs are not finite.
    """
    assert network.path is not None
    n, inputs = len(batches), batches.transform.n_direct
    classes = None if loss.outputs == "values" else 2 if loss.binary else network.widths[-1]
    rows = baseline_rows(n, inputs, classes or 0)
    if rows is None:
        if classes and n < 2 * classes:
            return f"The linear path stays 0: {count(n, 'example')} are too few for {classes:,} classes."
        what = count(inputs, "feature") + (f" and {classes:,} classes" if classes else "")
        return f"The linear path stays 0: {what} would take its fit long."
    places = np.sort(stream(seed, "linear_path").permutation(n)[:rows])
    X = batches.direct_inputs(places)
    y = batches.split.y[batches.split.rows[places]]
    if not np.isfinite(X).all():
        return "The linear path stays 0: there are inputs that are not finite."
    weights = weights_of(y, batches.split.own_weights, places, class_weights)
    if batches.left_out is None:
        V, b = fit_linear(X, y, classes, weights)
    else:
        parts = [np.flatnonzero(~np.isin(places, left_out)) for left_out in batches.left_out]
        V, b = fit_parts(X, y, classes, parts, weights)
    if loss.binary:
        V, b = V[..., 1:] - V[..., :1], b[..., 1:] - b[..., :1]
    network.path.V[...] = 0
    network.path.V[..., :inputs, :] = V
    network.dense[-1].b[...] = b
    whole = batches.split.size
    return f"The linear path was fitted to {rows:,} of {whole:,} training examples." if rows < whole else None
