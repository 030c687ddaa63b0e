"""Reading: whatever the system refuses is one error that names the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlpcli.errors import DataError
from mlpcli.reading import is_there, matching_files, opened, reason, within_memory


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught, opened(path, DataError):
        pass
    return str(caught.value)


def test_a_file_is_opened_and_closed(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"abc")
    with opened(tmp_path / "table", DataError) as file:
        assert file.read() == b"abc"
    assert file.closed


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch()
    assert refusal(tmp_path) == f"{tmp_path}: is a folder; a file is needed here"
    assert refusal(tmp_path / "tble.csv").endswith("no such file\nDid you mean 'table.csv'?")
    assert refusal(tmp_path / "no" / "table.csv").endswith("no such file")
    assert "cannot be opened" in refusal(tmp_path / "table.csv" / "part")
    assert "cannot be opened" in refusal(tmp_path / "a\0b")
    assert "cannot be opened" in refusal(tmp_path / ("long" * 100))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (OSError(5, "Input/output error"), ": cannot be read (Input/output error)"),
        (MemoryError(), ": does not fit into memory"),
    ],
)
def test_what_fails_while_it_is_read(tmp_path: Path, problem: Exception, expected: str) -> None:
    (tmp_path / "table").touch()
    with pytest.raises(DataError) as caught, opened(tmp_path / "table", DataError):
        raise problem
    assert str(caught.value) == f"{tmp_path / 'table'}{expected}"


def test_memory_and_reasons() -> None:
    with pytest.raises(DataError, match=r"^X: does not fit into memory$"), within_memory("X", DataError):
        raise MemoryError
    assert reason(EOFError()) == "EOFError"
    assert len(reason(ValueError("word " * 1000))) <= 120


def test_a_pattern_names_the_files_that_match(tmp_path: Path) -> None:
    for name in ("b1.csv", "b2.csv", "c[1].csv"):
        (tmp_path / name).touch()
    assert matching_files(tmp_path / "b*.csv", DataError) == [tmp_path / "b1.csv", tmp_path / "b2.csv"]
    assert matching_files(tmp_path / "c[1].csv", DataError) == [tmp_path / "c[1].csv"]
    assert matching_files(tmp_path / "missing.csv", DataError) == [tmp_path / "missing.csv"]
    assert matching_files([tmp_path / "x.csv", tmp_path / "**/b2.csv"], DataError) == [
        tmp_path / "x.csv",
        tmp_path / "b2.csv",
    ]
    with pytest.raises(DataError, match=r"d\*\.csv: no file matches this pattern"):
        matching_files(tmp_path / "d*.csv", DataError)
    assert [is_there(tmp_path / name) for name in ("b1.csv", "b*.csv", "c[1].csv", "d*.csv", "e")] == [
        True,
        True,
        True,
        False,
        False,
    ]
