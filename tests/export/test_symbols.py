"""Symbols write down what NumPy's functions do with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.export.symbols import Symbol, concatenate, constant, step, steps_of


def x() -> Symbol:
    return step("input", [], (1, 4), np.float32).named("x")


def steps(symbol: Symbol) -> list[str]:
    names = [node.operation for node in steps_of([symbol])]
    return [name for name in names if name not in ("input", "constant")]


def test_functions_that_write_into_a_buffer() -> None:
    """What is written later, into the same buffer, is another step."""
    buffer: Any = Symbol.buffer(4, np.float32)
    z: Any = x()
    np.multiply(z, 2.0, out=buffer)
    first = buffer.copy()
    buffer += 1.0
    np.exp(buffer, out=buffer)
    np.copyto(z, buffer)
    assert steps(first) == ["multiply"]
    assert steps(z) == ["multiply", "add", "exp"]


def test_a_step_that_nothing_needs_is_left_out() -> None:
    z: Any = x()
    np.tanh(z)
    assert steps(z + 1) == ["add"]


def test_shapes_and_types() -> None:
    z: Any = x()
    assert (z @ constant(np.ones((3, 4, 2), np.float32))).shape == (3, 1, 2)
    assert np.add.reduce(z, axis=1, keepdims=True).shape == (1, 1)
    assert np.isnan(z).dtype == np.bool_
    assert z[:, 1:3].shape == (1, 2)
    assert z[:, [0, 0, 3]].shape == (1, 3)
    assert concatenate([z, z.astype(np.float64)]).shape == (1, 8)
    assert z.astype(np.float32) is z
    assert len(z) == 1


def test_a_constant_is_a_copy() -> None:
    """A layer may use the same memory for something else."""
    scale = np.ones(4)
    z: Any = x() * scale
    scale[:] = 5
    (kept,) = (node.value for node in steps_of([z]) if node.value is not None)
    assert kept.tolist() == [1, 1, 1, 1]
    assert kept.dtype == np.float32


def test_what_cannot_be_written_down_is_refused() -> None:
    z: Any = x()
    with pytest.raises(TypeError):
        np.linalg.svd(z)
    with pytest.raises(TypeError):
        np.add.accumulate(z)
    with pytest.raises(TypeError, match="only columns"):
        z[0, :]
    with pytest.raises(AssertionError, match="before it is written"):
        steps_of([Symbol.buffer(4, np.float32)])
