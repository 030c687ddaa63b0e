"""The directory of a sweep: known again, locked, and begun so that a kill leaves nothing in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.errors import RunError, UsageError
from mlpcli.sweep.directory import take_sweep_directory


def test_a_directory_knows_its_name_in_the_storage_again(tmp_path: Path) -> None:
    first = take_sweep_directory("c", tmp_path / "s")
    first.begin("data: spiral\n", "study")
    first.close()
    again = take_sweep_directory("c", tmp_path / "s", resume=True)
    assert (again.machine, again.study) == (first.machine, "study")
    again.begin("data: moons\n", "study")
    assert again.config.read_text() == "data: spiral\n"  # that of the beginning
    again.close()
    other = take_sweep_directory("c", tmp_path / "other")
    assert other.machine != first.machine
    other.close(discard=True)
    assert not other.path.exists()


def test_a_directory_that_was_killed_at_its_beginning_can_be_resumed(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.yaml").write_text("data: spiral\n", encoding="utf-8")
    directory = take_sweep_directory("c", tmp_path / "s", resume=True)
    assert directory.study == ""
    directory.close()
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / ".sweep.yaml.tmp").touch()
    take_sweep_directory("c", tmp_path / "t").close()


def test_the_last_sweep_of_a_name_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        directory = take_sweep_directory("c", None)
        directory.begin("data: spiral\n", "c")
        directory.close()
    again = take_sweep_directory("c", None, resume=True)
    assert again.path == Path("runs/c-2")
    with pytest.raises(RunError, match="is in use"):
        take_sweep_directory("c", None, resume=True)
    again.close()


def test_what_is_no_sweep_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(UsageError, match="holds files that do not belong to a sweep"):
        take_sweep_directory("c", tmp_path)
    with pytest.raises(UsageError, match=r"is not the directory of a sweep: it has no sweep\.yaml"):
        take_sweep_directory("c", tmp_path, resume=True)


@pytest.mark.parametrize(("runs", "name"), [(9, "run-3"), (10, "run-03"), (1000, "run-0003")])
def test_the_folders_of_runs_are_in_the_order_of_their_numbers(tmp_path: Path, runs: int, name: str) -> None:
    directory = take_sweep_directory("c", tmp_path / "s")
    assert directory.run(3, runs).name == name
    directory.close()
