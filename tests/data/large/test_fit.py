"""Transforms that are fitted block by block are those that are fitted to the whole training split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.large.fit import _SCALINGS, fit_large_targets, fit_large_transform
from mlpcli.data.large.source import LargeData, Part
from mlpcli.data.scaling import SCALINGS
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform
from mlpcli.errors import DataError

Opened = Callable[..., LargeData]
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (150, 4)).astype(np.float32)
X[:, 0] = np.arange(150)
X[:, 3] = X[:, 3] > 3
GAPS = np.where(RNG.random((150, 4)) < 0.1, np.nan, X)
GAPS[:, 0] = X[:, 0]
Y = RNG.lognormal(size=150)
WEIGHTS = RNG.integers(0, 3, 150).astype(np.float64)


def training_rows(data: LargeData) -> NDArray[np.intp]:
    chunks = Part(data, "train").chunks()
    return np.sort(np.concatenate([split.X[split.rows, 0] for split in chunks])).astype(np.intp)


def test_each_scaling_is_known() -> None:
    assert _SCALINGS.keys() == SCALINGS.keys()


@pytest.mark.parametrize("terms", [(), ("square", "product")])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cells", [X, GAPS, X.astype(np.uint8)], ids=["all there", "gaps", "bytes"])
@pytest.mark.parametrize("kind", SCALINGS)
def test_inputs_are_those_of_the_whole_split(
    opened: Opened, kind: str, cells: NDArray[Any], weighted: bool, terms: tuple[str, ...]
) -> None:
    data = opened(cells, Y, WEIGHTS if weighted else None)
    rows, weights = training_rows(data), None
    if weighted:
        rows = rows[WEIGHTS[rows] > 0]
        weights = WEIGHTS[rows]
    whole = Transform.fit(kind, cells, rows, weights=weights, terms=terms)
    fitted = fit_large_transform(kind, Part(data, "train"), terms=terms)
    assert fitted.flagged == whole.flagged
    np.testing.assert_allclose(fitted.apply(cells), whole.apply(cells), rtol=1e-9, atol=1e-9)


def test_bins_are_those_of_the_quantiles(opened: Opened) -> None:
    data = opened(X, Y, quantiles=True)
    fitted = fit_large_transform("standardize", Part(data, "train"), bins=4)
    whole = Transform.fit("standardize", X, training_rows(data), bins=4)
    assert fitted.bins == whole.bins
    assert 3 not in fitted.bins  # it has two values
    for j, edges in (fitted.edges or {}).items():
        assert (whole.edges or {})[j] == pytest.approx(edges, abs=2 * float(np.diff(np.sort(X[:, j])).max()))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["none", "log", "quantile"])
def test_targets_are_those_of_the_whole_split(opened: Opened, kind: str, weighted: bool) -> None:
    y = np.stack([Y, np.where(Y > 1, Y, 0)], axis=1)
    data = opened(X, y, WEIGHTS if weighted else None)
    rows, weights = training_rows(data), None
    if weighted:
        rows = rows[WEIGHTS[rows] > 0]
        weights = WEIGHTS[rows]
    whole = TargetTransform.fit(kind, y, rows, weights)
    fitted = fit_large_targets(kind, Part(data, "train"))
    np.testing.assert_allclose(fitted.apply(y), whole.apply(y), rtol=1e-9, atol=1e-9)


def test_a_logarithm_is_not_for_targets_below_0(opened: Opened) -> None:
    with pytest.raises(DataError, match="log is for targets of 0 or more"):
        fit_large_targets("log", Part(opened(X, Y - 3), "train"))
