"""Random streams: named, independent, each a pure function of (seed, name, index)."""

from __future__ import annotations

import numpy as np

__all__ = ["Streams", "stream"]


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """Return the generator for ``name`` (init, data, split, shuffle, ...) and ``index`` (the epoch, say).

    No stream is drawn from another: a new stream changes none of the others, and resuming replays nothing.
    ``seed`` and ``index`` are whole numbers from 0 to 2**32 - 1.
    """
    return np.random.default_rng([seed, int.from_bytes(name.encode(), "little"), *(index or (0,))])


class Streams(dict[str, np.random.Generator]):
    """The streams of ``seed`` and ``index`` by name, each made at its first use."""

    def __init__(self, seed: int, *index: int) -> None:
        super().__init__()
        self._seed, self._index = seed, index

    def __missing__(self, name: str) -> np.random.Generator:
        self[name] = made = stream(self._seed, name, *self._index)
        return made
