"""What a network has made of rows: sums by hand, from which the measures of `test_measures` follow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlpcli.nn.outcomes import Classified, Errors, Regressed

Y, VALUES, WEIGHTS = np.array([1.0, 2, 4]), np.array([1.5, 2, 1]), np.array([2.0, 1, 1])


def test_errors_by_hand() -> None:
    found = Errors.of(Y, VALUES, None)
    assert found[:2] == (3, 0)
    assert found[2:] == pytest.approx([3, 9.25, 3.5, 0.5 + 0.75, 7 / 3, 14 / 3, 1, 4])
    weighted = Errors.of(Y, VALUES, WEIGHTS)
    assert weighted[2:] == pytest.approx([4, 9.5, 4, 1 + 0.75, 2, 6, 1, 4])
    with_zero = Errors.of(Y - 1, VALUES, None)
    assert with_zero.zeros == 1
    assert math.isnan(with_zero.relative)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("cut", [1, 2])
def test_errors_of_two_parts_are_those_of_all(cut: int, weights: np.ndarray | None) -> None:
    first, second = (
        Errors.of(Y[some], VALUES[some], None if weights is None else weights[some])
        for some in (slice(cut), slice(cut, None))
    )
    assert first.plus(second) == pytest.approx(Errors.of(Y, VALUES, weights))


def test_rows_of_weight_0_are_left_out() -> None:
    rows = Regressed.of(Y[:, None], VALUES[:, None], np.array([0.0, 1, 1]))
    assert rows.errors[0].n == 2
    assert (rows.targets, rows.target(0).errors) == (1, rows.errors)


def test_some_of_the_rows() -> None:
    rows = Classified(np.array([0, 1, 1]), np.array([0, 0, 1]), np.eye(3)[:, :2], True, WEIGHTS)
    some = rows.some(np.array([True, False, True]))
    assert (some.y.tolist(), some.predicted.tolist()) == ([0, 1], [0, 1])
    assert some.weights is not None
    assert (some.logits.tolist(), some.weights.tolist()) == ([[1, 0], [0, 0]], [2, 1])
    assert (some.confusion.tolist(), some.ranked) == ([[2, 0], [0, 1]], some)
