"""Arrays of files and programs: they come back in 32 bits or as bytes, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from usual import examples

from mlpcli.data.arrays.files import read_npz
from mlpcli.data.arrays.program import from_arrays, labelled_arrays, rows_of_array
from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, Missing, category
from mlpcli.data.rows import Roles
from mlpcli.data.table.dates import DATE_PARTS
from mlpcli.errors import DataError

DATASETS = Path(__file__).parents[2] / "datasets"
TABLE = "age,height,kind\n1,1.5,cat\n2,-2.5e-1,dog\n3, .5 ,cat\n"


def test_digits() -> None:
    dataset = read_npz(DATASETS / "digits.npz", classification=True)
    assert dataset.X.shape == (1797, 64)
    assert dataset.X.dtype == np.uint8
    assert (dataset.X.min(), dataset.X.max()) == (0, 16)
    assert dataset.classes == tuple("0123456789")
    assert np.bincount(dataset.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert dataset.y[:5].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", ">f8"])
def test_features_become_float32(tmp_path: Path, dtype: str, saved: Callable[..., Path]) -> None:
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    dataset = read_npz(saved(tmp_path, X=X, y=[0, 1, 1]), classification=True)
    assert dataset.X.dtype == np.float32
    assert dataset.X.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert dataset.columns == ("x1", "x2")


def test_images_are_flattened_and_stay_bytes(tmp_path: Path, saved: Callable[..., Path]) -> None:
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
        (np.array(["10", "2", "2.0"]), ("2", "2.0", "10"), [2, 0, 1]),
        (np.array([2**63, 7, 2**63 - 1], np.uint64), ("7", str(2**63 - 1), str(2**63)), [2, 0, 1]),
        (np.array([2**60, 2**60 + 1, -7]), ("-7", str(2**60), str(2**60 + 1)), [1, 2, 0]),
        (np.array([2.0**53, -0.0, 1e-5]), ("0", "1e-05", str(2**53)), [2, 0, 1]),
        (np.array([[2], [0], [2]], np.uint8), ("0", "2"), [1, 0, 1]),
        (np.array(["e\u0301", "\xe9", "z"]), ("z", "\xe9"), [1, 1, 0]),
        (np.array([[10], [2], [10]]), ("2", "10"), [1, 0, 1]),
    ],
)
def test_labels_of_arrays(
    tmp_path: Path, y: Any, classes: tuple[str, ...], codes: list[int], saved: Callable[..., Path]
) -> None:
    dataset = read_npz(saved(tmp_path, X=np.zeros((3, 1)), y=y), classification=True)
    assert dataset.classes == classes
    assert dataset.y.tolist() == codes
    assert dataset.y.dtype == np.int64


@pytest.mark.parametrize("y", [[1, 2, 3], [1.0, 2.0, 3.0], [[1], [2], [3]], [[1, 0], [2, 0], [3, 4]]])
def test_regression_from_arrays(tmp_path: Path, y: Any, saved: Callable[..., Path]) -> None:
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
    "inf": (
        {"X": [[0, 1], [2, np.inf]], "y": [0, 1]},
        True,
        "X: row 1, column 1 (from 0) is inf. Numbers are kept in 32 bits",
    ),
    "float32 inf": (
        {"X": np.float32([[0, 1], [-np.inf, 0]]), "y": [0, 1]},
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
    "no labels": ({"X": X, "y": [np.nan] * 3}, True, "y: no row has a target, so that there is nothing"),
    "no values": ({"X": X, "y": [np.nan] * 3}, False, "y: no row has a target, so that there is nothing"),
    "infinite label": ({"X": X, "y": [0, 1, np.inf]}, True, "y[2] is inf, which is not a label. Fill in"),
    "missing labels": ({"X": X, "y": ["a", "NA", "b"]}, True, "y[1] is 'NA', which is not a label"),
    "large float labels": (
        {"X": X, "y": [2.0**53 + 2, 1, 2]},
        True,
        "y[0] is 9007199254740994.0, a float of 64 bits, which tells whole numbers apart only up to 2**53",
    ),
    "large labels of 32 bits": ({"X": X, "y": np.array([1, 2, 20230102], np.float32)}, True, "up to 2**24"),
    "one class": ({"X": X, "y": [7, 7, 7]}, True, "y: holds '7' in every row"),
    "quantity": (
        {"X": np.zeros((70_000, 1)), "y": np.arange(70_000)},
        True,
        "y: has 70,000 different values ('0'",
    ),
}


@pytest.mark.parametrize(("arrays", "classification", "expected"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_refuses_bad_arrays(
    tmp_path: Path,
    arrays: dict[str, Any],
    classification: bool,
    expected: str,
    refusal: Callable[..., str],
    saved: Callable[..., Path],
) -> None:
    path = saved(tmp_path, **arrays)
    message = refusal(read_npz, path, classification=classification)
    assert message.startswith(f"{path}:")
    assert expected in message


# Arrays of a program


class Frame:
    """What a data frame shows: column names, and an array for NumPy."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns = list(columns)
        self._values = list(columns.values())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        kinds = {type(value) for values in self._values for value in values}
        return np.array(self._values, object if len(kinds) > 1 else None).T


FRAME = Frame(age=[1, 2, 3], height=[1.5, -0.25, 0.5])


@pytest.mark.parametrize(
    ("X", "dtype", "columns"),
    [
        ([[1, 1.5], [2, -0.25], [3, 0.5]], np.float32, ("x1", "x2")),
        (np.array([[1, 1.5], [2, -0.25], [3, 0.5]], object), np.float32, ("x1", "x2")),
        (np.array([[1, 1.5], [2, -0.25], [3, 0.5]])[:, :, None], np.float32, ("x1", "x2")),
        (FRAME, np.float32, ("age", "height")),
    ],
    ids=["lists", "objects", "three axes", "frame"],
)
def test_features_of_a_program(X: Any, dtype: type, columns: tuple[str, ...]) -> None:
    dataset = from_arrays(X, ["b", "a", "b"], classification=True)
    assert (dataset.X.dtype, dataset.columns) == (dtype, columns)
    assert dataset.X.tolist() == [[1, 1.5], [2, -0.25], [3, 0.5]]
    assert (dataset.classes, dataset.y.tolist()) == (("a", "b"), [1, 0, 1])


def test_features_are_only_copied_where_they_have_to_be() -> None:
    wide = np.arange(24, dtype=np.float32).reshape(4, 6)
    y = [0, 1, 0, 1]
    assert np.shares_memory(from_arrays(wide, y, classification=True).X, wide)
    some = from_arrays(wide[:, ::2], y, classification=True).X
    assert some.flags.c_contiguous
    assert some.tolist() == wide[:, ::2].tolist()
    images = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    assert np.shares_memory(from_arrays(images, y, classification=True).X, images)
    assert from_arrays(images, y, classification=True).X.shape == (4, 6)


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        ([10, 2, 10], ("2", "10"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (["b", "a ", "a"], ("a", "b"), [1, 0, 0]),
        (np.array(["b", "a ", "a"], object), ("a", "b"), [1, 0, 0]),
        (np.array([10, 2, 2.0], object), ("2", "10"), [1, 0, 0]),
        (np.array([[1], [0], [1]]), ("0", "1"), [1, 0, 1]),
        (Frame(kind=["b", "a", "b"]), ("a", "b"), [1, 0, 1]),
    ],
    ids=["int", "bool", "str", "object of str", "object of numbers", "column", "frame"],
)
def test_labels_of_a_program(y: Any, classes: tuple[str, ...], codes: list[int]) -> None:
    dataset = from_arrays(np.zeros((3, 1)), y, classification=True)
    assert (dataset.classes, dataset.y.tolist()) == (classes, codes)
    assert dataset.y.dtype == np.int64


@pytest.mark.parametrize(
    "y",
    [[1, 2, 3], [1.0, 2.0, 3.0], [[1], [2], [3]], [[1, 0], [2, 0], [3, 4]], np.array([1, 2.0, 3], object)],
)
def test_values_of_a_program(y: Any) -> None:
    dataset = from_arrays(np.zeros((3, 1)), y, classification=False)
    assert dataset.classes is None
    assert (dataset.y.dtype, dataset.y.shape) == (np.float32, (3, np.size(y) // 3))
    assert dataset.y[:, 0].tolist() == [1, 2, 3]


class Sparse:
    """What a sparse matrix of SciPy shows."""

    def toarray(self) -> NDArray[Any]:
        raise NotImplementedError


class Series:
    """A column of a data frame, which knows its name."""

    def __init__(self, name: str, values: list[Any]) -> None:
        self.name, self._values = name, values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._values)


BAD_OBJECTS: dict[str, tuple[Any, Any, bool, str]] = {
    "dicts": ([{"a": 1}, {"a": 2}], [0, 1], True, "pandas.DataFrame(X) makes a data frame of rows that are"),
    "records": (np.zeros(2, "f8,f8"), [0, 1], True, "; pandas.DataFrame(X) makes a data frame, which can be"),
    "a sparse matrix": (Sparse(), [0, 1], True, "X: is of type Sparse; give an array, as X.toarray() is"),
    "y among X": (
        FRAME,
        Series("age", [1, 2, 3]),
        False,
        "X: its column 'age' is y itself, so that nothing else would be learned; give y='age', or X without",
    ),
    "an object": (
        np.array([[1, 2], [2, {}]], object),
        [0, 1],
        True,
        "X: row 1, column 1 (from 0) is '{}', not a number.",
    ),
    "dates": (
        Frame(age=[1, 2], born=["1999-01-01", "2000-02-29"]),
        [0, 1],
        True,
        "X: row 0 (from 0): column 'born' is '1999-01-01', a date",
    ),
    "huge": (
        [[10**400], [2]],
        [0, 1],
        True,
        "X: row 0, column 0 (from 0) is inf. Numbers are kept in 32 bits",
    ),
    "ragged": ([[1, 2], [3]], [0, 1], True, "X: is not an array ("),
    "a dict": (
        {"a": [1, 2]},
        [0, 1],
        True,
        "X: is of type dict; give an array, or a data frame, as pandas.D",
    ),
    "labels in a dict": ([[1], [2]], {"y": [0, 1]}, True, "y: is of type dict; give an array"),
    "one row": ([1, 2], [0, 1], True, "X: has shape (2,); one row for each example is needed"),
    "no such column": (FRAME, "hight", True, "y: X has no column 'hight'; its columns are 'age', 'height'"),
    "bytes": ([[1], [2]], np.array([b"a", b"b"], object), True, "y[0] is "),
    "text to regress": ([[1], [2]], ["a", "b"], False, "y: has dtype <U1. A regression"),
    "objects to regress": ([[1], [2]], np.array([1, "b"], object), False, "y: row 1 (from 0) is 'b', not a"),
    "all text": (np.zeros((50, 1)), [f"id{i}" for i in range(50)], True, "are these the labels?"),
    "many objects": (
        np.zeros((70_000, 1), np.uint8),
        np.arange(70_000).astype(object),
        True,
        "different values ('0'",
    ),
}


@pytest.mark.parametrize(("X", "y", "classification", "expected"), BAD_OBJECTS.values(), ids=BAD_OBJECTS)
def test_refuses_bad_objects(
    X: Any, y: Any, classification: bool, expected: str, refusal: Callable[..., str]
) -> None:
    assert expected in refusal(from_arrays, X, y, classification=classification)


@pytest.mark.parametrize(
    ("arrays", "classification", "expected"),
    [bad for name, bad in BAD_ARRAYS.items() if name not in ("no y", "no names", "objects", "bytes", "text")],
)
def test_arrays_of_files_and_programs_are_refused_alike(
    arrays: dict[str, Any], classification: bool, expected: str, refusal: Callable[..., str]
) -> None:
    message = refusal(from_arrays, **arrays, classification=classification)
    assert expected in message
    assert message[:2] in ("X:", "y:", "y[")


def test_refuses_two_columns_of_one_name(refusal: Callable[..., str]) -> None:
    frame = Frame(a=[1, 2], b=[3, 4])
    frame.columns = ["a", "a"]
    expected = "X: two columns are called 'a'; give each a name of its own"
    assert refusal(from_arrays, frame, [0, 1], classification=True) == expected


def test_new_rows_of_a_program() -> None:
    columns = ("height", "age")
    assert rows_of_array(FRAME, columns=columns).tolist() == [[1.5, 1], [-0.25, 2], [0.5, 3]]
    assert rows_of_array([[1, 2]], columns=columns).tolist() == [[1, 2]]
    assert rows_of_array([1, 2], columns=columns).tolist() == [[1, 2]]
    assert rows_of_array([1, 2], columns=("x1",)).tolist() == [[1], [2]]
    with_text = Frame(name=["a", "b"], age=[1, 2], height=[3, 4])
    assert rows_of_array(with_text, columns=columns).tolist() == [[3, 1], [4, 2]]


def test_refuses_new_rows_of_other_columns(refusal: Callable[..., str]) -> None:
    message = refusal(rows_of_array, FRAME, columns=("age", "hight"))
    assert message.startswith(
        "X: has no column 'hight'; its columns are 'age', 'height'\nDid you mean 'height'?"
    )
    assert message.endswith("give an array, X.to_numpy().")
    message = refusal(rows_of_array, np.zeros((2, 3)), columns=("age", "height"))
    assert message == "X: has 3 features in each row; the network was trained on 2"


def test_labelled_rows_of_a_program(refusal: Callable[..., str]) -> None:
    columns, classes = ("age", "height"), ("a", "b")
    X, y, *_ = labelled_arrays(FRAME, ["b", "a", "b"], columns=columns, classes=classes)
    assert (X.tolist()[0], y.tolist()) == ([1, 1.5], [1, 0, 1])
    _, y, *_ = labelled_arrays(FRAME, [1, 2, 3], columns=columns, classes=None)
    assert y.tolist() == [[1], [2], [3]]
    message = refusal(labelled_arrays, FRAME, ["b", "c", "b"], columns=columns, classes=classes)
    assert message == "y[1]: unknown label 'c'\nThe network knows 'a', 'b'."


def test_columns_of_a_frame_have_one_spelling() -> None:
    frame = Frame(**{"e\u0301": [1, 2], "x": [3, 4]})
    assert from_arrays(frame, [0, 1], classification=True).columns == ("\xe9", "x")
    for columns in (("x", "\xe9"), ("x", "e\u0301")):  # checkpoints of before keep a name as it was written
        assert rows_of_array(frame, columns=columns).tolist() == [[3, 1], [4, 2]]


@given(st.lists(st.integers(-(2**63), 2**64 - 1), min_size=2, max_size=8, unique=True))
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_whole_numbers_are_labels_exactly(numbers: list[int]) -> None:
    dtypes = [np.int64] if min(numbers) < 0 else [np.uint64]
    kinds: list[Any] = [object, *(dtype for dtype in dtypes if max(numbers) <= np.iinfo(dtype).max)]
    for dtype in kinds:
        dataset = from_arrays(np.zeros((len(numbers), 1)), np.array(numbers, dtype), classification=True)
        assert dataset.classes == tuple(map(str, sorted(numbers)))
        assert [dataset.classes[code] for code in dataset.y] == list(map(str, numbers))


def test_new_rows_with_a_repeated_column_are_refused() -> None:
    class Frame:
        columns = ("a", "b", "a")

        def __array__(self, dtype: object = None, copy: object = None) -> object:
            return np.array([[1.0, 2.0, 3.0]])

    assert rows_of_array(Frame(), columns=("b",)).tolist() == [[2.0]]  # one that nobody uses may be repeated
    with pytest.raises(DataError, match="X: two columns are called 'a'; give each a name of its own"):
        rows_of_array(Frame(), columns=("a", "b"))


# Missing cells, digits, and what columns of frames hold

NAN = float("nan")


@pytest.mark.parametrize(
    "X",
    [
        [[1, NAN], [2, 5], [3, 6]],
        np.float32([[1, NAN], [2, 5], [3, 6]]),
        np.array([[1, None], [2, 5], [3, 6]], object),
        np.ma.masked_equal([[1, -1], [2, 5], [3, 6]], -1),
        np.ma.masked_equal([[1.0, -1.0], [2.0, 5.0], [3.0, 6.0]], -1),
        Frame(a=[1, 2, 3], b=[None, 5, 6]),
    ],
    ids=["float64", "float32", "objects", "masked integers", "masked floats", "frame"],
)
def test_missing_cells_of_arrays(X: Any, refusal: Callable[..., str]) -> None:
    def read(missing: Missing) -> Dataset:
        return from_arrays(X, [0, 1, 0], classification=True, missing=missing)

    np.testing.assert_array_equal(read("fill").X, [[1, NAN], [2, 5], [3, 6]])
    dataset = read("drop")
    assert (dataset.X.tolist(), dataset.y.tolist()) == ([[2, 5], [3, 6]], [1, 0])
    assert dataset.notes == ("1 of 3 rows have a missing cell, and are left out.",)
    assert dataset.row_numbers.tolist() == [2, 3]
    assert refusal(read, "error").startswith("X: row 0")
    columns = dataset.columns
    np.testing.assert_array_equal(rows_of_array(X, columns=columns), [[1, NAN], [2, 5], [3, 6]])


def test_missing_cells_of_files(tmp_path: Path, saved: Callable[..., Path]) -> None:
    path = saved(tmp_path, X=[[1, NAN], [2, 5], [3, 6]], y=[0, 1, 0])
    assert np.isnan(read_npz(path, classification=True).X).sum() == 1
    assert len(read_npz(path, classification=True, missing="drop")) == 2


@pytest.mark.parametrize(
    ("offset", "dtype"), [(0, np.float32), (10, np.float32), (1.7e9, np.float64), (1e6, np.float64)]
)
def test_digits_that_tell_rows_apart_are_kept(offset: float, dtype: type) -> None:
    X = np.random.default_rng(0).normal(size=(200, 2)) + offset
    dataset = from_arrays(X, X[:, 0], classification=False)
    assert dataset.X.dtype == dataset.y.dtype == dtype
    np.testing.assert_array_equal(dataset.X, X.astype(dtype))
    np.testing.assert_array_equal(rows_of_array(X, columns=dataset.columns), X)
    assert rows_of_array(X, columns=dataset.columns, precise=False).dtype == np.float32


@pytest.mark.parametrize(("offset", "dtype"), [(0, np.float32), (2**24, np.float64)])
def test_whole_numbers_are_kept(offset: int, dtype: type) -> None:
    X = np.random.default_rng(0).integers(0, 50, (200, 2)) + offset
    dataset = from_arrays(X, ["a", "b"] * 100, classification=True)
    assert dataset.X.dtype == dtype
    np.testing.assert_array_equal(dataset.X, X)


class Table:
    """A data frame: columns by name, each an array."""

    def __init__(self, **columns: Any) -> None:
        self.columns = list(columns)
        self._values = {name: np.asarray(values) for name, values in columns.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __len__(self) -> int:
        return len(next(iter(self._values.values())))


OBJECTS = Table(
    age=[22, NAN, 35.5, 41],
    sex=np.array(["male", "female", None, "female"], object),
    alone=[True, False, True, True],
    deck=["C", "E", "C", "E"],
    count=np.array([1, None, 3, 2], object),
    when=np.array(["2024-05-31T10", "NaT", "2024-06-01T11", "2024-06-02T12"], "M8[s]"),
)
KINDS = {"sex": category(("female", "male")), "alone": BOOLEAN, "deck": category(("C", "E"))}


def test_columns_of_a_frame_have_kinds(refusal: Callable[..., str]) -> None:
    y = ["a", "b", "a", "b"]
    dataset = from_arrays(OBJECTS, y, classification=True, read_as={"when": "drop"})
    assert dataset.columns == ("age", "sex", "alone", "deck", "count")
    assert dict(dataset.kinds) == KINDS
    expected = [[22, 1, 1, 0, 1], [NAN, 0, 0, 1, NAN], [35.5, NAN, 1, 0, 3], [41, 0, 1, 1, 2]]
    np.testing.assert_array_equal(dataset.X, expected)
    X, codes, *_ = labelled_arrays(OBJECTS, y, columns=dataset.columns, classes=("a", "b"), kinds=KINDS)
    np.testing.assert_array_equal(X, expected)
    assert codes.tolist() == dataset.y.tolist() == [0, 1, 0, 1]
    dataset = from_arrays(OBJECTS, y, classification=True, missing="drop")
    assert dataset.row_numbers.tolist() == [1, 4]
    assert dataset.X[:, dataset.columns.index("when hour")].tolist() == [10, 12]
    X = rows_of_array(OBJECTS, columns=("when hour", "deck"), kinds=KINDS)
    np.testing.assert_array_equal(X, [[10, 0], [NAN, 1], [11, 0], [12, 1]])


def test_new_rows_of_a_frame_with_unknown_texts(refusal: Callable[..., str]) -> None:
    frame = Table(deck=["E", "Z"], age=[1, 2])
    assert rows_of_array(frame, columns=("age", "deck"), kinds=KINDS).tolist() == [[1, 1], [2, -1]]
    message = refusal(rows_of_array, [[1, 0]], columns=("age", "deck"), kinds=KINDS)
    assert message.startswith("X: holds no text, and the network was trained on columns of text")
    message = refusal(rows_of_array, Table(age=["x"]), columns=("age",), kinds={})
    assert "X: row 0 (from 0): column 'age' is 'x', not a number" in message


@pytest.mark.parametrize(
    ("y", "classification", "codes"),
    [
        (np.array([1.0, 0.0, NAN, 1.0]), True, [1, 0, 1]),
        (np.array([1.5, 0.5, NAN, 2.5]), False, [[1.5], [0.5], [2.5]]),
        (np.array([[1.5, 0], [0.5, 1], [2, NAN], [2.5, 0]]), False, [[1.5, 0], [0.5, 1], [2.5, 0]]),
        (np.array(["b", "a", "", "b"]), True, [1, 0, 1]),
        (np.array(["b", "a", None, "b"], object), True, [1, 0, 1]),
        (np.array([1.5, 0.5, None, 2.5], object), None, [[1.5], [0.5], [2.5]]),
        (np.array([True, False, None, True], object), None, [1, 0, 1]),
    ],
    ids=["numbers", "values", "several values", "texts", "objects", "values as objects", "booleans"],
)
def test_rows_without_a_target_are_left_out_and_counted(
    tmp_path: Path,
    y: NDArray[Any],
    classification: bool | None,
    codes: Any,
    refusal: Callable[..., str],
    saved: Callable[..., Path],
) -> None:
    X, groups = np.float32([[1], [2], [NAN], [4]]), ["p", "q", "r", "q"]
    frame = Table(x1=X[:, 0])

    def check(dataset: Dataset) -> None:
        assert (dataset.X.tolist(), dataset.y.tolist()) == ([[1], [2], [4]], codes)
        assert dataset.notes == ("1 of 4 rows has no 'y', and are left out.",)
        assert dataset.row_numbers.tolist() == [1, 2, 4]
        assert dataset.about.weights is not None
        assert dataset.about.groups is not None
        assert (dataset.about.weights.tolist(), dataset.about.groups.tolist()) == ([1, 2, 4], [0, 1, 1])

    for missing in ("fill", "drop"):
        for rows in (X, frame):
            check(
                from_arrays(
                    rows,
                    y,
                    classification=classification,
                    sample_weight=[1, 2, 3, 4],
                    groups=groups,
                    missing=missing,
                )
            )
        if y.dtype.kind != "O":
            path = saved(tmp_path, X=X, y=y, w=[1, 2, 3, 4], g=groups)
            roles: Roles = {"weight": "w", "group": "g"}
            check(read_npz(path, classification=classification, roles=roles, missing=missing))
    known = None if classification is False or np.ndim(codes) == 2 else from_arrays(X, y, classification=True)
    classes = None if known is None else known.classes
    new = labelled_arrays(X, y, columns=("x1",), classes=classes)
    assert (new.y.tolist(), new.notes) == (codes, ("1 of 4 rows has no 'y', and are left out.",))
    message = refusal(from_arrays, X, y, classification=classification, missing="error")
    assert message.startswith("y")
    assert "Fill in missing values, or remove their rows." in message
    assert "To leave out such rows, set `data.missing: drop`." in message


def test_a_label_that_may_be_a_class_is_left_out_only_if_asked(refusal: Callable[..., str]) -> None:
    X, y = np.zeros((4, 1)), ["a", "NA", "b", "b"]
    message = refusal(from_arrays, X, y, classification=True)
    assert message == (
        "y[1] is 'NA', which is not a label. Fill in missing values, or remove their rows.\n"
        "1 of 4 rows has no label. To leave out such rows, set `data.missing: drop`.\n"
        "'NA' is read as no label; a class needs another word as its name."
    )
    dataset = from_arrays(X, y, classification=True, missing="drop")
    assert (dataset.classes, dataset.y.tolist()) == (("a", "b"), [0, 1, 1])


def test_a_frame_is_a_table(refusal: Callable[..., str]) -> None:
    """The columns that tell nothing are left out, also where all are numbers; y may be a column."""
    rng = np.random.default_rng(0)
    frame = Table(
        row=np.arange(12), age=rng.integers(20, 40, 12), one=np.ones(12), kind=np.array(["a", "b", "b"] * 4)
    )
    dataset = from_arrays(frame, "kind", classification=None)
    assert (dataset.columns, dataset.classes) == (("age",), ("a", "b"))
    assert dict(dataset.dropped) == {"row": "numbers the rows", "one": "holds 1 in every row"}
    assert dataset.y.tolist() == [0, 1, 1] * 4
    new = labelled_arrays(frame, "kind", columns=("age",), classes=("a", "b"))
    assert (new.X.tolist(), new.y.tolist()) == (dataset.X.tolist(), dataset.y.tolist())
    assert refusal(from_arrays, frame, "kin", classification=None).endswith("Did you mean 'kind'?")


@pytest.mark.parametrize("kind", [object, str])
def test_an_array_with_text_is_read_as_a_frame_whose_columns_have_no_names(kind: type) -> None:
    X = np.array([["male", 1.5, "x"], ["female", 2.5, "x"], ["male", 4.0, "x"], ["female", 8, "x"]], kind)
    dataset = from_arrays(X, [0, 1, 0, 1], classification=True)
    assert dataset.columns == ("x1", "x2", "x3")  # all of them, since rows to predict have no names either
    assert dict(dataset.kinds) == {"x1": category(("female", "male")), "x3": category(("x",))}
    assert dataset.X.tolist() == [[1, 1.5, 0], [0, 2.5, 0], [1, 4, 0], [0, 8, 0]]
    known = {"columns": dataset.columns, "kinds": dataset.kinds}
    assert rows_of_array(X[:2], **known).tolist() == [[1, 1.5, 0], [0, 2.5, 0]]
    assert rows_of_array(X[0], **known).tolist() == [[1, 1.5, 0]]
    with pytest.raises(DataError, match=r"^X: has 2 features in each row; the network was trained on 3"):
        rows_of_array(X[:, :2], **known)


def test_groups_of_a_program(refusal: Callable[..., str]) -> None:
    X, y = np.zeros((4, 1)), [0, 1, 0, 1]
    for groups in ([7, 5, 7, 5], ["b", "a", "b", "a"], np.array(["b", "a", "b", "a"], object)):
        dataset = from_arrays(X, y, classification=True, groups=groups)
        assert dataset.about.groups is not None
        assert dataset.about.groups.tolist() == [1, 0, 1, 0]
    for groups, expected in (
        ([1, 2, 3], "groups: has shape (3,); there is one group for each of 4 rows"),
        ([1, 2, 3, NAN], "groups[3] is nan; each row has a group"),
        (np.array(["a", None, "b", "b"], object), "groups: row 1 (from 0) is missing; each row has a group"),
        ("k", "groups: is the text 'k'; give an array (4,), as X['k'] is one"),
        ([1j] * 4, "groups: has dtype complex128; groups are numbers or strings (str)"),
    ):
        assert refusal(from_arrays, X, y, classification=True, groups=groups) == expected


def test_rows_that_are_left_out_take_their_group_with_them(
    tmp_path: Path, saved: Callable[..., Path]
) -> None:
    path = saved(tmp_path, X=[[1, NAN], [2, 5], [3, 6]], y=[0, 1, 0], g=["p", "q", "p"])
    dataset = read_npz(path, classification=True, roles={"group": "g"}, missing="drop")
    assert dataset.about.groups is not None
    assert dataset.about.groups.tolist() == [1, 0]


def test_values_that_are_all_the_same_are_refused(refusal: Callable[..., str]) -> None:
    X = np.arange(4.0)[:, None]
    assert refusal(from_arrays, X, [7.5] * 4, classification=False) == (
        "y: holds 7.5 in every row; there is nothing to predict"
    )
    two = [[1, 7.5], [2, 7.5], [3, 7.5], [4, NAN]]
    assert refusal(from_arrays, X, two, classification=False) == (
        "y: column 1 (from 0) holds 7.5 in every row; there is nothing to predict"
    )
    assert from_arrays(X, [7.5, 7.5, 7.5, 8], classification=False).classes is None


def test_what_is_wrong_with_new_rows_is_said_of_the_columns_that_a_frame_has(
    refusal: Callable[..., str],
) -> None:
    columns = ("size", *(f"when {part}" for part in DATE_PARTS))
    message = refusal(rows_of_array, Frame(x=[1, 2]), columns=columns)
    assert message == "X: has no columns 'size', 'when'; its columns are 'x'"
    message = refusal(rows_of_array, Frame(size=["137,2", "1"]), columns=("size",))
    assert "column 'size' is '137,2'\nX has it as text. Give numbers as numbers: pandas.read_csv" in message
