"""What the rooms share: runs of the project's configs, a browser, a small CIFAR-10 written byte by byte."""

from __future__ import annotations

import atexit
import gc
import hashlib
import importlib.resources
import importlib.util
import os
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from mlpcli.blas import prepare_blas

# pytest-xdist runs a worker for each core, and each worker's arithmetic gets one thread.
prepare_blas(1 if "PYTEST_XDIST_WORKER" in os.environ else None)

# Commands go on ignoring the signals that they were begun to ignore, as a script's background jobs do. The
# tests of signals must not depend on how pytest was begun.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
    signal.signal(number, handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# ruff: noqa: E402
import numpy as np
import pytest
import usual
from numpy.typing import NDArray
from page import renew

from mlpcli.config.loader import load_experiment
from mlpcli.machine import available_memory
from mlpcli.nn.linear import fit_linear
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import take_directory, train_run

CONFIGS = Path(__file__).parents[1] / "configs"
Batch = tuple[NDArray[np.uint8], list[int]]
NAMES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


# What is collected lives to the end; looking through it for garbage would take a third of the time.
gc.disable()
atexit.register(gc.freeze)  # and looking through it all once more at the end, seconds


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave exhaustive tests out of coverage: tracing doubles their time, and the others reach all lines."""
    if config.pluginmanager.hasplugin("_cov"):
        for item in items:
            if item.get_closest_marker("exhaustive"):
                item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """Begin to look for garbage, but never through what was collected."""
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Tell the tests whether all is tested, and let them write to memory, where there is enough.

    They sync thousands of files, and disks are slow. The slow tests write gigabytes, and stay on the disk.
    """
    usual.is_usual = "not exhaustive" in config.option.markexpr
    memory, left = Path("/dev/shm"), available_memory()
    if left is None or not os.access(memory, os.W_OK) or not config.option.markexpr.startswith("not slow"):
        return
    if min(left.size, shutil.disk_usage(memory).free) > 4e9:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunDirectory]:
    """Return a function that trains configs/NAME.yaml, once per overrides; do not change its files."""

    @cache
    def train(name: str, *overrides: str) -> RunDirectory:
        experiment = load_experiment(CONFIGS / f"{name}.yaml", overrides)
        directory = take_directory(name, tmp_path_factory.mktemp("runs") / name)
        train_run(experiment, directory)
        return directory

    return train


@pytest.fixture(scope="session", autouse=True)
def each_linear_model_once() -> Iterator[None]:
    """Remember the linear models that runs have as baselines: hundreds of runs have the same few rows."""
    fitted: dict[bytes, tuple[NDArray[Any], ...]] = {}

    def fit(
        X: NDArray[Any], y: NDArray[Any], classes: int | None, weights: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], ...]:
        if X.nbytes > 1e6:  # tests of time and memory have large ones
            return fit_linear(X, y, classes, weights)
        found = hashlib.sha256(repr(classes).encode())
        for array in (X, y, weights):
            found.update(b"none" if array is None else repr((array.shape, array.dtype)).encode())
            found.update(b"" if array is None else array.tobytes())
        key = found.digest()
        if key not in fitted:
            fitted[key] = fit_linear(X, y, classes, weights)
        return tuple(array.copy() for array in fitted[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlpcli.training.baselines.fit_linear", fit)
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a headless Chromium; use ``browser``."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in (
            *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
            *("disable-background-networking", "disable-component-update", "disable-dev-shm-usage"),
            f"user-data-dir={profile}",
        ):
            options.add_argument(f"--{flag}")
        started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield started
        started.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """Return the one Chromium of all tests, as if it were new: light, 1280 x 1000, its console empty."""
    renew(chromium)
    yield chromium
    chromium.get("about:blank")  # so that no page goes on asking


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """Return a function that returns what axe-core finds wrong with the page of a browser, line by line."""
    pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
    program = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

    def check(browser: Any) -> list[str]:
        browser.execute_script(program)
        found = browser.execute_async_script("axe.run().then(arguments[0])")
        return [
            f"{rule['id']}: {rule['help']}: {node['target']}: {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    return check


@pytest.fixture(scope="session")
def targets() -> ModuleType:
    """Return tests/fuzz/targets.py."""
    return _of_fuzzing("targets")


@pytest.fixture(scope="session")
def metas() -> ModuleType:
    """Return tests/fuzz/metas.py."""
    return _of_fuzzing("metas")


def _of_fuzzing(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"fuzz_{name}", Path(__file__).parent / "fuzz" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its tuples with names look there for what they are made of
    spec.loader.exec_module(module)
    return module


def short(text: str) -> bytes:
    """Write a string as Python 2 pickled it."""
    return b"U" + bytes([len(text)]) + text.encode()


def official_pickle(X: NDArray[np.uint8], labels: list[int]) -> bytes:
    """Write a batch with the opcodes of the official files: protocol 2, from Python 2."""
    count = b"M" + struct.pack("<H", len(X))
    return b"".join(
        [
            b"\x80\x02}q\x01(" + short("batch_label") + b"q\x02" + short("training batch 1 of 5") + b"q\x03",
            short("labels") + b"q\x04]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e",
            short("data") + b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08",
            b"K\x00\x85" + short("b") + b"\x87Rq\x09(K\x01" + count + b"M\x00\x0c\x86",
            b"cnumpy\ndtype\nq\x0a" + short("u1") + b"K\x00K\x01\x87Rq\x0b",
            b"(K\x03" + short("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89",
            b"T" + struct.pack("<i", X.size) + X.tobytes() + b"tb",
            short("filenames")
            + b"q\x0c]q\x0d("
            + b"".join(short(f"a_{i}.png") for i in range(len(X)))
            + b"eu.",
        ]
    )


def binary(X: NDArray[np.uint8], labels: list[int]) -> bytes:
    return b"".join(bytes([label]) + row.tobytes() for row, label in zip(X, labels, strict=True))


@pytest.fixture(scope="session")
def make_cifar10() -> Callable[..., dict[str, Batch]]:
    """Return a function that writes a small CIFAR-10 into a folder and returns what it wrote."""

    def make(
        folder: Path, suffix: str = ".bin", n: int = 3, write: Callable[..., bytes] | None = None
    ) -> dict[str, Batch]:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        batches: dict[str, Any] = {}
        for name in NAMES:
            X, labels = rng.integers(0, 256, (n, 3072), np.uint8), rng.integers(0, 10, n).tolist()
            data = (write or (binary if suffix else official_pickle))(X, labels)
            (folder / (name + suffix)).write_bytes(data)
            batches[name] = X, labels
        return batches

    return make
