"""Curves of accuracy over time: each contender trains the whole recipe, and a table says when it was good."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mlpcli import train

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.curves")


def test_the_table_says_when_an_accuracy_was_reached_for_the_first_time(benchmark: ModuleType) -> None:
    found = {"mlp": [(1.0, 0.5), (2.0, 0.65), (3.0, 0.62)], "PyTorch": [(1.5, 0.4), (3.0, 0.59), (4.5, 0.55)]}
    assert [benchmark.seconds_to(points, 0.6) for points in found.values()] == [2.0, None]
    assert benchmark.table(found, 0.6) == [
        "| epoch | mlp, s | accuracy | PyTorch, s | accuracy |",
        "| ---: | ---: | ---: | ---: | ---: |",
        "| 1 | 1.0 | 50.00% | 1.5 | 40.00% |",
        "| 2 | 2.0 | 65.00% | 3.0 | 59.00% |",
        "| 3 | 3.0 | 62.00% | 4.5 | 55.00% |",
        "",
        "60%: mlp after 2.0 s, PyTorch never",
    ]


@pytest.mark.exhaustive
def test_a_curve_has_the_accuracies_of_the_run(
    benchmark: ModuleType, make_cifar10: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cifar10(tmp_path / "images", n=40)
    config = {
        "data": {
            "name": "cifar10",
            "root": str(tmp_path / "images"),
            "val_size": 60,
            "scaling": "whiten",
            "augment": {"flip": True, "crop": 2, "rotate": 5, "cutout": 4, "mixup": 0.4},
        },
        "model": {
            "hidden": [{"units": 2, "window": 8, "stride": 6}, {"units": 2, "window": 3}, 8],
            "norm": "batch",
        },
        "optimizer": {"name": "adamw", "learning_rate": 0.01, "schedule": "cosine"},
        "training": {"epochs": 3, "batch_size": 32},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = benchmark.curves(str(tmp_path / "recipe.yaml"), {})
    expected = [row["val_accuracy"] for row in train(tmp_path / "recipe.yaml").metrics]
    assert [accuracy for _, accuracy in found["mlp"]] == expected
    for points in found.values():  # PyTorch, too, where it is installed
        seconds = [at for at, _ in points]
        assert len(points) == 3
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
