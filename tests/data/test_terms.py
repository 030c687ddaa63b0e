"""Squares, products and sines of scaled numbers, by hand, scaled again by the training rows."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.scaling import SCALINGS
from mlpcli.data.terms import FUNCTIONS, MOST_TERMS, Terms, require_few_terms
from mlpcli.errors import DataError
from mlpcli.terms import TERMS, count_terms

Z = np.array([[0.5, -1], [2, 0.25], [-1, 3], [0, 1]])
EVERY = np.arange(len(Z))

# The columns of the terms of two numbers, before they are scaled.
KNOWN = {
    "square": [[0.25, 4, 1, 0], [1, 0.0625, 9, 1]],
    "product": [[-0.5, 0.5, -3, 0]],
    "sine": [[1, 0, 0, 0], [0, np.sqrt(0.5), 0, 0]],
}


def fit(kind: str, *names: str, rows: np.ndarray = EVERY, weights: np.ndarray | None = None) -> Terms:
    return Terms.fit(kind, names, 2, Z.__getitem__, rows, weights)


def test_every_function_has_known_values() -> None:
    assert KNOWN.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_by_hand(name: str) -> None:
    np.testing.assert_allclose(fit("none", name).apply(Z), np.transpose(KNOWN[name]), atol=1e-15)


def test_several_terms_stand_side_by_side_in_the_order_of_the_config() -> None:
    names = [*TERMS][::-1]
    parts = [fit("none", name).apply(Z) for name in names]
    np.testing.assert_array_equal(fit("none", *names).apply(Z), np.hstack(parts))


@pytest.mark.parametrize("kind", SCALINGS)
def test_they_are_scaled_by_the_training_rows_alone(kind: str) -> None:
    rows = np.array([0, 2, 3])
    found = fit(kind, *TERMS, rows=rows).apply(Z)[rows]
    plain = fit("none", *TERMS).apply(Z)[rows]
    low, high = plain.min(axis=0), plain.max(axis=0)
    spread = {"standardize": plain.std(axis=0), "range": (high - low) / 2}.get(kind, np.ones(len(low)))
    shift = {"none": 0 * low, "range": (low + high) / 2}.get(kind, plain.mean(axis=0))
    constant = high - low < 1e-12
    expected = (plain - shift) / np.where(constant, 1, spread)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_row_of_weight_2_counts_like_two_rows() -> None:
    weighted = fit("standardize", *TERMS, weights=np.array([1.0, 2, 1, 1]))
    twice = fit("standardize", *TERMS, rows=np.array([0, 1, 1, 2, 3]))
    np.testing.assert_allclose(weighted.scaling.shift, twice.scaling.shift, atol=1e-15)
    np.testing.assert_allclose(weighted.scaling.scale, twice.scaling.scale)


@pytest.mark.parametrize("rows", [1, 70_000])
def test_rows_are_measured_in_pieces_and_never_all_at_once(rows: int) -> None:
    z = np.resize(Z, (rows, 2))
    most = 0

    def some(asked: np.ndarray) -> np.ndarray:
        nonlocal most
        most = max(most, len(asked))
        return z[asked]

    fitted = Terms.fit("standardize", [*TERMS], 2, some, np.arange(rows))
    assert most * count_terms(2, TERMS) <= 1 << 18
    np.testing.assert_allclose(fitted.scaling.shift, fit("none", *TERMS).apply(z).mean(axis=0), atol=1e-12)


def test_too_many_are_refused_with_the_term_to_leave_out() -> None:
    assert require_few_terms(141, ["product"]) == 141 * 140 // 2 <= MOST_TERMS
    with pytest.raises(DataError) as caught:
        require_few_terms(3072, ["square", "product"])
    assert str(caught.value) == (
        "data.terms: product of 3,072 columns of numbers makes 4,717,056 further inputs, of 4,720,128 in "
        "all; at most 10,000 are allowed. Leave it out, or use fewer columns."
    )
