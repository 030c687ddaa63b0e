"""A table is read again where its first rows led astray, and digits that tell rows apart are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, Kind, Wanted, category
from mlpcli.data.table.delimited import read_known


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        ("1", "oak", category(("1", "oak"))),
        ("NA", "true", BOOLEAN),
        ("NA", "2", None),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in [
                ("NA", "oak", category(("oak",))),
                ("1", "007", category(("1", "007"))),
                ("1", '" 007"', category(("1", "007"))),
                ("f", "m", category(("f", "m"))),
                ("2024-05-31", "later", category(("2024-05-31", "later"))),
            ]
        ),
    ],
)
def test_a_guess_is_corrected_by_what_comes_later(
    tmp_path: Path,
    first: str,
    then: str,
    kind: Kind | None,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    rows = [f"{i % 7},{first},{'ab'[i % 2]}" for i in range(30_000)]
    rows += [f"{i % 7},{then},{'ab'[i % 2]}" for i in range(20_000)]
    dataset = table(write(tmp_path, "\n".join(["x,u,kind", *rows])), read_as={"x": "number"})
    assert dataset.kinds.get("u") == kind
    assert dataset.columns == ("x", "u")
    assert len(dataset) == 50_000
    assert np.isnan(dataset.X[:30_000, 1]).all() == (first == "NA")
    assert len(np.unique(dataset.X[30_000:, 1])) == 1


@pytest.mark.parametrize(
    ("offset", "scale", "dtype"),
    [
        (0, 1, np.float32),
        (0, 1e-20, np.float32),
        (10, 1, np.float32),
        (1732700010, 40, np.float64),
        (5403211, 0.5, np.float64),
        (1, 1e-9, np.float64),
    ],
)
def test_digits_that_tell_rows_apart_are_kept(
    tmp_path: Path,
    offset: float,
    scale: float,
    dtype: type,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    z = np.random.default_rng(0).normal(size=500)
    x = offset + scale * z
    path = write(tmp_path, "x,y,kind\n" + "".join(f"{v!r},{v!r},{'ab'[v > offset]}\n" for v in x.tolist()))
    dataset = table(path, target="y", features=["x"], classification=False)
    assert dataset.X.dtype == dataset.y.dtype == dtype
    expected = x if dtype is np.float64 else x.astype(np.float32)
    np.testing.assert_array_equal(dataset.X[:, 0], expected)
    np.testing.assert_array_equal(dataset.y[:, 0], expected)
    new = read_known(path, Wanted(["x"], {})).X
    np.testing.assert_array_equal(new[:, 0], x)


def test_outliers_alone_need_no_more_digits(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    x = np.random.default_rng(0).standard_cauchy(500)
    path = write(tmp_path, "x,kind\n" + "".join(f"{v!r},{'ab'[v > 0]}\n" for v in x.tolist()))
    assert table(path).X.dtype == np.float32


def test_precision_is_decided_by_all_rows(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rng = np.random.default_rng(0)
    early, late = rng.normal(size=20_000), 1e9 + rng.normal(size=20_000)
    for parts, dtype in (
        ([late, early], np.float32),
        ([early, early], np.float32),
        ([late, late], np.float64),
    ):
        x = np.concatenate(parts)
        path = write(tmp_path, "x,kind\n" + "".join(f"{v!r},{'ab'[v % 1 > 0.5]}\n" for v in x.tolist()))
        dataset = table(path, features=["x"])
        assert dataset.X.dtype == dtype
        np.testing.assert_array_equal(dataset.X[:, 0], x.astype(dtype))
