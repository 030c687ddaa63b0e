"""Buffers: memory for batches is made once, and grows only for a larger batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcli.buffers import Buffer, Scratch


def test_buffers_grow_and_are_reused() -> None:
    buffer = Buffer(3, np.float32)
    small = buffer.rows(2)
    assert (small.shape, small.dtype, small.flags.c_contiguous) == ((2, 3), np.float32, True)
    large = buffer.rows(5)
    assert np.shares_memory(buffer.rows(2), large)
    assert buffer.rows(5) is large


def test_scratch_is_made_once_for_each_shape_and_type() -> None:
    made: list[tuple[tuple[int, ...], np.dtype[Any]]] = []

    def make(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
        made.append((shape, dtype))
        return len(made)

    scratch = Scratch(make)
    arrays = [np.zeros((2, 3), np.float32), np.zeros((4, 3), np.float32), np.zeros((2, 3), np.float64)]
    assert [scratch.like(array) for array in (*arrays, *arrays)] == [1, 2, 3, 1, 2, 3]
    assert made == [(array.shape, array.dtype) for array in arrays]
