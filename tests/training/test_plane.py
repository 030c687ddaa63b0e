"""The plane of two features: its extent, its grids, and how hidden layers map its points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.build.splits import load_splits
from mlpcli.config.loader import parse_experiment
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun
from mlpcli.training.plane import extent, grid_lines, grid_of, hidden_outputs, project


def test_outputs_agree_with_a_calculation_by_hand(trained: Callable[..., RunDirectory]) -> None:
    run = FinishedRun.open(trained("spiral", "training.epochs=3", "model.hidden=[5, 4]").path)
    network = run.checkpoint.network
    X = np.random.default_rng(0).standard_normal((7, 2)).astype(np.float32)
    expected, A = [], X
    for dense in network.dense[:2]:
        A = np.maximum(A @ dense.W + dense.b, 0)
        expected.append(A)
    for found, wanted in zip(hidden_outputs(network, X), expected, strict=True):
        assert np.allclose(found, wanted, atol=1e-6)


def test_constant_outputs_have_no_shares() -> None:
    _, _, names = project(np.ones((5, 3)), np.ones((2, 3)))
    assert names == ["principal component 1", "principal component 2"]


def test_the_extent_is_a_little_larger_than_the_examples_of_all_splits(tmp_path: Path) -> None:
    rows = "".join(f"{i},{7},{'ab'[i % 2]}\n" for i in range(101))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    splits = load_splits(
        parse_experiment(
            "data: {name: csv, path: t.csv, target: y, columns: {a: number, b: number}}", "test", tmp_path
        )
    )
    assert extent(splits) == [
        pytest.approx((-8, 108)),
        (6, 8),
    ]  # margins: 8% of 100; 1 if all values are equal


def test_a_grid_goes_row_by_row_from_corner_to_corner() -> None:
    x, y, points = grid_of([(0, 2), (10, 30)], 3)
    assert (x.tolist(), y.tolist()) == ([0, 1, 2], [10, 20, 30])
    assert points.tolist() == [[a, b] for b in (10, 20, 30) for a in (0, 1, 2)]


def test_grid_lines_run_along_both_axes() -> None:
    lines = grid_lines([(0, 4), (0, 2)], lines=3, along=5)
    assert lines.shape == (6, 5, 2)
    assert lines[:3, :, 1].tolist() == [[0] * 5, [1] * 5, [2] * 5]
    assert lines[0, :, 0].tolist() == [0, 1, 2, 3, 4]
    assert lines[3:, :, 0].tolist() == [[0] * 5, [2] * 5, [4] * 5]


def test_one_unit_is_drawn_on_a_line_and_two_units_unchanged() -> None:
    X = np.array([[1.0, 2.0], [3.0, 5.0]])
    points, others, names = project(X[:, :1], X[:1, :1])
    assert (points.tolist(), others.tolist(), names[1]) == ([[1, 0], [3, 0]], [[1, 0]], "")
    points, others, _ = project(X, X[:1])
    assert (points.tolist(), others.tolist()) == (X.tolist(), X[:1].tolist())


def test_names_of_principal_components_give_their_share_of_the_variance() -> None:
    """Two orthogonal directions with lengths 3 and 1 have shares of 9 : 1."""
    a, b = np.array([2, 1, 2]) / 3, np.array([1, 2, -2]) / 3
    X = np.array([3 * a, -3 * a, b, -b]) + 5
    points, others, names = project(X, X[:1] + a)
    assert names == [
        "principal component 1 (90% of the variance)",
        "principal component 2 (10% of the variance)",
    ]
    np.testing.assert_allclose(np.abs(points), [[3, 0], [3, 0], [0, 1], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(others, [[4, 0]], atol=1e-12)
