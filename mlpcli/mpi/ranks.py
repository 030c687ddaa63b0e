"""What the processes of a job do together during training, by MPI."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from mlpcli.errors import RunError
from mlpcli.mpi.job import Job
from mlpcli.training.shards import LostError, tree_sum

__all__ = ["Ranks"]


class _Level(NamedTuple):
    """An exchange with a partner: which of the numbers this process keeps, and which it gives."""

    partner: int
    mine: slice
    other: slice


class Ranks:
    """The processes of a job, as `mlpcli.training.shards.Processes` describes them.

    Each process adds up a piece of the gradients, takes the step of this piece, and gives it to the others:
    that moves as many bytes as the best algorithms of an all-reduce. (Rajbhandari et al., 2020, stage 1 of
    ZeRO.) In the order of the tree it takes no more messages than these, where the number of processes is a
    power of two. With ``any_order`` MPI adds up, in an order that depends on the number of processes.
    """

    def __init__(self, job: Job, *, any_order: bool = False) -> None:
        self._job, self._world, self._any_order = job, job.world, any_order
        self.rank, self.size, self.here = job.rank, job.size, job.here
        self._halves = self.size.bit_count() == 1 and not any_order
        self._received: NDArray[Any] = np.empty(0)

    def collect(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows of all processes, those of rank 0 first; each gives as many."""
        everything = np.empty((self.size * len(numbers), *numbers.shape[1:]))
        with self._talking():
            self._world.Allgather(numbers, everything)
        return everything

    def own(self, n: int) -> slice:
        """Return the piece of ``n`` numbers that this process adds up, and steps with."""
        return self._levels(n)[-1].mine if self._halves else self._pieces(n)[self.rank]

    def add_up(self, gradients: NDArray[Any]) -> None:
        """Replace the own piece of ``gradients`` by its sum over all processes, in the order of the tree."""
        with self._talking():
            if self._any_order:
                own = gradients[self.own(len(gradients))]
                sizes = [piece.stop - piece.start for piece in self._pieces(len(gradients))]
                received = self._room((len(own),), gradients)
                self._world.Reduce_scatter(gradients, received, sizes)
                own[...] = received
            elif self._halves:
                self._add_halves(gradients)
            else:
                self._add_pieces(gradients)

    def share(self, array: NDArray[Any]) -> None:
        """Replace the pieces of the others by what they are there."""
        with self._talking():
            if self._halves:
                for partner, mine, other in reversed(self._levels(len(array))):
                    self._world.Sendrecv(array[mine], partner, recvbuf=array[other], source=partner)
                return
            pieces = self._pieces(len(array))
            for to, source in self._turns():
                self._world.Sendrecv(
                    array[pieces[self.rank]], to, recvbuf=array[pieces[source]], source=source
                )

    def _add_halves(self, gradients: NDArray[Any]) -> None:
        """Exchange half of what is left with the neighbor, then with the next pair, the next four, and so on.

        Rabenseifner, 2004: reduce-scatter by recursive halving; `share` is all-gather by recursive doubling.
        """
        room = self._room((len(gradients) - len(gradients) // 2,), gradients)
        for partner, mine, other in self._levels(len(gradients)):
            received = room[: mine.stop - mine.start]
            self._world.Sendrecv(gradients[other], partner, recvbuf=received, source=partner)
            gradients[mine] += received

    def _add_pieces(self, gradients: NDArray[Any]) -> None:
        """Exchange a piece with each other process."""
        pieces = self._pieces(len(gradients))
        mine = pieces[self.rank]
        received = self._room((self.size, mine.stop - mine.start), gradients)
        received[self.rank] = gradients[mine]
        for to, source in self._turns():
            self._world.Sendrecv(gradients[pieces[to]], to, recvbuf=received[source], source=source)
        gradients[mine] = tree_sum(received)

    def _levels(self, n: int) -> list[_Level]:
        """Return which half of what is left of ``n`` numbers is kept, level by level."""
        first, end, levels = 0, n, []
        for level in range(self.size.bit_length() - 1):
            middle, partner = (first + end) // 2, self.rank ^ 1 << level
            mine, other = slice(first, middle), slice(middle, end)
            if self.rank > partner:
                mine, other = other, mine
            levels.append(_Level(partner, mine, other))
            first, end = mine.start, mine.stop
        return levels

    def _pieces(self, n: int) -> list[slice]:
        """Return the piece of ``n`` numbers that each process adds up, where halves are not exchanged."""
        return [slice(*ends) for ends in pairwise(rank * n // self.size for rank in range(self.size + 1))]

    def _turns(self) -> list[tuple[int, int]]:
        """Return to which process this one sends, and from which it receives, turn by turn."""
        return [((self.rank + n) % self.size, (self.rank - n) % self.size) for n in range(1, self.size)]

    def _room(self, shape: tuple[int, ...], gradients: NDArray[Any]) -> NDArray[Any]:
        if self._received.shape != shape:
            self._received = np.empty(shape, gradients.dtype)
        return self._received

    def join_rows(self, rows: NDArray[Any], ends: Sequence[int]) -> None:
        """Fill in the ``rows`` that others have computed: those of each rank end before ``ends[rank]``."""
        width = rows[:1].size
        starts = [0, *ends[:-1]]
        sizes = [width * (end - start) for start, end in zip(starts, ends, strict=True)]
        with self._talking():
            self._world.Allgatherv(MPI.IN_PLACE, [rows, (sizes, [width * start for start in starts])])

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        with self._talking():
            values: list[Any] = self._world.allgather(value)
        return values

    def of_first(self, value: Any) -> Any:
        """Return the value of rank 0."""
        with self._talking():
            return self._world.bcast(value)

    def start(self, state: Any) -> None:
        """Let the others begin with the ``state`` of rank 0; raises RunError if one of them cannot."""
        self._job.waiting = False
        self.of_first(state)
        self.require_all(None)

    def require_all(self, error: str | None) -> None:
        """Raise RunError if a process could not begin; ``error`` is why this one could not."""
        for rank, reason in enumerate(self.gather(error)):
            if reason is not None:
                raise RunError(f"{self._job.name(rank)} cannot begin: {reason}")

    def describe(self) -> str:
        """Return in words how many processes there are, and where."""
        return self._job.describe()

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Raise LostError if MPI cannot reach the other processes in the block."""
        try:
            yield
        except MPI.Exception as error:
            reason = str(error).partition(", error stack")[0]
            raise LostError(
                f"the processes cannot reach each other any more ({reason}): one of them may have ended.\n"
                "What was saved before is whole; resume the run from there."
            ) from None
