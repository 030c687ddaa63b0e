"""oneDNN, a library of operations for neural networks, called by its C API where it proves right.

``find_onednn`` looks for it once. What it returns makes an `Operation` for arrays of fixed shapes, which can
then be carried out any number of times. The API is that of oneDNN 3 (https://uxlfoundation.github.io/oneDNN).
"""

from __future__ import annotations

import ctypes
import os
import platform
import site
import sys
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.text import install_command

__all__ = [
    "AFTER",
    "DST",
    "FACTOR",
    "SRC",
    "SRC_1",
    "WEIGHTS",
    "After",
    "Layout",
    "Numbers",
    "OneDnn",
    "Operation",
    "Threads",
]
__all__ += ["find_onednn"]

Array: TypeAlias = NDArray[Any]
Numbers: TypeAlias = Literal["float32", "bfloat16"]
# What is done with each result y: y + number, the square root of y, or y + number dst, in the order given.
After: TypeAlias = tuple[Literal["add", "sqrt", "sum"], float]

_SONAME = "libdnnl.so.3"
_OPENMP = 2  # of dnnl_runtime: its threads are those of OpenMP, whose number can be set
_CPU, _IN_ORDER, _SCRATCHPAD_BY_USER = 1, 1, 1
_TYPES = {"bfloat16": 2, "float32": 3}
_SCRATCHPAD_MD = 136  # of dnnl_query
SRC, SRC_1, DST, WEIGHTS, _SCRATCHPAD = 1, 2, 17, 33, 80  # the places of arrays in an operation
FACTOR = 4096  # FACTOR | place is that of the number by which the array there is multiplied
AFTER = 32_768 | SRC_1  # the place of an array by which a result is multiplied
_PAIRS = {"add": 0x1FFF0, "multiply": 0x1FFF1, "divide": 0x1FFF4, "subtract": 0x1FFF5}  # of dnnl_alg_kind
_SQRT, _LINEAR = 0x25, 0x26
_AVX512, _AVX512_BF16 = 0x27, 0xE7  # of dnnl_cpu_isa; each has the bits of what it contains

_FUNCTIONS = (
    *("dnnl_engine_create", "dnnl_stream_create", "dnnl_primitive_create", "dnnl_primitive_execute"),
    *("dnnl_memory_create", "dnnl_memory_set_data_handle", "dnnl_memory_desc_create_with_strides"),
    *("dnnl_matmul_primitive_desc_create", "dnnl_reorder_primitive_desc_create"),
    *("dnnl_primitive_attr_create", "dnnl_primitive_attr_set_scratchpad_mode", "dnnl_primitive_attr_destroy"),
    *("dnnl_primitive_attr_set_post_ops", "dnnl_post_ops_create", "dnnl_post_ops_append_sum"),
    *("dnnl_post_ops_destroy", "dnnl_primitive_destroy", "dnnl_primitive_desc_destroy"),
    *("dnnl_post_ops_append_eltwise", "dnnl_post_ops_append_binary", "dnnl_primitive_attr_set_scales_mask"),
    "dnnl_binary_primitive_desc_create",
    *("dnnl_memory_destroy", "dnnl_memory_desc_destroy", "dnnl_get_effective_cpu_isa"),
    *("omp_get_max_threads", "omp_set_num_threads"),
)


class _Version(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("major", "minor", "patch")),
        ("hash", ctypes.c_char_p),
        ("runtime", ctypes.c_uint),
    )


class _Argument(ctypes.Structure):
    _fields_ = (("place", ctypes.c_int), ("memory", ctypes.c_void_p))


class Layout(NamedTuple):
    """An array: its shape and its type, and whether it stands for its transposed matrices.

    It is of C order, unless there are ``strides``, in numbers.
    """

    shape: tuple[int, ...]
    type: Numbers = "float32"
    transposed: bool = False
    strides: tuple[int, ...] | None = None


class _Owned:
    """An object of the library, which is destroyed with this one."""

    def __init__(self, library: ctypes.CDLL, kind: str, create: str, *arguments: Any) -> None:
        self.pointer = ctypes.c_void_p()
        self._destroy: Callable[[ctypes.c_void_p], Any] = getattr(library, f"dnnl_{kind}_destroy")
        _require(getattr(library, create)(ctypes.byref(self.pointer), *arguments), create)

    def __del__(self) -> None:
        if self.pointer:
            self._destroy(self.pointer)


def _require(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"oneDNN: {what} failed with status {status}")


class OneDnn:
    """The library at ``path``; raises OSError, AttributeError or RuntimeError if it cannot be used."""

    def __init__(self, path: str) -> None:
        self.library = library = ctypes.CDLL(path)
        for name in _FUNCTIONS:
            getattr(library, name)  # raises AttributeError
        library.dnnl_version.restype = ctypes.POINTER(_Version)
        library.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        library.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        library.dnnl_memory_desc_get_size.argtypes = [ctypes.c_void_p]
        library.dnnl_memory_set_data_handle.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        found = library.dnnl_version().contents
        if found.major != 3 or found.runtime != _OPENMP:
            raise RuntimeError(f"{path} is oneDNN {found.major}, with threads of kind {found.runtime}")
        self.version = f"{found.major}.{found.minor}.{found.patch}"
        isa = library.dnnl_get_effective_cpu_isa()
        self.has_avx512, self.has_bfloat16 = isa & _AVX512 == _AVX512, isa & _AVX512_BF16 == _AVX512_BF16
        self.engine, self.stream = ctypes.c_void_p(), ctypes.c_void_p()
        _require(library.dnnl_engine_create(ctypes.byref(self.engine), _CPU, ctypes.c_size_t(0)), "a CPU")
        _require(library.dnnl_stream_create(ctypes.byref(self.stream), self.engine, _IN_ORDER), "a stream")
        self.is_forked = False
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.is_forked = True

    def product(self, src: Layout, weights: Layout, dst: Layout, *, decay: float = 0) -> Operation:
        """Return dst = decay dst + src weights, matrix by matrix of stacks; raises RuntimeError."""
        places = {SRC: src, WEIGHTS: weights, DST: dst}
        a, b, c = (self.described(layout) for layout in places.values())
        attributes = self._attributes([("sum", decay)] if decay else [])
        create = "dnnl_matmul_primitive_desc_create"
        arguments = (self.engine, a.pointer, b.pointer, None, c.pointer, attributes.pointer)
        return Operation(self, places, create, *arguments)

    def rounding(self, shape: tuple[int, ...]) -> Operation:
        """Return dst = src in bfloat16, rounded to nearest and to even; raises RuntimeError."""
        return self.copy(Layout(shape), Layout(shape, "bfloat16"))

    def copy(self, src: Layout, dst: Layout) -> Operation:
        """Return dst = src, in any order and type; raises RuntimeError, also if parts of either overlap."""
        places = {SRC: src, DST: dst}
        a, b = (self.described(layout) for layout in places.values())
        attributes, create = self._attributes(), "dnnl_reorder_primitive_desc_create"
        arguments = (a.pointer, self.engine, b.pointer, self.engine, attributes.pointer)
        return Operation(self, places, create, *arguments)

    def combination(
        self,
        kind: Literal["add", "multiply", "divide", "subtract"],
        shape: tuple[int, ...],
        *,
        b: tuple[int, ...] | None = None,
        factors: Sequence[int] = (),
        after: Sequence[After] = (),
        times: tuple[int, ...] | None = None,
    ) -> Operation:
        """Return dst = SRC + SRC_1, or their product, quotient or difference.

        The arrays are of the same shape. That of SRC_1 may be ``b``, with axes of length 1, along which its
        numbers are repeated. If ``times`` is given, results are in the end multiplied by the array of such a
        shape in the place AFTER. What is in the places ``factors`` is before multiplied by a number, which
        is put in FACTOR | place. Where dst is one of the arrays, it is SRC. Raises RuntimeError.
        """
        places = {SRC: Layout(shape), SRC_1: Layout(b or shape), DST: Layout(shape)}
        described = [self.described(layout) for layout in places.values()]
        more = None if times is None else Layout(times)
        attributes, create = self._attributes(after, factors, more), "dnnl_binary_primitive_desc_create"
        arguments = (*(each.pointer for each in described), attributes.pointer)
        places |= {FACTOR | place: Layout((1,)) for place in factors}
        if more is not None:
            places[AFTER] = more
        return Operation(self, places, create, self.engine, _PAIRS[kind], *arguments)

    def _attributes(
        self, after: Sequence[After] = (), factors: Sequence[int] = (), times: Layout | None = None
    ) -> _Owned:
        """Return how an operation computes."""
        library = self.library
        attributes = _Owned(library, "primitive_attr", "dnnl_primitive_attr_create")
        # A scratchpad of the library's own would tie an operation to the thread that made it.
        mode = library.dnnl_primitive_attr_set_scratchpad_mode(attributes.pointer, _SCRATCHPAD_BY_USER)
        _require(mode, "a scratchpad")
        for place in factors:
            _require(library.dnnl_primitive_attr_set_scales_mask(attributes.pointer, place, 0), "a factor")
        chain, one = _Owned(library, "post_ops", "dnnl_post_ops_create"), ctypes.c_float(1)
        for what, by in after:
            number = ctypes.c_float(by)
            if what == "sum":
                zero, type_of_dst = 0, 0
                status = library.dnnl_post_ops_append_sum(chain.pointer, number, zero, type_of_dst)
            else:
                kind = _SQRT if what == "sqrt" else _LINEAR
                status = library.dnnl_post_ops_append_eltwise(chain.pointer, kind, one, number)
            _require(status, what)
        if times is not None:
            described, kind = self.described(times), _PAIRS["multiply"]
            status = library.dnnl_post_ops_append_binary(chain.pointer, kind, described.pointer)
            _require(status, "a multiplication")
        _require(library.dnnl_primitive_attr_set_post_ops(attributes.pointer, chain.pointer), "a chain")
        return attributes

    def set_threads(self, number: int) -> int:
        """Let the thread that calls this compute by so many threads of OpenMP; return how many they were."""
        before: int = self.library.omp_get_max_threads()
        self.library.omp_set_num_threads(number)
        return before

    def described(self, layout: Layout) -> _Owned:
        """Return the library's own description of an array."""
        shape = layout.shape
        strides = layout.strides or tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
        if layout.transposed:
            shape, strides = _swapped(shape), _swapped(strides)
        return _Owned(
            self.library,
            "memory_desc",
            "dnnl_memory_desc_create_with_strides",
            len(shape),
            _Numbers(*shape),
            _TYPES[layout.type],
            _Numbers(*strides),
        )


class Threads:
    """A context in which the thread that calls the library computes ``alone``, or with those of OpenMP.

    In a process that was forked, it computes alone always: the other threads are not there any more. It may
    be entered any number of times, by one thread at a time.
    """

    def __init__(self, onednn: OneDnn, *, alone: bool = False) -> None:
        self._onednn, self._alone = onednn, alone
        self._before = 0  # how many threads compute outside of the context, if that is to be set again

    def __enter__(self) -> None:
        if self._alone or self._onednn.is_forked:
            self._before = self._onednn.set_threads(1)

    def __exit__(self, *_: object) -> None:
        if self._before:
            self._onednn.set_threads(self._before)
            self._before = 0


_Numbers = ctypes.c_int64 * 12


def _swapped(numbers: Sequence[int]) -> tuple[int, ...]:
    *before, rows, columns = numbers
    return (*before, columns, rows)


class Operation:
    """A computation with arrays of fixed shapes, which are put in their places before it is called."""

    def __init__(self, onednn: OneDnn, layouts: dict[int, Layout], create: str, *arguments: Any) -> None:
        library = onednn.library
        self._execute, self._stream = library.dnnl_primitive_execute, onednn.stream
        self._set_place = library.dnnl_memory_set_data_handle
        what = _Owned(library, "primitive_desc", create, *arguments)
        self._primitive = _Owned(library, "primitive", "dnnl_primitive_create", what.pointer)
        described = {place: onednn.described(layout) for place, layout in layouts.items()}
        pointers: dict[int, Any] = {place: owned.pointer for place, owned in described.items()}
        scratch = ctypes.c_void_p(library.dnnl_primitive_desc_query_md(what.pointer, _SCRATCHPAD_MD, 0))
        self.scratch_bytes: int = library.dnnl_memory_desc_get_size(scratch) if scratch else 0
        if self.scratch_bytes:
            pointers[_SCRATCHPAD] = scratch
        self._memories = {
            place: _Owned(library, "memory", "dnnl_memory_create", pointer, onednn.engine, None)
            for place, pointer in pointers.items()
        }
        self._n = len(self._memories)
        self._arguments = (_Argument * self._n)(
            *(_Argument(place, memory.pointer) for place, memory in self._memories.items())
        )
        self._arrays: dict[int, Array] = {}
        self._strided = {place for place, layout in layouts.items() if layout.strides is not None}

    def put(self, place: int, array: Array) -> None:
        """Let the operation read or write this array of C order from now on."""
        if self._arrays.get(place) is not array:
            if place not in self._strided and not array.flags.c_contiguous:
                raise ValueError(f"an array of shape {array.shape} is not of C order")
            address = array.__array_interface__["data"][0]
            _require(self._set_place(self._memories[place].pointer, address), "to place an array")
            self._arrays[place] = array

    def put_scratch(self, array: Array) -> None:
        """Let it keep intermediate results in this array of at least ``scratch_bytes`` bytes."""
        if self.scratch_bytes:
            self.put(_SCRATCHPAD, array)

    def __call__(self) -> None:
        """Carry out the computation."""
        _require(self._execute(self._primitive.pointer, self._stream, self._n, self._arguments), "to compute")


@cache
def find_onednn() -> tuple[OneDnn | None, str]:
    """Return the library, or None and the reason why there is none; it is looked for once."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None, f"oneDNN is used on Linux with x86-64 processors, and this is {sys.platform}"
    reason = f"oneDNN is not installed; to install it: {install_command('mlpcli[fast]')}"
    for path in (*_installed(), _SONAME):
        try:
            onednn = OneDnn(path)
            if _computes_rightly(onednn):
                return onednn, ""
            reason = f"{path} does not compute rightly"
        except OSError as error:
            if path != _SONAME:  # it is there, but something that it needs is not
                reason = str(error)
        except (AttributeError, RuntimeError) as error:
            reason = str(error)
    return None, reason


def _installed() -> list[str]:
    """Return where the wheel of onednn-cpu-gomp has put the library, if it has."""
    folders = [Path(sys.prefix), Path(site.getuserbase())]
    places = [folder / "lib" / _SONAME for folder in folders]
    return [str(place) for place in places if place.is_file()]


def _computes_rightly(onednn: OneDnn) -> bool:
    """Return whether products of small whole numbers, which every type here holds exactly, are exact."""
    X: Array = np.arange(33 * 70, dtype=np.float32).reshape(33, 70) % 13 - 6
    W: Array = np.arange(70 * 17, dtype=np.float32).reshape(70, 17) % 11 - 5
    return (
        _multiplies(onednn, X, W, X, W)
        and _combines(onednn)
        and (not onednn.has_bfloat16 or _multiplies_rounded(onednn, X, W))
    )


def _combines(onednn: OneDnn) -> bool:
    """Return whether numbers are combined exactly, with factors and with all that is done after it."""
    a: Array = np.arange(1, 1000, dtype=np.float32)
    half, sums, roots = np.full(1, 0.5, np.float32), a.copy(), np.empty_like(a)
    n, square = a.shape, 4 * a * a
    added = onednn.combination("add", n, factors=[SRC, SRC_1])
    _compute(added, {SRC: sums, SRC_1: a, DST: sums, FACTOR | SRC: half, FACTOR | SRC_1: half})  # a
    squares = onednn.combination("multiply", n, factors=[SRC], after=[("sum", 2)])
    _compute(squares, {SRC: a, SRC_1: a, DST: sums, FACTOR | SRC: half})  # 2 a + a a / 2
    root = onednn.combination("multiply", n, b=(1,), after=[("sqrt", 0), ("add", 3)])
    _compute(root, {SRC: square, SRC_1: half * 0 + 1, DST: roots})  # 2 a + 3
    divided = onednn.combination("divide", n, factors=[SRC], after=[("sum", 1)])
    _compute(divided, {SRC: 2 * square, SRC_1: a, DST: sums, FACTOR | SRC: half})  # 6 a + a a / 2
    rows, scaled = a.reshape(27, 37), np.empty((27, 37), np.float32)
    scaling = onednn.combination("subtract", rows.shape, b=(1, 37), times=(1, 37))
    _compute(scaling, {SRC: rows, SRC_1: rows[1:2], DST: scaled, AFTER: rows[2:3]})
    return (
        np.array_equal(sums, 6 * a + a * a / 2)
        and np.array_equal(roots, 2 * a + 3)
        and np.array_equal(scaled, (rows - rows[1]) * rows[2])
    )


def _multiplies_rounded(onednn: OneDnn, X: Array, W: Array) -> bool:
    rounded = [np.empty(array.shape, np.uint16) for array in (X, W)]
    for array, bits in zip((X, W), rounded, strict=True):
        _compute(onednn.rounding(array.shape), {SRC: array, DST: bits})
    return _multiplies(onednn, X, W, *rounded)


def _multiplies(onednn: OneDnn, X: Array, W: Array, A: Array, B: Array) -> bool:
    """Return whether A B is X W, and B.T B is W.T W; A and B hold the numbers of X and W."""
    of_A, of_B = (Layout(each.shape, "float32" if each is X or each is W else "bfloat16") for each in (A, B))
    Y, squares = np.empty((33, 17), np.float32), np.empty((17, 17), np.float32)
    _compute(onednn.product(of_A, of_B, Layout(Y.shape)), {SRC: A, WEIGHTS: B, DST: Y})
    for decay in (0, 0.5):  # the second one adds half of what the first one has written
        product = onednn.product(of_B._replace(transposed=True), of_B, Layout(squares.shape), decay=decay)
        _compute(product, {SRC: B, WEIGHTS: B, DST: squares})
    return np.array_equal(Y, X @ W) and np.array_equal(squares, 1.5 * (W.T @ W))


def _compute(operation: Operation, arrays: dict[int, Array]) -> None:
    for place, array in arrays.items():
        operation.put(place, array)
    operation.put_scratch(np.empty(operation.scratch_bytes, np.uint8))
    operation()
