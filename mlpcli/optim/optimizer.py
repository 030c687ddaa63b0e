"""Applies penalties, weight decay and an update rule to the parameters, in slices, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.onednn import OneDnn
from mlpcli.optim.rules import Rule, Slice
from mlpcli.passes import NumpyPasses, OneDnnPasses, Passes

__all__ = ["Optimizer"]

SLICE = 1 << 17  # floats per slice: few enough to stay in the cache, enough to keep a thread busy

AddGradient: TypeAlias = Callable[[NDArray[Any], float, NDArray[Any], NDArray[Any], Passes], None]


class Optimizer:
    """Updates the flat ``values`` by the flat ``gradients``; both are changed in place.

    ``penalties`` are pairs of a function ``add_gradient(w, strength, dw, scratch, passes)``, which treats
    each weight by itself, and a strength. Penalties and weight decay apply to the first ``n_penalized``
    values. The weight decay is decoupled from the gradient (Loshchilov & Hutter, 2019): before each step it
    multiplies these values by 1 - learning_rate weight_decay. The state consists of ``slots``, the rule's
    arrays by name, and ``steps``, the number of steps taken. If there is more than one slice, up to
    ``threads`` threads share the work; the results do not depend on their number.

    Where the gradients ``are_summed`` with the decay of the rule by whoever computes them, they are the
    rule's one slot. ``decay`` then is that of the rule, else 0. More than a slice of float32 is updated
    ``by_onednn``, in threads of its own, if ``onednn`` is given and the rule leaves all arithmetic to passes.
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
        are_summed: bool = False,
        onednn: OneDnn | None = None,
    ) -> None:
        self.rule, self.learning_rate, self.penalties = rule, learning_rate, penalties
        self.weight_decay, self.n_penalized = weight_decay, n_penalized
        self.steps = 0
        self.decay = rule.decay if are_summed else 0.0
        self.slots = {name: gradients if self.decay else np.zeros_like(values) for name in rule.slots}
        gains = rule.by_passes and values.dtype == np.float32 and len(values) > SLICE
        self._passes: Passes = OneDnnPasses(onednn) if gains and onednn is not None else NumpyPasses()
        self.by_onednn = isinstance(self._passes, OneDnnPasses)
        threads = 1 if self.by_onednn else max(1, min(threads, -(-len(values) // SLICE)))
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._share(values, gradients, threads)

    def restrict(self, values: NDArray[Any], gradients: NDArray[Any], part: slice) -> None:
        """Take the steps of this part of the arrays alone from now on."""
        self._share(values, gradients, len(self._shares), part)

    def move(self, values: NDArray[Any], gradients: NDArray[Any], slots: Mapping[str, NDArray[Any]]) -> None:
        """Work on these arrays from now on, with the rule's arrays, as they are, in ``slots``."""
        for name, slot in self.slots.items():
            np.copyto(slots[name], slot)
            self.slots[name] = slots[name]
        self._share(values, gradients, len(self._shares))

    def _share(
        self, values: NDArray[Any], gradients: NDArray[Any], threads: int, own: slice | None = None
    ) -> None:
        """Cut the arrays, or a part of them, into slices, and give each thread its share of these."""
        first, end = (0, len(values)) if own is None else (own.start, own.stop)
        size = max(1, end - first) if self.by_onednn else SLICE
        starts = range(first, end, size)
        self._shares: list[list[tuple[Slice, Slice]]] = []
        for thread in range(threads):
            scratch = np.empty_like(values[:size])
            share = []
            for start in starts[thread::threads]:
                part = slice(start, min(start + size, end))
                w, dw = values[part], gradients[part]
                slots = () if self.decay else tuple(slot[part] for slot in self.slots.values())
                n = max(0, min(len(w), self.n_penalized - start))
                whole = Slice(w, dw, slots, scratch[: len(w)], self._passes)
                share.append((whole, Slice(w[:n], dw[:n], (), scratch[:n], self._passes)))
            self._shares.append(share)

    def penalize(self) -> None:
        """Add the gradients of the penalties, for callers that need the whole gradient before the step."""
        if self.penalties:
            self._share_out(self._penalize)

    def step(self, *, penalized: bool = False) -> None:
        """Take one step; it may overwrite the gradients.

        ``penalized`` says that the gradients of the penalties have been added already.
        """
        self.steps += 1
        update, rate, steps = self.rule.update, self.learning_rate, self.steps
        shrink, adds = 1 - rate * self.weight_decay, bool(self.penalties) and not penalized

        def work(share: list[tuple[Slice, Slice]]) -> None:
            for part, weights in share:
                if adds:
                    self._penalize_slice(weights)
                if shrink != 1:
                    weights.passes.shrink(weights.w, shrink)
                update(part, rate, steps)

        self._share_out(work)

    def _penalize(self, share: list[tuple[Slice, Slice]]) -> None:
        for _, weights in share:
            self._penalize_slice(weights)

    def _penalize_slice(self, weights: Slice) -> None:
        for add_gradient, strength in self.penalties:
            add_gradient(weights.w, strength, weights.dw, weights.scratch, weights.passes)

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
