"""The optimizer: a rule, its state, and the slices it is worked through in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.optim.rules import Rule, Slice

__all__ = ["Optimizer"]

SLICE = 1 << 16  # floats a slice: parameter, gradient, slots and scratch of one stay in the cache together


class Optimizer:
    """Steps the flat ``values`` along the flat ``gradients``, both changed in place.

    Before each step the first ``n_decayed`` values shrink by the factor 1 - learning_rate weight_decay:
    weight decay that is decoupled from the gradient (Loshchilov & Hutter, 2019). ``slots`` holds the rule's
    arrays by name, ``steps`` the number of steps taken: the whole state.
    """

    def __init__(
        self,
        rule: Rule,
        learning_rate: float,
        values: NDArray[Any],
        gradients: NDArray[Any],
        *,
        weight_decay: float = 0,
        n_decayed: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = 0
        self.slots = {name: np.zeros_like(values) for name in rule.slots}
        self._update = rule.update
        scratch = np.empty_like(values[:SLICE])
        self._slices = []
        for start in range(0, len(values), SLICE):
            part = slice(start, start + SLICE)
            slots = tuple(slot[part] for slot in self.slots.values())
            decayed = values[start : min(start + SLICE, n_decayed)]
            w = values[part]
            self._slices.append((Slice(w, gradients[part], slots, scratch[: len(w)]), decayed))

    def step(self) -> None:
        """Take one step; the gradients may be overwritten."""
        self.steps += 1
        shrink = 1 - self.learning_rate * self.weight_decay
        for part, decayed in self._slices:
            if self.weight_decay:
                decayed *= shrink
            self._update(part, self.learning_rate, self.steps)
