"""oneDNN is used where it is found and proves right, and everywhere else there is a reason why not."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli import onednn as module
from mlpcli.onednn import DST, SRC, WEIGHTS, Layout, Threads, find_onednn

ONEDNN, REASON = find_onednn()
needs_onednn = pytest.mark.skipif(ONEDNN is None, reason=REASON)


def found_anew() -> tuple[Any, str]:
    """Look for the library as a new process does."""
    return find_onednn.__wrapped__()  # type: ignore[attr-defined]


def test_there_is_the_library_or_a_reason() -> None:
    assert (ONEDNN is None) == bool(REASON)
    if ONEDNN is not None:
        assert ONEDNN.version.startswith("3.")


def test_no_other_system_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert found_anew() == (None, "oneDNN is used on Linux with x86-64 processors, and this is darwin")


def test_what_is_not_installed_is_not_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_installed", list)
    monkeypatch.setattr(module, "_SONAME", str(tmp_path / "libdnnl.so.3"))
    found, reason = found_anew()
    assert found is None
    assert reason.endswith("pip install 'mlpcli[fast]'")


@pytest.mark.parametrize("content", [b"", b"\x7fELF but no more", b"text"])
def test_a_file_that_is_no_library_is_left_alone(
    content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "lib" / "libdnnl.so.3"
    path.parent.mkdir()
    path.write_bytes(content)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(module, "_SONAME", str(path))
    assert module._installed()[0] == str(path)
    assert found_anew()[0] is None


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", list)
    monkeypatch.setattr(module, "_SONAME", "libm.so.6")
    found, reason = found_anew()
    assert found is None
    assert "dnnl" in reason


@needs_onednn
def test_a_library_that_multiplies_wrongly_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._compute

    def wrong(operation: Any, arrays: dict[int, Any]) -> None:
        real(operation, arrays)
        if WEIGHTS in arrays:
            arrays[DST][-1, -1] += 1

    monkeypatch.setattr(module, "_compute", wrong)
    found, reason = found_anew()
    assert found is None
    assert reason.endswith("does not compute rightly")


@needs_onednn
def test_what_the_library_refuses_is_an_error_with_its_status() -> None:
    assert ONEDNN is not None
    with pytest.raises(RuntimeError, match=r"dnnl_matmul_primitive_desc_create failed with status \d"):
        ONEDNN.product(Layout((2, 3)), Layout((4, 5)), Layout((2, 5)))


@needs_onednn
def test_only_arrays_of_c_order_have_a_place() -> None:
    assert ONEDNN is not None
    product = ONEDNN.product(Layout((2, 3)), Layout((3, 5)), Layout((2, 5)))
    with pytest.raises(ValueError, match="C order"):
        product.put(SRC, np.ones((3, 2), np.float32).T)


@needs_onednn
@pytest.mark.parametrize(("alone", "is_forked"), [(False, False), (True, False), (False, True)])
def test_threads_are_as_many_again_afterwards(
    monkeypatch: pytest.MonkeyPatch, alone: bool, is_forked: bool
) -> None:
    assert ONEDNN is not None
    monkeypatch.setattr(ONEDNN, "is_forked", is_forked)
    count = ONEDNN.library.omp_get_max_threads
    before = count()
    ONEDNN.library.omp_set_num_threads(3)
    threads = Threads(ONEDNN, alone=alone)
    try:
        for _ in range(2):
            with suppress(KeyError), threads:
                assert count() == (1 if alone or is_forked else 3)
                raise KeyError  # as an operation may
            assert count() == 3
    finally:
        ONEDNN.library.omp_set_num_threads(before)
