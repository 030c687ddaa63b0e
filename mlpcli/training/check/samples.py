"""What all checks share: findings, a fresh network, and examples prepared as for training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_network
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.nn.network import Network
from mlpcli.streams import stream
from mlpcli.training.run import Run

__all__ = ["Finding", "batch_of", "different", "digests_of", "fresh_network", "part_of", "streams_of"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, in words; a note is something to know that need not be wrong."""

    name: str
    verdict: Literal["pass", "note", "FAIL"]
    text: str


def fresh_network(run: Run, experiment: Experiment, dtype: Any) -> Network:
    """Return a new network of the run, with its initial weights: random ones, or those it begins with."""
    network = build_network(experiment, run.network.widths, dtype)
    network.initialize(stream(experiment.training.seed, "init"))
    if experiment.training.start_from is not None:  # the run has not been trained itself
        np.copyto(network.parameters.values, run.network.parameters.values)
        for name, array in run.network.state.items():
            np.copyto(network.state[name], array)
    elif network.path is not None and run.network.path is not None:  # it has been fitted, and not trained
        np.copyto(network.path.V, run.network.path.V)
        np.copyto(network.dense[-1].b, run.network.dense[-1].b)
    return network


def part_of(run: Run, rows: NDArray[Any], dtype: Any = np.float32) -> Batches:
    """Return the training examples of ``rows``, transformed as for training; each member gets all of them."""
    split = run.trainer.train.split
    return Batches(Split(split.X, split.y, rows), run.transform, dtype, members=run.network.members)


def batch_of(run: Run, rows: NDArray[Any], dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the training examples of ``rows`` as one batch X, y, once for each member."""
    X, y, *_ = next(part_of(run, rows, dtype).in_order(len(rows)))
    members = run.network.members
    return np.tile(X, (members, 1)), np.tile(y, (members, *(1,) * (y.ndim - 1)))


def digests_of(split: Split, rows: NDArray[Any]) -> Iterator[bytes]:
    """Yield for each of some ``rows`` of a split what is the same for rows with the same features alone."""
    for row in rows:
        yield blake2b(np.ascontiguousarray(split.X[row]).data, digest_size=12).digest()


def different(run: Run, rows: NDArray[Any], most: int) -> NDArray[Any]:
    """Return the first of some rows of the training split that differ in their features, ``most`` at most."""
    split = run.trainer.train.split
    first: dict[bytes, int] = {}
    for row, digest in zip(rows, digests_of(split, rows), strict=True):
        first.setdefault(digest, row)
        if len(first) == most:
            break
    return np.array(list(first.values()))


def streams_of(run: Run) -> dict[str, np.random.Generator]:
    """Return the streams of a training step; the same numbers each time."""
    return {name: stream(run.experiment.training.seed, name) for name in ("dropout", "noise")}
