"""Tables become data sets, with the kinds of their columns, and new rows are read as the same kinds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, Kind, Wanted, category
from mlpcli.data.table.delimited import read_csv, read_known
from mlpcli.data.table.dialect import Dialect

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
    "postal codes": ("02134 10001 NA 02134", category(("02134", "10001")), [0, 1, NAN, 0]),
    "padded numbers": ("1 09 3 1", category(("1", "3", "09")), [0, 2, 1, 0]),
    "zeros that lead nothing": ("0 0.5 -0.75 00.25", None, [0, 0.5, -0.75, 0.25]),
    "times of day": ("00:10 01:20 00:10 07:00", category(("00:10", "01:20", "07:00")), [0, 1, 0, 2]),
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
    tmp_path: Path,
    cells: str,
    kind: Kind | None,
    numbers: list[float],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
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


def test_dates_are_taken_apart(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset], many: Callable[..., str]
) -> None:
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
    tmp_path: Path,
    cells: list[str],
    classes: tuple[str, ...] | None,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"x": ["1", "2", "4"], "y": cells}))
    dataset = table(path, target="y", features=["x"], classification=None)
    assert dataset.classes == classes
    if classes is None:
        assert dataset.y[:3, 0].tolist() == list(map(float, (cells * 3)[:3]))


def test_a_target_that_turns_out_to_be_a_quantity(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rows = [f"{i % 7},{i % 3}" for i in range(100_000)]
    for last in ("2.5", "1000000"):
        dataset = table(
            write(tmp_path, "\n".join(["x,y", *rows, *(f"1,{last}{i}" for i in range(30))])),
            target="y",
            classification=None,
        )
        assert dataset.classes is None
        assert len(dataset) == 100_030
        assert dataset.y[-1, 0] == np.float32(f"{last}29")


FORMS = {
    "with slashes, the day first": (["31/5/2024", "1/6/2024"], "dmy"),
    "with slashes, the month first": (["6/1/2024", "5/31/2024", "1/2/2024"], "mdy"),
    "with points": (["31.05.2024", "01.06.2024"], None),
    "the year first": (["2024/05/31", "2024/6/1"], None),
    "with names": (["May 31, 2024", "1 Jun 2024"], None),
}


@pytest.mark.parametrize(("cells", "order"), FORMS.values(), ids=FORMS)
def test_dates_in_other_forms_are_refused_or_taken_apart(
    tmp_path: Path,
    cells: list[str],
    order: str | None,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
) -> None:
    rows = "".join(f"{cells[i % len(cells)]}|{i * 7 % 5}|{'ab'[i % 2]}\n" for i in range(40))
    path = write(tmp_path, "when|x|kind\n" + rows)
    message = refusal(table, path)
    assert f":2: column 'when' is '{cells[0]}', a date\n`data.columns: {{when: date}}` takes" in message
    dataset = table(path, read_as={"when": "date"})
    months = dataset.X[:, dataset.columns.index("when month")]
    assert set(months) == ({1, 5, 6} if len(cells) == 3 else {5, 6})
    assert dict(dataset.numerals) == ({} if order is None else {"dates": order})
    assert len(dataset.notes) == (order is not None)
    wanted = Wanted(["when month"], {}, Dialect(dates=order) if order else Dialect())
    path = write(tmp_path, f"when\n{cells[-1]}\n")
    assert read_known(path, wanted).X.tolist() == [[1 if len(cells) == 3 else 6]]


def test_dates_that_do_not_show_their_order_are_refused(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str], many: Callable[..., str]
) -> None:
    def read(path: Path, date_order: Any = None) -> Dataset:
        dialect = Dialect(dates=date_order)
        columns: dict[str, Any] = {"due": "date", "when": "date"}
        return read_csv(
            path, target="kind", features=None, dialect=dialect, classification=None, read_as=columns
        )

    open_ones, x = ["2/2/2024", "1/2/2024", "3/2/2024"], ["1", "2", "4"]
    path = write(tmp_path, many({"due": open_ones, "when": ["2024-05-31", "2024-06-30"], "x": x}))
    message = refusal(read, path)
    assert ":3: column 'due' is '1/2/2024', of which no date tells the day from the month\n" in message
    assert "`data.dates`" in message
    assert read(path, "dmy").columns[0] == "due weekday"  # all are in February
    path = write(tmp_path, many({"due": open_ones, "when": ["1/31/2024", "2/1/2024"], "x": x}))
    dataset = read(path)
    assert (dataset.columns[0], set(dataset.X[:, 0])) == ("due month", {1, 2, 3})
    path = write(
        tmp_path, many({"due": ["31/1/2024", "1/2/2024"], "when": ["1/31/2024", "2/1/2024"], "x": x})
    )
    assert "the day is first in the dates of 'due', and the month in those of 'when'" in refusal(read, path)
    assert ":2: column 'when' is '1/31/2024', not a date with the day first" in refusal(read, path, "dmy")


@pytest.mark.parametrize("cells", [["3.5"], ["7", "NA"], ["7.25", "", "7.25"]])
def test_a_number_that_never_changes_is_no_target(
    tmp_path: Path,
    cells: list[str],
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"x": ["1", "2", "4"], "y": cells}))
    expected = f"column 'y' holds {cells[0]} in every row: there is nothing to predict"
    assert expected in refusal(table, path, target="y", classification=False)
    assert expected in refusal(table, path, target=["x", "y"], features=["kind"], classification=False)
    message = refusal(table, path, target="y", classification=None, missing="drop")
    assert re.search(rf"column 'y':? holds '?{cells[0]}'? in every row", message)


@pytest.mark.parametrize("rows", [40, 4])
def test_dates_are_no_target_unless_asked_for(
    tmp_path: Path,
    rows: int,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"x": ["1", "2", "4"], "due": ["2024-05-31", "2024-06-30"]}, rows))
    message = refusal(table, path, target="due", classification=None)
    assert "column 'due' holds dates, as '2024-05-31'; a target is a class or a number.\n" in message
    assert "`data.columns: {due: category}`" in message
    for asked in ({"read_as": {"due": "category"}, "classification": None}, {"classification": True}):
        assert table(path, target="due", **asked).classes == ("2024-05-31", "2024-06-30")


def test_labels_and_categories_that_look_alike_are_noted(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rows = "x,kind\n" + "red,Yes\nRed,no\nblue,yes\n" * 20
    notes = table(write(tmp_path, rows)).notes
    assert [note.split(" are ")[0] for note in notes] == ["'x': 'Red', 'red'", "'kind': 'Yes', 'yes'"]
