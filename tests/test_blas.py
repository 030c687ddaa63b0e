"""BLAS is set up before NumPy is imported, never after, and never against the user's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlpcli.blas import ENGINE, _openblas, describe_blas, one_thread, prepare_blas, thread_count

CPU = "processor : 0\nvendor_id : {}\nflags : fpu {}\n\nprocessor : 1\n"
AVX512 = "avx512f avx512dq avx512cd avx512bw avx512vl"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return a separate environment, as in a process that has not imported NumPy."""
    mine: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", mine)
    monkeypatch.delitem(sys.modules, "numpy")
    return mine


def test_after_numpy_is_imported_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    prepare_blas(3)
    assert os.environ == {}


def test_importing_the_package_changes_nothing() -> None:
    code = "import os; was = dict(os.environ); import mlpcli.cli, mlpcli.blas; assert was == dict(os.environ)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("vendor", "flags", "kernel"),
    [
        ("AuthenticAMD", AVX512, "SkylakeX"),
        ("AuthenticAMD", "avx2 avx512f", None),
        ("GenuineIntel", AVX512, None),
    ],
)
def test_a_kernel_is_chosen_only_for_amd_with_avx512(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    vendor: str,
    flags: str,
    kernel: str | None,
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: CPU.format(vendor, flags))
    prepare_blas()
    assert environment.get("OPENBLAS_CORETYPE") == kernel
    assert environment["OPENBLAS_THREAD_TIMEOUT"] == "4"
    assert "OMP_NUM_THREADS" not in environment


@pytest.mark.parametrize(
    ("sharing", "set_by_user", "threads"),
    [(2, None, "4"), (3, None, "2"), (9, None, "1"), (1, None, None), (2, "3", "3")],
)
def test_processes_that_share_cores_take_their_part_of_the_threads(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    sharing: int,
    set_by_user: str | None,
    threads: str | None,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    if set_by_user is not None:
        environment["OMP_NUM_THREADS"] = set_by_user
    prepare_blas(sharing=sharing)
    assert environment.get("OMP_NUM_THREADS") == threads


def test_other_systems_than_linux_work(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", fail)
    prepare_blas()
    assert "OPENBLAS_CORETYPE" not in environment


def test_the_users_own_settings_win(environment: dict[str, str]) -> None:
    own = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_THREAD_TIMEOUT": "20", "OMP_NUM_THREADS": "1"}
    environment.update(own)
    prepare_blas()
    assert own.items() <= environment.items()
    assert "OPENBLAS_NUM_THREADS" not in environment
    assert thread_count() == 1


def test_threads_are_for_every_blas(environment: dict[str, str]) -> None:
    environment["OMP_NUM_THREADS"] = "7"
    prepare_blas(1)
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    assert {environment[name] for name in names} == {"1"}
    assert thread_count() == 1


@pytest.mark.parametrize("value", ["", "0", "many", "100000"])
def test_no_more_threads_than_cores(environment: dict[str, str], value: str) -> None:
    environment["OMP_NUM_THREADS"] = value
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert thread_count() == cores


@pytest.mark.parametrize(
    ("own", "spins"),
    [({}, "2000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, None)],
    ids=str,
)
def test_threads_of_openmp_wait_briefly(
    environment: dict[str, str], own: dict[str, str], spins: str | None
) -> None:
    environment.update(own)
    prepare_blas()
    assert environment.get("GOMP_SPINCOUNT") == spins


def test_the_engine_is_named_also_where_numpy_is_there_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {ENGINE: "numpy"})
    prepare_blas()
    assert os.environ == {ENGINE: "numpy"}
    prepare_blas(None, "fast")
    assert os.environ == {ENGINE: "fast"}


def test_it_describes_the_blas() -> None:
    assert "thread" in describe_blas()


def test_small_products_may_have_one_thread_for_a_while() -> None:
    """Also in blocks that overlap, as in two threads; the number of threads is the old one afterwards."""
    get = _openblas("get_num_threads")
    if get is None:
        pytest.skip("NumPy has no OpenBLAS that is known here")
    before = get()
    first, second = one_thread(), one_thread()
    with first:
        assert get() == 1
        second.__enter__()
    assert get() == 1
    second.__exit__(None, None, None)
    assert get() == before
