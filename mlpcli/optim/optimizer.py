"""Applies penalties, weight decay and an update rule to the parameters, in slices, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.optim.rules import Rule, Slice

__all__ = ["Optimizer"]

SLICE = 1 << 17  # floats per slice: few enough to stay in the cache, enough to keep a thread busy

AddGradient: TypeAlias = Callable[[NDArray[Any], float, NDArray[Any], NDArray[Any]], None]


class Optimizer:
    """Updates the flat ``values`` by the flat ``gradients``; both are changed in place.

    ``penalties`` are pairs of a function ``add_gradient(w, strength, dw, scratch)``, which treats each weight
    by itself, and a strength. Penalties and weight decay apply to the first ``n_penalized`` values. The
    weight decay is decoupled from the gradient (Loshchilov & Hutter, 2019): before each step it multiplies
    these values by 1 - learning_rate weight_decay. The state consists of ``slots``, the rule's arrays by
    name, and ``steps``, the number of steps taken. If there is more than one slice, up to ``threads`` threads
    share the work; the results do not depend on their number.
    """

    def __init__(
        self,
        rule: Rule,
        learning_rate: float,
        values: NDArray[Any],
        gradients: NDArray[Any],
        *,
        penalties: Sequence[tuple[AddGradient, float]] = (),
        weight_decay: float = 0,
        n_penalized: int = 0,
        threads: int = 1,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = 0
        self.slots = {name: np.zeros_like(values) for name in rule.slots}
        self._update, self._penalties = rule.update, penalties
        starts = range(0, len(values), SLICE)
        threads = max(1, min(threads, len(starts)))
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._shares: list[list[tuple[Slice, Slice]]] = []
        for thread in range(threads):
            scratch = np.empty_like(values[:SLICE])
            share = []
            for start in starts[thread::threads]:
                part = slice(start, start + SLICE)
                w, dw = values[part], gradients[part]
                slots = tuple(slot[part] for slot in self.slots.values())
                n = max(0, min(len(w), n_penalized - start))
                share.append((Slice(w, dw, slots, scratch[: len(w)]), Slice(w[:n], dw[:n], (), scratch[:n])))
            self._shares.append(share)

    def penalize(self) -> None:
        """Add the gradients of the penalties, for callers that need the whole gradient before the step."""
        if self._penalties:
            self._share_out(self._penalize)

    def step(self, *, penalized: bool = False) -> None:
        """Take one step; it may overwrite the gradients.

        ``penalized`` says that the gradients of the penalties have been added already.
        """
        self.steps += 1
        shrink = 1 - self.learning_rate * self.weight_decay

        def work(share: list[tuple[Slice, Slice]]) -> None:
            for part, weights in share:
                if not penalized:
                    self._penalize_slice(weights)
                if self.weight_decay:
                    w = weights.w
                    w *= shrink
                self._update(part, self.learning_rate, self.steps)

        self._share_out(work)

    def _penalize(self, share: list[tuple[Slice, Slice]]) -> None:
        for _, weights in share:
            self._penalize_slice(weights)

    def _penalize_slice(self, weights: Slice) -> None:
        for add_gradient, strength in self._penalties:
            add_gradient(weights.w, strength, weights.dw, weights.scratch)

    def _share_out(self, work: Callable[[list[tuple[Slice, Slice]]], None]) -> None:
        if self._pool is None:
            work(self._shares[0])
            return
        others = [self._pool.submit(_quietly, work, share) for share in self._shares[1:]]
        work(self._shares[0])
        for other in others:
            other.result()


def _quietly(work: Callable[[Any], None], share: Any) -> None:
    """Work without NumPy's warnings, as the loop does; that setting does not extend to other threads.

    The loop itself checks for numbers that are not finite.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        work(share)
