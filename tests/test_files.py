"""Files and folders are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.files import make_folder, new_folder, replace_file


def test_a_file_is_replaced_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replace_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replace_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_meant(tmp_path: Path) -> None:
    """Not the temporary one, of which nobody has heard."""

    def write(path: Path) -> None:
        with replace_file(path):
            pass

    with pytest.raises(OSError, match=r"/missing/a\.txt'") as caught:
        write(tmp_path / "missing" / "a.txt")
    assert caught.value.filename == str(tmp_path / "missing" / "a.txt")


def test_a_folder_appears_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    (tmp_path / ".a.tmp").mkdir()
    (tmp_path / ".a.tmp" / "old").touch()  # of a process that was killed
    with new_folder(path) as folder:
        (folder / "x").write_text("new")
        assert not path.exists()
    assert [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")] == ["a", "a/x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_of_a_folder_that_fails_nothing_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "a") as folder:
            (folder / "x").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def collide() -> None:
        with new_folder(path) as folder:
            (folder / "x").write_text("mine")
            path.mkdir()
            (path / "x").write_text("theirs")

    with pytest.raises(OSError, match=r"\ba\b"):
        collide()
    assert [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")] == ["a", "a/x"]
    assert (path / "x").read_text() == "theirs"


def test_a_folder_may_lie_in_a_thousand_others(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["a"] * 1100)
    make_folder(path)
    make_folder(path)
    assert path.is_dir()
    while path != tmp_path:  # one by one, since shutil.rmtree calls itself
        path.rmdir()
        path = path.parent
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "below")
