"""Symbols that stand for arrays: what NumPy's functions do with them is written down step by step.

The layers, the terms of the inputs and the transforms of targets compute with these as they do with numbers.
So what is exported is what they compute, and a new activation or norm needs no second version here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

__all__ = ["Node", "Symbol", "choose", "concatenate", "constant", "free_name", "step", "steps_of", "within"]

_BOOLEAN = {"isnan"}
_REDUCE = {"add": "sum", "maximum": "max"}


@dataclass(eq=False)
class Node:
    """A step of a computation; an ``input`` or a ``constant`` has no operands.

    ``operation`` is the name of a NumPy ufunc, or of a step in `mlpcli.export.onnx_file`. ``shape`` is that
    of the result for one row. ``name`` and ``note`` are for readers of what is exported.
    """

    operation: str
    operands: tuple[Node, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    value: NDArray[Any] | None = None
    name: str = ""
    note: str = ""


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array of any number of rows; functions that write into it change what it stands for.

    Rows may have an axis of members before them, as the layers' arrays have none: so all that concerns the
    columns concerns the last axis.
    """

    def __init__(self, node: Node) -> None:
        self.node = node

    @classmethod
    def buffer(cls, width: int, dtype: Any) -> Symbol:
        """Return a symbol to write into, for one row."""
        return cls(Node("buffer", (), (1, width), np.dtype(dtype)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape for one row."""
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return self.node.dtype

    def __len__(self) -> int:
        return self.node.shape[0]

    def copy(self) -> Symbol:
        """Return another symbol for the same array, which may be written into."""
        return Symbol(self.node)

    def named(self, name: str, note: str = "") -> Symbol:
        """Give the step that has led here a name, unless it has one, and a note."""
        self.node.name, self.node.note = self.node.name or name, note
        return self

    def astype(self, dtype: Any) -> Symbol:
        """Return the numbers as another type."""
        if self.dtype == np.dtype(dtype):
            return self
        return step("cast", [self], self.shape, dtype)

    def __getitem__(self, key: Any) -> Symbol:
        """Return some columns: ``[..., a:b]``, or ``[:, places]``."""
        rows, columns = key
        if rows not in (slice(None), ...):
            raise TypeError("only columns of a symbol can be chosen")
        if isinstance(columns, slice):
            start, stop, _ = columns.indices(self.shape[-1])
            shape = (*self.shape[:-1], stop - start)
            return step("columns", [self], shape, self.dtype, start=start, stop=stop)
        places = np.asarray(columns, np.int64)
        taken = (*self.shape[:-1], len(places))
        return step("take", [self, constant(places)], taken, self.dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        if method == "reduce" and ufunc.__name__ in _REDUCE and options.get("keepdims"):
            shape = (*self.shape[:-1], 1)
            found = step(_REDUCE[ufunc.__name__], [self], shape, self.dtype)
        elif method == "__call__":
            found = _called(ufunc.__name__, operands)
        else:
            return NotImplemented
        return _written(found, options.get("out"))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = function.__name__
        if name == "copyto":
            args[0].node = _symbol(args[1], self.dtype).node
            return None
        if name == "clip":
            out = kwargs.get("out")
            return _written(
                np.minimum(np.maximum(args[0], args[1]), args[2]), None if out is None else (out,)
            )
        if name == "where":
            condition, *values = args
            dtype = next(value.dtype for value in values if isinstance(value, Symbol))
            symbols = [condition, *(_symbol(value, dtype) for value in values)]
            return step("where", symbols, _broadcast(symbols), dtype)
        return NotImplemented


def _called(name: str, operands: Sequence[Any]) -> Symbol:
    dtype = next(operand.dtype for operand in operands if isinstance(operand, Symbol))
    symbols = [_symbol(operand, dtype) for operand in operands]
    if name == "matmul":
        X, W = symbols
        axes = np.broadcast_shapes(X.shape[:-2], W.shape[:-2])
        return step(name, symbols, (*axes, X.shape[-2], W.shape[-1]), dtype)
    return step(name, symbols, _broadcast(symbols), np.bool_ if name in _BOOLEAN else dtype)


def _written(found: Symbol, out: tuple[Any, ...] | None) -> Symbol:
    if out is None:
        return found
    target: Symbol = out[0]
    target.node = found.node
    return target


def _broadcast(symbols: Sequence[Symbol]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(symbol.shape for symbol in symbols))


def _symbol(value: Any, dtype: Any) -> Symbol:
    """Return a symbol, or the symbol of numbers that do not change, in the precision of its neighbor."""
    return value if isinstance(value, Symbol) else constant(np.array(value, dtype))


def step(
    operation: str, operands: Sequence[Symbol], shape: tuple[int, ...], dtype: Any, **settings: Any
) -> Symbol:
    """Return the symbol of what an operation makes of others."""
    nodes = tuple(operand.node for operand in operands)
    return Symbol(Node(operation, nodes, shape, np.dtype(dtype), settings))


def constant(value: NDArray[Any], name: str = "") -> Symbol:
    """Return the symbol of an array that does not change."""
    return Symbol(Node("constant", (), value.shape, value.dtype, value=value, name=name))


def choose(condition: Symbol, yes: Any, no: Any) -> Symbol:
    """Return ``yes`` where a condition holds, else ``no``."""
    dtype = next(value.dtype for value in (yes, no) if isinstance(value, Symbol))
    symbols = [condition, _symbol(yes, dtype), _symbol(no, dtype)]
    return step("where", symbols, _broadcast(symbols), dtype)


def within(values: Symbol, low: Any, high: Any) -> Symbol:
    """Return the values, and ``low`` or ``high`` in the place of those that lie beyond."""
    return _called("minimum", [_called("maximum", [values, low]), high])


def concatenate(parts: Sequence[Symbol]) -> Symbol:
    """Return the columns of all parts, side by side."""
    if len(parts) == 1:
        return parts[0]
    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    return step("concatenate", parts, shape, parts[0].dtype)


def steps_of(outputs: Iterable[Symbol]) -> list[Node]:
    """Return all steps that lead to some outputs, each after those that it needs."""
    ordered: dict[Node, None] = {}
    pending = [(symbol.node, False) for symbol in outputs][::-1]
    while pending:
        node, is_ready = pending.pop()
        if node in ordered:
            continue
        if is_ready:
            ordered[node] = None
            continue
        if node.operation == "buffer":
            raise AssertionError("a buffer is read before it is written")
        pending.append((node, True))
        pending += [(operand, False) for operand in reversed(node.operands)]
    return list(ordered)


def free_name(taken: set[str], wanted: str) -> str:
    """Return the name that is wanted, with a number behind it if it is taken, and take it."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
