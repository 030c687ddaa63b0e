"""Storages of a sweep: journals and databases, and what is said where one cannot be used."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import IntegrityError

from mlpcli.errors import RunError, UsageError
from mlpcli.sweep.directory import SweepDirectory
from mlpcli.sweep.storage import open_storage, reached, shared_storage, to_keep


@pytest.mark.parametrize("storage", ["sub/shared.jsonl", "sqlite:///shared.db"])
def test_a_storage_is_made_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = optuna.create_study(storage=open_storage(storage), study_name="s")
    study.ask()
    assert len(optuna.load_study(storage=open_storage(storage), study_name="s").trials) == 1
    assert capfd.readouterr() == ("", "")  # Optuna's own log goes nowhere


@pytest.mark.parametrize("address", ["nothing://x", "://", "oracle9://u@h/d", "sqlite:/x://y"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(
        UsageError, match="is not the address of a database; write it as in postgresql://user@"
    ):
        open_storage(address)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(RunError) as caught:
        open_storage("postgresql://me:secret@/x?host=/nowhere")
    assert "the storage postgresql://me:***@/x?host=%2Fnowhere cannot be used: " in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("psycopg"):
            raise ImportError(f"No module named {name!r}", name=name)
        return before(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        UsageError, match=r"^postgresql://me@/x\?host=%2Fnowhere needs psycopg: .* 'psycopg\[binary\]'"
    ):
        open_storage("postgresql://me@/x?host=/nowhere")


def test_machines_that_make_the_tables_at_the_same_time_do_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.sweep.storage.time.sleep", lambda _: None)
    made, tried = optuna.storages.RDBStorage, []

    def make(*args: Any, **kwargs: Any) -> Any:
        tried.append(args)
        if len(tried) < 3:
            raise IntegrityError("CREATE TABLE", {}, ValueError("duplicate key"))
        return made(*args, **kwargs)

    monkeypatch.setattr("mlpcli.sweep.storage.RDBStorage", make)
    open_storage(f"sqlite:///{tmp_path / 'x.db'}")
    assert len(tried) == 3


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"the storage .*/file/j cannot be used: "):
        open_storage(str(tmp_path / "file" / "j"))


def test_what_is_no_fault_of_the_storage_comes_through() -> None:
    with pytest.raises(ZeroDivisionError), reached("x"):
        raise ZeroDivisionError


def folder(path: Path, storage: str | None) -> SweepDirectory:
    """Return the directory of a sweep that goes on, which was begun with a storage."""
    begun = SweepDirectory.create("s", path / "s")
    begun.begin("data: spiral\n", "s", None if storage is None else to_keep(storage))
    begun.close()
    return SweepDirectory.reopen(path / "s")


def test_a_sweep_that_goes_on_knows_its_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jsonl").touch()
    directory = folder(tmp_path, "x.jsonl")
    monkeypatch.chdir("/")
    assert shared_storage(directory, None) == str(tmp_path / "x.jsonl")
    assert shared_storage(directory, "moved.jsonl") == "moved.jsonl"
    (tmp_path / "x.jsonl").unlink()
    with pytest.raises(
        UsageError, match=r"of a sweep in the storage .*x\.jsonl, which is not there; say where"
    ):
        shared_storage(directory, None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("postgresql://ada@host/x", "postgresql://ada@host/x"),
        ("sqlite:////somewhere/x.db", "sqlite:////somewhere/x.db"),
    ],
)
def test_an_address_without_a_password_is_kept(tmp_path: Path, given: str | None, kept: str | None) -> None:
    assert shared_storage(folder(tmp_path, given), None) == kept


def test_a_path_in_an_address_is_kept_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert to_keep("sqlite:///x.db") == f"sqlite:///{tmp_path / 'x.db'}"


def test_a_password_is_not_kept(tmp_path: Path) -> None:
    address = "postgresql://ada:secret@host/x"
    directory = folder(tmp_path, address)
    assert "secret" not in "".join(path.read_text() for path in directory.path.iterdir())
    with pytest.raises(UsageError, match=r"postgresql://ada:\*\*\*@host/x, whose password is not kept; give"):
        shared_storage(directory, None)
    assert shared_storage(directory, address) == address
