"""The user's own tables: known values come back, and every mistake is named where it stands."""

from __future__ import annotations

import csv
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlpcli.data.dataset import Dataset
from mlpcli.data.tables import read_csv, read_labelled, read_npz, read_rows
from mlpcli.errors import DataError

DATASETS = Path(__file__).parents[2] / "datasets"
TABLE = "age,height,kind\n1,1.5,cat\n2,-2.5e-1,dog\n3, .5 ,cat\n"


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(
    path: Path,
    *,
    target: str = "kind",
    features: list[str] | None = None,
    delimiter: str = ",",
    classification: bool = True,
) -> Dataset:
    return read_csv(
        path, target=target, features=features, delimiter=delimiter, classification=classification
    )


def refusal(read: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*args, **kwargs)
    message = str(caught.value)
    assert len(message.splitlines()) <= 11
    assert all(len(line) < 300 and line.isprintable() for line in message.splitlines())
    return message


# What comes with the project


def test_iris() -> None:
    dataset = table(DATASETS / "iris.csv", target="species")
    assert dataset.columns == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert dataset.classes == ("setosa", "versicolor", "virginica")
    assert dataset.X.dtype == np.float32
    assert np.bincount(dataset.y).tolist() == [50, 50, 50]
    # the means and the two corrected rows of Fisher's paper
    assert dataset.X.mean(axis=0) == pytest.approx([5.8433, 3.0573, 3.7580, 1.1993], abs=1e-4)
    assert dataset.X[[34, 37]] == pytest.approx(np.array([[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]))


def test_digits() -> None:
    dataset = read_npz(DATASETS / "digits.npz", classification=True)
    assert dataset.X.shape == (1797, 64)
    assert dataset.X.dtype == np.uint8
    assert (dataset.X.min(), dataset.X.max()) == (0, 16)
    assert dataset.classes == tuple("0123456789")
    assert np.bincount(dataset.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert dataset.y[:5].tolist() == [0, 1, 2, 3, 4]


# CSV


def test_reads_a_classification(tmp_path: Path) -> None:
    dataset = table(write(tmp_path, TABLE))
    assert dataset.columns == ("age", "height")
    assert dataset.classes == ("cat", "dog")
    assert dataset.y.tolist() == [0, 1, 0]
    assert dataset.y.dtype == np.int64
    np.testing.assert_array_equal(dataset.X, np.array([[1, 1.5], [2, -0.25], [3, 0.5]], np.float32))
    assert dataset.X.dtype == np.float32


def test_reads_a_regression(tmp_path: Path) -> None:
    dataset = table(write(tmp_path, TABLE), target="age", features=["height"], classification=False)
    assert dataset.columns == ("height",)
    assert dataset.classes is None
    np.testing.assert_array_equal(dataset.X, np.array([[1.5], [-0.25], [0.5]], np.float32))
    np.testing.assert_array_equal(dataset.y, np.array([[1], [2], [3]], np.float32))
    assert dataset.y.dtype == np.float32
    assert dataset.X.flags.c_contiguous
    assert dataset.y.flags.c_contiguous


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + TABLE,
        TABLE.replace("\n", "\r\n"),
        TABLE.rstrip(),
        TABLE.replace("\n", "\n\n"),
        TABLE.replace("cat", '"cat"').replace("1.5", '"1.5"'),
        TABLE.replace(",", " , "),
        TABLE.replace("age", '"age"'),
    ],
    ids=["byte order mark", "windows", "no last newline", "empty lines", "quotes", "spaces", "quoted header"],
)
def test_ways_to_write_the_same_table(tmp_path: Path, content: str) -> None:
    expected, dataset = table(write(tmp_path, TABLE)), table(write(tmp_path, content))
    np.testing.assert_array_equal(dataset.X, expected.X)
    np.testing.assert_array_equal(dataset.y, expected.y)
    assert (dataset.columns, dataset.classes) == (expected.columns, expected.classes)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    dataset = table(write(tmp_path, TABLE.replace(",", delimiter)), delimiter=delimiter)
    assert dataset.X.shape == (3, 2)


def test_features_are_taken_by_name_and_in_order(tmp_path: Path) -> None:
    dataset = table(write(tmp_path, "a,text,b,kind\n1,x,2,p\n3,y,4,q\n"), features=["b", "a"])
    assert dataset.columns == ("b", "a")
    assert dataset.X.tolist() == [[2, 1], [4, 3]]


@pytest.mark.parametrize(
    ("labels", "classes", "y"),
    [
        ("10 2 1 2", ("1", "2", "10"), [2, 1, 0, 1]),
        ("1 1.0 +1 2e0", ("1", "2"), [0, 0, 0, 1]),
        ("-1 1 -0 0", ("-1", "0", "1"), [0, 2, 1, 1]),
        ("0.5 .5 1 2", ("0.5", "1", "2"), [0, 0, 1, 2]),
        ("1e300 1 1 1", ("1", "1e+300"), [1, 0, 0, 0]),
        ("b a B a", ("B", "a", "b"), [2, 1, 0, 1]),
        ("1 2 3+ 1", ("1", "2", "3+"), [0, 1, 2, 0]),
        ("1_0 10 10 10", ("10", "1_0"), [1, 0, 0, 0]),
        ("NA ? nan x", ("?", "NA", "nan", "x"), [1, 0, 2, 3]),
    ],
)
def test_labels(tmp_path: Path, labels: str, classes: tuple[str, ...], y: list[int]) -> None:
    dataset = table(write(tmp_path, "x,kind\n" + "".join(f"0,{label}\n" for label in labels.split())))
    assert dataset.classes == classes
    assert dataset.y.tolist() == y


def test_a_table_of_many_blocks_is_read_as_numpy_reads_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8000, 5)) * 10.0 ** rng.integers(-30, 30, (8000, 5)), rng.integers(0, 3, 8000)
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*"abcde", "kind"])
        writer.writerows([*row, f"c{label}"] for row, label in zip(X.tolist(), y, strict=True))
    assert path.stat().st_size > 2 << 18
    tracemalloc.start()
    dataset = table(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(5), dtype=np.float64)
    np.testing.assert_array_equal(dataset.X, expected.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, y)
    assert peak < 3e6  # a block of text and the table


@given(
    st.lists(
        st.tuples(
            st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["a", 'b"\n,', "ü"])
        ),
        min_size=2,
        max_size=20,
    )
)
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_csv_writes_is_read_back(tmp_path: Path, rows: list[tuple[float, str]]) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("x", "kind"), (0, "a"), (0, "ü"), *rows])
    dataset = table(path)
    assert dataset.classes is not None
    assert dataset.X[2:, 0].tolist() == [x for x, _ in rows]
    assert [dataset.classes[code] for code in dataset.y[2:]] == [label for _, label in rows]


BAD_TABLES: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", [": is empty; its first line must name the columns"]),
    "byte order mark alone": (b"\xef\xbb\xbf", [": is empty"]),
    "empty lines": ("\n\n\n", [": is empty"]),
    "no rows": ("x,kind\n", [": has a header, but no rows"]),
    "no target": (
        "x,kimd\n1,a\n",
        [": has no column 'kind'; its columns are 'x', 'kimd'", "Did you mean 'kimd'?"],
    ),
    "no header": (
        "1,2,a\n3,4,b\n",
        ["has no column 'kind'", "The first line must name the columns; this one"],
    ),
    "target alone": ("kind\na\nb\n", ["has the column 'kind' alone"]),
    "column without a name": (",x,kind\n1,2,a\n", [":1: column 1 of 3 has no name", "index=False"]),
    "two columns of a name": ("x,x,kind\n1,2,a\n", [":1: two columns are called 'x'"]),
    "two columns of a number": (
        "1,1,a\n1,2,a\n",
        [":1: two columns are called '1'", "The first line must name"],
    ),
    "semicolons": ("x;kind\n1;a\n", [":1: has the one column 'x;kind'", 'set `data.delimiter: ";"`']),
    "tabs": ("x\tkind\n1\ta\n", [r"has the one column 'x\tkind'", r'set `data.delimiter: "\t"`']),
    "bars": ("x|kind\n1|a\n", ['set `data.delimiter: "|"`']),
    "short row": ("x,kind\n1,a\n2\n", [":3: row of length 1; the header has 2 columns", "quote the cells"]),
    "long row": ("x,kind\n1,a\n2,b,c\n", [":3: row of length 3; the header has 2 columns"]),
    "row after a quoted newline": ('x,kind\n1,"a\nb"\n2\n', [":4: row of length 1"]),
    "text": ("x,kind\nmale,a\n", [":2: column 'x' is 'male', not a number", "`data.features`", "0 or 1"]),
    "long text": (f"x,kind\n{'long' * 99},a\n", [":2: column 'x' is 'longlong", "...', not a number"]),
    "empty cell": ("x,kind\n,a\n", [":2: column 'x' is empty", "Fill in missing values, or remove"]),
    "missing value": ("x,kind\n1,a\n NA ,b\n", [":3: column 'x' is 'NA'", "Fill in missing values"]),
    "question mark": ("x,kind\n?,a\n", [":2: column 'x' is '?'", "Fill in missing values"]),
    "nan": ("x,kind\nnan,a\n", [":2: column 'x' is 'nan'", "Fill in missing values"]),
    "infinity": ("x,kind\n-inf,a\n", [":2: column 'x' is '-inf'", "finite and within 3.4e38"]),
    "past float32": ("x,kind\n1e39,a\n", [":2: column 'x' is '1e39'", "finite and within 3.4e38"]),
    "past float64": ("x,kind\n1e999,a\n", [":2: column 'x' is '1e999'", "finite and within 3.4e38"]),
    "underscore": ("x,kind\n1_000,a\n", [":2: column 'x' is '1_000'", "Write numbers plainly"]),
    "thousands": ('x,kind\n"1,000",a\n', [":2: column 'x' is '1,000'", "Write numbers plainly"]),
    "hexadecimal": ("x,kind\n0x10,a\n", [":2: column 'x' is '0x10', not a number"]),
    "empty label": ("x,kind\n1,a\n2,\n3,b\n", [":3: column 'kind' is empty", "Fill in missing values"]),
    "missing label": ("x,kind\n1,1\n2,NA\n3,2\n", [":3: label 'NA' among labels that are numbers"]),
    "infinite label": ("x,kind\n1,1\n2,2\n3,inf\n", [":4: label 'inf' among labels that are numbers"]),
    "one class": ("x,kind\n1,1\n2,1.0\n", [": column 'kind': holds '1' in every row", "two at least"]),
    "NUL": (b"x,kind\n1,a\n2,\0\n", [":3: has a NUL byte", "UTF-8"]),
    "UTF-16": ("x,kind\n1,a\n".encode("utf-16"), [":1: ", "UTF-8 text file"]),
    "Latin-1": (
        "x,kind\n1,a\n2,\xe9t\xe9\n".encode("latin-1"),
        [":3: byte 3 of the line, 0xe9, is not UTF-8"],
    ),
    "open quote": ('x,kind\n1,"a\n2,b\n', [":2: a quotation mark is opened in this row and never closed"]),
    "text after a quote": ('x,kind\n1,"a"b\n', [":2: text follows a closing quotation mark"]),
    "long cell": (f"x,kind\n1,{'a' * 140_000}\n", [":2: a cell is longer than 131,072 characters"]),
    "carriage returns": ("x,kind\r1,a\r2,b\r", [":1: a lone carriage return ends a line"]),
    "endless line": ("x,kind\n" + "1," * 600_000, [":2: a row goes on for more than 1,048,576 bytes"]),
    "endless row": ("x,kind\n" + '"\n",' * 300_000, ["a row goes on for more than 1,048,576 bytes"]),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", [":1: has a NUL byte"]),
}


@pytest.mark.parametrize(("content", "expected"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_bad_tables(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    path = write(tmp_path, content)
    message = refusal(table, path)
    assert message.startswith(f"{path}:")
    for text in expected:
        assert text in message


def test_the_first_five_faults_are_one_message(tmp_path: Path) -> None:
    rows = ["1,2,a", "x,2,a", "1,,a", "1", "1,inf,a", "1,2,", *["?,?,?"] * 1000]
    path = write(tmp_path, "\n".join(["u,v,kind", *rows]))
    lines = refusal(table, path).splitlines()
    assert [line.split(" ")[0] for line in lines[:5]] == [f"{path}:{i}:" for i in (3, 4, 5, 6, 7)]
    assert lines[-1] == "(At most 5 faults are shown at a time.)"
    path = write(tmp_path, "\n".join(["u,v,kind", *rows[:4]]))
    assert refusal(table, path).count(f"{path}:") == 3


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (
            ["hieght"],
            "has no column 'hieght'; its columns are 'age', 'height', 'kind'\nDid you mean 'height'?",
        ),
        (["a", "b", "age"], "has no column 'a', 'b'; "),
        ([], "data.features: name at least one column"),
        (["age", "age"], "data.features: 'age' is there twice"),
        (["age", "kind"], "data.features: 'kind' is the target"),
    ],
)
def test_refuses_bad_features(tmp_path: Path, features: list[str], expected: str) -> None:
    assert expected in refusal(table, write(tmp_path, TABLE), features=features)


def test_no_column_is_suggested_that_is_asked_for_itself(tmp_path: Path) -> None:
    assert "Did you mean" not in refusal(table, write(tmp_path, TABLE), features=["heigh", "height"])


@pytest.mark.parametrize("delimiter", ["", ",,", "\n"])
def test_refuses_bad_delimiters(tmp_path: Path, delimiter: str) -> None:
    assert refusal(table, write(tmp_path, TABLE), delimiter=delimiter)


def test_refuses_a_quantity_as_a_class(tmp_path: Path) -> None:
    path = write(tmp_path, "x,kind\n" + "".join(f"0,{i / 7}\n" for i in range(50)))
    assert "has 50 different values ('0'" in (message := refusal(table, path))
    assert "set `loss: mse`" in message
    path = write(tmp_path, "x,kind\n" + "".join(f"0,id{i}\n" for i in range(50)))
    assert "Name it in `data.target`" in refusal(table, path)
    path = write(tmp_path, "x,kind\n" + "".join(f"0,{i}\n" for i in range(70_000)))
    assert "set `loss: mse`" in refusal(table, path)
    path = write(tmp_path, "x,kind\n" + "".join(f"0,{i % 20}\n" for i in range(20)))
    assert len(table(path).classes or ()) == 20


def test_refuses_a_class_as_a_quantity(tmp_path: Path) -> None:
    message = refusal(table, write(tmp_path, TABLE), classification=False, features=["age"])
    assert ":2: column 'kind' is 'cat', not a number" in message
    assert "set `loss: cross_entropy`" in message


def test_a_table_with_very_many_columns(tmp_path: Path) -> None:
    began = time.perf_counter()
    names = [f"c{i}" for i in range(40_000)]
    row = ",".join(["0"] * 40_000)
    dataset = table(write(tmp_path, f"{','.join(names)},kind\n{row},a\n{row},b\n"))
    assert dataset.X.shape == (2, 40_000)
    assert time.perf_counter() - began < 5
    message = refusal(table, write(tmp_path, ",".join([*names, names[-1]])))
    assert "two columns are called 'c39999'" in message
    message = refusal(table, write(tmp_path, ",".join(names)))
    assert "(40,000 in all)" in message


# NumPy files


def saved(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "table.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", ">f8"])
def test_features_become_float32(tmp_path: Path, dtype: str) -> None:
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    dataset = read_npz(saved(tmp_path, X=X, y=[0, 1, 1]), classification=True)
    assert dataset.X.dtype == np.float32
    assert dataset.X.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert dataset.columns == ("x1", "x2")


def test_images_are_flattened_and_stay_bytes(tmp_path: Path) -> None:
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    dataset = read_npz(saved(tmp_path, X=np.asfortranarray(X), y=["a", "b"]), classification=True)
    assert dataset.X.dtype == np.uint8
    assert dataset.X.tolist() == X.reshape(2, 12).tolist()
    assert len(dataset.columns) == 12


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (np.array([10, 2, 10]), ("2", "10"), [1, 0, 1]),
        (np.array([10, 2, 10], np.uint8), ("2", "10"), [1, 0, 1]),
        (np.array([0.1, 2, -1], np.float32), ("-1", "0.1", "2"), [1, 2, 0]),
        (np.array([True, False, True]), ("False", "True"), [1, 0, 1]),
        (np.array(["b", "a ", "a"]), ("a", "b"), [1, 0, 0]),
        (np.array(["10", "2", "2.0"]), ("2", "10"), [1, 0, 0]),
    ],
)
def test_labels_of_arrays(tmp_path: Path, y: Any, classes: tuple[str, ...], codes: list[int]) -> None:
    dataset = read_npz(saved(tmp_path, X=np.zeros((3, 1)), y=y), classification=True)
    assert dataset.classes == classes
    assert dataset.y.tolist() == codes
    assert dataset.y.dtype == np.int64


@pytest.mark.parametrize("y", [[1, 2, 3], [1.0, 2.0, 3.0], [[1], [2], [3]], [[1, 0], [2, 0], [3, 0]]])
def test_regression_from_arrays(tmp_path: Path, y: Any) -> None:
    dataset = read_npz(saved(tmp_path, X=np.zeros((3, 1)), y=y), classification=False)
    assert dataset.classes is None
    assert dataset.y.dtype == np.float32
    assert dataset.y.shape == (3, np.size(y) // 3)
    assert dataset.y[:, 0].tolist() == [1, 2, 3]


X = np.zeros((3, 2))
BAD_ARRAYS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "no y": ({"X": X}, True, "has no array 'y'; it holds 'X'. Save it with np.savez(path, X=X, y=y)."),
    "no names": ({"arr_0": X}, True, "has no array 'X', 'y'; it holds 'arr_0'"),
    "complex": ({"X": X * 1j, "y": [0, 1, 2]}, True, "X: has dtype complex128; features are real numbers"),
    "text": ({"X": X.astype(str), "y": [0, 1, 2]}, True, "X: has dtype <U32; features are real numbers"),
    "objects": ({"X": np.array([[{}]]), "y": [0]}, True, "member X.npy: has dtype 'object'"),
    "one column": ({"X": X[:, 0], "y": [0, 1, 2]}, True, "X: has shape (3,); one row for each example"),
    "no rows": ({"X": X[:0], "y": []}, True, "X: has shape (0, 2): no rows, or no features"),
    "no features": ({"X": X[:, :0], "y": [0, 1, 2]}, True, "X: has shape (3, 0): no rows, or no features"),
    "very wide": (
        {"X": np.zeros((1, 1 << 21), np.uint8), "y": [0]},
        True,
        "2,097,152 features in each row; at most",
    ),
    "nan": ({"X": [[0, 1], [2, np.nan]], "y": [0, 1]}, True, "X: row 1, column 1 (from 0) is nan."),
    "float32 nan": (
        {"X": np.float32([[0, 1], [np.nan, 0]]), "y": [0, 1]},
        True,
        "X: row 1, column 0 (from 0)",
    ),
    "past float32": ({"X": [[1e39]] * 2, "y": [0, 1]}, True, "is 1e+39. Numbers are kept in 32 bits"),
    "fewer labels": (
        {"X": X, "y": [0, 1]},
        True,
        "y: has shape (2,); y has one entry for each of the 3 rows",
    ),
    "no shape": ({"X": X, "y": 0}, False, "y: has shape (); y has one entry for each"),
    "one-hot": ({"X": X, "y": np.eye(3)}, True, "one for each row, (3,). Turn one-hot rows into labels with"),
    "cube": ({"X": X, "y": np.zeros((3, 1, 1))}, False, "y: has shape (3, 1, 1); y has one entry"),
    "complex labels": ({"X": X, "y": [0, 1j, 2]}, True, "y: has dtype complex128. Labels are numbers"),
    "bytes": (
        {"X": X, "y": [b"a", b"b", b"c"]},
        True,
        "y: has dtype |S1. Labels are numbers, booleans or strings",
    ),
    "text to regress": (
        {"X": X, "y": ["a", "b", "c"]},
        False,
        "y: has dtype <U1. A regression (`loss: mse`)",
    ),
    "nan label": ({"X": X, "y": [0, 1, np.nan]}, True, "y[2] is nan, which is no label. Fill in missing"),
    "empty label": ({"X": X, "y": ["a", "", "b"]}, True, "y[1] is empty, which is no label"),
    "nan to regress": ({"X": X, "y": [0, 1, np.nan]}, False, "y: row 2, column 0 (from 0) is nan"),
    "one class": ({"X": X, "y": [7, 7, 7]}, True, "y: holds '7' in every row"),
    "quantity": (
        {"X": np.zeros((70_000, 1)), "y": np.arange(70_000)},
        True,
        "y: has 70,000 different values ('0'",
    ),
}


@pytest.mark.parametrize(("arrays", "classification", "expected"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_refuses_bad_arrays(
    tmp_path: Path, arrays: dict[str, Any], classification: bool, expected: str
) -> None:
    path = saved(tmp_path, **arrays)
    message = refusal(read_npz, path, classification=classification)
    assert message.startswith(f"{path}:")
    assert expected in message


# New rows


FEATURES = ["age", "height"]


def rows(path: Path, features: list[str] = FEATURES) -> Any:
    return read_rows(path, features=features, delimiter=",")


def test_new_rows_come_by_name_or_by_place(tmp_path: Path) -> None:
    expected = [[1, 1.5], [2, -0.25]]
    assert rows(write(tmp_path, "height,note,age\n1.5,hello,1\n-0.25,,2\n")).tolist() == expected
    assert rows(saved(tmp_path, X=expected)).tolist() == expected
    path = tmp_path / "rows.npy"
    for array, result in (
        (expected, expected),
        (expected[0], expected[:1]),
        (np.uint8([[1, 2]]), [[1, 2]]),
        (np.float64([[1, 2]]), [[1, 2]]),
    ):
        np.save(path, array)
        assert rows(path).tolist() == result
        assert rows(path).dtype == (np.uint8 if np.asarray(array).dtype == np.uint8 else np.float32)
    np.save(path, [1.0, 2.0])
    assert rows(path, ["x"]).tolist() == [[1], [2]]


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("array", [np.zeros((4, 3)), np.zeros((4, 2, 2))])
def test_refuses_rows_of_another_width(tmp_path: Path, suffix: str, array: Any) -> None:
    path = tmp_path / f"rows{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, X=array)
    expected = f"has {array[0].size} features in each row, the network has 2 inputs"
    assert expected in refusal(rows, path)


def test_refuses_what_holds_no_rows(tmp_path: Path) -> None:
    message = refusal(rows, write(tmp_path, "hight,x\n1,2\n"))
    assert "has no column 'age', 'height'; its columns are 'hight', 'x'" in message
    assert "has no array 'X'; it holds 'x'" in refusal(rows, saved(tmp_path, x=[[1, 2]]))
    assert "rows.xlsx: is .xlsx; .csv, .npz and .npy can be read" in refusal(rows, tmp_path / "rows.xlsx")
    assert "rows: is without an ending" in refusal(rows, tmp_path / "rows")
    assert "no such file" in refusal(rows, tmp_path / "rows.tsv")
    (tmp_path / "rows.csv").mkdir()
    assert "is a folder" in refusal(rows, tmp_path / "rows.csv")


# Labelled rows


def labelled(path: Path, classes: list[str] | None, features: list[str] = FEATURES) -> Any:
    return read_labelled(path, target="kind", features=features, delimiter=",", classes=classes)


def test_labels_are_known_ones(tmp_path: Path) -> None:
    X, y = labelled(write(tmp_path, TABLE), ["bird", "cat", "dog"])
    assert X.tolist() == [[1, 1.5], [2, -0.25], [3, 0.5]]
    assert y.tolist() == [1, 2, 1]
    assert y.dtype == np.int64
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,+1.0\n1,2,10\n"), ["1", "2", "10"])
    assert y.tolist() == [0, 2]
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,1.0\n"), ["1", "1.0", "x"])
    assert y.tolist() == [1]
    X, y = labelled(saved(tmp_path, X=[[1, 2]], y=[2]), ["1", "2"])
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [1])


def test_quantities_need_no_classes(tmp_path: Path) -> None:
    X, y = labelled(write(tmp_path, "age,height,kind\n1,2,3.5\n"), None)
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [[3.5]])
    X, y = labelled(saved(tmp_path, X=[[1, 2]], y=[3.5]), None)
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [[3.5]])


def test_refuses_unknown_labels(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    assert refusal(labelled, path, ["cats", "dog"]) == (
        f"{path}:2: unknown label 'cat'\nThe network knows 'cats', 'dog'.\nDid you mean 'cats'?"
    )
    path = saved(tmp_path, X=np.zeros((9, 2)), y=np.arange(9))
    message = refusal(labelled, path, ["0", "1"])
    assert message.startswith(f"{path}: y[2]: unknown label '2'\n{path}: y[3]: unknown label '3'\n")
    assert message.count("unknown label '") == 5
    path = saved(tmp_path, X=np.zeros((1, 2)), y=["cat"])
    assert "y[0]: unknown label 'cat'" in refusal(labelled, path, ["0", "1"])
    path = saved(tmp_path, X=np.zeros((1, 3)), y=[0])
    assert "has 3 features in each row, the network has 2 inputs" in refusal(labelled, path, ["0", "1"])
    np.save(tmp_path / "rows.npy", [[1, 2]])
    assert "an .npy file has no labels" in refusal(labelled, tmp_path / "rows.npy", ["0", "1"])


# Whatever the bytes


def test_a_table_past_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    path = write(tmp_path, TABLE)
    monkeypatch.setattr(np, "fromiter", no_memory)
    assert refusal(table, path) == f"{path}: does not fit into memory"


PIECES = st.sampled_from(
    [
        b",",
        b"\n",
        b'"',
        b"\r",
        b"\0",
        b"\xff",
        b"1",
        b"a",
        b"x",
        b"kind",
        b"_",
        b"e9",
        b"-",
        b" ",
        b"\xc3\xa9",
        b"nan",
    ]
)


@given(content=st.lists(PIECES, max_size=25).map(b"".join))
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_a_table_or_one_error(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, b"x,kind\n" + content)
    try:
        dataset = table(path)
    except DataError as refused:
        assert str(refused).startswith(f"{path}:")  # noqa: PT017
        return
    assert dataset.X.shape == (len(dataset.y), 1)
    assert np.isfinite(dataset.X).all()
    assert json.dumps(dataset.classes)
