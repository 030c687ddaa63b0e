"""The benchmarks run; what they measure is not for a test to say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

# By its path: the package is tested as installed, and benchmarks are no part of it.
SPEC = importlib.util.spec_from_file_location(
    "benchmarks_main", Path(__file__).parents[1] / "benchmarks" / "__main__.py"
)
assert SPEC is not None
assert SPEC.loader is not None
benchmarks = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = benchmarks  # where dataclasses look
SPEC.loader.exec_module(benchmarks)


def test_mlp_and_the_bare_products_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {name: entry for name, entry in benchmarks.CONTENDERS.items() if entry[0] is None}
    monkeypatch.setattr(benchmarks, "CONTENDERS", here)
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (128, 3072), np.uint8), rng.integers(0, 10, 128)
    rows = benchmarks.measure({"small": benchmarks.Work(X, y, "momentum", 64)}, 1)
    assert [row["contender"] for row in rows] == ["mlp", "matrix products"]
    assert rows[0]["mlp_speedup"] == 1
    for row in rows:
        assert row["seconds_per_step"] == pytest.approx(64 / row["examples_per_second"])
    assert {"cpu", "blas", "numpy"} <= benchmarks.describe_machine().keys()
