"""Tables become data sets: kinds of columns, missing cells, columns that tell nothing, digits that count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, Kind, Missing, ReadAs, Wanted, category
from mlpcli.data.table.delimited import read_csv, read_known
from mlpcli.data.table.dialect import Dialect


def table(
    path: Path,
    *,
    target: str = "kind",
    features: list[str] | None = None,
    classification: bool | None = True,
    read_as: dict[str, ReadAs] | None = None,
    missing: Missing = "fill",
) -> Dataset:
    return read_csv(
        path,
        target=target,
        features=features,
        dialect=Dialect(),
        classification=classification,
        read_as=read_as,
        missing=missing,
    )


# What columns hold


def many(cells: dict[str, list[str]], rows: int = 40) -> str:
    """Return a table whose columns repeat their cells; a target ``kind`` comes last."""
    cells = {**cells, "kind": ["a", "b"]}
    lines = [",".join(cells)]
    lines += [",".join(column[i % len(column)] for column in cells.values()) for i in range(rows)]
    return "\n".join(lines)


NAN = float("nan")
HOLDS: dict[str, tuple[str, Kind | None, list[float]]] = {
    "numbers": ("1 2.5 -3e2 2", None, [1, 2.5, -300, 2]),
    "missing numbers": ("1 ? -3 NA", None, [1, NAN, -3, NAN]),
    "zeros and ones": ("0 1 1 0", None, [0, 1, 1, 0]),
    "pandas' dummies": ("True False True False", BOOLEAN, [1, 0, 1, 0]),
    "yes and no": ("YES no Yes nan", BOOLEAN, [1, 0, 1, NAN]),
    "letters": ("t f F T", BOOLEAN, [1, 0, 0, 1]),
    "switches": ("on off null on", BOOLEAN, [1, 0, NAN, 1]),
    "text": ("oak ash oak elm", category(("ash", "elm", "oak")), [2, 0, 2, 1]),
    "missing text": ("oak NA . ash", category(("ash", "oak")), [1, NAN, NAN, 0]),
    "signs": ("+ - + -", category(("+", "-")), [0, 1, 0, 1]),
    "one text among few numbers": ("4 6 rotary 4", category(("4", "6", "rotary")), [0, 1, 2, 0]),
    "booleans and text": ("yes no maybe no", category(("maybe", "no", "yes")), [2, 1, 0, 1]),
    "letters of another kind": ("f m f m", category(("f", "m")), [0, 1, 0, 1]),
    "both normal forms": (
        "e\u0301te\u0301 \xe9t\xe9 ao\xfbt ao\xfbt",
        category(("ao\xfbt", "\xe9t\xe9")),
        [1, 1, 0, 0],
    ),
}


@pytest.mark.parametrize(("cells", "kind", "numbers"), HOLDS.values(), ids=HOLDS)
def test_the_kind_of_a_column_is_guessed(
    tmp_path: Path, cells: str, kind: Kind | None, numbers: list[float], write: Callable[..., Path]
) -> None:
    dataset = table(write(tmp_path, many({"x": ["1", "2", "4"], "u": cells.split()})))
    assert dataset.columns == ("x", "u")
    assert dict(dataset.kinds) == ({} if kind is None else {"u": kind})
    np.testing.assert_array_equal(dataset.X[:4, 1], numbers)
    assert dataset.X.dtype == np.float32


@pytest.mark.parametrize(("cells", "kind", "numbers"), HOLDS.values(), ids=HOLDS)
def test_new_rows_are_read_as_what_the_network_was_trained_on(
    tmp_path: Path, cells: str, kind: Kind | None, numbers: list[float], write: Callable[..., Path]
) -> None:
    path = write(tmp_path, "u\n" + "\n".join(cells.split()))
    kinds = {} if kind is None else {"u": kind}
    X = read_known(path, Wanted(["u"], kinds)).X
    np.testing.assert_array_equal(X[:, 0], numbers)


def test_an_unknown_text_is_minus_one(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(tmp_path, "u,x\n oak ,1\nyew,2\n,3\n")
    kinds = {"u": category(("ash", "oak"))}
    X = read_known(path, Wanted(["x", "u"], kinds)).X
    np.testing.assert_array_equal(X, [[1, 1], [2, -1], [3, NAN]])


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        ("1", "oak", category(("1", "oak"))),
        ("NA", "oak", category(("oak",))),
        ("f", "m", category(("f", "m"))),
        ("NA", "true", BOOLEAN),
        ("NA", "2", None),
        ("2024-05-31", "later", category(("2024-05-31", "later"))),
    ],
)
def test_a_guess_is_corrected_by_what_comes_later(
    tmp_path: Path, first: str, then: str, kind: Kind | None, write: Callable[..., Path]
) -> None:
    rows = [f"{i % 7},{first},{'ab'[i % 2]}" for i in range(60_000)]
    rows += [f"{i % 7},{then},{'ab'[i % 2]}" for i in range(40_000)]
    dataset = table(write(tmp_path, "\n".join(["x,u,kind", *rows])), read_as={"x": "number"})
    assert dataset.kinds.get("u") == kind
    assert dataset.columns == ("x", "u")
    assert len(dataset) == 100_000
    assert np.isnan(dataset.X[:60_000, 1]).all() == (first == "NA")
    assert len(np.unique(dataset.X[60_000:, 1])) == 1


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["3.5"], "holds 3.5 in every row"),
        (["oak"], "holds 'oak' in every row"),
        (["yes"], "holds 1 in every row"),
        ([""], "holds no value"),
        ([str(i) for i in range(40)], "numbers the rows"),
        ([str(i) for i in range(1, 41)], "numbers the rows"),
        ([f"Mr. {i}" for i in range(40)], "holds a text that differs in every row"),
        ([f"A/{i % 30}" for i in range(40)], "holds 30 different texts in 40 rows"),
        ([f"A/{i}" if i % 3 else str(i) for i in range(40)], "holds a text that differs in every row"),
    ],
)
def test_columns_that_tell_nothing_are_dropped_unless_they_are_named(
    tmp_path: Path, cells: list[str], reason: str, named: bool, write: Callable[..., Path]
) -> None:
    path = write(tmp_path, many({"u": cells, "x": ["1", "2", "4"]}))
    dataset = table(path, features=["u", "x"] if named else None)
    assert dataset.columns == (("u", "x") if named else ("x",))
    assert dict(dataset.dropped) == ({} if named else {"u": reason})
    assert dataset.X.shape == (40, 1 + named)
    assert dataset.X[:3, -1].tolist() == [1, 2, 4]


def test_row_numbers_without_a_name_are_dropped(tmp_path: Path, write: Callable[..., Path]) -> None:
    dataset = table(write(tmp_path, ",x,kind\n0,1,a\n1,2,b\n"))
    assert (dataset.columns, dict(dataset.dropped)) == (("x",), {"(column 1)": "has no name"})


@pytest.mark.parametrize(
    ("name", "first", "step", "dropped"),
    [
        ("user_id", 1000, 3, True),
        ("PassengerId", 7, 2, True),
        ("id", 5, 1, True),
        ("year", 1960, 1, False),
        ("humid", 5, 2, False),
        ("time", 0, 10, False),
    ],
)
def test_increasing_numbers_are_ids_by_their_name(
    tmp_path: Path, name: str, first: int, step: int, dropped: bool, write: Callable[..., Path]
) -> None:
    cells = [str(first + step * i) for i in range(40)]
    dataset = table(write(tmp_path, many({name: cells, "x": ["1", "2", "4"]})))
    assert (name in dataset.dropped) == dropped


def test_the_last_columns_are_never_dropped(tmp_path: Path, write: Callable[..., Path]) -> None:
    dataset = table(write(tmp_path, many({"x": [str(i) for i in range(40)], "u": [""]})))
    assert (dataset.columns, list(dataset.dropped)) == (("x",), ["u"])


def test_a_table_of_empty_columns_is_refused(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    path = write(tmp_path, many({"u": [""], "v": ["NA"]}))
    assert "has nothing to learn from: 'u' holds no value; 'v' holds no value" in refusal(table, path)


def test_columns_are_read_as_the_config_says(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    path = write(tmp_path, many({"pclass": ["3", "1", "2"], "alive": ["1", "0"], "id": ["7", "9"]}))
    dataset = table(path, read_as={"pclass": "category", "alive": "boolean", "id": "drop"})
    assert dataset.columns == ("pclass", "alive")
    assert dict(dataset.kinds) == {"pclass": category(("1", "2", "3")), "alive": BOOLEAN}
    assert dataset.X[:3].tolist() == [[2, 1], [0, 0], [1, 1]]
    assert dict(dataset.dropped) == {"id": "dropped in `data.columns`"}
    assert "has no column 'class'" in refusal(table, path, read_as={"class": "drop"})
    assert "'kind' is the target" in refusal(table, path, read_as={"kind": "drop"})
    assert "'id' is named in data.features" in refusal(
        table, path, read_as={"id": "drop"}, features=["id", "alive"]
    )
    message = refusal(table, path, read_as={"pclass": "boolean"})
    assert ":2: column 'pclass' is '3', not a boolean\n" in message
    message = refusal(table, path, read_as={"pclass": "date"})
    assert ":2: column 'pclass' is '3', not an ISO date\n" in message
    path = write(tmp_path, many({"hp": [*map(str, range(30)), "unknown"]}))
    assert ":32: column 'hp' is 'unknown', not a number" in refusal(table, path, read_as={"hp": "number"})
    assert len(table(path, read_as={"hp": "category"}).kinds["hp"].levels) == 31


def test_dates_are_taken_apart(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(tmp_path, many({"when": ["2024-05-31 13:00:01", "1969-12-31T23:59:59Z", "NA"]}))
    dataset = table(path, read_as={"when": "date"})
    assert dataset.columns == ("when year", "when month", "when weekday", "when hour", "when seconds")
    assert dataset.X.dtype == np.float64
    np.testing.assert_array_equal(
        dataset.X[:3], [[2024, 5, 4, 13, 1717160401], [1969, 12, 2, 23, -1], [NAN] * 5]
    )
    columns = ["when seconds", "when year"]
    X = read_known(path, Wanted(columns, {})).X
    np.testing.assert_array_equal(X, dataset.X[:, [4, 0]])


@pytest.mark.parametrize("target", ["kind", "v"])
def test_missing_cells_are_kept_left_out_or_refused(
    tmp_path: Path, target: str, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    path = write(tmp_path, many({"u": ["1", "2", ""], "v": ["oak", "?", "ash", "yew"], "w": [""]}, 1200))
    if target == "kind":
        dataset = table(path)
        assert dataset.columns == ("u", "v")
        assert np.isnan(dataset.X).sum(axis=0).tolist() == [400, 300]
    else:
        message = refusal(table, path, target="v")
        assert ":3: column 'v' is '?'" in message
        assert "300 of 1,200 rows have no label. To leave out such rows, set `data.missing: drop`" in message
    dataset = table(path, missing="drop", target=target)
    assert len(dataset) == 600
    assert len(dataset.notes) == (1 if target == "kind" else 2)
    assert not np.isnan(dataset.X).any()
    full = table(path, features=["u", "v"])
    there = np.flatnonzero(~np.isnan(full.X).any(axis=1))
    if target == "kind":
        np.testing.assert_array_equal(dataset.X, full.X[there])
        np.testing.assert_array_equal(dataset.y, full.y[there])
    else:
        assert dataset.classes == ("ash", "oak", "yew")
        np.testing.assert_array_equal(dataset.y, full.X[there, 1])
    message = refusal(table, path, missing="error", features=["u", "v"])
    assert ":3: column 'v' is '?'" in message or ":4: column 'u' is empty" in message
    assert "set `data.missing` to fill or drop" in message


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["oak", "ash"], ("ash", "oak")),
        (["True", "False"], ("False", "True")),
        (["0", "1"], ("0", "1")),
        (["3", "4", "5", "6", "7", "8"], ("3", "4", "5", "6", "7", "8")),
        (["1.0", "2.0"], ("1.0", "2.0")),
        (["0.5", "1"], None),
        ([str(i) for i in range(30)], None),
        ([str(i) for i in range(9)], None),
        ([f"0{i}" for i in range(8)], tuple(f"0{i}" for i in range(8))),
        (
            [str(987654321098765430 + i) for i in range(3)],
            tuple(str(987654321098765430 + i) for i in range(3)),
        ),
    ],
)
def test_the_target_tells_if_it_is_a_class(
    tmp_path: Path, cells: list[str], classes: tuple[str, ...] | None, write: Callable[..., Path]
) -> None:
    path = write(tmp_path, many({"x": ["1", "2", "4"], "y": cells}))
    dataset = table(path, target="y", features=["x"], classification=None)
    assert dataset.classes == classes
    if classes is None:
        assert dataset.y[:3, 0].tolist() == list(map(float, (cells * 3)[:3]))


def test_a_target_that_turns_out_to_be_a_quantity(tmp_path: Path, write: Callable[..., Path]) -> None:
    rows = [f"{i % 7},{i % 3}" for i in range(100_000)]
    for last in ("2.5", "1000000"):
        dataset = table(
            write(tmp_path, "\n".join(["x,y", *rows, *(f"1,{last}{i}" for i in range(30))])),
            target="y",
            classification=None,
        )
        assert dataset.classes is None
        assert len(dataset) == 100_030
        assert dataset.y[-1, 0] == float(f"{last}29")


# Precision


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
    tmp_path: Path, offset: float, scale: float, dtype: type, write: Callable[..., Path]
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


def test_outliers_alone_need_no_more_digits(tmp_path: Path, write: Callable[..., Path]) -> None:
    x = np.random.default_rng(0).standard_cauchy(500)
    path = write(tmp_path, "x,kind\n" + "".join(f"{v!r},{'ab'[v > 0]}\n" for v in x.tolist()))
    assert table(path).X.dtype == np.float32


def test_precision_is_decided_by_all_rows(tmp_path: Path, write: Callable[..., Path]) -> None:
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
