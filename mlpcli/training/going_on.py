"""Lets a new run go on from a checkpoint, with settings of its own."""

from __future__ import annotations

import numpy as np

from mlpcli.errors import ConfigError
from mlpcli.nn.network import Network
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.loop import Progress, Trainer

__all__ = ["go_on"]


def go_on(network: Network, trainer: Trainer, start: Checkpoint) -> None:
    """Put a new network and its trainer where ``start`` stands, at the end of its last whole epoch.

    The weights are those of ``start``, and so is the number of the epoch; which epoch is the best is found
    anew. If the optimizer keeps the same arrays, as with another learning rate or momentum, it gets these and
    the number of steps; else it begins with zeros, as a new one does. Raises ConfigError if the networks have
    not the same parameters.
    """
    if _shapes(network) != _shapes(start.network):
        mine, theirs = ("-".join(map(str, each.widths)) for each in (network, start.network))
        raise ConfigError(
            f"a {mine} network cannot go on from one with {theirs} units and other parameters; "
            "give both the same model"
        )
    np.copyto(network.parameters.values, start.network.parameters.values)
    for name, array in start.network.state.items():
        np.copyto(network.state[name], array)
    resume, optimizer, steps = start.resume, trainer.optimizer, 0
    if resume is not None and resume.slots.keys() == optimizer.slots.keys():
        steps = resume.steps
        for name, slot in resume.slots.items():
            np.copyto(optimizer.slots[name], slot)
    trainer.resume(Progress(start.epoch), steps, None)


def _shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array that a network keeps, by its name."""
    state = {name: array.shape for name, array in network.state.items()}
    return state | {array.name: array.shape for array in network.spec.parameters}
