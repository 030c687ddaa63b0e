"""oneDNN, a library of matrix products for new CPUs, called by its C API where it is found and proves right.

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

__all__ = ["DST", "SRC", "WEIGHTS", "Layout", "Numbers", "OneDnn", "Operation", "find_onednn"]

Array: TypeAlias = NDArray[Any]
Numbers: TypeAlias = Literal["float32", "bfloat16"]

_SONAME = "libdnnl.so.3"
_OPENMP = 2  # of dnnl_runtime: its threads are those of OpenMP, whose number can be set
_CPU, _IN_ORDER, _SCRATCHPAD_BY_USER = 1, 1, 1
_TYPES = {"bfloat16": 2, "float32": 3}
_SCRATCHPAD_MD = 136  # of dnnl_query
SRC, DST, WEIGHTS, _SCRATCHPAD = 1, 17, 33, 80  # the places of arrays in an operation
_AVX512, _AVX512_BF16 = 0x27, 0xE7  # of dnnl_cpu_isa; each has the bits of what it contains

_FUNCTIONS = (
    *("dnnl_engine_create", "dnnl_stream_create", "dnnl_primitive_create", "dnnl_primitive_execute"),
    *("dnnl_memory_create", "dnnl_memory_set_data_handle", "dnnl_memory_desc_create_with_strides"),
    *("dnnl_matmul_primitive_desc_create", "dnnl_reorder_primitive_desc_create"),
    *("dnnl_primitive_attr_create", "dnnl_primitive_attr_set_scratchpad_mode", "dnnl_get_effective_cpu_isa"),
    *("dnnl_primitive_destroy", "dnnl_primitive_desc_destroy", "dnnl_memory_destroy"),
    "dnnl_memory_desc_destroy",
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
    """An array of C order: its shape and its type, and whether it stands for its transposed matrices."""

    shape: tuple[int, ...]
    type: Numbers = "float32"
    transposed: bool = False


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
        self.threads, self.set_threads = library.omp_get_max_threads, library.omp_set_num_threads
        found = library.dnnl_version().contents
        if found.major != 3 or found.runtime != _OPENMP:
            raise RuntimeError(f"{path} is oneDNN {found.major}, with threads of kind {found.runtime}")
        self.version = f"{found.major}.{found.minor}.{found.patch}"
        isa = library.dnnl_get_effective_cpu_isa()
        self.has_avx512, self.has_bfloat16 = isa & _AVX512 == _AVX512, isa & _AVX512_BF16 == _AVX512_BF16
        self.engine, self.stream, self._attributes = (ctypes.c_void_p() for _ in range(3))
        _require(library.dnnl_engine_create(ctypes.byref(self.engine), _CPU, ctypes.c_size_t(0)), "a CPU")
        _require(library.dnnl_stream_create(ctypes.byref(self.stream), self.engine, _IN_ORDER), "a stream")
        _require(library.dnnl_primitive_attr_create(ctypes.byref(self._attributes)), "attributes")
        # A scratchpad of the library's own would tie an operation to the thread that made it.
        mode = library.dnnl_primitive_attr_set_scratchpad_mode(self._attributes, _SCRATCHPAD_BY_USER)
        _require(mode, "a scratchpad")
        self.is_forked = False  # after a fork the other threads of OpenMP are not there any more
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.is_forked = True

    def product(self, src: Layout, weights: Layout, dst: Layout) -> Operation:
        """Return dst = src weights, matrix by matrix where there are three axes; raises RuntimeError."""
        places = {SRC: src, WEIGHTS: weights, DST: dst}
        a, b, c = (self.described(layout) for layout in places.values())
        create = "dnnl_matmul_primitive_desc_create"
        arguments = (self.engine, a.pointer, b.pointer, None, c.pointer, self._attributes)
        return Operation(self, places, create, *arguments)

    def rounding(self, shape: tuple[int, ...]) -> Operation:
        """Return dst = src in bfloat16, rounded to nearest and to even; raises RuntimeError."""
        places = {SRC: Layout(shape), DST: Layout(shape, "bfloat16")}
        a, b = (self.described(layout) for layout in places.values())
        create = "dnnl_reorder_primitive_desc_create"
        arguments = (a.pointer, self.engine, b.pointer, self.engine, self._attributes)
        return Operation(self, places, create, *arguments)

    def described(self, layout: Layout) -> _Owned:
        """Return the library's own description of an array."""
        shape = layout.shape
        strides = tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
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

    def put(self, place: int, array: Array) -> None:
        """Let the operation read or write this array of C order from now on."""
        if self._arrays.get(place) is not array:
            if not array.flags.c_contiguous:
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
    return _multiplies(onednn, X, W, X, W) and (not onednn.has_bfloat16 or _multiplies_rounded(onednn, X, W))


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
    product = onednn.product(of_B._replace(transposed=True), of_B, Layout(squares.shape))
    _compute(product, {SRC: B, WEIGHTS: B, DST: squares})
    return np.array_equal(Y, X @ W) and np.array_equal(squares, W.T @ W)


def _compute(operation: Operation, arrays: dict[int, Array]) -> None:
    for place, array in arrays.items():
        operation.put(place, array)
    operation.put_scratch(np.empty(operation.scratch_bytes, np.uint8))
    operation()
