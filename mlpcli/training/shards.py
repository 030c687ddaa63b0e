"""Cuts each batch into shards and adds up their gradients in a fixed order, whoever computes them.

The sum is that of a fixed tree: neighbors are added first, then neighboring pairs, then neighboring fours,
and so on. A process that has 2, 4 or 8 shards in a row adds up a whole branch of the tree, so that processes
exchange one gradient each, and the result has the same bits for every number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, RunError

__all__ = ["BatchSums", "LostError", "Processes", "Shards", "can_share", "share_batches", "tree_sum"]


class LostError(RunError):
    """Other processes of the training cannot be reached any more."""


class Processes(Protocol):
    """The processes that train one network together, and what they do together.

    Each of them calls the same methods in the same order. ``rank`` is the number of this one, from 0, of
    ``size`` in all, of which ``here`` run on this machine. Only that of rank 0 writes files.
    """

    rank: int
    size: int
    here: int

    def collect(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows of all processes, those of rank 0 first; each gives as many."""
        ...

    def own(self, n: int) -> slice:
        """Return the piece of ``n`` numbers that this process adds up, and steps with."""
        ...

    def add_up(self, gradients: NDArray[Any]) -> None:
        """Replace the own piece of ``gradients`` by its sum over all processes, in the order of the tree."""
        ...

    def share(self, array: NDArray[Any]) -> None:
        """Replace the pieces of the others by what they are there."""
        ...

    def join_rows(self, rows: NDArray[Any], ends: Sequence[int]) -> None:
        """Fill in the ``rows`` that others have computed: those of each rank end before ``ends[rank]``."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        ...

    def of_first(self, value: Any) -> Any:
        """Return the value of rank 0."""
        ...

    def start(self, state: Any) -> None:
        """Let the others begin with the ``state`` of rank 0; raises RunError if one of them cannot."""
        ...

    def describe(self) -> str:
        """Return in words how many processes there are, and where."""
        ...


class BatchSums(NamedTuple):
    """What the examples of a batch have in common.

    ``loss`` is their mean loss, ``weight`` what it was divided by, and ``correct`` the number of them that
    were classified correctly, or the sum of their weights. ``stop`` is whether a process was asked to stop,
    and ``size`` the sum of the squares of a few gradients.
    """

    loss: float
    weight: float
    correct: float
    stop: bool
    size: float


class Shards:
    """The ``count`` shards of each batch, of which this process computes ``mine``.

    A batch of n rows is cut as evenly as possible, and in order; if n is less than ``count``, some shards are
    empty. For each batch call `begin`; then for each of its `parts` compute the gradient and call `note`,
    unless it is empty, and `add`; then `add_up` and `sums`. Each process takes the step of its `own` piece of
    the parameters, and lets the others `share` it. So no process can come to have other weights than another.
    ``moving`` are the arrays beside the parameters that a training step moves, such as running means: each
    shard moves them from where they were before the batch, and after it they are at the mean of these places.
    """

    def __init__(
        self, count: int, moving: Sequence[NDArray[Any]], processes: Processes | None = None
    ) -> None:
        size, rank = (1, 0) if processes is None else (processes.size, processes.rank)
        self.count, self.processes = count, processes
        self.mine = range(rank * count // size, (rank + 1) * count // size)
        self.asked = False  # whether this process was asked to stop
        self._moving = moving
        self._before = [array.copy() for array in moving]
        self._numbers = np.zeros((len(self.mine), 6 + sum(array.size for array in moving)))
        self._sums: list[NDArray[Any]] = []  # of 1, 2, 4, ... shards
        self._added = 0

    def rows(self, n: int) -> slice:
        """Return which rows of a batch of ``n`` this process computes."""
        return slice(self.mine.start * n // self.count, self.mine.stop * n // self.count)

    def parts(self, n: int) -> Iterator[tuple[int, slice]]:
        """Yield the number of each shard of this process, and its rows among those of this process."""
        first = self.rows(n).start
        for shard in self.mine:
            yield shard, slice(shard * n // self.count - first, (shard + 1) * n // self.count - first)

    def begin(self) -> None:
        """Begin a batch."""
        self._added = 0
        self._numbers[...] = 0
        for before, array in zip(self._before, self._moving, strict=True):
            np.copyto(before, array)

    def note(self, rows: int, loss: float, weight: float, correct: float) -> None:
        """Note the numbers of the shard at hand, whose forward pass has moved what it moves."""
        mine = self._numbers[self._added]
        mine[:4] = rows, loss * weight, weight, correct
        end = 6
        for before, array in zip(self._before, self._moving, strict=True):
            mine[end : end + array.size] = array.reshape(-1)
            end += array.size
            np.copyto(array, before)

    def add(self, gradients: NDArray[Any]) -> None:
        """Add the gradient of the shard at hand; it may be overwritten, and after the last one is the sum."""
        before, level = self._added, 0  # the bits of their number tell which sums there are
        self._added += 1
        if self._added == len(self.mine):
            for level in range(before.bit_length()):
                if before >> level & 1:
                    gradients += self._sums[level]
            return
        while before >> level & 1:
            gradients += self._sums[level]
            level += 1
        if level == len(self._sums):
            self._sums.append(np.empty_like(gradients))
        np.copyto(self._sums[level], gradients)

    def sums(self, few: NDArray[Any]) -> BatchSums:
        """Return the sums of the whole batch; what moves has moved then.

        ``few`` are those of the own piece of the gradients whose size is to be known.
        """
        self._numbers[:, 4] = self.asked
        self._numbers[0, 5] = np.add.reduce(np.square(few, dtype=np.float64))
        numbers = self._numbers if self.processes is None else self.processes.collect(self._numbers)
        n, loss, weight, correct, asked, size = np.add.reduce(numbers[:, :6], axis=0).tolist()
        end = 6
        for array in self._moving:
            moved = numbers[:, end : end + array.size]
            array[...] = (np.add.reduce(numbers[:, :1] * moved, axis=0) / n).reshape(array.shape)
            end += array.size
        return BatchSums(loss / weight if weight else loss, weight, correct, asked > 0, size)

    def own(self, n: int) -> slice:
        """Return the piece of ``n`` numbers that this process adds up, and steps with."""
        return slice(0, n) if self.processes is None else self.processes.own(n)

    def add_up(self, gradients: NDArray[Any]) -> None:
        """Replace the sum of the gradients of this process by that of all, in its own piece."""
        if self.processes is not None:
            self.processes.add_up(gradients)

    def share(self, *arrays: NDArray[Any]) -> None:
        """Replace the pieces of the others by what they are there."""
        if self.processes is not None:
            for array in arrays:
                self.processes.share(array)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return [value] if self.processes is None else self.processes.gather(value)


def tree_sum(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of ``rows`` (k, n), added as the tree says; they are overwritten."""
    while len(rows) > 1:
        pairs = len(rows) // 2
        np.add(rows[: 2 * pairs : 2], rows[1::2], out=rows[: 2 * pairs : 2])
        rows = rows[::2]
    total: NDArray[Any] = rows[0]
    return total


def share_batches(experiment: Experiment, processes: Processes, *, begun: bool = False) -> Experiment:
    """Return the experiment with one shard for each of the processes, if it names no number of shards.

    A run that was ``begun`` has one shard then. Raises ConfigError if the processes cannot share the shards.
    """
    training, size = experiment.training, processes.size
    shards = training.shards or (1 if begun else size)
    if experiment.model.members > 1:
        raise ConfigError(
            f"model.members: {experiment.model.members} cannot be trained by {size} processes together; "
            "train it in one process, or set it to 1"
        )
    if shards > training.batch_size:
        raise ConfigError(
            f"training.batch_size: {training.batch_size:,} is too small for {size} processes, each of which "
            "takes at least one example of a batch; set it higher, or start fewer"
        )
    if not can_share(shards, size):
        allowed = [n for n in range(1, min(shards, 1024) + 1) if can_share(shards, n)]
        what = (
            f"training.shards: {shards:,} cannot be shared by {size} processes, each of which takes 1, 2, 4, "
            "8 ... of them"
        )
        if begun:
            raise ConfigError(
                f"{what}.\nThe run was begun with that; resume it with {_one_of(allowed)}. A new run that "
                "goes on from its weights may have other shards: training.start_from."
            )
        raise ConfigError(
            f"{what}; start {_one_of(allowed)}, or set it to {size:,} or twice, four, eight times that"
        )
    return experiment.model_copy(update={"training": training.model_copy(update={"shards": shards})})


def _one_of(numbers: list[int]) -> str:
    words = [f"{n:,}" for n in numbers]
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return f"{listed} process{'' if numbers == [1] else 'es'}"


def can_share(shards: int, processes: int) -> bool:
    """Return whether each of the processes can compute a whole branch of the tree: 1, 2, 4, ... shards."""
    each, left = divmod(shards, processes)
    return left == 0 and (processes == 1 or each.bit_count() == 1)
