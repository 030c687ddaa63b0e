"""Linear fits: the values of scikit-learn, leave-one-out by brute force, tables without a plain solution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.nn import linear
from mlpcli.nn.linear import fit_linear, fit_parts

IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"


def iris() -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the standardized measurements (150, 4) and the species (150,)."""
    rows = [line.split(",") for line in IRIS.read_text(encoding="utf-8").split()[1:]]
    X = np.array([row[:4] for row in rows], np.float64)
    return (X - X.mean(axis=0)) / X.std(axis=0), np.unique([row[4] for row in rows], return_inverse=True)[1]


def probabilities(X: Any, V: Any, b: Any) -> NDArray[np.float64]:
    P: NDArray[np.float64] = np.exp(X @ V + b)
    return P / P.sum(axis=1, keepdims=True)


def test_ridge_has_the_penalty_and_the_weights_of_scikit_learn() -> None:
    """RidgeCV of scikit-learn 1.9.1 takes the penalty 0.0474 of the same grid: petal widths from the rest."""
    X, _ = iris()
    V, b = fit_linear(X[:, :3], X[:, 3:] * 0.7596926279 + 1.1993333333, None)
    np.testing.assert_allclose(V[:, 0], [-0.168833125599, 0.095912340584, 0.919464617598], rtol=1e-7)
    np.testing.assert_allclose(b, [1.1993333333], rtol=1e-9)


def test_logistic_regression_has_the_weights_of_scikit_learn() -> None:
    """LogisticRegression of scikit-learn 1.9.1 with the penalty of our fit, C = 1 / 0.0474348, to 1e-12."""
    X, y = iris()
    V, b = fit_linear(X, y, 3)
    expected = [[-1.839518140, 1.500293267, 0.339224872], [2.102783650, -0.335645756, -1.767137893]]
    expected += [[-4.285579512, -1.979690552, 6.265270064], [-4.025058414, -1.650590795, 5.675649209]]
    np.testing.assert_allclose(V, expected, atol=1e-4)
    np.testing.assert_allclose(b, [0.274638659, 4.847447955, -5.122086614], atol=1e-4)
    # At the minimum the gradient of the cross-entropy is -penalty V, for every weight.
    np.testing.assert_allclose(X.T @ (np.eye(3)[y] - probabilities(X, V, b)) / V, 0.0474348, rtol=2e-3)


def test_two_classes_are_one_logit() -> None:
    """The same with C = 1 / 0.0219 for the two species that lie next to each other."""
    X, y = iris()
    V, b = fit_linear(X[50:], y[50:] - 1, 2)
    np.testing.assert_allclose(V[:, 1] - V[:, 0], [-1.262, -1.652, 9.296, 8.202], rtol=2e-3)
    np.testing.assert_allclose(b[1] - b[0], -11.291, rtol=2e-3)
    np.testing.assert_allclose(V.sum(axis=1), 0, atol=1e-9)


def ridge(X: NDArray[np.float64], y: NDArray[np.float64], penalty: float) -> tuple[Any, Any]:
    mean = X.mean(axis=0)
    V = np.linalg.solve((X - mean).T @ (X - mean) + penalty * np.eye(X.shape[1]), (X - mean).T @ y)
    return V, y.mean(axis=0) - mean @ V


@pytest.mark.parametrize("shape", [(30, 4), (12, 20)])
def test_the_penalty_of_a_ridge_predicts_each_row_best_from_the_others(shape: tuple[int, int]) -> None:
    """No penalty of the grid does better, where each row is left out in turn and the rest is fitted anew."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal(shape)
    y = X @ rng.standard_normal((shape[1], 1)) + 2 * rng.standard_normal((shape[0], 1))
    V, b = fit_linear(X, y, None)

    def left_out(penalty: float) -> float:
        errors = []
        for i in range(len(X)):
            rest = np.arange(len(X)) != i

            mean, of_y = X.mean(axis=0), y.mean(axis=0)
            A = np.hstack([X - mean, np.full((len(X), 1), 1.0)])[rest]
            P = penalty * np.eye(A.shape[1])
            P[-1, -1] = 0
            weights = np.linalg.solve(A.T @ A + P, A.T @ (y - of_y)[rest])
            errors.append((y[i] - of_y - (X[i] - mean) @ weights[:-1] - weights[-1]).item())
        return float(np.sum(np.square(errors)))

    found = [
        penalty for penalty in ridge_grid(X) if np.allclose(ridge(X, y, penalty)[0], V, rtol=1e-7, atol=0)
    ]
    assert len(found) == 1
    np.testing.assert_allclose(ridge(X, y, found[0])[1], b)
    assert left_out(found[0]) <= min(left_out(penalty) for penalty in ridge_grid(X)) * (1 + 1e-5)


def ridge_grid(X: NDArray[np.float64]) -> NDArray[np.float64]:
    scale = np.sum((X - X.mean(axis=0)) ** 2) / X.shape[1]
    grid: NDArray[np.float64] = scale * 10.0 ** np.arange(2, -6.25, -0.25)
    return grid


def test_each_output_of_a_ridge_is_fitted_by_itself() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5))
    y = np.hstack([X[:, :1] + 0.01 * rng.standard_normal((40, 1)), rng.standard_normal((40, 1))])
    V, b = fit_linear(X, y, None)
    for j in (0, 1):
        alone, of_it = fit_linear(X, y[:, j : j + 1], None)
        np.testing.assert_allclose(V[:, j], alone[:, 0])
        np.testing.assert_allclose(b[j], of_it[0])


def one_hot(codes: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.eye(int(codes.max()) + 1)[codes]


CODES = np.arange(60) % 4
TABLES: dict[str, NDArray[np.float64]] = {
    "columns that add up to 1": one_hot(CODES),
    "columns twice, and a constant one": np.hstack([one_hot(CODES), one_hot(CODES), np.full((60, 1), 3.0)]),
    "constant columns": np.ones((60, 2)),
    "more columns than rows": np.random.default_rng(0).standard_normal((60, 200)),
    "a row far out": np.vstack([np.zeros((59, 1)), [[1e9]]]),
    "far from 0": 1e6 + np.random.default_rng(0).standard_normal((60, 2)),
    "tiny": 1e-30 * np.random.default_rng(0).standard_normal((60, 2)),
}


@pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("y", [CODES % 2, CODES, np.where(CODES, 1, 0)], ids=["two", "separable", "rare"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_table_has_a_fit(X: NDArray[np.float64], y: NDArray[np.intp], dtype: Any) -> None:
    """Weights are finite, and rows that were fitted are predicted no worse than by the mean."""
    X = X.astype(dtype)
    V, b = fit_linear(X, one_hot(y), None)
    assert np.isfinite(V).all()
    assert np.mean((X.astype(np.float64) @ V + b - one_hot(y)) ** 2) <= one_hot(y).var(axis=0).mean() * 1.001
    classes = int(y.max()) + 1
    V, b = fit_linear(X, y, classes)
    P = probabilities(X.astype(np.float64), V, b)
    shares = np.bincount(y) / len(y)
    assert -np.log(P[np.arange(60), y]).mean() <= -np.sum(shares * np.log(shares)) * 1.001
    assert V.shape == (X.shape[1], classes)
    assert b.shape == (classes,)


def test_classes_that_a_line_divides_are_divided() -> None:
    """The weights stay finite, where those of an unpenalized regression would grow without end."""
    X = np.linspace(-1, 1, 40)[:, None]
    y = (X[:, 0] > 0).astype(int)
    V, b = fit_linear(X, y, 2)
    assert np.abs(V).max() < 1e3
    np.testing.assert_array_equal((X @ V + b).argmax(axis=1), y)


def test_a_class_without_rows_is_not_predicted() -> None:
    V, b = fit_linear(np.random.default_rng(0).standard_normal((50, 2)), np.arange(50) % 2 * 2, 3)
    assert probabilities(np.zeros((1, 2)), V, b)[0, 1] < 0.02


def test_little_is_enough() -> None:
    """One row, one class."""
    V, b = fit_linear(np.ones((1, 2)), np.array([[5.0]]), None)
    assert V.tolist() == [[0], [0]]
    assert b.tolist() == [5]
    V, b = fit_linear(np.arange(6.0).reshape(3, 2), np.zeros(3, int), 1)
    assert V.tolist() == [[0], [0]]
    assert b.tolist() == [0]


@pytest.mark.parametrize("classes", [None, 3])
def test_predictions_follow_the_columns_wherever_their_zero_lies(classes: int | None) -> None:
    X, y = iris()
    targets = y if classes else X[:, 3:]
    V, b = fit_linear(X[:, :3], targets, classes)
    moved, of_them = fit_linear(X[:, :3] + [5, -100, 1000], targets, classes)
    np.testing.assert_allclose(moved, V, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(of_them, b - [5, -100, 1000] @ V, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("columns", [4, 200])
def test_parts_are_fitted_like_all_rows(classes: int | None, columns: int) -> None:
    """All rows as a part are the fit of all rows; other parts are predicted well by the rest."""
    X, y = iris()
    X = np.hstack([X, 1e-3 * np.random.default_rng(0).standard_normal((150, columns - 4))]) + 7
    targets = y if classes else X[:, 3:4]
    V, b = fit_linear(X, targets, classes)
    parts = [np.arange(150), np.arange(0, 150, 2), np.arange(1, 150, 2)]
    of_parts, biases = fit_parts(X, targets, classes, parts)
    assert of_parts.shape == (3, *V.shape)
    np.testing.assert_allclose(of_parts[0], V, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(biases[0], b, rtol=1e-3, atol=1e-2)
    for part, rest in ((1, parts[2]), (2, parts[1])):
        predicted = X[rest] @ of_parts[part] + biases[part]
        if classes:
            assert np.mean(predicted.argmax(axis=1) == y[rest]) > 0.9
        else:
            assert np.mean((predicted - targets[rest]) ** 2) < 0.1


def test_the_penalty_of_a_part_knows_nothing_of_the_other_rows() -> None:
    """The other rows follow a line that is steep, or none at all, and would choose other penalties."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 10))
    y = X[:, :1] + 3 * rng.standard_normal((60, 1))
    part, others = np.arange(40), np.arange(40, 60)
    found = []
    for slope in (0, 1000):
        y[others] = slope * X[others, 1:2]
        V, b = fit_parts(X, y, None, [part])
        found.append(np.append(V, b))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("classes", [None, 3])
def test_weights_multiply_the_losses_of_the_rows(classes: int | None) -> None:
    X, y = iris()
    targets = y if classes else X[:, 3:]
    X = X[:, :3]
    w = np.random.default_rng(0).random(150)
    w[::3] = 0
    V, b = fit_linear(X, targets, classes, w)
    residuals = np.eye(3)[y] - probabilities(X, V, b) if classes else targets - X @ V - b
    # At the minimum, the gradient of the losses by V is that of the penalty, and by b it is 0.
    ratios = X.T @ (w[:, None] * residuals) / V
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=1e-2)
    np.testing.assert_allclose(w @ residuals, 0, atol=1e-3)
    # Rows of weight 0 say nothing.
    other = targets.copy()
    other[::3] = targets[::-3]
    again, of_them = fit_linear(X, other, classes, w)
    np.testing.assert_allclose(again, V, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(of_them, b, rtol=1e-5, atol=1e-6)
    (of_part,), _ = fit_parts(X, targets, classes, [np.flatnonzero(w)], w)
    np.testing.assert_allclose(of_part, V, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("classes", [None, 3])
def test_equal_weights_change_nothing(classes: int | None) -> None:
    X, y = iris()
    targets = y if classes else X[:, 3:]
    V, b = fit_linear(X[:, :3], targets, classes)
    for weights in (np.full(150, 7.0), np.zeros(150)):
        again, of_them = fit_linear(X[:, :3], targets, classes, weights)
        np.testing.assert_allclose(again, V)
        np.testing.assert_allclose(of_them, b)


def test_a_fit_of_many_classes_ends_when_it_has_done_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((240, 60)), np.arange(240) % 120
    steps = 0
    step = linear._preconditioned

    def counted(*args: Any) -> Any:
        nonlocal steps
        steps += 1
        return step(*args)

    monkeypatch.setattr(linear, "_preconditioned", counted)
    monkeypatch.setattr(linear, "_MOST_WORK", 100 * 240 * 120 * 80)
    V, b = fit_linear(X, y, 120)
    assert steps < 150, "one step more for each direction"
    assert np.mean((X @ V + b).argmax(axis=1) == y) > 0.9
