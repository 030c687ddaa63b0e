"""``mlp check``: a line a check, a verdict, an exit code, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from usual import only

CONFIGS = Path(__file__).parents[2] / "configs"
Mlp = Callable[..., Any]


@pytest.mark.parametrize("name", only({"spiral"}, ["spiral", "blobs", "sine", "iris"]))
def test_the_projects_own_configs_pass(mlp: Mlp, name: str, tmp_path: Path) -> None:
    code, out, err = mlp("check", CONFIGS / f"{name}.yaml")
    assert (code, err) == (0, "")
    assert " 0 failed" in out.splitlines()[-1]
    assert all(len(line) <= 80 for line in out.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_a_failed_check_ends_with_1(mlp: Mlp) -> None:
    code, out, _ = mlp("check", CONFIGS / "iris.yaml", "--set", "optimizer.learning_rate=1e9")
    assert code == 1
    assert "FAIL  first steps" in out
    assert out.splitlines()[-1].endswith(" 1 failed")


def test_a_wrong_config_ends_with_2(mlp: Mlp) -> None:
    code, out, err = mlp("check", CONFIGS / "iris.yaml", "--set", "loss=hige")
    assert (code, out) == (2, "")
    assert "hinge" in err


def test_cifar10(mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any]) -> None:
    make_cifar10(tmp_path / "datasets" / "cifar-10-batches-bin", n=12)
    code, out, _ = mlp(
        "check",
        CONFIGS / "cifar10.yaml",
        "--set",
        f"data.root={tmp_path / 'datasets'}",
        "--set",
        "data.val_size=10",
        "--set",
        "model.hidden=[16]",
    )
    assert "cifar10: 50 train / 10 val / 12 test" in out
    assert "pass  gradient" in out
    assert code in (0, 1)  # of so few images a class may be missing


def test_a_table_of_a_few_words(mlp: Mlp, tmp_path: Path) -> None:
    """It has fewer features than a column of numbers has bins."""
    rows = "".join(f"{'uvw'[i % 3]},{'pq'[i % 2]},{'ab'[i % 5 > 1]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("s,t,y\n" + rows)
    (tmp_path / "t.yaml").write_text("data: {name: csv, path: t.csv, target: y}\n")
    code, out, err = mlp("check", tmp_path / "t.yaml")
    assert (code in (0, 1), err) == (True, "")
    assert "cost" in out
