"""Does the next piece of work in a thread of its own while the caller is busy with the one before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["work_ahead"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def work_ahead(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, threads: int = 1, ahead: int = 1
) -> Iterator[Result]:
    """Yield ``work(piece)`` for each piece in order, up to ``ahead`` of them before they are asked for.

    What a piece raises is raised where its result is asked for. When the caller stops, no thread is left.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="mlp-ahead") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
