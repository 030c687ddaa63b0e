"""The transform of a table, fitted to the training rows: numbers, missing cells and categories by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlpcli.data.batches import Batches, Split
from mlpcli.data.kinds import BOOLEAN, category
from mlpcli.data.scaling import SCALINGS, Scaling
from mlpcli.data.transform import MOST_LEVELS, RARE, Transform
from mlpcli.terms import TERMS, count_terms

X = np.array([[1, 5, 10], [3, 5, 20], [100, 100, 100], [5, 5, 60]], np.float32)
ROWS = np.array([0, 1, 3])  # the third row is held out
MEAN, STD = np.array([3, 5, 30]), np.array([np.sqrt(8 / 3), 1, np.sqrt(1400 / 3)])

NAN = np.nan
COLUMNS = ("age", "sex", "married", "town")
KINDS = {"sex": category(("f", "m")), "married": BOOLEAN, "town": category(("Ulm", "Rom", "Lyon", "Nice"))}
TABLE = np.array(
    [  # three rows from Ulm, three from Rom, one from Lyon, none from Nice; the age and a town are missing
        [20, 0, 1, 0],
        [30, 1, 0, 0],
        [NAN, 0, 1, 1],
        [40, 1, 1, 1],
        [60, 0, 0, 1],
        [50, 1, 0, 2],
        [20, 0, 1, NAN],
        [20, 1, 1, 0],
    ]
)
NAMES = (
    *("age", "married", "age is missing", "sex = f", "sex = m"),
    *("town = Ulm", "town = Rom", "town = another", "town is missing"),
)


def table(rows: int = 8) -> Transform:
    return Transform.fit("none", TABLE, np.arange(rows), COLUMNS, KINDS)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-37, 1e37, 3e38])
def test_sizes_at_the_ends_of_float32(kind: str, size: float) -> None:
    """What cannot be divided by counts as constant; nothing overflows (warnings are errors)."""
    ends = np.array([[-size], [0], [size]], np.float32)
    part = Split(ends, np.zeros(3, int), np.arange(3))
    ((batch, _),) = Batches(part, Transform.fit(kind, ends, part.rows)).in_order(3)
    assert np.isfinite(batch).all()
    if kind == "range" and size > 1e-38:
        np.testing.assert_allclose(batch, [[-1], [0], [1]], rtol=1e-5)
    with_terms = Transform.fit(kind, ends, part.rows, terms=[*TERMS])
    assert all(np.isfinite(array).all() for array in with_terms.to_arrays().values())
    assert kind not in ("standardize", "range") or np.isfinite(with_terms.apply(ends)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kept", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("n", [1, 4, 70_000])
def test_a_buffer_is_filled_with_the_same_inputs(n: int, kept: type, dtype: type) -> None:
    """However many rows there are, which are transformed in blocks."""
    raw = np.resize(X, (n, 3)).astype(kept)
    out = np.empty((n, 3), dtype)
    fitted = Transform.fit("standardize", X, ROWS)
    assert fitted.apply(raw, out) is out
    np.testing.assert_allclose(out, (raw - MEAN) / STD, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.apply(raw), (raw - MEAN) / STD, rtol=1e-5, atol=1e-6)


def test_the_buffer_may_hold_the_raw_values() -> None:
    fitted, buffer = Transform.fit("standardize", X, ROWS), X.copy()
    fitted.apply(buffer, buffer)
    np.testing.assert_array_equal(buffer, fitted.apply(X, np.empty_like(X)))


def test_digits_beyond_float32_are_not_lost() -> None:
    """Seconds of a day in 2026: in float32 all of them are one of two numbers."""
    seconds = 1.79e9 + np.linspace(0, 120, 50)[:, None]
    fitted = Transform.fit("range", seconds, np.arange(50))
    inputs = fitted.apply(seconds, np.empty((50, 1), np.float32))
    np.testing.assert_allclose(inputs[:, 0], np.linspace(-1, 1, 50), atol=1e-6)


def test_a_linear_function_of_the_inputs_is_one_of_the_columns() -> None:
    fitted, w, b = Transform.fit("standardize", X, ROWS), np.array([2.0, -1.0, 0.5]), 3.0
    weights, bias = fitted.undo_linear(w, b)
    np.testing.assert_allclose(X @ weights + bias, fitted.apply(X) @ w + b, rtol=1e-6)


def test_a_table_becomes_features() -> None:
    fitted = table()
    assert fitted.features(COLUMNS, KINDS) == NAMES
    assert fitted.n_features == len(NAMES)
    assert not fitted.is_plain
    median = 30  # of 20, 20, 20, 30, 40, 50, 60
    np.testing.assert_array_equal(
        fitted.apply(TABLE),
        [
            [20, 1, 0, 1, 0, 1, 0, 0, 0],
            [30, 0, 0, 0, 1, 1, 0, 0, 0],
            [median, 1, 1, 1, 0, 0, 1, 0, 0],
            [40, 1, 0, 0, 1, 0, 1, 0, 0],
            [60, 0, 0, 1, 0, 0, 1, 0, 0],
            [50, 0, 0, 0, 1, 0, 0, 1, 0],
            [20, 1, 0, 1, 0, 0, 0, 0, 1],
            [20, 1, 0, 0, 1, 1, 0, 0, 0],
        ],
    )


def test_new_rows_may_hold_what_the_training_split_had_not() -> None:
    """An unseen town is another one; a missing boolean is filled, and a sex that is none sets no feature."""
    raw = np.array([[25, -1, NAN, -1], [25, NAN, 0, 3]])
    fitted = table()
    np.testing.assert_array_equal(
        fitted.apply(raw), [[25, 1, 0, 0, 0, 0, 0, 1, 0], [25, 0, 0, 0, 0, 0, 0, 1, 0]]
    )
    assert fitted.unknown_cells(raw, COLUMNS, np.arange(len(raw))) == {
        "sex": (1, 1),
        "married": (0, 1),
        "town": (1, 0),
    }
    assert fitted.unknown_cells(TABLE, COLUMNS, np.arange(len(TABLE))) == {}


def test_only_the_training_rows_count() -> None:
    """In the first two rows nothing is missing, and no town has enough rows for a feature of its own."""
    fitted = table(2)
    assert fitted.features(COLUMNS, KINDS) == ("age", "married", "sex = another", "town = another")
    assert fitted.fill[0] == 25


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_of_a_table(dtype: type) -> None:
    part = Split(TABLE, np.arange(8), np.array([3, 1, 6]))
    ((X, _),) = Batches(part, table(), dtype).in_order(5)
    np.testing.assert_array_equal(X, table().apply(TABLE)[part.rows])


def test_rare_categories_and_those_beyond_the_limit_share_a_feature() -> None:
    counts = [RARE + (level % 7) for level in range(MOST_LEVELS + 5)] + [RARE - 1]
    codes = np.repeat(np.arange(len(counts)), counts)[:, None].astype(np.float32)
    kinds = {"town": category(tuple(f"t{level:03}" for level in range(len(counts))))}
    fitted = Transform.fit("standardize", codes, np.arange(len(codes)), ("town",), kinds)
    names = fitted.features(("town",), kinds)
    assert len(names) == MOST_LEVELS + 1
    assert names[-1] == "town = another"
    sums = fitted.apply(codes).sum(axis=0)
    kept = sorted(counts, reverse=True)[:MOST_LEVELS]
    assert sorted(sums[:-1], reverse=True) == kept
    assert sums[-1] == sum(counts) - sum(kept)


def test_bins_encode_a_number_piecewise_linearly() -> None:
    """The ages are 20, 20, 20, 30, 40, 50, 60: their quartiles are 20, 30, 45. The missing one becomes 30."""
    fitted = Transform.fit("none", TABLE, np.arange(8), COLUMNS, KINDS, bins=4)
    assert fitted.bins == {0: 3}  # two edges are 20; the booleans have two values
    assert fitted.features(COLUMNS, KINDS)[-3:] == (
        "age from 20 to 30",
        "age from 30 to 45",
        "age from 45 to 60",
    )
    assert fitted.n_direct == table().n_features == fitted.n_features - 3
    rows = np.array([[20, 0, 0, 0], [22, 0, 0, 0], [NAN, 0, 0, 0], [60, 0, 0, 0], [1e9, 0, 0, 0]])
    found = fitted.apply(rows)
    np.testing.assert_allclose(found[:, :-3], table().apply(rows))
    np.testing.assert_allclose(
        found[:, -3:],
        [[-0.5, -0.5, -0.5], [-0.3, -0.5, -0.5], [0.5, -0.5, -0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
    )


def test_damaged_edges_are_refused() -> None:
    fitted = Transform.fit("none", TABLE, np.arange(8), COLUMNS, KINDS, bins=4)
    arrays = {**fitted.to_arrays(), "edges": np.array([20, 45, 25, 60.0])}
    with pytest.raises(ValueError, match="edges"):
        Transform.from_arrays(arrays, fitted.flagged, fitted.slots or {}, fitted.bins)


def test_terms_of_numbers_and_booleans_come_before_the_bins() -> None:
    """They are those of the scaled numbers, the missing ones filled, and are scaled in their turn."""
    parts = [
        Transform.fit("standardize", TABLE, np.arange(8), COLUMNS, KINDS, bins, terms=terms)
        for bins, terms in ((4, ()), (4, ("square", "product")))
    ]
    without, fitted = (part.apply(TABLE) for part in parts)
    added = parts[1].features(COLUMNS, KINDS)[len(NAMES) : -3]
    assert added == ("age^2", "married^2", "age * married")
    assert parts[1].n_direct == len(NAMES) + 3
    assert not parts[1].is_plain
    age, married = without[:, 0], without[:, 1]
    raw = np.column_stack([age**2, married**2, age * married])
    np.testing.assert_allclose(
        fitted[:, len(NAMES) : -3], (raw - raw.mean(axis=0)) / raw.std(axis=0), atol=1e-12
    )
    np.testing.assert_array_equal(np.delete(fitted, np.s_[len(NAMES) : -3], axis=1), without)


@pytest.mark.parametrize("columns", [[], ["sex"]])
def test_columns_that_have_no_terms(columns: list[str]) -> None:
    """There is no product of a single column, and no square of a category."""
    X = TABLE[:, 1:2] if columns else TABLE[:, :1]
    fitted = Transform.fit("standardize", X, np.arange(8), columns, KINDS, terms=("product",))
    assert fitted.terms is None
    again = Transform.from_arrays(fitted.to_arrays(), fitted.flagged, fitted.slots or {}, {}, ("product",))
    np.testing.assert_array_equal(again.apply(X), fitted.apply(X))


@pytest.mark.parametrize("terms", [(), *((name,) for name in TERMS), tuple(TERMS)])
@pytest.mark.parametrize("bins", [0, 4])
def test_arrays_give_the_transform_again(bins: int, terms: tuple[str, ...]) -> None:
    fitted = Transform.fit("none", TABLE, np.arange(8), COLUMNS, KINDS, bins, terms=terms)
    slots = fitted.slots or {}
    again = Transform.from_arrays(fitted.to_arrays(), fitted.flagged, slots, fitted.bins, terms)
    np.testing.assert_array_equal(again.apply(TABLE), fitted.apply(TABLE))
    assert Transform.width(4, fitted.flagged, slots, fitted.bins, terms) == again.n_features
    shapes = Transform.shapes(4, fitted.bins, count_terms(2, terms), fill=True)
    assert shapes == {name: array.shape for name, array in fitted.to_arrays().items()}
    assert json.dumps([fitted.flagged, fitted.slots])  # plain numbers, not NumPy's


def test_a_median_that_fills_no_training_row_is_that_of_some_rows() -> None:
    X = np.random.default_rng(0).normal(size=(20_000, 2))
    X[5, 1] = np.nan
    fill = Transform.fit("standardize", X, np.arange(20_000)).fill
    assert fill[0] == np.median(X[::4, 0])
    assert fill[1] == np.nanmedian(X[:, 1])


def test_images_keep_no_medians() -> None:
    fitted = Transform.fit("standardize", X.astype(np.uint8), ROWS)
    assert fitted.to_arrays().keys() == Scaling.shapes(3).keys()
    np.testing.assert_array_equal(
        Transform.from_arrays(fitted.to_arrays(), (), {}, {}).fill, fitted.scaling.shift
    )


@pytest.mark.parametrize(("offset", "needed"), [(0, False), (5, False), (100, True), (1.7e9, True)])
def test_columns_far_from_zero_need_float64(offset: float, needed: bool) -> None:
    X = np.random.default_rng(0).normal([0, offset], size=(100, 2))
    assert Transform.fit("standardize", X, np.arange(100)).needs_float64 is needed
