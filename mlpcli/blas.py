"""Chooses kernel and threads of NumPy's BLAS before NumPy is imported, and describes the loaded BLAS.

Once NumPy is loaded nothing is changed but for a while, by `one_thread`, and what the user has set in the
environment stays as it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["ENGINE", "describe_blas", "one_thread", "prepare_blas", "thread_count", "threads_of"]

ENGINE = "MLP_ENGINE"  # the variable of the environment that names what multiplies matrices: numpy or fast
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_AVX512 = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


def prepare_blas(threads: int | None = None, engine: str | None = None, sharing: int = 1) -> None:
    """Set the environment for a NumPy that is not yet loaded; ``threads`` is for any BLAS library.

    Where it is not given, and not set, each of the processes that are ``sharing`` the cores takes its part.

    Idle threads of OpenBLAS spin for a while and starve other threads; the shortest time-out, 2**4 turns,
    prevents that. Some versions use AVX-512 on AMD processors only when they are told to. Threads of OpenMP,
    which oneDNN has, spin for 30 microseconds, about as long as it takes to wake one. ``engine`` is what
    multiplies, as `ENGINE` says in any process.
    """
    if engine is not None:
        os.environ[ENGINE] = engine
    if "numpy" in sys.modules:
        return
    if threads is None and sharing > 1 and not any(name in os.environ for name in _THREADS):
        threads = max(1, thread_count() // sharing)
    if threads is not None:
        os.environ.update(threads_of(threads))
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    if "OPENBLAS_CORETYPE" not in os.environ and _is_amd_with_avx512():
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"


def threads_of(n: int) -> dict[str, str]:
    """Return the variables of the environment that give any BLAS library of a new process ``n`` threads."""
    return dict.fromkeys(_THREADS, str(n))


def _is_amd_with_avx512() -> bool:
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").partition("\n\n")[0]
    except OSError:  # not Linux
        return False
    return "AuthenticAMD" in first and set(first.split()) >= _AVX512


def thread_count() -> int:
    """Return how many threads may compute: as many as the user set for the BLAS, else one for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in _THREADS:
        value = os.environ.get(name, "")
        if value.isdecimal() and int(value) > 0:
            return min(int(value), cores)
    return cores


def describe_blas() -> str:
    """Return NumPy's BLAS, its version and kernel where they are known, and its threads, on one line."""
    import numpy as np

    build = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    words = [str(build.get("name", "an unknown BLAS")), str(build.get("version", ""))]
    kernel = _openblas_kernel()
    if kernel:
        words.append(f"({kernel})")
    n = thread_count()
    return f"{' '.join(filter(None, words))}, {n} thread{'' if n == 1 else 's'}"


_FEWER = threading.Lock()
_within = 0  # blocks of `one_thread` that have begun and not ended
_before = 0  # the threads of the BLAS before the first of them


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenBLAS use a single thread within the block, and then as many as before; other libraries go on.

    Small products are over before a second thread has begun, and on a busy machine each waits for it.
    """
    global _within, _before
    get, set_ = _openblas("get_num_threads"), _openblas("set_num_threads")
    if get is None or set_ is None:
        yield
        return
    with _FEWER:
        if _within == 0:
            _before = get()
            set_(1)
        _within += 1
    try:
        yield
    finally:
        with _FEWER:
            _within -= 1
            if _within == 0:
                set_(_before)


def _openblas_kernel() -> str | None:
    """Return the kernel that the OpenBLAS in this process has chosen."""
    corename = _openblas("get_corename")
    if corename is None:
        return None
    corename.restype = ctypes.c_char_p
    return str((corename() or b"").decode("ascii", "replace")) or None


@cache
def _openblas(name: str) -> Any:
    """Return a function of the OpenBLAS in this process; None if there is none, or where it is not known."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        path = next(line.split(maxsplit=5)[5] for line in maps.splitlines() if "openblas" in line)
        library = ctypes.CDLL(path)
    except (OSError, StopIteration, IndexError):
        return None
    for prefix in ("scipy_", ""):
        for suffix in ("64_", ""):
            found = getattr(library, f"{prefix}openblas_{name}{suffix}", None)
            if found is not None:
                return found
    return None
