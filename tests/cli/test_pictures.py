"""Places for pictures: what cannot be written is refused before any work is done, and nothing is made yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlpcli.cli.pictures import check_folder, check_out
from mlpcli.errors import UsageError


@pytest.mark.parametrize("name", ["a.png", "new/folder/a.SVG", "there/a.png"])
def test_a_picture_may_be_new_or_replace_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.png").touch()
    before = set(tmp_path.rglob("*"))
    check_out(tmp_path / name)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", r"is a folder; name a file in it that ends in \.png or \.svg"),
        ("a", r"--out .*a: its name has to end in"),
        ("a.jpg", r"\.jpg is not supported; its name has to end in \.png or \.svg"),
        ("pipe.png", "is not a regular file; name another"),
        ("file/a.png", "file is not a folder; name another place with --out"),
    ],
)
def test_what_cannot_be_a_picture_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match=said):
        check_out(tmp_path / name)


def test_other_kinds_of_files_are_named_as_they_are_asked_for(tmp_path: Path) -> None:
    check_out(tmp_path / "a.gif", (".gif",))
    with pytest.raises(UsageError, match=r"its name has to end in \.gif$"):
        check_out(tmp_path / "a.png", (".gif",))


def test_a_folder_that_may_not_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # root may always
    with pytest.raises(UsageError, match="cannot be written to; name another place with --out"):
        check_folder(tmp_path / "new" / "folder")
