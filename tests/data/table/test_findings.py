"""Columns that tell nothing are left out with a reason, and missing cells are dealt with as asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.dataset import Dataset


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
        ([f"{i:03d}" for i in range(40)], "holds 40 different codes in 40 rows, as '000' is one"),
        ([f"A/{i}" if i % 3 else str(i) for i in range(40)], "holds a text that differs in every row"),
    ],
)
def test_columns_that_tell_nothing_are_dropped_unless_they_are_named(
    tmp_path: Path,
    cells: list[str],
    reason: str,
    named: bool,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"u": cells, "x": ["1", "2", "4"]}))
    dataset = table(path, features=["u", "x"] if named else None)
    assert dataset.columns == (("u", "x") if named else ("x",))
    assert dict(dataset.dropped) == ({} if named else {"u": reason})
    assert dataset.X.shape == (40, 1 + named)
    assert dataset.X[:3, -1].tolist() == [1, 2, 4]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("cell", ["3.5", "oak", "yes", ""])
def test_a_table_of_columns_that_never_change_is_refused(
    tmp_path: Path,
    cell: str,
    named: bool,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"u": [cell], "v": ["7"]}))
    message = refusal(table, path, features=["u", "v"] if named else None)
    assert "has nothing to learn from: 'u' holds " in message
    assert "; 'v' holds 7 in every row" in message


@pytest.mark.parametrize("rows", [12, 160])
def test_a_table_of_texts_that_differ_is_refused_unless_they_are_named(
    tmp_path: Path,
    rows: int,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    cells = [f"0{i % 7}:{i}" for i in range(98 if rows == 160 else rows)]
    path = write(tmp_path, many({"start": cells}, rows))
    message = refusal(table, path)
    assert "has nothing to learn from: 'start' holds " in message
    assert message.endswith("\nTo keep a column: `data.columns: {start: category}`.")
    assert table(path, read_as={"start": "category"}).columns == ("start",)
    both = write(tmp_path, many({"start": cells, "id": [str(i) for i in range(rows)]}, rows))
    assert table(both).columns == ("id",)


def test_row_numbers_without_a_name_are_dropped(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    dataset = table(write(tmp_path, ",x,kind\n0,1,a\n1,2,b\n"))
    assert (dataset.columns, dict(dataset.dropped)) == (("x",), {"(column 1)": "has no name"})


@pytest.mark.parametrize(
    ("name", "first", "step", "dropped"),
    [
        ("user_id", 1000, 3, True),
        ("PassengerId", 7, 2, True),
        ("id", 5, 1, True),
        ("Kunden-Nr.", 1000, 1, True),
        ("Hausnummer", 7, 1, True),
        ("order_no", 300, 1, True),
        ("Nr", 1000, 2, False),
        ("casino", 5, 1, False),
        ("year", 1960, 1, False),
        ("humid", 5, 2, False),
        ("time", 0, 10, False),
    ],
)
def test_increasing_numbers_are_ids_by_their_name(
    tmp_path: Path,
    name: str,
    first: int,
    step: int,
    dropped: bool,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    cells = [str(first + step * i) for i in range(40)]
    dataset = table(write(tmp_path, many({name: cells, "x": ["1", "2", "4"]})))
    assert (name in dataset.dropped) == dropped


def test_the_last_columns_are_never_dropped(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset], many: Callable[..., str]
) -> None:
    dataset = table(write(tmp_path, many({"x": [str(i) for i in range(40)], "u": [""]})))
    assert (dataset.columns, list(dataset.dropped)) == (("x",), ["u"])


def test_a_table_of_empty_columns_is_refused(
    tmp_path: Path,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"u": [""], "v": ["NA"]}))
    assert "has nothing to learn from: 'u' holds no value; 'v' holds no value" in refusal(table, path)


@pytest.mark.parametrize("target", ["kind", "v"])
def test_missing_cells_are_kept_left_out_or_refused(
    tmp_path: Path,
    target: str,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
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


def test_codes_are_said_to_be_categories(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset], many: Callable[..., str]
) -> None:
    path = write(tmp_path, many({"zip": ["02134", "10001", "90210"], "x": ["1", "2", "4"]}))
    (note,) = table(path).notes
    assert note.startswith("'zip' is a category, since '02134' with its leading zero is a code; ")
    assert "`data.columns: {zip: number}`" in note
    dataset = table(path, read_as={"zip": "number"})
    assert (dataset.notes, dict(dataset.kinds)) == ((), {})
    assert dataset.X[:3, 0].tolist() == [2134, 10001, 90210]
    assert table(path, read_as={"zip": "category"}).notes == ()


@pytest.mark.parametrize(
    ("cells", "shown", "advice"),
    [
        (["12 kg", "5 kg"], "12 kg", "without a currency, a percent sign or a unit"),
        (["7", "12-"], "12-", "with a plain minus"),
        (["10:30", "9:15"], "10:30", "Write times and durations as numbers"),
    ],
)
def test_a_few_numbers_with_units_are_said_to_be_categories(
    tmp_path: Path,
    cells: list[str],
    shown: str,
    advice: str,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"u": cells, "x": ["1", "2", "4"]}))
    (note,) = table(path).notes
    assert note.startswith(f"'u' is a category, without an order, since '{shown}' is no plain number. ")
    assert advice in note
    assert "`data.columns: {u: category}` keeps categories" in note
    assert table(path, read_as={"u": "category"}).notes == ()
