"""Takes the steps of the optimizers of many networks of one shape."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.optim.optimizer import SLICE, Optimizer
from mlpcli.optim.rules import Slice
from mlpcli.passes import NumpyPasses, Rates

__all__ = ["CohortOptimizer"]


class _Part(NamedTuple):
    """Some networks, with one update rule, and slices of their arrays."""

    optimizer: Optimizer
    networks: slice
    all: Slice
    penalized: Slice


class CohortOptimizer:
    """Updates ``values`` (k, length) by ``gradients``, a row of each for each of the ``optimizers``.

    Rows that stand beside each other, and whose ``kinds`` are equal, are updated in one go: they have the
    same rule with the same settings, the same penalties and the same weight decay. Learning rates may differ.
    ``slots`` are the rule's arrays by name, (k, length).
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        kinds: Sequence[Hashable],
        values: NDArray[Any],
        gradients: NDArray[Any],
        slots: dict[str, NDArray[Any]],
    ) -> None:
        self._parts: list[_Part] = []
        self.steps = optimizers[0].steps
        length, n_penalized = values.shape[1], optimizers[0].n_penalized
        scratch = np.empty(max(SLICE, length), values.dtype)
        for networks in _runs(kinds, max(1, SLICE // length)):
            for start in range(0, length, SLICE):
                rows, columns = networks, slice(start, min(start + SLICE, length))
                w = values[rows, columns]
                n = max(0, min(w.shape[1], n_penalized - start))
                room = scratch[: w.size].reshape(w.shape)
                own = () if optimizers[0].decay else tuple(slot[rows, columns] for slot in slots.values())
                dw = gradients[rows, columns]
                self._parts.append(
                    _Part(
                        optimizers[networks.start],
                        networks,
                        Slice(w, dw, own, room, NumpyPasses()),
                        Slice(w[:, :n], dw[:, :n], (), room[:, :n], NumpyPasses()),
                    )
                )

    def penalize(self) -> None:
        """Add the gradients of the penalties."""
        for part in self._parts:
            _penalize(part)

    def step(self, learning_rates: Rates, *, penalized: bool = False) -> None:
        """Take one step; ``learning_rates`` is one of all networks, or (k, 1), one of each.

        ``penalized`` says that the gradients of the penalties have been added already.
        """
        self.steps += 1
        for part in self._parts:
            optimizer = part.optimizer
            rates = learning_rates if isinstance(learning_rates, float) else learning_rates[part.networks]
            if not penalized:
                _penalize(part)
            if optimizer.weight_decay:
                part.penalized.passes.shrink(part.penalized.w, 1 - rates * optimizer.weight_decay)
            optimizer.rule.update(part.all, rates, self.steps)


def _penalize(part: _Part) -> None:
    w, dw, scratch = part.penalized.w, part.penalized.dw, part.penalized.scratch
    for add_gradient, strength in part.optimizer.penalties:
        add_gradient(w, strength, dw, scratch, part.penalized.passes)


def _runs(kinds: Sequence[Hashable], most: int) -> Iterator[slice]:
    """Yield slices of equal kinds that stand beside each other, of up to ``most`` each."""
    for _, group in groupby(range(len(kinds)), key=kinds.__getitem__):
        places = list(group)
        for start in range(places[0], places[-1] + 1, most):
            yield slice(start, min(start + most, places[-1] + 1))
