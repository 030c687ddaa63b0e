"""CSV files: known values come back, and every mistake is named where it stands."""

from __future__ import annotations

import csv
import gzip
import json
import time
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.data.dataset import Dataset
from mlpcli.data.table.delimited import read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import DataError

DATASETS = Path(__file__).parents[3] / "datasets"
TABLE = "age,height,kind\n1,1.5,cat\n2,-2.5e-1,dog\n3, .5 ,cat\n"


def test_iris(table: Callable[..., Dataset]) -> None:
    dataset = table(DATASETS / "iris.csv", target="species")
    assert dataset.columns == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert dataset.classes == ("setosa", "versicolor", "virginica")
    assert dataset.X.dtype == np.float32
    assert np.bincount(dataset.y).tolist() == [50, 50, 50]
    # the means and the two corrected rows of Fisher's paper
    assert dataset.X.mean(axis=0) == pytest.approx([5.8433, 3.0573, 3.7580, 1.1993], abs=1e-4)
    assert dataset.X[[34, 37]] == pytest.approx(np.array([[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]))


def test_reads_a_classification(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    dataset = table(write(tmp_path, TABLE))
    assert dataset.columns == ("age", "height")
    assert dataset.classes == ("cat", "dog")
    assert dataset.y.tolist() == [0, 1, 0]
    assert dataset.y.dtype == np.int64
    np.testing.assert_array_equal(dataset.X, np.array([[1, 1.5], [2, -0.25], [3, 0.5]], np.float32))
    assert dataset.X.dtype == np.float32


def test_reads_a_regression(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
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
def test_ways_to_write_the_same_table(
    tmp_path: Path, content: str, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    expected, dataset = table(write(tmp_path, TABLE)), table(write(tmp_path, content))
    np.testing.assert_array_equal(dataset.X, expected.X)
    np.testing.assert_array_equal(dataset.y, expected.y)
    assert (dataset.columns, dataset.classes) == (expected.columns, expected.classes)


@pytest.mark.parametrize("first", ["sep=;\n", "\ufeffSEP=;\r\n", '"sep=;"\n'])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_first_line_of_a_spreadsheet_names_the_delimiter(
    tmp_path: Path,
    first: str,
    delimiter: str,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
) -> None:
    dataset = table(write(tmp_path, first + TABLE.replace(",", ";")), delimiter=delimiter)
    assert (dataset.columns, dataset.X.shape) == (("age", "height"), (3, 2))
    assert ":3: column 'age' is 'inf'" in refusal(table, write(tmp_path, f"{first}age;kind\ninf;a\n"))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (",age,height,kind", "7,1,{},{}"),
        ("age,height,kind,", "1,{},{},"),
        ("age,,height,,kind", "1,x,{},y,{}"),
        ("note,age,height,kind,note", "x,1,{},{},y"),
        ("age,height,kind", "1,{},{},"),
        ("age,height,kind", "1,{},{}, "),
    ],
    ids=["row numbers", "ends of lines", "two without a name", "two of a name", "ends of rows", "blanks"],
)
def test_columns_that_nobody_uses_are_ignored(
    tmp_path: Path, header: str, row: str, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    path = write(tmp_path, "\n".join([header, row.format(2, "a"), row.format(3, "b")]))
    dataset = table(path, features=["height", "age"])
    assert (dataset.X.tolist(), dataset.classes, dataset.y.tolist()) == ([[2, 1], [3, 1]], ("a", "b"), [0, 1])


@pytest.mark.parametrize("rows", ["1,2,a,\n1,2,a", "1,2,a,\n1,2,b,c", "1,2,a\n1,2,a,", "1,2,a,,\n"])
def test_a_cell_too_many_in_some_rows_alone_is_a_fault(
    tmp_path: Path,
    rows: str,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
) -> None:
    """Where not all rows end with a delimiter, a cell may have been split in two."""
    assert "row of length" in refusal(table, write(tmp_path, f"age,height,kind\n{rows}\n"))


@pytest.mark.parametrize("features", [["h\xe9"], ["he\u0301"]])
@pytest.mark.parametrize("target", ["esp\xe8ce", "espe\u0300ce"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_and_labels_have_one_spelling(
    tmp_path: Path,
    features: list[str],
    target: str,
    form: Literal["NFC", "NFD"],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    text = unicodedata.normalize(form, "h\xe9,esp\xe8ce\n1,ch\xeane\n2,fr\xeane\n") + "3,ch\xeane\n"
    dataset = table(write(tmp_path, text), features=features, target=target)
    assert (dataset.columns, dataset.classes) == (("h\xe9",), ("ch\xeane", "fr\xeane"))
    assert dataset.y.tolist() == [0, 1, 0]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(
    tmp_path: Path, delimiter: str, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    dataset = table(write(tmp_path, TABLE.replace(",", delimiter)), delimiter=delimiter)
    assert dataset.X.shape == (3, 2)


def test_features_are_taken_by_name_and_in_order(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    dataset = table(write(tmp_path, "a,text,b,kind\n1,x,2,p\n3,y,4,q\n"), features=["b", "a"])
    assert dataset.columns == ("b", "a")
    assert dataset.X.tolist() == [[2, 1], [4, 3]]


@pytest.mark.parametrize(
    ("labels", "classes", "y"),
    [
        ("10 2 1 2", ("1", "2", "10"), [2, 1, 0, 1]),
        ("1 1.0 +1 2e0", ("+1", "1", "1.0", "2e0"), [1, 2, 0, 3]),
        ("-1 1 -0 0", ("-1", "-0", "0", "1"), [0, 3, 1, 2]),
        ("+1 -1 +1 -1", ("-1", "+1"), [1, 0, 1, 0]),
        ("0.5 .5 1 2", (".5", "0.5", "1", "2"), [1, 0, 2, 3]),
        ("1e300 1 1 1", ("1", "1e300"), [1, 0, 0, 0]),
        (
            "987654321098765432 987654321098765431 5 5",
            ("5", "987654321098765431", "987654321098765432"),
            [2, 1, 0, 0],
        ),
        ("02134 2134 00501 02134", ("00501", "02134", "2134"), [1, 2, 0, 1]),
        ("1E2 100 20F 1E2", ("100", "1E2", "20F"), [1, 0, 2, 1]),
        ("1E2 100 100 1E2", ("100", "1E2"), [1, 0, 0, 1]),
        ("e\u0301te\u0301 \xe9t\xe9 a a", ("a", "\xe9t\xe9"), [1, 1, 0, 0]),
        ("b a B a", ("B", "a", "b"), [2, 1, 0, 1]),
        ("1 2 3+ 1", ("1", "2", "3+"), [0, 1, 2, 0]),
        ("1_0 10 10 10", ("10", "1_0"), [1, 0, 0, 0]),
        ("+ - - +", ("+", "-"), [0, 1, 1, 0]),
        ("NAM nano x x", ("NAM", "nano", "x"), [0, 1, 2, 2]),
    ],
)
def test_labels(
    tmp_path: Path,
    labels: str,
    classes: tuple[str, ...],
    y: list[int],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    dataset = table(
        write(tmp_path, "x,kind\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels.split())))
    )
    assert dataset.classes == classes
    assert dataset.y.tolist() == y


def test_a_table_of_many_blocks_is_read_as_numpy_reads_it(
    tmp_path: Path, table: Callable[..., Dataset]
) -> None:
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
    max_examples=examples(50),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_csv_writes_is_read_back(
    tmp_path: Path, table: Callable[..., Dataset], rows: list[tuple[float, str]]
) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("x", "kind"), (0, "a"), (1, "ü"), *rows])
    dataset = table(path)
    assert dataset.classes is not None
    assert dataset.X[2:, 0].tolist() == [x for x, _ in rows]
    assert [dataset.classes[code] for code in dataset.y[2:]] == [label for _, label in rows]


NUMBERS = "x,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30))
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
        ["has no column 'kind'", "The first line must name the columns; this one", "Write a line with the"],
    ),
    "another delimiter": (
        "price, net;kind\n1;a\n",
        ["has no column 'kind'", "If ';' is what separates the columns, set `data.delimiter: \";\"`."],
    ),
    "a tab beside commas": ("price, net\tkind\n1\ta\n", ["If a tab is what", '`data.delimiter: "\\t"`']),
    "a title": ("Sales of 2024,,\nx,y,kind\n1,2,a\n", ["must name the columns; delete a title"]),
    "target alone": ("kind\na\nb\n", ["has only the column 'kind', and nothing to learn it from"]),
    "columns without a name alone": (",kind\n1,a\n", [": has only the column 'kind', and nothing to learn"]),
    "two columns of a name": ("x,x,kind\n1,2,a\n", [":1: two columns are called 'x'", "in `data.features`"]),
    "two targets": ("x,kind,kind\n1,a,b\n", [":1: two columns are called 'kind'"]),
    "two columns of a number": (
        "1,1,a\n1,2,a\n",
        ["has no column 'kind'", "The first line must name"],
    ),
    "short row": ("x,kind\n1,a\n2\n", [":3: row of length 1; the header has 2 columns", "quote the cells"]),
    "long row": ("x,kind\n1,a\n2,b,c\n", [":3: row of length 3; the header has 2 columns"]),
    "row after a quoted newline": ('x,kind\n1,"a\nb"\n2\n', [":4: row of length 1"]),
    "one cell of text": (
        "x,kind\n" + "".join(f"{i},a\n" for i in range(30)) + "male,b\n",
        [
            ":32: column 'x' is 'male', not a number",
            "leave the cell empty or write NA",
            "`data.columns: {x: ",
        ],
    ),
    "long text": (
        "x,kind\n" + "".join(f"{i},a\n" for i in range(30)) + f"{'long' * 99},a\n",
        [":32: column 'x' is 'longlong", "...' (396 characters), not a number"],
    ),
    "dates": (
        "when,x,kind\n,1,a\n2024-05-31,2,b\n",
        [
            ":3: column 'when' is '2024-05-31', a date",
            "`data.columns: {when: date}` takes dates apart",
            "`drop`",
        ],
    ),
    "infinity": ("x,kind\n-inf,a\n", [":2: column 'x' is '-inf'", "finite and within 3.4e38"]),
    "past float32": ("x,kind\n1e39,a\n", [":2: column 'x' is '1e39'", "finite and within 3.4e38"]),
    "past float64": ("x,kind\n1e999,a\n", [":2: column 'x' is '1e999'", "finite and within 3.4e38"]),
    "underscore": (NUMBERS + "1_000,a\n", [":32: column 'x' is '1_000'", "Write numbers plainly"]),
    "thousands": (NUMBERS + '"1,000",a\n', [":32: column 'x' is '1,000'", "Write numbers plainly"]),
    "hexadecimal": (NUMBERS + "0x10,a\n", [":32: column 'x' is '0x10', not a number"]),
    "missing label": (
        "x,kind\n1,1\n2,NA\n3,2\n",
        [
            ":3: column 'kind' is 'NA'",
            "1 of 3 rows has no label",
            "'NA' is read as no label; a class needs another word",
        ],
    ),
    "missing labels": (
        "x,kind\n1,b\n2,nan\n3,c\n4,-\n5,\n6,None\n" + "7,a\n8,?\n" * 500,
        [
            ":3: column 'kind' is 'nan'",
            ":5: ",
            ":7: ",
            "503 of 1,006 rows have no label",
            "'nan', '-', 'None', '?' are read as no label",
        ],
    ),
    "infinite label": ("x,kind\n1,1\n2,2\n3,inf\n", [":4: label 'inf' among labels that are numbers"]),
    "one class": (
        "x,kind\n1,1\n2,1\n",
        [": column 'kind': holds '1' in every row", "at least two classes"],
    ),
    "NUL": (b"x,kind\n1,a\n2,\0\n", [":3: has a NUL byte", "UTF-8"]),
    "Latin-1": (
        "x,kind\n1,a\n2,\xe9t\xe9\n".encode("latin-1"),
        [":3: byte 3 of the line, 0xe9, is not UTF-8"],
    ),
    "open quote": ('x,kind\n1,"a\n2,b\n', [":2: a quotation mark is opened in this row and never closed"]),
    "open quote, another one later": (
        'x,kind\n1,"a\n2,b\n3,"c"\n',
        [":2: a quotation mark is opened in this row and never closed; the next one is in line 4"],
    ),
    "text after a quote": ('x,kind\n1,"a"b\n', [":2: text follows a closing quotation mark"]),
    "long cell": (f"x,kind\n1,{'a' * 140_000}\n", [":2: a cell is longer than 131,072 characters"]),
    "carriage returns": ("x,kind\r1,a\r2,b\r", [":1: a lone carriage return ends a line"]),
    "endless line": ("x,kind\n" + "1," * 600_000, [":2: a row is longer than 1,048,576 bytes"]),
    "endless row": ("x,kind\n" + '"\n",' * 300_000, ["a row is longer than 1,048,576 bytes"]),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", [": is a zip archive or a workbook"]),
    "gzip": (b"\x1f\x8b\x08\x00\x00", [": is a damaged gzip file"]),
    "runs of blanks": (
        "   x   kind2\n  1.0  a\n",
        [":1: its columns seem to be separated by runs of blanks", "to_csv('table-2.csv', index=False)"],
    ),
}


@pytest.mark.parametrize(("content", "expected"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_bad_tables(
    tmp_path: Path,
    content: str | bytes,
    expected: list[str],
    refusal: Callable[..., str],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    path = write(tmp_path, content)
    message = refusal(table, path)
    assert message.startswith(f"{path}:")
    for text in expected:
        assert text in message


def test_the_first_five_faults_are_one_message(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rows = ["1,2,a", "inf,2,a", "1,,a", "1", "1,inf,a", "1,2,", *["?,?,?"] * 1000]
    path = write(tmp_path, "\n".join(["u,v,kind", *rows]))
    lines = refusal(table, path, missing="error").splitlines()
    assert [line.split(" ")[0] for line in lines[:5]] == [f"{path}:{i}:" for i in (3, 4, 5, 6, 7)]
    assert lines[-1] == "(At most 5 faults are shown at a time.)"
    path = write(tmp_path, "\n".join(["u,v,kind", *rows[:4]]))
    assert refusal(table, path, missing="error").count(f"{path}:") == 3


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (
            ["hieght"],
            "has no column 'hieght'; its columns are 'age', 'height', 'kind'\nDid you mean 'height'?",
        ),
        (["a", "b", "age"], "has no columns 'a', 'b'; "),
        (
            ["agee", "b", "hight", "age"],
            "has no columns 'agee', 'b', 'hight'; its columns are 'age', 'height', 'kind'\n"
            "Did you mean 'height' for 'hight'?",
        ),
        (
            ["agge", "hieght"],
            "has no columns 'agge', 'hieght'; its columns are 'age', 'height', 'kind'\n"
            "Did you mean 'age' for 'agge', 'height' for 'hieght'?",
        ),
        ([], "data.features: name at least one column"),
        (["age", "age"], "data.features: 'age' is named twice"),
        (["age", "kind"], "data.features: 'kind' is the target"),
    ],
)
def test_refuses_bad_features(
    tmp_path: Path,
    features: list[str],
    expected: str,
    refusal: Callable[..., str],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    assert expected in refusal(table, write(tmp_path, TABLE), features=features)


def test_no_column_is_suggested_that_is_asked_for_itself(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    assert "Did you mean" not in refusal(table, write(tmp_path, TABLE), features=["heigh", "height"])


@pytest.mark.parametrize("delimiter", ["", ",,", "\n"])
def test_refuses_bad_delimiters(
    tmp_path: Path,
    delimiter: str,
    refusal: Callable[..., str],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
    assert refusal(table, write(tmp_path, TABLE), delimiter=delimiter)


def test_refuses_a_quantity_as_a_class(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    path = write(tmp_path, "x,kind\n" + "".join(f"{i % 3},{i / 7}\n" for i in range(50)))
    assert "has 50 different values ('0.0'" in (message := refusal(table, path))
    assert "set `loss: mse`" in message
    path = write(tmp_path, "x,kind\n" + "".join(f"{i % 3},id{i}\n" for i in range(50)))
    assert "Name it in `data.target`" in refusal(table, path)
    path = write(tmp_path, "x,kind\n" + "".join(f"{i % 3},{i}\n" for i in range(70_000)))
    assert "set `loss: mse`" in refusal(table, path)
    path = write(tmp_path, "x,kind\n" + "".join(f"{i % 3},{i % 20}\n" for i in range(20)))
    assert len(table(path).classes or ()) == 20


def test_refuses_a_class_as_a_quantity(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    message = refusal(table, write(tmp_path, TABLE), classification=False, features=["age"])
    assert ":2: column 'kind' holds 'cat', 'dog', and no numbers\n" in message
    assert len(message.splitlines()) == 2
    assert "set `loss: cross_entropy`" in message


@pytest.mark.exhaustive
def test_a_table_with_very_many_columns(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    began = time.perf_counter()
    names = [f"c{i}" for i in range(20_000)]
    rows = [",".join([cell] * 20_000) for cell in "01"]
    dataset = table(write(tmp_path, f"{','.join(names)},kind\n{rows[0]},a\n{rows[1]},b\n"))
    assert dataset.X.shape == (2, 20_000)
    assert time.perf_counter() - began < 30  # not in the square of the columns, which takes a minute
    message = refusal(table, write(tmp_path, ",".join([*names, names[-1], "kind"])))
    assert "two columns are called 'c19999'" in message
    message = refusal(table, write(tmp_path, ",".join(names)))
    assert "(20,000 in all)" in message


def test_a_table_past_the_memory_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[..., str],
    write: Callable[..., Path],
    table: Callable[..., Dataset],
) -> None:
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
    max_examples=examples(200),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_a_table_or_one_error(
    tmp_path: Path, content: bytes, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    path = write(tmp_path, b"x,kind\n" + content)
    try:
        dataset = table(path)
    except DataError as refused:
        assert str(refused).startswith(f"{path}:")  # noqa: PT017
        return
    assert dataset.X.shape == (len(dataset.y), 1)
    assert not np.isinf(dataset.X).any()  # a cell may be missing
    assert json.dumps(dataset.classes)


# Files


@pytest.mark.parametrize("written", ["utf-16", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_encodings_and_gzip(tmp_path: Path, written: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(pack("h\xf6he,art\n1,\xfcber\n2,tr\xe4ge\n".encode(written)))
    encoding = written if written == "cp1252" else None
    dataset = read_csv(
        path, target="art", features=None, dialect=Dialect(encoding=encoding), classification=True
    )
    assert (dataset.columns, dataset.classes) == (("h\xf6he",), ("tr\xe4ge", "\xfcber"))
    assert dataset.X.tolist() == [[1], [2]]


def several(path: Path | list[Path], **more: Any) -> Dataset:
    return read_csv(path, target="kind", features=None, dialect=Dialect(), classification=True, **more)


def test_several_files_are_one_table(tmp_path: Path, refusal: Callable[..., str]) -> None:
    for name, rows in (("a-2.csv", "3,b\n4,c"), ("a-1.csv", "1,a\n2,b\n"), ("b.csv", "7,a\n")):
        (tmp_path / name).write_text(f"x,kind\n{rows}")
    dataset = several(tmp_path / "a-*.csv")
    assert (dataset.X[:, 0].tolist(), dataset.y.tolist()) == ([1, 2, 3, 4], [0, 1, 1, 2])
    dataset = several([tmp_path / "b.csv", tmp_path / "a-?.csv"])
    assert dataset.X[:, 0].tolist() == [7, 1, 2, 3, 4]
    (tmp_path / "a-2.csv").write_text("x,kind\n3,b\ninf,c\n1\n")
    message = refusal(several, tmp_path / "a-*.csv")
    assert message.startswith(
        f"{tmp_path}/a-2.csv:3: column 'x' is 'inf'\n{tmp_path}/a-2.csv:4: row of length 1"
    )
    (tmp_path / "a-2.csv").write_text("x,kid\n3,b\n")
    assert refusal(several, tmp_path / "a-*.csv") == (
        f"{tmp_path}/a-2.csv: its columns are not those of {tmp_path}/a-1.csv: "
        "it has no column 'kind' and has 'kid' besides"
    )
    assert "c-*.csv: no file matches this pattern" in refusal(several, tmp_path / "c-*.csv")


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("x,kind\n1,a\n2,b\n")
    assert len(several(tmp_path / "a[1].csv")) == 2


def test_dates_of_two_digits_for_the_year_are_left_out_with_a_word(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rows = "".join(f"{1 + i % 12}/{1 + i // 12}/24,{i % 7},{'ab'[i % 2]}\n" for i in range(80))
    dataset = table(write(tmp_path, "when,z,kind\n" + rows))
    assert dataset.dropped == {
        "when": "holds dates; written with four digits for the year they can be learned from"
    }


@pytest.mark.parametrize("cell", ["${}.50", "{}%", "€ {}"])
def test_many_amounts_are_no_categories_unless_asked_for(
    cell: str,
    tmp_path: Path,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
) -> None:
    def rows(n: int) -> str:
        return "x,z,kind\n" + "".join(
            f"{cell.format(1000 + i % n)},{i % 7},{'ab'[i % 2]}\n" for i in range(80)
        )

    path = write(tmp_path, rows(40))
    message = refusal(table, path)
    assert (
        f":2: column 'x' is '{cell.format(1000)}'\nWrite numbers without a currency, a percent sign or a unit"
        in message
    )
    assert len(table(path, read_as={"x": "category"}).kinds["x"].levels) == 40
    assert len(table(write(tmp_path, rows(5))).kinds["x"].levels) == 5  # few are categories as they are


def test_numbers_with_a_decimal_comma(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str], table: Callable[..., Dataset]
) -> None:
    path = write(tmp_path, "x;name;y;kind\n1,5;a,b;1.234,5;c,1\n2;c;2;d\n-,25;c;0,5;d\n")
    dataset = table(path)
    assert dataset.X.tolist() == [[1.5, 0, 1234.5], [2, 1, 2], [-0.25, 1, 0.5]]
    assert (dataset.classes, dataset.kinds["name"].levels) == (("c,1", "d"), ("a,b", "c"))
    assert dataset.notes == ("Numbers are read as in 1.234,5, as whole columns are written.",)
    path = write(tmp_path, "x;kind\n1,234;a\n5,678;b\n")
    message = refusal(table, path)
    assert ":2: column 'x' is '1,234'\nIs the comma a decimal point or a separator of thousands?" in message
    dataset = read_csv(
        path, target="kind", features=None, dialect=Dialect(thousands=","), classification=True
    )
    assert dataset.X.tolist() == [[1234], [5678]]
    path = write(tmp_path, "x;y;kind\n1,5;2.5;a\n1,5;2,5;b\n")
    message = refusal(
        read_csv, path, target="kind", features=None, dialect=Dialect(decimal=","), classification=True
    )
    assert ":2: column 'y' is '2.5'\nOther numbers have a comma for a decimal point; write all" in message
    dialect = Dialect(decimal=",")
    message = refusal(
        read_csv,
        path,
        target="kind",
        features=None,
        dialect=dialect,
        classification=True,
        read_as={"y": "number"},
    )
    assert ":2: column 'y' is '2.5'\nThe decimal point is a comma here, as `data.decimal` says." in message
    assert "set both\n`data.decimal: ','` and `data.thousands: '.'`" in message


def _grouped(sep: str = ";") -> str:
    rows = [
        f"{n}{sep}{2 * n}" if n < 1000 else f"{n // 1000}.{n % 1000:03d}{sep}{2 * n}"
        for n in (*range(950, 970), *range(2100, 4000, 37))
    ]
    return "\n".join([f"u{sep}kind", *rows])


@pytest.mark.parametrize("target", ["kind", "u"])
@pytest.mark.parametrize("classification", [None, False])
def test_points_between_thousands_beside_whole_numbers_are_asked_about(
    tmp_path: Path,
    target: str,
    classification: bool | None,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
) -> None:
    path = write(tmp_path, _grouped())
    message = refusal(table, path, target=target, classification=classification)
    assert ":22: column 'u' is '2.100', beside whole numbers as 950: is that 2100 or 2.1?\n" in message
    assert "For 2100 set both `data.decimal: ','` and `data.thousands: '.'`" in message
    assert "for 2.1 set `data.columns: {u: number}`" in message
    dataset = table(path, target=target, classification=classification, read_as={"u": "number"})
    assert (dataset.X if target == "kind" else dataset.y).max() == 970 - 1
    dataset = read_csv(
        path,
        target=target,
        features=None,
        dialect=Dialect(decimal=",", thousands="."),
        classification=classification,
    )
    assert (dataset.X if target == "kind" else dataset.y)[20, 0] == 2100


def test_points_between_thousands_are_no_decimal_points(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    for target, said in (("kind", "If the point separates thousands"), ("u", "If points separate thousands")):
        message = refusal(
            read_csv,
            write(tmp_path, _grouped()),
            target=target,
            features=None,
            dialect=Dialect(decimal=","),
            classification=None,
        )
        assert ":22: column 'u' is '2.100'\n" in message
        assert said in message
        assert "another decimal point" not in message


@pytest.mark.parametrize(
    "cells",
    [
        "2.101 1.5 950",
        "0.123 2.101 3.456 4.567 950",
        "2.101 3.456 4.567 95",
        "2.101 3.456 4.567",
        "2.101 3.456 4.567 1950",
        "2.101 3.456 950",
    ],
)
def test_ordinary_decimals_are_not_asked_about(
    tmp_path: Path,
    cells: str,
    write: Callable[..., Path],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    dataset = table(write(tmp_path, many({"u": cells.split(), "x": ["1", "2", "4"]})))
    assert dataset.columns == ("u", "x")
    # a later block tells, too
    rows = ["2.101,a", "3.456,b", "4.567,a", "950,b"] * 10_000
    assert len(table(write(tmp_path, "\n".join(["u,kind", *rows, "1.25,a"])))) == 40_001


def test_numbers_with_points_and_numbers_with_commas_need_both_keys(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str], table: Callable[..., Dataset]
) -> None:
    path = write(tmp_path, "x;y;kind\n105,1;315.829;a\n7;212.111;b\n")
    message = refusal(table, path)
    assert ":2: column 'x' is '105,1'\nThe comma is the decimal point: set `data.decimal: ','`." in message
    assert "set both `data.decimal: ','` and `data.thousands: '.'`" in message
