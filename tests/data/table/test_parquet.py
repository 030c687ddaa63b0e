"""Parquet files are read like CSV files of the same table."""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, Wanted, category
from mlpcli.data.new_rows import read_rows
from mlpcli.data.table.delimited import read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import DataError

COLUMNS: dict[str, list[Any]] = {
    "age": [22, None, 35, 41],
    "fare": [7.25, 71.5, None, 8.0],
    "sex": ["male", "female", None, "female"],
    "alone": [True, False, True, None],
    "kind": ["a", "b", "a", "b"],
}
NAN = float("nan")
EXPECTED = [[22, 7.25, 1, 1], [NAN, 71.5, 0, 0], [35, NAN, NAN, 1], [41, 8, 0, NAN]]


def save(path: Path, columns: dict[str, Any]) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table(columns), path)
    return path


def read(path: Path, **more: Any) -> Dataset:
    return read_csv(path, target="kind", features=None, dialect=Dialect(), classification=None, **more)


def test_a_parquet_file(tmp_path: Path) -> None:
    path = save(tmp_path / "t.parquet", COLUMNS)
    dataset = read(path)
    assert dataset.columns == ("age", "fare", "sex", "alone")
    assert dict(dataset.kinds) == {"sex": category(("female", "male")), "alone": BOOLEAN}
    np.testing.assert_array_equal(dataset.X, EXPECTED)
    assert (dataset.classes, dataset.y.tolist()) == (("a", "b"), [0, 1, 0, 1])
    X, _ = read_rows(Wanted(("sex", "age"), dataset.kinds), path)
    np.testing.assert_array_equal(X, np.array(EXPECTED)[:, [2, 0]])


def test_several_files_of_many_rows(tmp_path: Path, refusal: Callable[..., str]) -> None:
    for part in range(2):
        x = np.arange(10_000.0) * 2 + part
        save(tmp_path / f"t{part}.parquet", {"x": x, "kind": np.where(x > 9000, "a", "b")})
    dataset = read(tmp_path / "t*.parquet")
    assert dataset.X[:, 0].tolist() == [*np.arange(10_000.0) * 2, *np.arange(10_000.0) * 2 + 1]
    save(tmp_path / "t1.parquet", {"x": [1.0, np.inf], "kind": ["a", "b"]})
    message = refusal(read, tmp_path / "t*.parquet")
    assert "row 10001 (from 0): column 'x' is 'inf'" in message
    save(tmp_path / "t1.parquet", {"y": [1.0], "kind": ["a"]})
    assert "t1.parquet: its columns are not those of" in refusal(read, tmp_path / "t*.parquet")
    (tmp_path / "t2.csv").write_text("x,kind\n1,a\n")
    assert "t2.csv: is no Parquet file like" in refusal(read, tmp_path / "t*")


def test_each_file_may_be_a_split(tmp_path: Path) -> None:
    paths = [tmp_path / f"{part}.parquet" for part in ("train", "test")]
    for path, rows in zip(paths, (10_000, 10), strict=True):
        save(path, {"x": np.arange(rows) * 1.5, "kind": np.where(np.arange(rows) % 3, "a", "b")})
    parts = read(paths, parts=("train", "test")).about.parts
    assert parts is not None
    assert parts.tolist() == [0] * 10_000 + [2] * 10


def test_what_is_no_parquet_file(tmp_path: Path, refusal: Callable[..., str]) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    path.write_text("x,kind\n1,a\n")
    assert "is not a Parquet file, or a damaged one" in refusal(read, path)
    assert "no such file" in refusal(read, tmp_path / "u.parquet")


def test_bytes_that_are_text_are_read_as_text(tmp_path: Path) -> None:
    path = save(tmp_path / "t.parquet", {"sex": [b"m", None, b"f", b"m"], "kind": ["a", "b"] * 2})
    np.testing.assert_array_equal(read(path).X[:, 0], [1, NAN, 0, 1])


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "lists": ({"x": [[1, 2], [3]]}, "column 'x' holds 'list<"),
    "structs": ({"x": [{"p": 1}, {"p": 2}]}, "column 'x' holds 'struct<p: int64>', several values in a cell"),
    "bytes": ({"x": [b"\xff", b"\xfe"]}, "column 'x' holds bytes that are no text in UTF-8"),
    "no rows": ({"x": []}, "has a header, but no rows"),
    "a long text in all rows": ({"x": ["x" * 140_000, "y"]}, "a cell of more than 131,072 characters"),
    "a long number in all rows": ({"x": ["9" * 5_000]}, "column 'x' is '999"),
    "a long name": ({"x" * 1_000_000: ["2024-05-31"]}, "is '2024-05-31', a date"),
}


@pytest.mark.parametrize("name", some(HOSTILE, 3))
def test_hostile_files_are_refused_in_little_time_and_memory(
    tmp_path: Path, name: str, refusal: Callable[..., str]
) -> None:
    arrow = pytest.importorskip("pyarrow")
    columns, expected = HOSTILE[name]
    ((name, cells),) = columns.items()
    rows = 2_000 if cells else 0
    column = arrow.array(cells * (rows // max(1, len(cells))))
    if cells and isinstance(cells[0], str):  # each text is written once
        codes = arrow.array(np.arange(rows, dtype=np.int32) % len(cells))
        column = arrow.DictionaryArray.from_arrays(codes, arrow.array(cells))
    path = save(tmp_path / "t.parquet", {name: column, "kind": ["a", "b"] * (rows // 2)})
    began = time.perf_counter()
    tracemalloc.start()
    message = refusal(read, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert expected in message
    assert time.perf_counter() - began < 2
    assert peak < 100e6


def test_damaged_bytes_end_in_one_error(tmp_path: Path) -> None:
    """Or in a table, where they did not matter."""
    content, rng = save(tmp_path / "t.parquet", COLUMNS).read_bytes(), random.Random(0)
    path = tmp_path / "u.parquet"
    for i in range(60):
        damaged = bytearray(content)
        for _ in range(1 + i % 3):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged if i % 4 else damaged[: rng.randrange(len(damaged))])
        with suppress(DataError):
            read(path)


def test_pyarrow_is_asked_for(
    tmp_path: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    message = refusal(read, tmp_path / "t.parquet")
    assert "are read by pyarrow, which is not installed: " in message
    assert message.endswith("-m pip install 'mlpcli[parquet]'")


def test_columns_of_times_are_dates_and_may_be_said_otherwise(
    tmp_path: Path, refusal: Callable[..., str]
) -> None:
    days = np.array(["2024-05-31", "2024-06-01", "2024-06-04", "2023-01-01"], "M8[us]")
    path = save(tmp_path / "t.parquet", {"when": days, **COLUMNS})
    assert read(path).X[:, 2].tolist() == [4, 5, 1, 6]  # the weekday
    assert "when year" not in read(path, read_as={"when": "drop"}).columns
    with_dates = save(tmp_path / "u.parquet", {**COLUMNS, "kind": days})
    assert "holds dates, as '2024-05-31T00:00:00.000000'; a target is" in refusal(read, with_dates)
