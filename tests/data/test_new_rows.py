"""New rows: features by name or by place, labels that the network knows, values in their own units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.data.kinds import Wanted, category
from mlpcli.data.new_rows import FORMATS, read_labelled, read_rows, read_texts
from mlpcli.data.table.dialect import Dialect

DATASETS = Path(__file__).parents[2] / "datasets"
TABLE = "age,height,kind\n1,1.5,cat\n2,-2.5e-1,dog\n3, .5 ,cat\n"

# New rows


COLUMNS = ["age", "height"]


def rows(path: Path, columns: list[str] = COLUMNS) -> Any:
    return read_rows(Wanted(columns), path)[0]


def test_new_rows_come_by_name_or_by_place(
    tmp_path: Path, write: Callable[..., Path], saved: Callable[..., Path]
) -> None:
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
def test_refuses_rows_of_another_width(
    tmp_path: Path, suffix: str, array: Any, refusal: Callable[..., str]
) -> None:
    path = tmp_path / f"rows{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, X=array)
    expected = f"has {array[0].size} features in each row; the network was trained on 2"
    assert expected in refusal(rows, path)


def test_refuses_what_holds_no_rows(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], saved: Callable[..., Path]
) -> None:
    message = refusal(rows, write(tmp_path, "hight,x\n1,2\n"))
    assert (
        "has no columns 'age', 'height'; its columns are 'hight', 'x'\nDid you mean 'hight' for 'height'?"
        in message
    )
    assert "has no array 'X'; it holds 'x'" in refusal(rows, saved(tmp_path, x=[[1, 2]]))
    *others, last = FORMATS
    known = f"{', '.join(others)} and {last} can be read"
    assert known.startswith(".csv, .tsv, .txt, .npz")
    assert f"rows.xlsx: has the ending .xlsx; {known}" in refusal(rows, tmp_path / "rows.xlsx")
    assert f"rows: has no ending; {known}" in refusal(rows, tmp_path / "rows")
    assert "no such file" in refusal(rows, tmp_path / "rows.tsv")
    (tmp_path / "rows.csv").mkdir()
    assert "is a folder" in refusal(rows, tmp_path / "rows.csv")


# Labelled rows


def labelled(path: Path, classes: list[str] | None, columns: list[str] = COLUMNS) -> Any:
    X, y, *_ = read_labelled(Wanted(columns), path, target="kind", classes=classes)
    return X, y


def test_labels_are_known_ones(
    tmp_path: Path, write: Callable[..., Path], saved: Callable[..., Path]
) -> None:
    X, y = labelled(write(tmp_path, TABLE), ["bird", "cat", "dog"])
    assert X.tolist() == [[1, 1.5], [2, -0.25], [3, 0.5]]
    assert y.tolist() == [1, 2, 1]
    assert y.dtype == np.int64
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,1\n1,2,10\n"), ["1", "2", "10"])
    assert y.tolist() == [0, 2]
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,1.0\n"), ["1", "1.0", "x"])
    assert y.tolist() == [1]
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,che\u0302ne\n"), ["ch\xeane", "fre\u0302ne"])
    assert y.tolist() == [0]
    _, y = labelled(write(tmp_path, "age,height,kind\n1,2,fr\xeane\n"), ["ch\xeane", "fre\u0302ne"])
    assert y.tolist() == [1]
    X, y = labelled(saved(tmp_path, X=[[1, 2]], y=[2]), ["1", "2"])
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [1])


def test_an_unknown_label_that_is_a_known_number_is_explained(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    message = refusal(labelled, write(tmp_path, "age,height,kind\n1,2,1.0\n"), ["1", "2"])
    assert "table.csv:2: unknown label '1.0'\nThe network knows '1', '2'." in message
    assert message.endswith("Labels are compared as they are written: '1.0' is not '1'.")


def test_quantities_need_no_classes(
    tmp_path: Path, write: Callable[..., Path], saved: Callable[..., Path]
) -> None:
    X, y = labelled(write(tmp_path, "age,height,kind\n1,2,3.5\n"), None)
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [[3.5]])
    X, y = labelled(saved(tmp_path, X=[[1, 2]], y=[3.5]), None)
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [[3.5]])


def test_refuses_unknown_labels(
    tmp_path: Path, refusal: Callable[..., str], write: Callable[..., Path], saved: Callable[..., Path]
) -> None:
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
    assert "has 3 features in each row; the network was trained on 2" in refusal(labelled, path, ["0", "1"])
    np.save(tmp_path / "rows.npy", [[1, 2]])
    assert "an .npy file has no labels" in refusal(labelled, tmp_path / "rows.npy", ["0", "1"])


@pytest.mark.parametrize("pattern", ["t.csv", "*.csv"])
def test_rows_in_utf_8_are_read_so_whatever_the_table_of_the_training_was(
    tmp_path: Path, pattern: str
) -> None:
    text = "größe,stadt,who\n1,Köln,3\n"
    (tmp_path / "s.csv").write_bytes(text.encode("cp1252"))
    (tmp_path / "t.csv").write_bytes(text.encode())
    kinds = {"stadt": category(("Ulm", "Köln"))}
    wanted = Wanted(["größe", "stadt"], kinds, Dialect(encoding="cp1252"))
    assert not read_rows(wanted, tmp_path / "s.csv")[1]
    path = tmp_path / pattern
    X, (note,) = read_rows(wanted, path)
    assert np.unique(X, axis=0).tolist() == [[1, 1]]
    assert note == "t.csv is UTF-8, and is read as such; the table of the training was in cp1252."
    assert read_labelled(wanted, path, target="who", classes=None).notes == (note,)
    assert set(read_texts(wanted, path, ["stadt"])[0][1]) == {"Köln"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "gbk"])
def test_rows_in_no_encoding_that_is_tried_are_refused_with_what_can_be_done(
    tmp_path: Path, refusal: Callable[..., str], encoding: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"age,height\n1,\xff\x81\n")
    message = refusal(read_rows, Wanted(COLUMNS, dialect=Dialect(encoding=encoding)), path)
    assert "'CSV UTF-8'" in message
    assert "data.encoding" not in message


def test_a_date_that_is_missing_is_named_as_the_file_has_it(
    tmp_path: Path, write: Callable[..., Path], refusal: Callable[..., str]
) -> None:
    message = refusal(rows, write(tmp_path, "x\n1\n"), ["x", "when year", "when hour", "when seconds"])
    assert "has no column 'when'; its columns are 'x'" in message
